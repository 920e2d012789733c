import type { Caller } from "../../auth/caller.js";
import { authorize, type Action } from "../../auth/rights.js";
import type { TaskStoreProvider } from "../../store/task-store-provider.js";
import type { TaskStore } from "../../store/task-store.js";
import type { DatabaseName, JobKey } from "../../tasks/names.js";

/** A job, or a whole database. */
export interface WriteTarget extends Partial<JobKey> {
  readonly database: DatabaseName;
}

/** Gives mutations access to stores. It checks the caller's rights before it looks at any data. */
export class Writer {
  readonly #provider: TaskStoreProvider;
  readonly #caller: Caller;

  constructor(provider: TaskStoreProvider, caller: Caller) {
    this.#provider = provider;
    this.#caller = caller;
  }

  /** @throws TidemarkError FORBIDDEN, whether or not the target exists. */
  check(action: Action, target: WriteTarget): void {
    authorize(action, target, this.#caller.rights);
  }

  /** The store if it is open. @throws TidemarkError FORBIDDEN */
  peek(action: Action, target: WriteTarget): TaskStore | undefined {
    this.check(action, target);
    return this.#provider.peek(target.database);
  }

  /** The store if the database exists. @throws TidemarkError as `TaskStoreProvider.find`, and FORBIDDEN */
  async find(action: Action, target: WriteTarget): Promise<TaskStore | undefined> {
    this.check(action, target);
    return this.#provider.find(target.database);
  }

  /** Removes all jobs of a database and returns their number. @throws TidemarkError as `purge`, and FORBIDDEN */
  async purge(database: DatabaseName): Promise<number> {
    this.check("purge", { database });
    return this.#provider.purge(database);
  }

  /** Deletes a database and returns whether it existed. @throws TidemarkError as `delete`, and FORBIDDEN */
  async delete(database: DatabaseName): Promise<boolean> {
    this.check("delete", { database });
    return this.#provider.delete(database);
  }

  /** The store; creates the database if necessary. @throws TidemarkError as `getTaskStore`, and FORBIDDEN */
  async getTaskStore(action: Action, target: WriteTarget): Promise<TaskStore> {
    this.check(action, target);
    return this.#provider.getTaskStore(target.database, target.username);
  }
}
