import type { Caller } from "../../auth/caller.js";
import { authorize, type Action } from "../../auth/rights.js";
import type { TaskStoreProvider } from "../../store/task-store-provider.js";
import type { TaskStore } from "../../store/task-store.js";
import type { DatabaseName, JobKey } from "../../tasks/names.js";

/** What is to be changed: a job, or all of a database. */
export interface WriteTarget extends Partial<JobKey> {
  readonly database: DatabaseName;
}

/**
 * How mutations reach a store: by saying what they do to what. Whether that may be done is decided before anything
 * is looked at.
 */
export class Writer {
  readonly #provider: TaskStoreProvider;
  readonly #caller: Caller;

  constructor(provider: TaskStoreProvider, caller: Caller) {
    this.#provider = provider;
    this.#caller = caller;
  }

  /** @throws TidemarkError FORBIDDEN, whether or not there is what is to be changed. */
  check(action: Action, target: WriteTarget): void {
    authorize(action, target, this.#caller.rights);
  }

  /** The store if it is open. @throws TidemarkError FORBIDDEN */
  peek(action: Action, target: WriteTarget): TaskStore | undefined {
    this.check(action, target);
    return this.#provider.peek(target.database);
  }

  /** The store if the database exists. @throws TidemarkError FORBIDDEN, and as `TaskStoreProvider.find` */
  async find(action: Action, target: WriteTarget): Promise<TaskStore | undefined> {
    this.check(action, target);
    return this.#provider.find(target.database);
  }

  /** The store, of a new database too. @throws TidemarkError FORBIDDEN, and as `TaskStoreProvider.getTaskStore` */
  async getTaskStore(action: Action, target: WriteTarget): Promise<TaskStore> {
    this.check(action, target);
    return this.#provider.getTaskStore(target.database);
  }
}
