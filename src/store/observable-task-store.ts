import type { JobState, Removal, UserTask } from "../tasks/user-task.js";
import { unreachable } from "../util/assert.js";
import type { Log } from "../util/log.js";
import type { TaskStoreListener } from "./task-store-listener.js";

/**
 * The listeners of a store (law 12). The list is copied on write, so a listener added or removed during a
 * notification, even by another listener, affects only the next change.
 */
export abstract class ObservableTaskStore {
  #listeners: readonly TaskStoreListener[] = [];
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  addListener(listener: TaskStoreListener): void {
    if (!this.#listeners.includes(listener)) this.#listeners = [...this.#listeners, listener];
  }

  removeListener(listener: TaskStoreListener): void {
    this.#listeners = this.#listeners.filter((other) => other !== listener);
  }

  protected get hasListeners(): boolean {
    return this.#listeners.length > 0;
  }

  /** Notifies every listener of one change. Apply the change first, so that listeners can read it. */
  protected notifyListeners(before: JobState, after: UserTask | Removal): void {
    for (const listener of this.#listeners) {
      try {
        notify(listener, before, after);
      } catch (error) {
        this.#log.error({ err: error, revision: after.stamp.revision }, "a task store listener failed");
      }
    }
  }

  /** Notifies every listener that the jobs are those of another history. */
  protected notifyOfReplacedHistory(): void {
    for (const listener of this.#listeners) {
      try {
        listener.onHistoryReplaced?.();
      } catch (error) {
        this.#log.error({ err: error }, "a task store listener failed");
      }
    }
  }
}

function notify(listener: TaskStoreListener, before: JobState, after: UserTask | Removal): void {
  const job = before?.kind === "userTask" ? before : undefined;
  switch (after.kind) {
    case "removal":
      if (job) listener.onTaskRemoved(job, after);
      return;
    case "userTask":
      if (job && job.storedStamp === after.storedStamp) listener.onTaskUpdated(after, job);
      else listener.onTaskAdded(after, job);
      return;
    default:
      unreachable(after);
  }
}
