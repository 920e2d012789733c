import fc from "fast-check";
import { expect, it } from "vitest";
import { OutputReader } from "../../../src/cli/run/output-reader.js";
import { OutputSampler } from "../../../src/cli/run/output-sampler.js";
import { ManualClock } from "../../kit/deterministic/manual-clock.js";

/** The readings of an output whose chunks arrive all at once. */
function donesOf(chunks: readonly string[]): number[] {
  const dones: number[] = [];
  const reader = new OutputReader({
    onReading: ({ done }) => dones.push(done),
    onLine: () => {},
    onCounterLine: () => {},
  });
  const sampler = new OutputSampler(reader, () => {});
  for (const chunk of chunks) sampler.write(Buffer.from(chunk));
  sampler.end();
  return dones;
}

it("The very end of a flood of output is always read", () => {
  const anyChunks = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(anyChunks, (lengths) => {
      const chunks = lengths.map((length) => "text\n".repeat(length / 5));
      expect(donesOf([...chunks, "\n10%\r", "77%\n"]).at(-1)).toBe(77);
    }),
  );
});

it("Numbers that skipped bytes cut off are never read", () => {
  const lines = Array.from({ length: 200_000 }, (_, index) => `[${index + 1_000_000}/9000000] step\n`);
  const dones = donesOf(lines.join("").match(/[^]{1,4001}/g)!); // not empty

  expect(dones.at(-1)).toBe(1_199_999);
  expect(dones.length).toBeLessThan(100_000);
  expect(Math.min(...dones)).toBeGreaterThanOrEqual(1_000_000);
});

it("Output at reading speed is read in full", () => {
  const lines = Array.from({ length: 700 }, (_, index) => `[${index}/700] step\n`);

  expect(donesOf(lines)).toEqual(lines.map((_, index) => index));
});

it("An unfinished row is read after a quiet interval, and not before", () => {
  const clock = new ManualClock();
  const readings: string[] = [];
  const reader = new OutputReader({
    onReading: ({ done, volume }) => readings.push(`${done} of ${volume}`),
    onLine: () => {},
    onCounterLine: () => {},
  });
  const sampler = new OutputSampler(reader, () => {}, clock);
  sampler.write(Buffer.from("\r1/100"));
  clock.advance(40);
  sampler.write(Buffer.from("\r2/10"));
  clock.advance(40);
  sampler.write(Buffer.from("0"));
  clock.advance(40);
  const before = readings.slice();
  clock.advance(60);

  expect([before, readings]).toEqual([["1 of 100"], ["1 of 100", "2 of 100"]]);
  expect(clock.timerCount).toBe(0);
});

it("A part of a flood of output is read in each interval", () => {
  const clock = new ManualClock();
  const dones: number[] = [];
  const reader = new OutputReader({
    onReading: ({ done }) => dones.push(done),
    onLine: () => {},
    onCounterLine: () => {},
  });
  const sampler = new OutputSampler(reader, () => {}, clock);
  for (const done of [1, 2, 3]) {
    sampler.write(Buffer.from(`${"text\n".repeat(20_000)}[${done}/3] step\n`));
    clock.advance(50);
  }

  expect(dones).toEqual([1, 2, 3]);
});
