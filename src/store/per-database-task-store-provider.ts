import { DamagedJournalError, type DatabaseSummary, type Journal } from "../journal/journal.js";
import { limitExceeded, unavailable } from "../protocol/tidemark-error.js";
import type { DatabaseName } from "../tasks/names.js";
import { KeyedMutex } from "../util/keyed-mutex.js";
import { PerDatabaseTaskStore, type TaskStoreOptions } from "./per-database-task-store.js";
import type { TaskStoreLease, TaskStoreProvider } from "./task-store-provider.js";
import type { TaskStore } from "./task-store.js";

/**
 * One store a database, however many ask at the same moment (law 1): a look without a lock first, which is
 * all that happens nearly always; then a lock for this name alone; then a second look under it, as another
 * may have opened the store meanwhile. A failed opening leaves nothing behind and is tried again by the next
 * who asks; other databases never wait.
 */
export class PerDatabaseTaskStoreProvider implements TaskStoreProvider {
  readonly #journal: Journal;
  readonly #options: TaskStoreOptions;
  readonly #opened = new Map<DatabaseName, OpenStore>();
  readonly #locks = new KeyedMutex();
  #isClosed = false;

  constructor(journal: Journal, options: TaskStoreOptions) {
    this.#journal = journal;
    this.#options = options;
  }

  async getTaskStore(database: DatabaseName): Promise<TaskStore> {
    const opened = this.#opened.get(database);
    if (opened?.isKept) return opened.store;
    return this.#locks.runExclusive(database, async () => {
      const existing = await this.#existing();
      return this.#withEntry(database, (entry) => {
        if (!entry.isKept) this.#checkRoomToKeep(database, existing);
        entry.isKept = true;
        return entry.store;
      });
    });
  }

  peek(database: DatabaseName): TaskStore | undefined {
    return this.#opened.get(database)?.store;
  }

  async find(database: DatabaseName): Promise<TaskStore | undefined> {
    const opened = this.#opened.get(database);
    if (opened && opened.store.position.revision > 0) return opened.store;
    const existing = await this.#existing();
    return existing.some(({ name }) => name === database) ? this.getTaskStore(database) : undefined;
  }

  async retain(database: DatabaseName): Promise<TaskStoreLease> {
    const opened = this.#opened.get(database);
    if (opened) return this.#lease(opened);
    return this.#locks.runExclusive(database, () =>
      this.#withEntry(database, (entry) => {
        this.#checkRoomToRead(entry);
        return this.#lease(entry);
      }),
    );
  }

  async databases(): Promise<readonly DatabaseSummary[]> {
    return (await this.#existing()).filter(({ jobCount }) => jobCount > 0);
  }

  openStores(): PerDatabaseTaskStore[] {
    return [...this.#opened.values()].map(({ store }) => store);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.openStores().map((store) => store.close()));
    this.#opened.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Opens the store if it is not, and uses it in the turn in which it is there: nobody can give it up in
   * between. To be called under the lock of the name.
   */
  async #withEntry<T>(database: DatabaseName, use: (entry: OpenStore) => T): Promise<T> {
    const opened = this.#opened.get(database);
    const entry = opened ?? { store: await this.#load(database), leaseCount: 0, isKept: false };
    if (this.#isClosed) {
      await entry.store.close();
      throw unavailable("The server is stopping. Try again when it is back.");
    }
    this.#opened.set(database, entry);
    try {
      return use(entry);
    } finally {
      this.#giveUpIfUnused(entry);
    }
  }

  async #load(database: DatabaseName): Promise<PerDatabaseTaskStore> {
    try {
      const journal = await this.#journal.open(database);
      return await PerDatabaseTaskStore.open(database, journal, this.#options).catch(
        async (error: unknown) => {
          await journal.close();
          throw error;
        },
      );
    } catch (error) {
      const name = JSON.stringify(database);
      throw error instanceof DamagedJournalError
        ? unavailable(`Database ${name} is damaged and can't be used until an operator has mended it.`, error)
        : unavailable(`Database ${name} can't be opened. Try again.`, error);
    }
  }

  #lease(entry: OpenStore): TaskStoreLease {
    let isReleased = false;
    entry.leaseCount++;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      entry.leaseCount--;
      this.#giveUpIfUnused(entry);
    };
    return { store: entry.store, release };
  }

  /** A store that nothing was stored in is for its readers alone. */
  #giveUpIfUnused(entry: OpenStore): void {
    const { store, leaseCount, isKept } = entry;
    if (leaseCount > 0 || isKept || store.position.revision > 0) return;
    this.#opened.delete(store.database);
    void store.close().catch((error: unknown) => {
      this.#options.log.warn({ err: error, database: store.database }, "an unused store could not be closed");
    });
  }

  async #existing(): Promise<readonly DatabaseSummary[]> {
    try {
      return await this.#journal.databases();
    } catch (error) {
      throw unavailable("The databases can't be listed. Try again.", error);
    }
  }

  #checkRoomToKeep(database: DatabaseName, existing: readonly DatabaseSummary[]): void {
    const { databasesMax } = this.#options.limits;
    const names = new Set(existing.map(({ name }) => name));
    for (const [name, { isKept }] of this.#opened) if (isKept) names.add(name);
    if (names.has(database) || names.size < databasesMax) return;
    throw limitExceeded(
      "databasesMax",
      `Database ${JSON.stringify(database)} would be one too many`,
      databasesMax,
    );
  }

  #checkRoomToRead(entry: OpenStore): void {
    const { databasesMax } = this.#options.limits;
    const unused = [...this.#opened.values()].filter((other) => other !== entry && !isInUse(other));
    if (isInUse(entry) || unused.length < databasesMax) return;
    throw limitExceeded(
      "databasesMax",
      "Too many databases that do not exist are being watched",
      databasesMax,
    );
  }
}

/** An open store, and why it is open. */
interface OpenStore {
  readonly store: PerDatabaseTaskStore;
  leaseCount: number;
  /** Handed out for good, or with something in it. */
  isKept: boolean;
}

function isInUse({ store, isKept }: OpenStore): boolean {
  return isKept || store.position.revision > 0;
}
