import type { Position } from "../protocol/position.js";
import type { JobId, Username } from "../tasks/names.js";
import type { RemovalReason, UserTask } from "../tasks/user-task.js";

/** An event for a subscriber to a database. Instants are milliseconds since 1970. */
export type TaskEvent = Reset | TaskStored | TaskUpdated | TaskRemoved | CaughtUp;

/** The subscriber must drop its copy. The current state follows. */
export interface Reset {
  readonly kind: "Reset";
  readonly position: Position;
  readonly at: number;
  readonly cause: ResetReason;
}

export type ResetReason = "INITIAL" | "HISTORY_GONE" | "HISTORY_LOST" | "EPOCH_CHANGED";

/** A tree that the subscriber does not have yet. */
export interface TaskStored {
  readonly kind: "TaskStored";
  readonly position: Position;
  readonly at: number;
  readonly userTask: UserTask;
}

/** A change of a tree that the subscriber has, in the tasks whose revision is above `since`. */
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

/** Everything up to this position was delivered. */
export interface CaughtUp {
  readonly kind: "CaughtUp";
  readonly position: Position;
  readonly at: number;
}
