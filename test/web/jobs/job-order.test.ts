import { describe, expect, it } from "vitest";
import type { WatchedJob } from "../../../src/client/index.js";
import { sortJobs, type SortKey } from "../../../src/web/jobs/job-order.js";
import {
  createWatchedJob,
  createWatchedTask,
  WATCHED_NOW,
  progressOf,
  secondsAgo,
} from "../../kit/delivery/watched-jobs.js";

const JOBS = [
  createWatchedJob({
    jobId: "a",
    storedAt: secondsAgo(30),
    task: createWatchedTask({ progress: progressOf(5, 10) }),
  }),
  createWatchedJob({
    jobId: "b",
    storedAt: secondsAgo(10),
    task: createWatchedTask({ progress: progressOf(1, null) }),
  }),
  createWatchedJob({
    jobId: "c",
    storedAt: secondsAgo(20),
    task: createWatchedTask({ progress: progressOf(5, 10), status: "FAILED" }),
  }),
  createWatchedJob({
    jobId: "d",
    storedAt: secondsAgo(40),
    health: "LOST",
    task: createWatchedTask({ progress: progressOf(9, 10) }),
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
    "by %s, descending %s, is %s: unknown values last, equal ones newest first",
    (key, isDescending, order) => {
      expect(idsOf(sortJobs(JOBS.map(rowOf), { key, isDescending }, WATCHED_NOW))).toBe(order);
    },
  );
});

function rowOf(job: WatchedJob) {
  return { id: job.jobId, current: () => job };
}

function idsOf(rows: readonly { readonly id: string }[]): string {
  return rows.map(({ id }) => id).join(" ");
}
