/** Elapsed times that the terminal and the dashboard must agree on: the job, the row of the task, and its text. */
import type { WatchedJob, WatchedTask } from "../../../src/client/index.js";
import { createWatchedJob, createWatchedTask, secondsAgo } from "./watched-jobs.js";

export interface ElapsedCase {
  readonly title: string;
  readonly job: WatchedJob;
  /** The row of the task in its tree: 0 is the root, 1 its first subtask. Default 0. */
  readonly row?: number;
  /** The viewer's clock minus `WATCHED_NOW`, in seconds. Default 0. */
  readonly skew?: number;
  /** undefined before the start. */
  readonly elapsed: string | undefined;
}

const RUNNING = createWatchedTask();
const PARENT = createWatchedTask({ subTasks: [{ ...RUNNING, path: "0" }] });

/** A job whose root started a minute ago and last changed and reported 5 seconds ago. */
function jobWith(task: WatchedTask, fields: Partial<WatchedJob> = {}): WatchedJob {
  return createWatchedJob({ task, endedAt: task.endedAt, ...fields });
}

function endedAgo(seconds: number, status: WatchedTask["status"] = "FINISHED"): Partial<WatchedTask> {
  return { status, endedAt: secondsAgo(seconds) };
}

const REPORTED_40_AGO = { reportedAt: secondsAgo(40), changedAt: secondsAgo(10) };

export const ELAPSED_CASES: readonly ElapsedCase[] = [
  { title: "a running job", job: jobWith(RUNNING), elapsed: "1m 00s" },
  { title: "a running task", job: jobWith(PARENT), row: 1, elapsed: "1m 00s" },
  {
    title: "a job that has not started",
    job: jobWith(createWatchedTask({ status: "PENDING", startedAt: null })),
    elapsed: undefined,
  },
  { title: "a silent job", job: jobWith(RUNNING, { health: "SILENT", ...REPORTED_40_AGO }), elapsed: "20s" },
  { title: "a lost job", job: jobWith(RUNNING, { health: "LOST", ...REPORTED_40_AGO }), elapsed: "20s" },
  {
    title: "a running task of a lost job",
    job: jobWith(PARENT, { health: "LOST", ...REPORTED_40_AGO }),
    row: 1,
    elapsed: "20s",
  },
  {
    title: "a lost job that reported nothing after its start",
    job: jobWith(RUNNING, { health: "LOST", reportedAt: secondsAgo(60) }),
    elapsed: "0s",
  },
  {
    title: "a task of a silent job that ended before the latest report",
    job: jobWith({ ...PARENT, subTasks: [{ ...RUNNING, ...endedAgo(50) }] }, { health: "SILENT" }),
    row: 1,
    elapsed: "10s",
  },
  { title: "an ended job", job: jobWith({ ...RUNNING, ...endedAgo(50) }), elapsed: "10s" },
  {
    title: "a task that was left running by an ended job",
    job: jobWith({ ...PARENT, ...endedAgo(30, "FAILED") }, { reportedAt: secondsAgo(2) }),
    row: 1,
    elapsed: "30s",
  },
  {
    title: "a task that ended after its canceled parent",
    job: jobWith({ ...PARENT, ...endedAgo(30, "CANCELED"), subTasks: [{ ...RUNNING, ...endedAgo(20) }] }),
    row: 1,
    elapsed: "40s",
  },
  {
    title: "a running job, by a clock that is an hour behind",
    job: jobWith(RUNNING),
    skew: -3_600,
    elapsed: "55s",
  },
  {
    title: "a lost job, by a clock that is an hour ahead",
    job: jobWith(RUNNING, { health: "LOST", ...REPORTED_40_AGO }),
    skew: 3_600,
    elapsed: "20s",
  },
  {
    title: "a job whose start lies after its end",
    job: jobWith({ ...RUNNING, startedAt: secondsAgo(10), ...endedAgo(20) }),
    elapsed: "0s",
  },
];
