import { DamagedJournalError, type DatabaseSummary, type Journal } from "../journal/journal.js";
import { unavailableReason } from "../journal/unavailable-reason.js";
import { limitExceeded, TidemarkError, unavailable } from "../protocol/tidemark-error.js";
import type { DatabaseName } from "../tasks/names.js";
import type { Retention } from "../tasks/retention.js";
import { KeyedMutex } from "../util/keyed-mutex.js";
import { MemoryBudget } from "./memory-budget.js";
import { PerDatabaseTaskStore, type TaskStoreOptions } from "./per-database-task-store.js";
import type { TaskStoreLease, TaskStoreProvider } from "./task-store-provider.js";
import type { TaskStore } from "./task-store.js";

export interface ProviderOptions extends Omit<TaskStoreOptions, "memory"> {
  readonly retention: Retention;
  /** Stores that have been idle for this long are closed. Milliseconds. */
  readonly idleMs: number;
}

/**
 * Opens one store per database, even for concurrent requests (law 1). A request first looks for an open store without a
 * lock. If there is none, it locks the name and looks again. A failed opening leaves nothing behind, and the next
 * request tries again. Requests for other databases never wait.
 *
 * Closing also locks the name, until the store is closed. A request that arrives meanwhile waits and opens a new store.
 */
export class PerDatabaseTaskStoreProvider implements TaskStoreProvider {
  readonly memory: MemoryBudget;
  readonly #journal: Journal;
  readonly #options: ProviderOptions & TaskStoreOptions;
  readonly #opened = new Map<DatabaseName, OpenStore>();
  readonly #locks = new KeyedMutex();
  readonly #closings = new Set<Promise<void>>();
  /** Why databases could not be opened when they were last requested. */
  readonly #unavailable = new Map<DatabaseName, string>();
  /**
   * For each closed database, the monotonic time at which its next job expires or declines in health. Databases that the server has not opened
   * yet are due at once, because their times are unknown. Undefined until they have been listed.
   */
  #dueAt: Map<DatabaseName, number> | undefined;
  #isClosed = false;

  constructor(journal: Journal, options: ProviderOptions) {
    this.#journal = journal;
    this.memory = new MemoryBudget(options.limits, journal.supports.durability ? 1 : 2);
    this.#options = { ...options, memory: this.memory };
  }

  async getTaskStore(database: DatabaseName): Promise<TaskStore> {
    const opened = this.#touch(database);
    if (opened?.isForWriting) return opened.store;
    return this.#locks.runExclusive(database, async () => {
      const existing = await this.#existing();
      return this.#withEntry(database, (entry) => {
        if (!entry.isForWriting) this.#checkDatabaseLimit(database, existing);
        entry.isForWriting = true;
        entry.usedAt = this.#options.clock.monotonic();
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
    const existing = await this.#existing();
    return existing
      .map((summary) => withReason(summary, this.#unavailable.get(summary.name)))
      .filter((summary) => summary.jobCount > 0 || summary.unavailable !== undefined);
  }

  openStores(): PerDatabaseTaskStore[] {
    return [...this.#opened.values()].map(({ store }) => store);
  }

  /**
   * Updates the health of all jobs, and removes expired ones. Opens closed databases with a due job, one at a time,
   * and closes them again unless they were requested meanwhile. Failures are logged, and the next call tries again.
   * Do not call it while a call is in progress.
   */
  async runMaintenance(): Promise<void> {
    await Promise.all(this.openStores().map((store) => this.#maintain(store)));
    for (const database of await this.#dueDatabases()) {
      if (this.#isClosed) return;
      await this.#maintainClosed(database);
    }
  }

  /** Closes the stores that had no request and no user for the idle time. */
  async closeIdleStores(): Promise<void> {
    const now = this.#options.clock.monotonic();
    for (const entry of this.#opened.values()) {
      if (hasUser(entry)) entry.usedAt = now;
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

  /** Restarts the idle time of an open store. */
  #touch(database: DatabaseName): OpenStore | undefined {
    const opened = this.#opened.get(database);
    if (opened) opened.usedAt = this.#options.clock.monotonic();
    return opened;
  }

  /**
   * Opens the store if necessary, and calls `use` in the same turn, so that it can't be closed in between. The caller
   * must hold the lock of the name.
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
      this.#unavailable.delete(database);
      return { store, leaseCount: 0, isForWriting: false, usedAt: -Infinity };
    } catch (error) {
      const reason = unavailableReason(error);
      await this.#recordUnavailable(database, reason, error);
      throw unavailable(`Cannot open database ${JSON.stringify(database)}. ${reason}`, error);
    }
  }

  /** Logs each reason once. A database that does not exist is not recorded, because clients may invent names. */
  async #recordUnavailable(database: DatabaseName, reason: string, error: unknown): Promise<void> {
    const existing = await this.#existing().catch(() => []);
    const summary = existing.find(({ name }) => name === database);
    if (!summary) return;
    const known = this.#unavailable.get(database) ?? summary.unavailable;
    if (known !== reason) this.#warn(error, database, "cannot open a database; the others are not affected");
    this.#unavailable.set(database, reason);
  }

  #lease(entry: OpenStore): TaskStoreLease {
    let isReleased = false;
    entry.leaseCount++;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      entry.leaseCount--;
      entry.usedAt = this.#options.clock.monotonic();
      this.#closeIfUnused(entry);
    };
    return { store: entry.store, release };
  }

  /** Closes an empty store after its last reader has left. */
  #closeIfUnused(entry: OpenStore): void {
    const { store, leaseCount, isForWriting } = entry;
    if (leaseCount > 0 || isForWriting || store.isBusy || store.position.revision > 0) return;
    void this.#startClosing(store);
  }

  /** Unless the store is empty, the caller must hold the lock of the name. Never rejects. */
  #startClosing(store: PerDatabaseTaskStore): Promise<void> {
    this.#opened.delete(store.database);
    const dueAt = Math.min(store.nextHealthCheckAt, store.nextExpiresAt(this.#options.retention));
    if (dueAt < Infinity) this.#dueAt?.set(store.database, dueAt);
    const closing = store
      .close("The database was closed because it was idle. Request its store again.")
      .catch((error: unknown) => this.#warn(error, store.database, "cannot close an unused store"))
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
    return !hasUser(entry) && this.#options.clock.monotonic() - entry.usedAt >= this.#options.idleMs;
  }

  async #maintain(store: PerDatabaseTaskStore): Promise<void> {
    try {
      await store.updateHealth();
      await store.expire(this.#options.retention);
    } catch (error) {
      this.#warn(error, store.database, "cannot expire jobs or update their health");
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
      if (!this.#unavailable.has(database))
        this.#warn(error, database, "cannot open a database for its due jobs");
      if (isDamaged(error)) this.#dueAt?.delete(database);
    }
  }

  /** Closed databases with a due job. */
  async #dueDatabases(): Promise<readonly DatabaseName[]> {
    try {
      this.#dueAt ??= await this.#unknownDueAt();
    } catch (error) {
      this.#warn(error, undefined, "cannot list the databases with due jobs");
      return [];
    }
    const now = this.#options.clock.monotonic();
    return [...this.#dueAt].flatMap(([database, dueAt]) => (dueAt <= now ? database : []));
  }

  async #unknownDueAt(): Promise<Map<DatabaseName, number>> {
    const databases = await this.databases();
    return new Map(
      databases.flatMap(({ name }) => (this.#opened.has(name) ? [] : [[name, -Infinity] as const])),
    );
  }

  /** Failures after `close` are expected. */
  #warn(error: unknown, database: DatabaseName | undefined, message: string): void {
    if (!this.#isClosed) this.#options.log.warn({ err: error, database }, message);
  }

  async #existing(): Promise<readonly DatabaseSummary[]> {
    try {
      return await this.#journal.databases();
    } catch (error) {
      throw unavailable("Cannot list the databases. Try again.", error);
    }
  }

  #checkDatabaseLimit(database: DatabaseName, existing: readonly DatabaseSummary[]): void {
    const { databasesMax } = this.#options.limits;
    const names = new Set(existing.map(({ name }) => name));
    for (const [name, { isForWriting }] of this.#opened) if (isForWriting) names.add(name);
    if (names.has(database) || names.size < databasesMax) return;
    throw limitExceeded(
      "databasesMax",
      `Cannot create database ${JSON.stringify(database)}: too many databases`,
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

function withReason(summary: DatabaseSummary, reason: string | undefined): DatabaseSummary {
  return reason === undefined ? summary : { ...summary, unavailable: reason };
}

function isDamaged(error: unknown): boolean {
  return error instanceof TidemarkError && error.cause instanceof DamagedJournalError;
}

interface OpenStore {
  readonly store: PerDatabaseTaskStore;
  leaseCount: number;
  /** Whether the store was handed out for writing. */
  isForWriting: boolean;
  /** The monotonic time of the last request or observed use; -Infinity if the store was opened only for due jobs. */
  usedAt: number;
}

function isInUse({ store, isForWriting }: OpenStore): boolean {
  return isForWriting || store.position.revision > 0;
}

function hasUser({ store, leaseCount }: OpenStore): boolean {
  return leaseCount > 0 || store.isBusy;
}
