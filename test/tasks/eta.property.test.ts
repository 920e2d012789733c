import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { etaOf, type Eta } from "../../src/tasks/eta.js";
import type { TaskSpec } from "../../src/tasks/task-spec.js";
import type { UserTask } from "../../src/tasks/user-task.js";
import { elapsedMs, branch, iterative, leaf } from "../kit/store/edits.js";
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

const later = fc.nat(600_000);

describe("the eta of a job", () => {
  it("is a range in order, in whole milliseconds, and never before now", () => {
    fc.assert(
      fc.property(anyShape, later, (shape, ms) => {
        for (const job of jobAfterEachReport(shape)) {
          const instants = [job.reportedAt + ms, ...instantsOf(etaAt(job, job.reportedAt + ms))];
          expect(instants).toEqual(instants.toSorted((left, right) => left - right));
          expect(instants.every((instant) => Number.isSafeInteger(instant))).toBe(true);
        }
      }),
    );
  });

  it("is null at first, and once the job has ended", () => {
    fc.assert(
      fc.property(anyShape, later, (shape, ms) => {
        expect(etaAt(stored(), ms)).toBeNull();
        expect(etaAt(begun(shape.volume), ms)).toBeNull();
        const job = finalJob(shape);
        expect(
          etaAt(withReport(job, job.reportedAt, { status: "FINISHED" }), job.reportedAt + ms),
        ).toBeNull();
      }),
    );
  });

  it("is null while the job is LOST", () => {
    fc.assert(
      fc.property(anyShape, later, (shape, ms) => {
        const job = finalJob(shape);
        expect(etaAt({ ...job, health: "LOST" }, job.reportedAt + ms)).toBeNull();
      }),
    );
  });

  it("widens without reports", () => {
    fc.assert(
      fc.property(anyShape, later, fc.integer({ min: 1, max: 60_000 }), (shape, quietMs, moreMs) => {
        const job = finalJob(shape);
        const now = job.reportedAt + quietMs;
        expect(width(etaAt(job, now + moreMs)!)).toBeGreaterThan(width(etaAt(job, now)!));
      }),
    );
  });

  it("contains the end of a steady job from the first second on, and narrows", () => {
    fc.assert(
      fc.property(steady, (shape) => {
        const end = (1_000 * shape.volume) / shape.unitsPerSecond;
        for (const { eta } of etasOf(jobAfterEachReport(shape))) expect(missMs(eta, end)).toBe(0);
        const late = etasOf(jobAfterEachReport(shape)).filter(({ job }) => job.reportedAt > 120_000);
        for (const { eta } of late) expect(width(eta)).toBeLessThan(0.3 * end + 1_000);
      }),
    );
  });

  it("contains the end of a job that works in bursts, also between two bursts", () => {
    fc.assert(
      fc.property(bursty, fc.double({ min: 0, max: 1, noNaN: true }), (shape, share) => {
        const end = (shape.volume / shape.units) * shape.everyMs;
        for (const job of jobAfterEachReport(shape).slice(2)) {
          const eta = etaAt(job, job.reportedAt + Math.floor(share * shape.everyMs))!;
          expect(missMs(eta, end)).toBe(0);
        }
      }),
    );
  });

  it("moves later with each report of a job that slows down, the latest end most", () => {
    fc.assert(
      fc.property(slowing, (shape) => {
        const etas = etasOf(jobAfterEachReport(shape))
          .slice(5)
          .map(({ eta }) => eta);
        const likely = etas.map((eta) => eta.likely);
        expect(likely).toEqual(likely.toSorted((a, b) => a - b));
        for (const eta of etas) expect(eta.latest - eta.likely).toBeGreaterThan(0);
      }),
    );
  });

  it("moves later by at least the length of a stall, within bounds", () => {
    fc.assert(
      fc.property(stalled, fc.integer({ min: 10_000, max: 3_600_000 }), (shape, stallMs) => {
        const job = finalJob(shape);
        const [before, then] = [etaAt(job, job.reportedAt)!, etaAt(job, job.reportedAt + stallMs)!];
        expect(then.likely - before.likely).toBeGreaterThan(stallMs / 2);
        const leftMs = before.likely - job.reportedAt;
        expect(then.likely - before.likely).toBeLessThan(stallMs * (2.5 + leftMs / 30_000));
      }),
    );
  });

  it("recovers with the reports after a stall", () => {
    fc.assert(
      fc.property(stalled, fc.integer({ min: 10_000, max: 600_000 }), (shape, stallMs) => {
        let job = finalJob(shape);
        const [from, done] = [job.reportedAt + stallMs, job.task.done];
        for (let at = 1; at <= 240; at++)
          job = withReport(job, from + at * 500, { volume: done + 4_800, done: done + at * 10 });
        expect(missMs(etaAt(job, job.reportedAt)!, from + 240_000)).toBe(0);
      }),
    );
  });

  it("moves later by the work of new tasks", () => {
    fc.assert(
      fc.property(growing, fc.integer({ min: 1_000, max: 100_000 }), (shape, units) => {
        const job = finalJob(shape);
        const more = withReport(job, job.reportedAt, { volume: job.task.knownVolume + units });
        const [before, then] = [etaAt(job, job.reportedAt)!, etaAt(more, job.reportedAt)!];
        expect(then.likely - before.likely).toBeGreaterThan(0.9 * units * 10);
        expect(then.latest).toBeGreaterThan(before.latest);
      }),
    );
  });

  it("stays stable between two reports of a steady job, the earliest end for longer", () => {
    fc.assert(
      fc.property(stalled, fc.integer({ min: 0, max: 1_000 }), (shape, ms) => {
        const job = finalJob(shape);
        const [before, then] = [etaAt(job, job.reportedAt)!, etaAt(job, job.reportedAt + ms)!];
        expect(Math.abs(then.likely - before.likely)).toBeLessThanOrEqual(1);
        expect(Math.abs(then.earliest - before.earliest)).toBeLessThanOrEqual(1);
        expect(Math.abs(etaAt(job, before.earliest)!.earliest - before.earliest)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("contains the ends at the current and at the overall speed", () => {
    const slowly = withReport(begun(10_000), 900_000, { done: 900 });
    const quickly = [1, 2, 3, 4, 5].reduce(
      (job, part) => withReport(job, 900_000 + part * 20_000, { done: 900 + part * 200 }),
      slowly,
    );
    const { earliest, latest } = etaAt(quickly, quickly.reportedAt)!;
    expect(earliest).toBeLessThan(1_000_000 + 8_100 * 100);
    expect(latest).toBeGreaterThan((10_000 / 1_900) * 1_000_000);
  });

  it("is null from ten years on", () => {
    const job = withReport(begun(1_000_000_000), 10_000, { done: 1 });
    expect(etaAt(job, 10_000)).toBeNull();
  });
});

describe("the eta of a tree", () => {
  it("includes waiting tasks, at the speed of running ones", () => {
    const job = after(branch("root", leaf("a", 100), leaf("b", 200)), { path: "0" });
    expect(likelyLeft(job)).toBeCloseTo(290, 0);
  });

  it("includes the longest of the tasks that run side by side", () => {
    const job = after(branch("root", leaf("a", 100), leaf("b", 50)), { path: "0" }, { path: "1" });
    expect(likelyLeft(job)).toBeCloseTo(90, 0);
  });

  it("shares waiting tasks among the running ones", () => {
    const spec = branch("root", leaf("a", 100), leaf("b", 100), leaf("c", 100));
    expect(likelyLeft(after(spec, { path: "0" }, { path: "1" }))).toBeCloseTo(140, 0);
  });

  it("follows the overall speed while no running task has a rate", () => {
    const spec = branch("root", leaf("a", 10), leaf("b", 90));
    const job = withReport(after(spec, { path: "0" }), 10_000, { path: "0", status: "FINISHED" });
    expect(likelyLeft(job)).toBeCloseTo(90, 0);
    expect(likelyLeft(withReport(job, 10_000, { path: "1", status: "RUNNING" }))).toBeCloseTo(90, 0);
  });

  it("derives from the known parts, and widens with each unknown one", () => {
    const known = etaAt(after(branch("root", leaf("a", 100)), { path: "0" }), 10_000)!;
    const partly = etaAt(after(branch("root", leaf("a", 100), leaf("b")), { path: "0" }), 10_000)!;
    expect(partly.earliest).toBe(known.earliest);
    expect(partly.likely).toBe(known.likely);
    expect(partly.latest - 10_000).toBeGreaterThan(1.9 * (known.latest - 10_000 - 1_000));
  });

  it("is null while no part is known", () => {
    expect(etaAt(after(branch("root", leaf("a"), leaf("b")), { path: "0" }), 10_000)).toBeNull();
  });

  it("may be early when iterations may end early", () => {
    const [fixed, dynamic] = (["FIXED", "DYNAMIC"] as const).map((mode) => {
      const spec = iterative("root", mode, 10, leaf("a", 100));
      return etaAt(after(spec, { path: "", iteration: 1, done: null }, { path: "0" }), 10_000)!;
    });
    expect(dynamic!.likely).toBe(fixed!.likely);
    expect(dynamic!.earliest).toBeLessThan(fixed!.earliest);
  });

  it("excludes failed tasks and pending tasks below them", () => {
    const spec = branch("root", leaf("a", 100), branch("b", leaf("c", 1_000), leaf("d", 1_000)));
    const job = after(spec, { path: "0" }, { path: "1.0" });
    expect(likelyLeft(withReport(job, 10_000, { path: "1", status: "FAILED" }))).toBeCloseTo(90, 0);
  });

  it("is now once all tasks but the root are done", () => {
    const spec = branch("root", leaf("a", 10));
    const job = withReport(after(spec, { path: "0" }), 10_000, { path: "0", status: "FINISHED" });
    expect(etaAt(job, 10_000)).toEqual({ earliest: 10_000, likely: 10_000, latest: 11_000 });
    expect(etaAt(job, 15_000)).toEqual({ earliest: 15_000, likely: 15_000, latest: 21_000 });
  });
});

/** The job ten seconds after the updated tasks began, with ten units done in each leaf among them. */
function after(
  spec: TaskSpec,
  ...updates: readonly { path: string; done?: null; iteration?: number }[]
): UserTask {
  const begin = updates.map((update) => ({ status: "RUNNING" as const, ...update }));
  const work = updates.filter(({ done }) => done !== null).map(({ path }) => ({ path, done: 10 }));
  return withReport(withReport(stored({ spec }), 0, ...begin), 10_000, ...work);
}

/** The likely time left at the latest report, in seconds. */
function likelyLeft(job: UserTask): number {
  return (etaAt(job, job.reportedAt)!.likely - job.reportedAt) / 1_000;
}

/** The jobs that have an ETA at their latest report. */
function etasOf(jobs: readonly UserTask[]): { job: UserTask; eta: Eta }[] {
  return jobs.flatMap((job) => {
    const eta = etaAt(job, job.reportedAt);
    return eta ? [{ job, eta }] : [];
  });
}

function instantsOf(eta: Eta | null): number[] {
  return eta ? [eta.earliest, eta.likely, eta.latest] : [];
}

function width({ earliest, latest }: Eta): number {
  return latest - earliest;
}

/** By how many milliseconds the range misses `end`; 0 if it contains it. */
function missMs({ earliest, latest }: Eta, end: number): number {
  return Math.max(0, earliest - end, end - latest);
}

function etaAt(job: UserTask, now: number): Eta | null {
  return etaOf(job, now, elapsedMs);
}
