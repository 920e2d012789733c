import type { DatabaseSummary } from "../journal/journal.js";
import type { DatabaseName } from "../tasks/names.js";
import type { TaskStore } from "./task-store.js";

/** Hands out the one task store that a database has (law 1). Every call may run concurrently with any other. */
export interface TaskStoreProvider extends AsyncDisposable {
  /**
   * The store of a database, to write to: opened when it is not open yet. Who keeps it for longer than the idle
   * time without asking again holds a lease by `retain`: a store that nobody asks for is closed, refuses changes
   * as UNAVAILABLE, and the next who asks is given another one, with the same jobs at the same position.
   * @throws TidemarkError LIMIT_EXCEEDED for one database too many; UNAVAILABLE when it can't be opened.
   */
  getTaskStore(database: DatabaseName): Promise<TaskStore>;

  /** The store if it is open. */
  peek(database: DatabaseName): TaskStore | undefined;

  /** The store if the database exists; opens it if need be. Creates nothing. @throws as getTaskStore */
  find(database: DatabaseName): Promise<TaskStore | undefined>;

  /**
   * The store for a reader who stays, also of a database that does not exist yet: it is empty then, follows
   * the name, and is given up with its last reader unless something was stored. @throws as getTaskStore
   */
  retain(database: DatabaseName): Promise<TaskStoreLease>;

  /**
   * The databases that have jobs, by name, as the journal has them: an open store may be a change behind.
   * @throws TidemarkError UNAVAILABLE
   */
  databases(): Promise<readonly DatabaseSummary[]>;

  /** The stores that are open. */
  openStores(): readonly TaskStore[];

  /** Makes what was asked for durable, then gives up all stores. Closing twice is harmless. */
  close(): Promise<void>;
}

/** A store that stays open until it is released. */
export interface TaskStoreLease {
  readonly store: TaskStore;
  /** Releasing twice is harmless. */
  release(): void;
}
