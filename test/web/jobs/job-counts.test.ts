import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { WatchedJob } from "../../../src/client/index.js";
import { DISPLAY_STATUSES, displayStatusOf } from "../../../src/format/display-status.js";
import { countedByStatus } from "../../../src/cli/render/job-lines.js";
import { JobCounts } from "../../../src/web/jobs/job-counts.js";
import { jobPredicateFor } from "../../../src/web/jobs/list-filter.js";
import { createWatchedJob, createWatchedTask } from "../../kit/delivery/watched-jobs.js";

const STATUSES = ["PENDING", "RUNNING", "FINISHED", "CANCELED", "FAILED"] as const;
const HEALTHS = ["OK", "SILENT", "LOST"] as const;

const anyJob = fc
  .record({
    health: fc.constantFrom(...HEALTHS),
    status: fc.constantFrom(...STATUSES),
    username: fc.constantFrom("alice", "bob"),
  })
  .map(({ status, ...fields }) => createWatchedJob({ ...fields, task: createWatchedTask({ status }) }));

describe("The counts of jobs", () => {
  it("follow changes, and count a lost job as lost only", () => {
    const counts = new JobCounts();
    const running = createWatchedJob({ username: "b" });
    const lost = createWatchedJob({ username: "b", health: "LOST" });
    const failed = createWatchedJob({ username: "a", task: createWatchedTask({ status: "FAILED" }) });

    counts.change(undefined, running);
    counts.change(running, lost);
    counts.change(undefined, failed);
    const before = [countedIn(counts), counts.users()];
    counts.change(lost, undefined);

    expect(before).toEqual([{ FAILED: 1, LOST: 1 }, ["a", "b"]]);
    expect([countedIn(counts), counts.users()]).toEqual([{ FAILED: 1 }, ["a"]]);
  });

  it("add up to the number of jobs for all statuses and healths, on the dashboard and on a terminal", () => {
    fc.assert(
      fc.property(fc.array(anyJob), (jobs) => {
        const counts = new JobCounts();
        for (const job of jobs) counts.change(undefined, job);
        const counted = Object.values(countedIn(counts));
        const printed = [...countedByStatus(jobs.map(displayStatusOf)).matchAll(/\d+/g)];

        expect(counted.reduce(sum, 0)).toBe(jobs.length);
        expect(printed.map(Number).reduce(sum, 0)).toBe(jobs.length);
      }),
    );
  });

  it("are those of the jobs that each filter shows", () => {
    fc.assert(
      fc.property(fc.array(anyJob), (jobs) => {
        const counts = new JobCounts();
        for (const job of jobs) counts.change(undefined, job);

        expect(Object.fromEntries(DISPLAY_STATUSES.map((status) => [status, listed(jobs, status)]))).toEqual(
          Object.fromEntries(DISPLAY_STATUSES.map((status) => [status, counts.countOf(status)])),
        );
      }),
    );
  });
});

/** The counts that are not 0. */
function countedIn(counts: JobCounts): Record<string, number> {
  const entries = DISPLAY_STATUSES.map((status) => [status, counts.countOf(status)] as const);
  return Object.fromEntries(entries.filter(([, count]) => count > 0));
}

function listed(jobs: readonly WatchedJob[], status: (typeof DISPLAY_STATUSES)[number]): number {
  const isListed = jobPredicateFor({ user: undefined, statuses: [status], search: "" });
  return jobs.filter((job) => isListed(job, "")).length;
}

function sum(total: number, value: number): number {
  return total + value;
}
