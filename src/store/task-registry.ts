import type { JobKey } from "../tasks/names.js";
import type { StoreRequest } from "../tasks/job-changes.js";
import type { UserTask } from "../tasks/user-task.js";
import type { TaskStore } from "./task-store.js";

/**
 * Registers one job under one user and job id, for programs that embed a store. As in GDS, a user can't reuse a job id
 * while its job runs, but can once the job is unregistered. Unlike in GDS, check and store are one step, so one of
 * two concurrent registrations fails.
 *
 * The registry uses one store: hold a lease of `TaskStoreProvider.retain` for as long as you use the registry.
 */
export class TaskRegistry {
  readonly #store: TaskStore;
  readonly #key: JobKey;

  constructor(store: TaskStore, key: JobKey) {
    this.#store = store;
    this.#key = key;
  }

  /** @throws TidemarkError ALREADY_EXISTS while a job with this id runs; otherwise as `TaskStore.store`. */
  registerTask(request: Omit<StoreRequest, keyof JobKey | "database" | "onConflict">): Promise<UserTask> {
    const { database } = this.#store;
    return this.#store.store({ ...request, ...this.#key, database, onConflict: "REJECT" });
  }

  /** Removes the registered job, whatever its attempt. Does nothing if the job does not exist. */
  async unregisterTask(): Promise<void> {
    await this.#store.remove(this.#key, { attempt: null });
  }

  /** Whether `userTask` is a state of the registered job, past or current. */
  containsTask({ storedStamp }: UserTask): boolean {
    return this.#store.get(this.#key)?.storedStamp === storedStamp;
  }
}
