import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PhaseTracker, type PhaseChange } from "../../../src/cli/run/phase-tracker.js";
import type { ProgressReading } from "../../../src/cli/run/progress-reading.js";
import { readAll } from "./recorded-outputs.js";

describe("Phases", () => {
  it("never decrease, never exceed their volume, and never change after their end, for any readings", () => {
    fc.assert(
      fc.property(fc.array(anyReading, { maxLength: 200 }), (readings) => {
        expect(violationsOf(stepsOf(readings))).toEqual([]);
      }),
    );
  });

  it("keep these laws for any output", () => {
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

  it("are found quickly even in lines that almost match a format", () => {
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
        expect(process.cpuUsage(before).user).toBeLessThan(2_000_000); // microseconds of CPU time
      }),
      { numRuns: 500 },
    );
  });

  it("end at the last value of a counter that only grows", () => {
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

  it("are limited to a thousand", () => {
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

/** Pieces of known formats in a random order. */
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

/** The laws that the steps break. */
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
    check(step.done >= phase.done, "done never decreases");
    check(step.done <= (step.volume ?? Infinity), "done never exceeds the volume");
    check((step.volume ?? 0) >= phase.volume, "the volume never shrinks");
    Object.assign(phase, { done: step.done, volume: step.volume ?? 0 });
  }
  return violations;
}
