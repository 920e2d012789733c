import type { DatabaseName, JobId, JobKey, Username } from "./names.js";
import type { Stamp } from "./stamp.js";
import type { Task } from "./task.js";

/**
 * A job: the task tree that one user stored under one job id in one database, and what is known about its
 * worker. An immutable value, as its tree is.
 */
export interface UserTask extends JobKey {
  readonly kind: "userTask";
  readonly database: DatabaseName;
  readonly username: Username;
  readonly jobId: JobId;
  /** 1 when first stored, one more each time it is stored again while an earlier one is remembered. */
  readonly attempt: number;
  /** One more with every change, removals included, while the job is remembered. */
  readonly version: number;
  /** Of the latest change. */
  readonly stamp: Stamp;
  /** Of the latest store. */
  readonly storedStamp: Stamp;
  readonly outcome: StoreOutcome;
  /** Of the latest store; null when it had none. */
  readonly storeRequestId: string | null;
  readonly task: Task;
  readonly memory: MemoryRange | null;
  /** Instants are milliseconds since 1970. */
  readonly storedAt: number;
  readonly reportedAt: number;
  /** Of the latest change. */
  readonly changedAt: number;
  readonly leaseMs: number;
  readonly health: Health;
  readonly cancelRequest: CancelRequest | null;
  /** The newest lines, oldest first; at most `logLinesPerJobMax`. */
  readonly log: readonly LogEntry[];
  /** Of the newest reports of this attempt, oldest first; at most `requestIdsPerAttemptMax`. */
  readonly requestIds: readonly string[];
}

/** What is remembered of a job that is gone, so that a reader who was away can be told. */
export interface Removal extends JobKey {
  readonly kind: "removal";
  readonly attempt: number;
  readonly version: number;
  readonly stamp: Stamp;
  readonly reason: RemovalReason;
  readonly removedAt: number;
}

/** What a database knows under a key: a job, that there was one, or nothing. */
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

/** When the job ended, or was last heard of if it is LOST, milliseconds since 1970; null while it may still go on. */
export function endOf({ task, health, reportedAt }: UserTask): number | null {
  return task.endedAt ?? (health === "LOST" ? reportedAt : null);
}

/**
 * `userTask` in a new object, for whoever changes some of its fields before giving it away. Field by field, and
 * every job is made with these fields in this order, for the reason that `copyOf` a task has.
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
