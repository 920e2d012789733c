import type { DatabaseName, JobId, JobKey, Username } from "./names.js";
import type { Stamp } from "./stamp.js";
import type { Task } from "./task.js";

/**
 * A job: the task tree that a user stored under a job id in a database, and the state of its worker. An
 * immutable value, like its tree.
 */
export interface UserTask extends JobKey {
  readonly kind: "userTask";
  readonly database: DatabaseName;
  readonly username: Username;
  readonly jobId: JobId;
  /** 1 when first stored. Each later store increments it while the database remembers the job or its removal. */
  readonly attempt: number;
  /** Incremented by every change, removals included, while the database remembers the job. */
  readonly version: number;
  /** The latest change. */
  readonly stamp: Stamp;
  /** The latest store. */
  readonly storedStamp: Stamp;
  readonly outcome: StoreOutcome;
  /** The request id of the latest store; null if it had none. */
  readonly storeRequestId: string | null;
  readonly task: Task;
  readonly memory: MemoryRange | null;
  /** Times are in milliseconds since 1970. */
  readonly storedAt: number;
  readonly reportedAt: number;
  readonly changedAt: number;
  readonly leaseMs: number;
  readonly health: Health;
  readonly cancelRequest: CancelRequest | null;
  /** The newest log lines, oldest first; at most `logLinesPerJobMax`. */
  readonly log: readonly LogEntry[];
  /** The request ids of the newest reports of this attempt, oldest first; at most `requestIdsPerAttemptMax`. */
  readonly requestIds: readonly string[];
}

/** The tombstone of a removed job, kept so that subscribers that were away learn of the removal. */
export interface Removal extends JobKey {
  readonly kind: "removal";
  readonly attempt: number;
  readonly version: number;
  readonly stamp: Stamp;
  readonly reason: RemovalReason;
  readonly removedAt: number;
}

/** The state of a key in a database: a job, a removed job, or unknown. */
export type JobState = UserTask | Removal | undefined;

export type StoreOutcome = "CREATED" | "OVERWRITTEN";
export type RemovalReason = "REMOVED" | "EXPIRED" | "PURGED";
export type Health = "OK" | "SILENT" | "LOST";
export type LogLevel = "DEBUG" | "INFO" | "WARNING" | "ERROR";

export interface MemoryRange {
  readonly minBytes: number;
  readonly maxBytes: number;
}

export interface CancelRequest {
  readonly at: number;
  readonly by: string;
  readonly reason: string | null;
}

export interface LogEntry {
  readonly at: number;
  readonly level: LogLevel;
  readonly path: string;
  readonly message: string;
}

/** When the job ended, or last reported if it is LOST, in milliseconds since 1970; null while it may continue. */
export function endOf({ task, health, reportedAt }: UserTask): number | null {
  return task.endedAt ?? (health === "LOST" ? reportedAt : null);
}

/**
 * Copies `userTask`, for callers that then change some fields before they share the copy. Copies field by
 * field, and every job has these fields in this order, for the same reason as `copyOf` in task.ts.
 */
export function copyOfJob(userTask: UserTask): UserTask {
  return {
    kind: "userTask",
    database: userTask.database,
    username: userTask.username,
    jobId: userTask.jobId,
    attempt: userTask.attempt,
    version: userTask.version,
    stamp: userTask.stamp,
    storedStamp: userTask.storedStamp,
    outcome: userTask.outcome,
    storeRequestId: userTask.storeRequestId,
    task: userTask.task,
    memory: userTask.memory,
    storedAt: userTask.storedAt,
    reportedAt: userTask.reportedAt,
    changedAt: userTask.changedAt,
    leaseMs: userTask.leaseMs,
    health: userTask.health,
    cancelRequest: userTask.cancelRequest,
    log: userTask.log,
    requestIds: userTask.requestIds,
  };
}
