import type { JobKey } from "../tasks/names.js";
import type { StoreRequest } from "../tasks/job-changes.js";
import type { UserTask } from "../tasks/user-task.js";
import type { TaskStore } from "./task-store.js";

/**
 * Registers the one job of one user under one job id, for a program that embeds a store. As in GDS, a job id
 * is taken while its job runs, by the same user only, and free again once it is unregistered; unlike there,
 * looking and storing are one step, so that of two who register at once one is refused.
 *
 * It keeps its store: hold the lease of `TaskStoreProvider.retain` for as long as the registry is used.
 */
export class TaskRegistry {
  readonly #store: TaskStore;
  readonly #key: JobKey;

  constructor(store: TaskStore, key: JobKey) {
    this.#store = store;
    this.#key = key;
  }

  /** @throws TidemarkError ALREADY_EXISTS while a job with this id runs, and as `TaskStore.store`. */
  registerTask(request: Omit<StoreRequest, keyof JobKey | "database" | "onConflict">): Promise<UserTask> {
    const { database } = this.#store;
    return this.#store.store({ ...request, ...this.#key, database, onConflict: "REJECT" });
  }

  /** Removes what is registered, whichever attempt it is. Nothing there is no error. */
  async unregisterTask(): Promise<void> {
    await this.#store.remove(this.#key, { attempt: null });
  }

  /** Whether `userTask` is what is registered, as it was then or as it is now. */
  containsTask({ storedStamp }: UserTask): boolean {
    return this.#store.get(this.#key)?.storedStamp === storedStamp;
  }
}
