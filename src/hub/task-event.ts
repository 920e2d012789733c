import type { Position } from "../protocol/position.js";
import type { JobId, Username } from "../tasks/names.js";
import type { RemovalReason, UserTask } from "../tasks/user-task.js";

/** What a subscriber to a database is told. Instants are milliseconds since 1970. */
export type TaskEvent = Reset | TaskStored | TaskUpdated | TaskRemoved | CaughtUp;

/** Forget what you hold: the state as it is follows. */
export interface Reset {
  readonly kind: "Reset";
  readonly position: Position;
  readonly at: number;
  readonly cause: ResetReason;
}

export type ResetReason = "INITIAL" | "HISTORY_GONE" | "EPOCH_CHANGED";

/** The whole tree is new to this subscriber. */
export interface TaskStored {
  readonly kind: "TaskStored";
  readonly position: Position;
  readonly at: number;
  readonly userTask: UserTask;
}

/** The tree that this subscriber holds has changed: in the tasks whose revision is above `since`. */
export interface TaskUpdated {
  readonly kind: "TaskUpdated";
  readonly position: Position;
  readonly at: number;
  readonly userTask: UserTask;
  readonly since: number;
}

export interface TaskRemoved {
  readonly kind: "TaskRemoved";
  readonly position: Position;
  readonly at: number;
  readonly username: Username;
  readonly jobId: JobId;
  readonly reason: RemovalReason;
}

/** All up to this position has been sent. */
export interface CaughtUp {
  readonly kind: "CaughtUp";
  readonly position: Position;
  readonly at: number;
}
