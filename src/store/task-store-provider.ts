import type { DatabaseSummary } from "../journal/journal.js";
import type { DatabaseName, Username } from "../tasks/names.js";
import type { TaskStore } from "./task-store.js";

/** Provides the one task store of each database (law 1). All calls may run concurrently. */
export interface TaskStoreProvider extends AsyncDisposable {
  /**
   * The store of a database for writing, opened if necessary; `username` creates the database if it does not exist. To
   * use a store for longer than the idle time, hold a lease
   * (see `retain`). A store that is closed because it was idle rejects changes with UNAVAILABLE; call `getTaskStore`
   * again for a store with the same jobs at the same position.
   * @throws TidemarkError LIMIT_EXCEEDED for too many databases, of the server or the user; UNAVAILABLE if the store can't be opened.
   */
  getTaskStore(database: DatabaseName, username?: Username): Promise<TaskStore>;

  /** The store if it is open. */
  peek(database: DatabaseName): TaskStore | undefined;

  /** The store if the database exists, opened if necessary. Never creates a database. @throws as getTaskStore */
  find(database: DatabaseName): Promise<TaskStore | undefined>;

  /**
   * A lease on the store, for subscriptions. For a database that does not exist yet, the store is empty. Storing the
   * first job creates the database; otherwise the store is closed with its last lease. @throws as getTaskStore
   */
  retain(database: DatabaseName): Promise<TaskStoreLease>;

  /**
   * The databases with jobs in alphabetical order, as the journal has them. An open store may lag one change behind.
   * @throws TidemarkError UNAVAILABLE
   */
  databases(): Promise<readonly DatabaseSummary[]>;

  openStores(): readonly TaskStore[];

  /**
   * Removes all jobs of a database and returns their number. If the database does not fit into the memory, it is deleted
   * instead. @throws TidemarkError UNAVAILABLE
   */
  purge(database: DatabaseName): Promise<number>;

  /**
   * Deletes a database with everything in it, even if it can't be opened, and frees its name. A later database of the same
   * name has another epoch. Returns whether it existed. @throws TidemarkError UNAVAILABLE
   */
  delete(database: DatabaseName): Promise<boolean>;

  /** Commits all queued changes, then closes all stores. Closing twice is harmless. */
  close(): Promise<void>;
}

/** A store that stays open until it is released. */
export interface TaskStoreLease {
  readonly store: TaskStore;
  /** Releasing twice is harmless. */
  release(): void;
}
