import type { WatchedJob, WatchedTask } from "./watched-job.js";

/**
 * A change of the watched jobs. Events arrive in order. If the consumer is slower than the changes, the pending events
 * of each job are merged into one that holds its newest state.
 */
export type WatchEvent = ResetEvent | TaskStoredEvent | TaskUpdatedEvent | TaskRemovedEvent | CaughtUpEvent;

/** Discard all known jobs; `TaskStored` events with the current ones follow. */
export interface ResetEvent {
  readonly kind: "Reset";
  /** Why the state starts over. */
  readonly cause: WatchResetCause;
}

/** A job was stored: a new job, or a new attempt that replaces the known job with the same `id`. */
export interface TaskStoredEvent {
  readonly kind: "TaskStored";
  /** The job's current state. */
  readonly job: WatchedJob;
}

/** A known job has changed. */
export interface TaskUpdatedEvent {
  readonly kind: "TaskUpdated";
  /** The job's current state. */
  readonly job: WatchedJob;
  /** The tasks that changed since the last event of this job, parents first. Empty if only the job itself changed. */
  readonly changed: readonly WatchedTask[];
}

/** A known job was removed. */
export interface TaskRemovedEvent {
  readonly kind: "TaskRemoved";
  /** The job's last known state. */
  readonly job: WatchedJob;
  /** Why the job was removed. */
  readonly reason: WatchRemovalReason;
}

/** The state is complete: the jobs received so far are exactly those that the server had a moment ago. */
export interface CaughtUpEvent {
  readonly kind: "CaughtUp";
}

/**
 * Why the state starts over. INITIAL: the watch has just started. HISTORY_GONE: the server no longer knows what changed
 * since the watch was last connected. HISTORY_LOST: a failover of the database server lost changes that the watch had
 * received. EPOCH_CHANGED: the server lost its history, for example by a restart in memory.
 */
export type WatchResetCause = "INITIAL" | "HISTORY_GONE" | "HISTORY_LOST" | "EPOCH_CHANGED";
/** Why a job was removed. EXPIRED: its retention is over. PURGED: its database was purged. REMOVED: by a user. */
export type WatchRemovalReason = "EXPIRED" | "PURGED" | "REMOVED";
