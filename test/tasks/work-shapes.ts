import fc from "fast-check";
import type { TaskUpdate } from "../../src/tasks/task-update.js";
import type { UserTask } from "../../src/tasks/user-task.js";
import { leaf } from "../kit/store/edits.js";
import { report, stored } from "./sample-jobs.js";

/** The reports of a job with one leaf over time, modeled on imports, trainings and downloads. */
export interface Shape {
  readonly name: string;
  readonly volume: number;
  readonly reports: readonly WorkReport[];
}

export interface WorkReport {
  /** Since the start of the leaf. */
  readonly atMs: number;
  readonly done: number;
  /** From this time on. */
  readonly volume?: number;
}

/** A constant rate, reported at irregular intervals. */
export const steady: fc.Arbitrary<Shape & { readonly unitsPerSecond: number }> = fc
  .record({ unitsPerSecond: fc.integer({ min: 100, max: 1_000_000 }), gaps: gapsOf(1, 20_000) })
  .map(({ unitsPerSecond, gaps }) => {
    const reports = timesOf(gaps).map((atMs) => ({
      atMs,
      done: Math.floor((unitsPerSecond * atMs) / 1_000),
    }));
    return { name: "steady", unitsPerSecond, volume: 2 * reports.at(-1)!.done, reports };
  });

/** Repeated bursts of equal size. */
export const bursty: fc.Arbitrary<Shape & { readonly units: number; readonly everyMs: number }> = fc
  .record({
    units: fc.integer({ min: 1, max: 10_000 }),
    everyMs: fc.integer({ min: 1_000, max: 120_000 }),
    count: fc.integer({ min: 4, max: 30 }),
  })
  .map(({ units, everyMs, count }) => {
    const reports = Array.from({ length: count }, (_, index) => ({
      atMs: (index + 1) * everyMs,
      done: (index + 1) * units,
    }));
    return { name: "bursty", units, everyMs, volume: 2 * count * units, reports };
  });

/** Each unit takes longer than the previous one. */
export const slowing: fc.Arbitrary<Shape> = fc
  .record({
    factor: fc.double({ min: 1.01, max: 1.1, noNaN: true }),
    count: fc.integer({ min: 20, max: 60 }),
  })
  .map(({ factor, count }) => {
    const gaps = Array.from({ length: count }, (_, index) => Math.round(500 * factor ** index));
    const reports = timesOf(gaps).map((atMs, index) => ({ atMs, done: index + 1 }));
    return { name: "slowing", volume: 2 * count, reports };
  });

/** Steady reports, followed by a stall. */
export const stalled: fc.Arbitrary<Shape> = fc.integer({ min: 20, max: 200 }).map((count) => {
  const reports = Array.from({ length: count }, (_, index) => ({
    atMs: (index + 1) * 500,
    done: (index + 1) * 10,
  }));
  return { name: "stalled", volume: count * 20, reports };
});

/** A constant rate with a growing volume. */
export const growing: fc.Arbitrary<Shape> = fc
  .record({ gaps: gapsOf(100, 2_000), growth: fc.integer({ min: 1, max: 500 }) })
  .map(({ gaps, growth }) => {
    const reports = timesOf(gaps).map((atMs, index) => ({
      atMs,
      done: Math.floor(atMs / 10),
      volume: 100_000 + index * growth,
    }));
    return { name: "growing", volume: 100_000, reports };
  });

export const anyShape: fc.Arbitrary<Shape> = fc.oneof(steady, bursty, slowing, stalled, growing);

/** The job after each report; the first one has just begun. */
export function jobAfterEachReport({ volume, reports }: Shape): UserTask[] {
  const jobs = [begun(volume)];
  for (const { atMs, ...update } of reports) jobs.push(withReport(jobs.at(-1)!, atMs, update));
  return jobs;
}

/** The job after its last report. */
export function finalJob(shape: Shape): UserTask {
  return jobAfterEachReport(shape).at(-1)!;
}

/** A job of one leaf that began at time 0. */
export function begun(volume: number | null): UserTask {
  return withReport(stored({ spec: leaf("work", volume) }), 0, { status: "RUNNING" });
}

/** The job after a report on its root, or on another task by path. */
export function withReport(job: UserTask, now: number, ...updates: readonly Partial<TaskUpdate>[]): UserTask {
  return report(
    job,
    now,
    updates.map((update) => ({ path: "", ...update })),
  );
}

function gapsOf(min: number, max: number): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({ min, max }), { minLength: 10, maxLength: 100 });
}

/** The times that are separated by these gaps. */
function timesOf(gaps: readonly number[]): number[] {
  let now = 0;
  return gaps.map((gap) => (now += gap));
}
