import type { Authenticator } from "../auth/authenticator.js";
import type { Caller } from "../auth/caller.js";
import type { Limits } from "../protocol/limits.js";
import type { Position } from "../protocol/position.js";
import type { ElapsedMs } from "../tasks/edit.js";
import type { Retention } from "../tasks/retention.js";
import type { Admit } from "../tasks/job-changes.js";
import type { Task } from "../tasks/task.js";
import type { LocatedTask } from "../tasks/traverse.js";
import type { UserTask } from "../tasks/user-task.js";
import type { Log } from "../util/log.js";
import type { ItemBudget } from "./pipeline/answer-budget.js";
import type { Reader } from "./operations/reader.js";
import type { Watcher } from "./operations/watcher.js";
import type { Writer } from "./operations/writer.js";

/** Shared by all operations of a server. Resolvers reach jobs only through the reader, writer and watcher. */
export interface Services {
  readonly version: string;
  /** The address at which people open the dashboard (--public-url); empty if it is not set. */
  readonly publicUrl: string;
  readonly authenticator: Pick<Authenticator, "shareJob">;
  readonly limits: Limits;
  /** The default lease of a job. */
  readonly leaseMs: number;
  readonly retention: Retention;
  /** Measures the intervals that rates and etas depend on. */
  readonly elapsedMs: ElapsedMs;
  readonly observer: OperationObserver;
  /** Receives the defects that clients see only as an error id. */
  readonly log: Log;
}

/** Counts the results of operations. */
export interface OperationObserver {
  /** Called for each error that is sent to a client, with its `extensions`. */
  failed(extensions: Readonly<Record<string, unknown>>): void;
  /** Called for each execution of an event: once for all subscribers that share it. */
  eventExecuted(): void;
  /** Called with the number of events that a subscriber received. */
  eventsDelivered(count: number): void;
}

/** The context of resolvers, one per operation. */
export interface OperationContext {
  readonly services: Services;
  readonly caller: Caller;
  /** The address of this server as the client uses it, as far as the server can tell. */
  readonly serverUrl: string;
  /** Names the request in errors and in the log. */
  readonly requestId?: string | undefined;
  /** The instant of the operation, milliseconds since 1970: every value that depends on the time uses it. */
  readonly now: number;
  readonly reader: Reader;
  readonly writer: Writer;
  readonly watcher: Watcher;
  readonly budget: ItemBudget;
  /** Pass it to the store with each change: it rejects the change if the answer would be too large. */
  readonly admit?: Admit | undefined;
  /** The position to resume from that the transport received (Last-Event-ID). Overrides the argument `after`. */
  readonly resumeAfter: Position | undefined;
}

/** A job, and the instant at which it is shown. */
export interface UserTaskView {
  readonly userTask: UserTask;
  readonly now: number;
}

export interface TaskView extends UserTaskView, LocatedTask {
  readonly task: Task;
}
