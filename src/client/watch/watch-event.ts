import type { WatchedJob, WatchedTask } from "./watched-job.js";

/**
 * What has happened to the jobs that are watched, in order. Who asks for the next event later than things happen is
 * told what happened meanwhile merged: each job once, as it is now.
 */
export type WatchEvent = ResetEvent | TaskStoredEvent | TaskUpdatedEvent | TaskRemovedEvent | CaughtUpEvent;

/** Forget what you hold: the state follows. */
export interface ResetEvent {
  readonly kind: "Reset";
  /** INITIAL at first; otherwise the server can't tell what has changed since it was heard of last. */
  readonly cause: WatchResetCause;
}

/** A job is there, whole: a new one, or one in the place of what you hold under its id. */
export interface TaskStoredEvent {
  readonly kind: "TaskStored";
  /** As it is now. */
  readonly job: WatchedJob;
}

/** A job that you hold has changed. */
export interface TaskUpdatedEvent {
  readonly kind: "TaskUpdated";
  /** As it is now. */
  readonly job: WatchedJob;
  /** The tasks that are not as you were told before, parents first; empty where only the job itself is. */
  readonly changed: readonly WatchedTask[];
}

/** A job that you hold is gone. */
export interface TaskRemovedEvent {
  readonly kind: "TaskRemoved";
  /** As it was last. */
  readonly job: WatchedJob;
  /** Why it is. */
  readonly reason: WatchRemovalReason;
}

/** You have been told all: what you hold is exactly what the server had a moment ago. */
export interface CaughtUpEvent {
  readonly kind: "CaughtUp";
}

/** Why all is told anew: at first; or the server no longer knows what has changed; or its history is another one. */
export type WatchResetCause = "INITIAL" | "HISTORY_GONE" | "EPOCH_CHANGED";
/** Why a job is gone: its retention is over, its database was emptied, or somebody removed it. */
export type WatchRemovalReason = "EXPIRED" | "PURGED" | "REMOVED";
