import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Phases, type PhaseStep } from "../../../src/cli/run/phases.js";
import type { Reading } from "../../../src/cli/run/reading.js";
import { readAll } from "./outputs.js";

describe("Phases", () => {
  it("never go back, never beyond their volume, and stay as they are once ended, whatever is read", () => {
    fc.assert(
      fc.property(fc.array(anyReading, { maxLength: 200 }), (readings) => checkLaws(stepsOf(readings))),
    );
  });

  it("do so whatever is printed", () => {
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 60 }), (texts) => {
        checkLaws(stepsOf(readAll(texts.join("")).readings));
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) =>
        checkLaws(stepsOf(readAll(bytes).readings)),
      ),
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

const anyReading: fc.Arbitrary<Reading> = fc
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

function stepsOf(readings: readonly Reading[]): PhaseStep[] {
  const phases = new Phases();
  return readings.flatMap((reading) => phases.take(reading));
}

function checkLaws(steps: readonly PhaseStep[]): void {
  const phases = new Map<number, { done: number; volume: number; hasEnded: boolean }>();
  for (const step of steps) {
    const phase = phases.get(step.phase);
    if (step.kind === "BEGIN") {
      expect(step.phase).toBe(phases.size);
      phases.set(step.phase, { done: 0, volume: step.volume ?? 0, hasEnded: false });
      continue;
    }
    expect(phase?.hasEnded).toBe(false);
    if (step.kind === "END") phase!.hasEnded = true;
    else {
      expect(step.done).toBeGreaterThanOrEqual(phase!.done);
      expect(step.done).toBeLessThanOrEqual(step.volume ?? Infinity);
      expect(step.volume ?? 0).toBeGreaterThanOrEqual(phase!.volume);
      Object.assign(phase!, { done: step.done, volume: step.volume ?? 0 });
    }
  }
}
