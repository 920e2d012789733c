import type { DatabaseSummary } from "../journal/journal.js";
import type { TaskStore } from "../store/task-store.js";
import type { TaskStoreLease, TaskStoreProvider } from "../store/task-store-provider.js";
import type { DatabaseName, Username } from "../tasks/names.js";

/** Gives access to stores only while `check` does not throw. It does not affect what is already in use. */
export class GuardedTaskStoreProvider implements TaskStoreProvider {
  readonly #provider: TaskStoreProvider;
  readonly #check: () => void;

  constructor(provider: TaskStoreProvider, check: () => void) {
    this.#provider = provider;
    this.#check = check;
  }

  async getTaskStore(database: DatabaseName, username?: Username): Promise<TaskStore> {
    return this.#checked().getTaskStore(database, username);
  }

  peek(database: DatabaseName): TaskStore | undefined {
    return this.#checked().peek(database);
  }

  async find(database: DatabaseName): Promise<TaskStore | undefined> {
    return this.#checked().find(database);
  }

  async retain(database: DatabaseName): Promise<TaskStoreLease> {
    return this.#checked().retain(database);
  }

  async databases(): Promise<readonly DatabaseSummary[]> {
    return this.#checked().databases();
  }

  openStores(): readonly TaskStore[] {
    return this.#provider.openStores();
  }

  async purge(database: DatabaseName): Promise<number> {
    return this.#checked().purge(database);
  }

  async delete(database: DatabaseName): Promise<boolean> {
    return this.#checked().delete(database);
  }

  close(): Promise<void> {
    return this.#provider.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #checked(): TaskStoreProvider {
    this.#check();
    return this.#provider;
  }
}
