import { describe, expect, it } from "vitest";
import type { WatchedJob } from "../../../src/client/index.js";
import { sortJobs, type SortKey } from "../../../src/web/jobs/job-order.js";
import { aJob, aTask, NOW, progressOf, secondsAgo } from "../../kit/watched-jobs.js";

const JOBS = [
  aJob({ jobId: "a", storedAt: secondsAgo(30), task: aTask({ progress: progressOf(5, 10) }) }),
  aJob({ jobId: "b", storedAt: secondsAgo(10), task: aTask({ progress: progressOf(1, null) }) }),
  aJob({
    jobId: "c",
    storedAt: secondsAgo(20),
    task: aTask({ progress: progressOf(5, 10), status: "FAILED" }),
  }),
  aJob({
    jobId: "d",
    storedAt: secondsAgo(40),
    health: "LOST",
    task: aTask({ progress: progressOf(9, 10) }),
  }),
];

describe("The order of jobs", () => {
  it.each<[SortKey, boolean, string]>([
    ["stored", true, "b c a d"],
    ["stored", false, "d a c b"],
    ["progress", true, "d c a b"],
    ["progress", false, "c a d b"],
    ["status", false, "c d b a"],
    ["job", true, "d c b a"],
  ])(
    "by %s, descending %s, is %s: what is not known comes last, what is equal newest first",
    (key, isDescending, order) => {
      expect(idsOf(sortJobs(JOBS.map(rowOf), { key, isDescending }, NOW))).toBe(order);
    },
  );
});

function rowOf(job: WatchedJob) {
  return { id: job.jobId, current: () => job };
}

function idsOf(rows: readonly { readonly id: string }[]): string {
  return rows.map(({ id }) => id).join(" ");
}
