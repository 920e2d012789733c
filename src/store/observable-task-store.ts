import type { JobState, Removal, UserTask } from "../tasks/user-task.js";
import { unreachable } from "../util/assert.js";
import type { Log } from "../util/log.js";
import type { TaskStoreListener } from "./task-store-listener.js";

/**
 * The listener list of a store (law 12). The list is replaced, never changed, so one that is being gone
 * through stays as it was when the change happened: who adds or removes listeners meanwhile, even from
 * within a listener, changes the next telling and not this one.
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

  /** Tells every listener of one change, which can be read by now. */
  protected notifyListeners(before: JobState, after: UserTask | Removal): void {
    for (const listener of this.#listeners) {
      try {
        notify(listener, before, after);
      } catch (error) {
        this.#log.error({ err: error, revision: after.stamp.revision }, "a task store listener failed");
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
