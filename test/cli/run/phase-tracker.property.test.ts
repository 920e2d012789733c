import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PhaseTracker, type PhaseChange } from "../../../src/cli/run/phase-tracker.js";
import type { ProgressReading } from "../../../src/cli/run/progress-reading.js";
import { readAll } from "./recorded-outputs.js";

describe("Phases", () => {
  it("never go back, never beyond their volume, and stay as they are once ended, whatever is read", () => {
    fc.assert(
      fc.property(fc.array(anyReading, { maxLength: 200 }), (readings) => {
        expect(violationsOf(stepsOf(readings))).toEqual([]);
      }),
    );
  });

  it("do so whatever is printed", () => {
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 60 }), (texts) => {
        expect(violationsOf(stepsOf(readAll(texts.join("")).readings))).toEqual([]);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
        expect(violationsOf(stepsOf(readAll(bytes).readings))).toEqual([]);
      }),
    );
  });

  it("are found in no time, also in lines that are nearly what is looked for", () => {
    const anyRun = fc
      .tuple(
        fc.constantFrom(..." .:#9[|%━-K/\u001b", "0K ", "1 ", ": ", "9/", "000 "),
        fc.integer({ min: 1, max: 400 }),
      )
      .map(([text, count]) => text.repeat(count));
    fc.assert(
      fc.property(fc.array(anyRun, { maxLength: 6 }), (runs) => {
        const before = process.cpuUsage();
        readAll(runs.join(""));
        expect(process.cpuUsage(before).user).toBeLessThan(2_000_000); // microseconds of this process's own work
      }),
      { numRuns: 500 },
    );
  });

  it("end up where a counter does that only grows", () => {
    const growing = fc
      .array(fc.nat(1_000), { minLength: 1 })
      .map((dones) => dones.toSorted((one, two) => one - two));
    fc.assert(
      fc.property(growing, (dones) => {
        const steps = stepsOf(dones.map((done) => ({ series: "", label: "", done, volume: 1_000 })));
        expect(steps.filter(({ kind }) => kind === "BEGIN")).toHaveLength(1);
        expect(steps.at(-1)).toMatchObject({ kind: "MOVE", done: dones.at(-1) });
      }),
    );
  });

  it("are at most a thousand", () => {
    const readings = Array.from({ length: 1_500 }, (_, index) => ({
      series: `${index}`,
      label: "",
      done: 1,
      volume: 1,
    }));

    expect(stepsOf(readings).filter(({ kind }) => kind === "BEGIN")).toHaveLength(1_000);
  });
});

const anyReading: fc.Arbitrary<ProgressReading> = fc
  .record({
    series: fc.constantFrom("a", "b"),
    label: fc.constantFrom("", "x"),
    done: fc.nat(20),
    volume: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
  })
  .filter(({ done, volume }) => volume === undefined || done <= volume);

/** Much of what is read, in an order that makes no sense. */
const anyText = fc.oneof(
  fc.constantFrom(
    "\r",
    "\n",
    "\u001b[A",
    "\b\b\b",
    "  Duration: 00:00:04.00, start",
    "frame=1 time=00:00:01.00 bitrate=",
  ),
  fc.tuple(fc.nat(20), fc.nat(20)).map(([done, volume]) => `${done}/${volume}`),
  fc.nat(120).map((percent) => `${percent}%`),
  fc.tuple(fc.nat(20), fc.nat(20)).map(([done, volume]) => `\r${done}%|##| ${done}/${volume} [`),
  fc.tuple(fc.nat(20), fc.nat(20)).map(([done, volume]) => `\n[${done}/${volume}] a`),
  fc.string({ maxLength: 5 }),
);

function stepsOf(readings: readonly ProgressReading[]): PhaseChange[] {
  const phases = new PhaseTracker();
  return readings.flatMap((reading) => phases.take(reading));
}

/** What is wrong with the steps; empty when nothing is. */
function violationsOf(steps: readonly PhaseChange[]): string[] {
  const phases = new Map<number, { done: number; volume: number; hasEnded: boolean }>();
  const violations: string[] = [];
  const check = (isLawful: boolean, law: string): void => void (isLawful || violations.push(law));
  for (const step of steps) {
    const phase = phases.get(step.phase) ?? { done: 0, volume: 0, hasEnded: false };
    check(phases.has(step.phase) || step.phase === phases.size, "phases begin in order");
    check(phases.has(step.phase) === (step.kind !== "BEGIN"), "a phase begins once, and first");
    check(!phase.hasEnded, "nothing moves after its end");
    phases.set(step.phase, phase);
    if (step.kind === "END") phase.hasEnded = true;
    if (step.kind !== "MOVE") continue;
    check(step.done >= phase.done, "done never goes back");
    check(step.done <= (step.volume ?? Infinity), "done is never beyond the volume");
    check((step.volume ?? 0) >= phase.volume, "the volume never shrinks");
    Object.assign(phase, { done: step.done, volume: step.volume ?? 0 });
  }
  return violations;
}
