import type { ErrorCode } from "../../../src/protocol/error-codes.js";
import type { Limits } from "../../../src/protocol/limits.js";
import type {
  CancelJobInput,
  AddTasksRequest,
  LogLine,
  Report,
  StoreRequest,
} from "../../../src/tasks/job-changes.js";
import type { TaskSpec } from "../../../src/tasks/task-spec.js";
import type { TaskUpdate } from "../../../src/tasks/task-update.js";
import { leaf } from "./edits.js";
import { databaseName, jobKey } from "../journal/entries.js";

/**
 * Requests to a task store with defaults for what a test does not set:
 *
 *     await store.store(storeRequestOf(ALICE));
 *     await store.update(ALICE, reportOf({ done: 10 }));
 */

export const DATABASE = databaseName("neo4j");
export const OTHER_DATABASE = databaseName("other");

export const ALICE = jobKey("alice", "job");
export const BOB = jobKey("bob", "job");
export const CAROL = jobKey("carol", "job");

const LEASE_MS = 60_000;

/** For the current attempt. */
export const ANY_ATTEMPT = { attempt: null };

/** `count` users, each with one job. */
export function manyKeys(count: number): (typeof ALICE)[] {
  return Array.from({ length: count }, (_, index) => jobKey(`user${index}`, "job"));
}

export function storeRequestOf(key: typeof ALICE, fields: Partial<StoreRequest> = {}): StoreRequest {
  return {
    ...key,
    database: DATABASE,
    spec: leaf("task", 100),
    onConflict: "OVERWRITE",
    memory: null,
    leaseMs: LEASE_MS,
    requestId: null,
    ...fields,
  };
}

/** Updates of the root unless they name another path; without updates it is a heartbeat. */
export function reportOf(...updates: readonly Partial<TaskUpdate>[]): Report {
  const whole = updates.map((update) => ({ path: "", ...update }));
  return { attempt: null, updates: whole, log: [], requestId: null };
}

export function logReportOf(...messages: readonly string[]): Report {
  const log = messages.map((message): LogLine => ({ level: "INFO", path: "", message }));
  return { ...reportOf(), log };
}

export function addTasksRequestOf(path: string, ...specs: readonly TaskSpec[]): AddTasksRequest {
  return { attempt: null, path, specs, requestId: null };
}

export function cancelRequestOf(reason: string | null = null): CancelJobInput {
  return { attempt: null, by: "operator", reason };
}

/** For `rejects.toMatchObject`: the error that a caller receives. */
export function rejection(code: ErrorCode, limit?: keyof Limits): object {
  return { name: "TidemarkError", extensions: limit ? { code, limit } : { code } };
}
