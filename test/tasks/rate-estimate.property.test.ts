import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  INITIAL_RATE_ESTIMATE,
  updateRateEstimate,
  rateOf,
  type RateEstimate,
} from "../../src/tasks/rate-estimate.js";
import type { LeafTask } from "../../src/tasks/task.js";
import type { UserTask } from "../../src/tasks/user-task.js";
import { leaf } from "../kit/store/edits.js";
import { stored } from "./sample-jobs.js";
import {
  anyShape,
  finalJob,
  begun,
  bursty,
  growing,
  jobAfterEachReport,
  withReport,
  slowing,
  stalled,
  steady,
} from "./work-shapes.js";

describe("the rate of a leaf", () => {
  it("equals a steady speed, however the reports are spread", () => {
    fc.assert(
      fc.property(steady, (shape) => {
        const rates = ratesOf(jobAfterEachReport(shape));
        for (const rate of rates) expect(rate / shape.unitsPerSecond).toBeCloseTo(1, 1);
      }),
    );
  });

  it("equals the overall speed of bursts, also between two bursts", () => {
    fc.assert(
      fc.property(bursty, fc.double({ min: 0, max: 1, noNaN: true }), (shape, share) => {
        const rates = jobAfterEachReport(shape)
          .slice(2)
          .map((job) => rateAt(job, job.reportedAt + share * shape.everyMs));
        const perSecond = (1_000 * shape.units) / shape.everyMs;
        for (const rate of rates) expect(rate! / perSecond).toBeCloseTo(1, 6);
      }),
    );
  });

  it("falls between the first and the current speed of a leaf that slows down", () => {
    fc.assert(
      fc.property(slowing, (shape) => {
        const rates = ratesOf(jobAfterEachReport(shape));
        const [before, latest] = shape.reports.slice(-2);
        expect(rates).toEqual(rates.toSorted((a, b) => b - a));
        expect(rates[0]).toBeLessThanOrEqual(2);
        expect(rates.at(-1)).toBeGreaterThanOrEqual(1_000 / (latest!.atMs - before!.atMs));
      }),
    );
  });

  it("falls to a twentieth within two minutes of a stall", () => {
    fc.assert(
      fc.property(stalled, (shape) => {
        const job = finalJob(shape);
        const rates = [0, 2, 10, 30, 60, 120].map((seconds) =>
          rateAt(job, job.reportedAt + seconds * 1_000)!,
        );
        expect(rates).toEqual(rates.toSorted((a, b) => b - a));
        expect(rates[0]).toBeCloseTo(20, 6);
        expect(rates[5]).toBeLessThan(1);
        expect(rates[5]).toBeGreaterThan(0);
      }),
    );
  });

  it("is independent of the volume, which may grow", () => {
    fc.assert(
      fc.property(growing, (shape) => {
        const reports = shape.reports.map(({ atMs, done }) => ({ atMs, done }));
        expect(rateNow(finalJob(shape))).toBe(rateNow(finalJob({ ...shape, reports })));
      }),
    );
  });

  it("is smoothed over time: reports at one instant count as one", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1 }), (parts) => {
        const before = updateRateEstimate(INITIAL_RATE_ESTIMATE, 100, 10_000);
        const inParts = parts.reduce(
          (estimate, units) => updateRateEstimate(estimate, units, 10_000),
          before,
        );
        const atOnce = updateRateEstimate(
          before,
          parts.reduce((sum, units) => sum + units),
          10_000,
        );
        expect(inParts.rate).toBeCloseTo(atOnce.rate, 9);
        expect({ ...inParts, rate: 0 }).toEqual({ ...atOnce, rate: 0 });
      }),
    );
  });

  it("is held over a usual pause, also right after it", () => {
    const paused = updateRateEstimate(
      everySecond(INITIAL_RATE_ESTIMATE, 10, { from: 0, to: 60 }),
      200,
      80_000,
    );
    const again = updateRateEstimate(paused, 10, 81_000);
    expect(rateOf(again, 100_000)).toBe(rateOf(again, 81_000));
  });

  it("depends mostly on the last half minute", () => {
    const slow = everySecond(INITIAL_RATE_ESTIMATE, 10, { from: 0, to: 600 });
    const fast = everySecond(slow, 1_000, { from: 600, to: 660 });
    expect(rateOf(slow, 600_000)).toBeCloseTo(10, 6);
    expect(rateOf(fast, 660_000)).toBeGreaterThan(850);
    expect(rateOf(fast, 660_000)).toBeLessThan(1_000);
  });

  it("is null before any work and during the first second", () => {
    const job = begun(100);
    expect(rateAt(job, 60_000)).toBeNull();
    expect(rateNow(withReport(job, 999, { done: 5 }))).toBeNull();
    expect(rateNow(withReport(job, 1_000, { done: 5 }))).toBeCloseTo(5, 6);
  });

  it("does not count the work of the report that begins the leaf, because its duration is unknown", () => {
    const job = withReport(stored({ spec: leaf("work", 1_000) }), 5_000, { done: 500 });
    expect(rateAt(job, 60_000)).toBeNull();
    expect(rateNow(withReport(job, 10_000, { done: 510 }))).toBeCloseTo(2, 6);
  });

  it("falls soon for a leaf that did all its work at once", () => {
    const job = withReport(begun(100), 100, { done: 10 });
    expect(rateAt(job, 10_000)).toBeLessThan(1.1);
  });

  it("restarts when the clock was set back over a restart, and is never negative or infinite", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(100), fc.nat(100_000)), { maxLength: 30 }), (reports) => {
        const estimate = reports.reduce(
          (before, [units, atMs]) => updateRateEstimate(before, units, atMs),
          INITIAL_RATE_ESTIMATE,
        );
        const rate = Number(rateOf(estimate, estimate.spanMs));
        expect(rate).toBeGreaterThanOrEqual(0);
        expect(rate).toBeLessThan(Infinity);
      }),
    );
    expect(updateRateEstimate(updateRateEstimate(INITIAL_RATE_ESTIMATE, 10, 1_000), 10, 900)).toBe(
      INITIAL_RATE_ESTIMATE,
    );
  });

  it("is null once the leaf has ended", () => {
    fc.assert(
      fc.property(anyShape, fc.constantFrom("FINISHED", "FAILED", "CANCELED"), (shape, status) => {
        const job = finalJob(shape);
        expect((withReport(job, job.reportedAt, { status }).task as LeafTask).rateEstimate).toBeNull();
      }),
    );
  });
});

function everySecond(
  estimate: RateEstimate,
  units: number,
  { from, to }: { from: number; to: number },
): RateEstimate {
  let next = estimate;
  for (let second = from + 1; second <= to; second++) next = updateRateEstimate(next, units, second * 1_000);
  return next;
}

/** The estimate after each report that gives the job one. */
function ratesOf(jobs: readonly UserTask[]): number[] {
  return jobs.map(rateNow).filter((rate) => rate !== null);
}

function rateNow(job: UserTask): number | null {
  return rateAt(job, job.reportedAt);
}

function rateAt({ task }: UserTask, now: number): number | null {
  const { rateEstimate } = task as LeafTask;
  return rateEstimate && rateOf(rateEstimate, now - task.startedAt!);
}
