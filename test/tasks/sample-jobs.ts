import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import {
  addTasksToJob,
  removeJob,
  applyReport,
  storeJob,
  type LogLine,
  type Report,
  type StoreRequest,
} from "../../src/tasks/job-changes.js";
import { parseDatabaseName, parseJobId, parseUsername } from "../../src/tasks/names.js";
import type { TaskSpec } from "../../src/tasks/task-spec.js";
import type { TaskUpdate } from "../../src/tasks/task-update.js";
import type { JobState, Removal, UserTask } from "../../src/tasks/user-task.js";
import { branch, editAt, leaf } from "../kit/store/edits.js";

/** One job and its changes, with defaults for all fields. */

export const SAMPLE_JOB_KEY = {
  username: parseUsername("alice", DEFAULT_LIMITS),
  jobId: parseJobId("job", DEFAULT_LIMITS),
};

export const LEASE_MS = 60_000;

export function storeRequest(fields: Partial<StoreRequest> = {}): StoreRequest {
  return {
    ...SAMPLE_JOB_KEY,
    database: parseDatabaseName("neo4j", DEFAULT_LIMITS),
    spec: branch("root", leaf("a", 10), leaf("b", 10)),
    onConflict: "OVERWRITE",
    memory: null,
    leaseMs: LEASE_MS,
    requestId: null,
    ...fields,
  };
}

/** A job stored for the first time at time 0, as revision 1. */
export function stored(fields: Partial<StoreRequest> = {}): UserTask {
  return storeJob(undefined, storeRequest(fields), editAt(0, 1));
}

/** The job stored again at time 1,000, as revision 2. */
export function storedAgain(before: JobState, fields: Partial<StoreRequest> = {}): UserTask {
  return storeJob(before, storeRequest(fields), editAt(1_000, 2));
}

export function report(
  before: JobState,
  now: number,
  updates: readonly TaskUpdate[],
  fields: Partial<Report> = {},
): UserTask {
  return applyReport(
    before,
    SAMPLE_JOB_KEY,
    { attempt: null, updates, log: [], requestId: null, ...fields },
    editAt(now, 2),
  );
}

/** A report without updates and log lines. */
export function heartbeat(before: JobState, now: number, fields: Partial<Report> = {}): UserTask {
  return report(before, now, [], fields);
}

export function logged(before: JobState, now: number, ...lines: readonly Partial<LogLine>[]): UserTask {
  const log = lines.map((line) => ({ level: "INFO" as const, path: "", message: "", ...line }));
  return report(before, now, [], { log });
}

export function grown(
  before: JobState,
  now: number,
  specs: readonly TaskSpec[],
  requestId: string | null = null,
): UserTask {
  return addTasksToJob(before, SAMPLE_JOB_KEY, { attempt: null, path: "", specs, requestId }, editAt(now, 2));
}

export function removed(before: JobState, attempt: number | null = null): Removal {
  return removeJob(before, { attempt }, "REMOVED", editAt(2_000, 3)) as Removal;
}
