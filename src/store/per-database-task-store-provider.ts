import { DamagedJournalError, type DatabaseSummary, type Journal } from "../journal/journal.js";
import { limitExceeded, TidemarkError, unavailable } from "../protocol/tidemark-error.js";
import type { DatabaseName } from "../tasks/names.js";
import type { Retention } from "../tasks/retention.js";
import { KeyedMutex } from "../util/keyed-mutex.js";
import { PerDatabaseTaskStore, type TaskStoreOptions } from "./per-database-task-store.js";
import type { TaskStoreLease, TaskStoreProvider } from "./task-store-provider.js";
import type { TaskStore } from "./task-store.js";

export interface ProviderOptions extends Omit<TaskStoreOptions, "leasesFrom"> {
  /** How long ended jobs stay. */
  readonly retention: Retention;
  /** How long a store stays open that nobody asks for, in milliseconds. */
  readonly idleMs: number;
}

/**
 * One store a database, however many ask at the same moment (law 1): a look without a lock first, which is
 * all that happens nearly always; then a lock for this name alone; then a second look under it, as another
 * may have opened the store meanwhile. A failed opening leaves nothing behind and is tried again by the next
 * who asks; other databases never wait.
 *
 * A store goes the same way back: in one turn it is seen to be unused and is no longer handed out, and its lock
 * is held until it is closed, so that who asks meanwhile waits and opens it anew.
 */
export class PerDatabaseTaskStoreProvider implements TaskStoreProvider {
  readonly #journal: Journal;
  readonly #options: ProviderOptions & TaskStoreOptions;
  readonly #opened = new Map<DatabaseName, OpenStore>();
  readonly #locks = new KeyedMutex();
  readonly #closings = new Set<Promise<void>>();
  /**
   * When the next job of a database expires, or its health declines, whose store is not open. Of those that were
   * there before this provider it is not known, and said to be at once; undefined until they have been listed.
   */
  #dueAt: Map<DatabaseName, number> | undefined;
  #isClosed = false;

  constructor(journal: Journal, options: ProviderOptions) {
    this.#journal = journal;
    this.#options = { ...options, leasesFrom: options.clock.now() };
  }

  async getTaskStore(database: DatabaseName): Promise<TaskStore> {
    const opened = this.#touch(database);
    if (opened?.isForWriting) return opened.store;
    return this.#locks.runExclusive(database, async () => {
      const existing = await this.#existing();
      return this.#withEntry(database, (entry) => {
        if (!entry.isForWriting) this.#checkDatabaseLimit(database, existing);
        entry.isForWriting = true;
        entry.usedAt = this.#options.clock.now();
        return entry.store;
      });
    });
  }

  peek(database: DatabaseName): TaskStore | undefined {
    return this.#touch(database)?.store;
  }

  async find(database: DatabaseName): Promise<TaskStore | undefined> {
    const opened = this.#touch(database);
    if (opened && opened.store.position.revision > 0) return opened.store;
    const existing = await this.#existing();
    return existing.some(({ name }) => name === database) ? this.getTaskStore(database) : undefined;
  }

  async retain(database: DatabaseName): Promise<TaskStoreLease> {
    const opened = this.#opened.get(database);
    if (opened) return this.#lease(opened);
    return this.#locks.runExclusive(database, () =>
      this.#withEntry(database, (entry) => {
        this.#checkWatchedDatabaseLimit(entry);
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

  /**
   * Judges the health of all jobs, and removes those whose retention is over. Of the databases that are not open,
   * those are opened in which one is due, one at a time, and closed again unless somebody has asked for them
   * meanwhile. What fails is logged, and tried again by the next call. Not to be called while a call is under way.
   */
  async runMaintenance(): Promise<void> {
    await Promise.all(this.openStores().map((store) => this.#maintain(store)));
    for (const database of await this.#dueDatabases()) {
      if (this.#isClosed) return;
      await this.#maintainClosed(database);
    }
  }

  /** Closes the stores that nobody has asked for, and nobody was seen to use, for the idle time. */
  async closeIdleStores(): Promise<void> {
    const now = this.#options.clock.now();
    for (const entry of this.#opened.values()) {
      if (hasUser(entry) || entry.usedAt > now) entry.usedAt = now; // later than now: the clock was set back
    }
    const idle = [...this.#opened.values()].filter((entry) => this.#isIdle(entry));
    await Promise.all(idle.map(({ store }) => this.#closeIfIdle(store.database)));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const closings = this.openStores().map((store) => store.close());
    await Promise.all([...closings, ...this.#closings]);
    this.#opened.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What is open of a database that somebody asks for. */
  #touch(database: DatabaseName): OpenStore | undefined {
    const opened = this.#opened.get(database);
    if (opened) opened.usedAt = this.#options.clock.now();
    return opened;
  }

  /**
   * Opens the store if it is not, and uses it in the turn in which it is there: nobody can give it up in
   * between. To be called under the lock of the name.
   */
  async #withEntry<T>(database: DatabaseName, use: (entry: OpenStore) => T): Promise<T> {
    const opened = this.#opened.get(database);
    const entry = opened ?? (await this.#load(database));
    if (this.#isClosed) {
      await entry.store.close();
      throw unavailable("The server is stopping. Try again when it is back.");
    }
    this.#opened.set(database, entry);
    this.#dueAt?.delete(database);
    try {
      return use(entry);
    } finally {
      this.#closeIfUnused(entry);
    }
  }

  async #load(database: DatabaseName): Promise<OpenStore> {
    try {
      const journal = await this.#journal.open(database);
      const store = await PerDatabaseTaskStore.open(database, journal, this.#options).catch(
        async (error: unknown) => {
          await journal.close();
          throw error;
        },
      );
      return { store, leaseCount: 0, isForWriting: false, usedAt: -Infinity };
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
      entry.usedAt = this.#options.clock.now();
      this.#closeIfUnused(entry);
    };
    return { store: entry.store, release };
  }

  /** A store that nothing was stored in is for its readers alone. */
  #closeIfUnused(entry: OpenStore): void {
    const { store, leaseCount, isForWriting } = entry;
    if (leaseCount > 0 || isForWriting || store.isBusy || store.position.revision > 0) return;
    void this.#startClosing(store);
  }

  /** To be called under the lock of the name where anything was stored. Never rejects. */
  #startClosing(store: PerDatabaseTaskStore): Promise<void> {
    this.#opened.delete(store.database);
    const dueAt = Math.min(store.nextHealthCheckAt, store.nextExpiresAt(this.#options.retention));
    if (dueAt < Infinity) this.#dueAt?.set(store.database, dueAt);
    const closing = store
      .close("Nobody had asked for this database, so it was closed. Ask for its store again.")
      .catch((error: unknown) => this.#warn(error, store.database, "an unused store could not be closed"))
      .finally(() => this.#closings.delete(closing));
    this.#closings.add(closing);
    return closing;
  }

  #closeIfIdle(database: DatabaseName): Promise<void> {
    return this.#locks.runExclusive(database, async () => {
      const entry = this.#opened.get(database);
      if (entry && this.#isIdle(entry)) await this.#startClosing(entry.store);
    });
  }

  #isIdle(entry: OpenStore): boolean {
    return !hasUser(entry) && this.#options.clock.now() - entry.usedAt >= this.#options.idleMs;
  }

  async #maintain(store: PerDatabaseTaskStore): Promise<void> {
    try {
      await store.updateHealth();
      await store.expire(this.#options.retention);
    } catch (error) {
      this.#warn(error, store.database, "jobs that were due could not be changed or removed");
    }
  }

  async #maintainClosed(database: DatabaseName): Promise<void> {
    try {
      const store = await this.#locks.runExclusive(database, () =>
        this.#withEntry(database, (entry) => entry.store),
      );
      await this.#maintain(store);
      await this.#closeIfIdle(database);
    } catch (error) {
      this.#warn(error, database, "a database could not be opened for its jobs that are due");
      if (isDamaged(error)) this.#dueAt?.delete(database);
    }
  }

  /** Databases that are not open, and in which a job is due. */
  async #dueDatabases(): Promise<readonly DatabaseName[]> {
    try {
      this.#dueAt ??= await this.#unknownDueAt();
    } catch (error) {
      this.#warn(error, undefined, "the databases whose jobs may be due could not be listed");
      return [];
    }
    const now = this.#options.clock.now();
    return [...this.#dueAt].flatMap(([database, dueAt]) => (dueAt <= now ? database : []));
  }

  async #unknownDueAt(): Promise<Map<DatabaseName, number>> {
    const databases = await this.databases();
    return new Map(
      databases.flatMap(({ name }) => (this.#opened.has(name) ? [] : [[name, -Infinity] as const])),
    );
  }

  /** What fails because the server stops is nobody's concern. */
  #warn(error: unknown, database: DatabaseName | undefined, message: string): void {
    if (!this.#isClosed) this.#options.log.warn({ err: error, database }, message);
  }

  async #existing(): Promise<readonly DatabaseSummary[]> {
    try {
      return await this.#journal.databases();
    } catch (error) {
      throw unavailable("The databases can't be listed. Try again.", error);
    }
  }

  #checkDatabaseLimit(database: DatabaseName, existing: readonly DatabaseSummary[]): void {
    const { databasesMax } = this.#options.limits;
    const names = new Set(existing.map(({ name }) => name));
    for (const [name, { isForWriting }] of this.#opened) if (isForWriting) names.add(name);
    if (names.has(database) || names.size < databasesMax) return;
    throw limitExceeded(
      "databasesMax",
      `Database ${JSON.stringify(database)} would be one too many`,
      databasesMax,
    );
  }

  #checkWatchedDatabaseLimit(entry: OpenStore): void {
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

/** Trying again would not help. */
function isDamaged(error: unknown): boolean {
  return error instanceof TidemarkError && error.cause instanceof DamagedJournalError;
}

/** An open store, and why it is open. */
interface OpenStore {
  readonly store: PerDatabaseTaskStore;
  leaseCount: number;
  /** Handed out to be written to. */
  isForWriting: boolean;
  /** When somebody last asked for it, or was seen to use it; -Infinity when it was opened for jobs that are due alone. */
  usedAt: number;
}

function isInUse({ store, isForWriting }: OpenStore): boolean {
  return isForWriting || store.position.revision > 0;
}

function hasUser({ store, leaseCount }: OpenStore): boolean {
  return leaseCount > 0 || store.isBusy;
}
