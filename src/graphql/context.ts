import type { Caller } from "../auth/caller.js";
import type { Limits } from "../protocol/limits.js";
import type { Position } from "../protocol/position.js";
import type { Retention } from "../tasks/retention.js";
import type { Task } from "../tasks/task.js";
import type { LocatedTask } from "../tasks/traverse.js";
import type { UserTask } from "../tasks/user-task.js";
import type { AnswerBudget } from "./pipeline/answer-budget.js";
import type { Reader } from "./operations/reader.js";
import type { Watcher } from "./operations/watcher.js";
import type { Writer } from "./operations/writer.js";

/** What resolvers stand on; one for all operations of a server. Jobs they reach by a context's doors alone. */
export interface Services {
  readonly limits: Limits;
  /** The lease of a job that asks for none. */
  readonly leaseMs: number;
  /** How long an ended job is kept. */
  readonly retention: Retention;
  readonly observer: OperationObserver;
}

/** Hears of what operations come to, to count it. */
export interface OperationObserver {
  /** A client is told of a failure with these `extensions`. */
  failed(extensions: Readonly<Record<string, unknown>>): void;
  /** An event was executed: for one subscriber, or for all who asked the same. */
  eventExecuted(): void;
  /** A subscriber was given so many events. */
  eventsDelivered(count: number): void;
}

/** What a resolver is handed: one for each operation. */
export interface OperationContext {
  readonly services: Services;
  /** Who asks. */
  readonly caller: Caller;
  /** The operation's instant, milliseconds since 1970: all that depends on now is as of then. */
  readonly now: number;
  /** How a query reads: each database at one revision, and what may be seen of it. */
  readonly reader: Reader;
  /** How a mutation reaches what may be changed. */
  readonly writer: Writer;
  /** How a subscription is told what may be seen. */
  readonly watcher: Watcher;
  /** How much the answer, or the event, may still list. */
  readonly budget: AnswerBudget;
  /** Where a subscriber resumes that says so by its transport. */
  readonly resumeAfter: Position | undefined;
}

/** A job as it is shown: with the instant that its running times are as of. */
export interface UserTaskView {
  readonly userTask: UserTask;
  readonly now: number;
}

/** A task of a job as it is shown. */
export interface TaskView extends UserTaskView, LocatedTask {
  readonly task: Task;
}
