import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rateLabels, timeLabels } from "../../../src/web/job/axis-labels.js";

const NOON = Date.parse("2026-06-01T12:00:00Z") / 1_000;
const STEPS = [
  0.001, 0.1, 0.25, 0.5, 1, 5, 10, 15, 30, 60, 300, 900, 1_800, 3_600, 7_200, 21_600, 86_400, 604_800,
];

/** With half hours, and with changes of the clock by an hour and by half an hour. */
const ZONES = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Australia/Lord_Howe",
  "Asia/Kathmandu",
  "Africa/Casablanca",
];

/** Instants at which clocks of these zones change in 2026, in seconds. */
const CHANGES = [
  "2026-10-25T01:00:00Z",
  "2026-11-01T06:00:00Z",
  "2026-03-29T01:00:00Z",
  "2026-04-04T15:00:00Z",
].map((at) => Date.parse(at) / 1_000);

describe("The labels of a chart", () => {
  it("show the time of each tick with the fields that the step needs", () => {
    expect(timeLabels([NOON, NOON + 5], 5, "UTC")).toEqual(["12:00:00", "12:00:05"]);
    expect(timeLabels([NOON, NOON + 1_800], 1_800, "UTC")).toEqual(["12:00", "12:30"]);
    expect(timeLabels([NOON, NOON + 86_400], 86_400, "UTC")).toEqual(["1 Jun", "2 Jun"]);
  });

  it("show no time for a tick between two seconds", () => {
    expect(timeLabels([NOON, NOON + 0.5, NOON + 1], 0.5, "UTC")).toEqual(["12:00:00", null, "12:00:01"]);
  });

  it("show the hour that a change of the clock repeats once", () => {
    const ticks = [-1, 0, 1, 2].map((hours) => CHANGES[0]! + hours * 3_600);

    expect(timeLabels(ticks, 3_600, "Europe/Berlin")).toEqual(["02:00", null, "03:00", "04:00"]);
  });

  it("show rates without zeros after the point, and equal ones once", () => {
    expect(rateLabels([0, 0.5, 1, 1.5, 2_500])).toEqual(["0", "30/min", "1/s", "1.5/s", "2,500/s"]);
    expect(rateLabels([0, 1e-6, 2e-6])).toEqual(["0", "0/h", null]);
  });

  it("are never the same for two ticks, at any time, step and zone", () => {
    const begins = fc.oneof(
      fc.integer({ min: 0, max: 4_000_000_000 }),
      fc
        .tuple(fc.constantFrom(...CHANGES), fc.integer({ min: -7_200, max: 7_200 }))
        .map(([at, by]) => at + by),
    );
    fc.assert(
      fc.property(
        begins,
        fc.constantFrom(...STEPS),
        fc.integer({ min: 1, max: 30 }),
        fc.constantFrom(...ZONES),
        (begin, step, count, zone) => {
          const first = Math.ceil(begin / step) * step;
          const ticks = Array.from({ length: count }, (_, index) => first + index * step);

          expect(repeatedIn(timeLabels(ticks, step, zone))).toEqual([]);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("are never the same for two rates", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-12, max: 1e18, noNaN: true }),
        fc.integer({ min: 1, max: 8 }),
        (step, count) => {
          const ticks = Array.from({ length: count }, (_, index) => index * step);

          expect(repeatedIn(rateLabels(ticks))).toEqual([]);
        },
      ),
    );
  });
});

function repeatedIn(labels: readonly (string | null)[]): string[] {
  const shown = labels.filter((label) => label !== null);
  return shown.filter((label, index) => shown.indexOf(label) !== index);
}
