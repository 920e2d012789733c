import { DamagedJournalError, type DatabaseSummary, type Journal } from "../journal/journal.js";
import { unavailableReason } from "../journal/unavailable-reason.js";
import { limitExceeded, TidemarkError, unavailable } from "../protocol/tidemark-error.js";
import type { DatabaseName, Username } from "../tasks/names.js";
import type { Retention } from "../tasks/retention.js";
import { KeyedMutex } from "../util/keyed-mutex.js";
import { expireUnopened } from "./expire-unopened.js";
import { MemoryBudget, MemoryFullError } from "./memory-budget.js";
import { PerDatabaseTaskStore, type TaskStoreOptions } from "./per-database-task-store.js";
import type { TaskStoreLease, TaskStoreProvider } from "./task-store-provider.js";
import type { TaskStore } from "./task-store.js";

export interface ProviderOptions extends Omit<TaskStoreOptions, "memory" | "otherWriters" | "onFailure"> {
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
   * For each closed database, the monotonic time at which its next job expires or declines in health. Databases that the
   * server has not opened yet are due at once, because their times are unknown. Undefined until they have been listed.
   */
  #dueAt: Map<DatabaseName, number> | undefined;
  /** The databases that did not fit into the memory, with the bytes that each needs at least. */
  readonly #tooLarge = new Map<DatabaseName, number>();
  /** The revision of each closed database that was open before, if other servers may change it. */
  readonly #closedAt = new Map<DatabaseName, number>();
  /** The users with jobs or removals in each closed database that was open before. */
  readonly #usersOfClosed = new Map<DatabaseName, ReadonlySet<Username>>();
  #relieving: Promise<void> | undefined;
  #largestLoggedAt = -Infinity;
  #isClosed = false;

  constructor(journal: Journal, options: ProviderOptions) {
    this.#journal = journal;
    const { limits } = options;
    this.memory = new MemoryBudget(limits, journal.supports.durability ? 1 : 2, () => this.#onMemoryFull());
    this.#options = {
      ...options,
      memory: this.memory,
      otherWriters: journal.supports.otherWriters,
      onFailure: (store, error) => void this.#drop(store, error),
    };
  }

  async getTaskStore(database: DatabaseName, username?: Username): Promise<TaskStore> {
    const opened = this.#touch(database);
    if (opened?.isForWriting) return opened.store;
    return this.#locks.runExclusive(database, async () => {
      const existing = await this.#existing();
      return this.#withEntry(database, (entry) => {
        if (!entry.isForWriting) this.#checkDatabaseLimits(database, existing, username);
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

  async purge(database: DatabaseName): Promise<number> {
    try {
      return (await (await this.find(database))?.purge()) ?? 0;
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      const summary = (await this.#existing()).find(({ name }) => name === database);
      return (await this.delete(database)) ? summary!.jobCount : 0;
    }
  }

  async delete(database: DatabaseName): Promise<boolean> {
    return this.#locks.runExclusive(database, async () => {
      const entry = this.#opened.get(database);
      const exists = (await this.#existing()).some(({ name }) => name === database);
      if (!exists && !entry) return false;
      if (entry) await this.#eraseOpen(entry);
      else await this.#eraseClosed(database);
      this.#dueAt?.delete(database);
      this.#tooLarge.delete(database);
      this.#unavailable.delete(database);
      this.#usersOfClosed.delete(database);
      return exists;
    });
  }

  async #eraseOpen(entry: OpenStore, onlyIf?: () => boolean): Promise<void> {
    entry.isForWriting = false;
    await entry.store.erase(onlyIf);
    void this.#closeIfUnusedOnceSettled(entry);
  }

  /** An erased store is still busy for a moment, after which another store may have its name. */
  async #closeIfUnusedOnceSettled(entry: OpenStore): Promise<void> {
    await entry.store.settled;
    this.#closeIfUnused(entry);
  }

  async #eraseClosed(database: DatabaseName): Promise<void> {
    try {
      const journal = await this.#journal.open(database);
      await journal.erase().finally(() => journal.close());
    } catch (error) {
      throw unavailable(`Cannot delete database ${JSON.stringify(database)}. Try again.`, error);
    }
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
    this.#closeExcess();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const closings = this.openStores().map((store) => store.close());
    await Promise.all([...closings, ...this.#closings, this.#relieving]);
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
    this.#closedAt.delete(database);
    this.#usersOfClosed.delete(database);
    this.#closeExcess(entry);
    try {
      return use(entry);
    } finally {
      this.#closeIfUnused(entry);
    }
  }

  async #load(database: DatabaseName): Promise<OpenStore> {
    const needed = this.#tooLarge.get(database);
    try {
      if (needed !== undefined) this.memory.checkFree(needed);
      const journal = await this.#journal.open(database);
      const store = await PerDatabaseTaskStore.open(database, journal, this.#options).catch(
        async (error: unknown) => {
          await journal.close();
          throw error;
        },
      );
      if (this.#unavailable.delete(database))
        this.#options.log.info({ database }, "opened a database that was unavailable");
      this.#tooLarge.delete(database);
      return { store, leaseCount: 0, isForWriting: false, usedAt: -Infinity };
    } catch (error) {
      const isKnown = error instanceof MemoryFullError && needed !== undefined;
      if (error instanceof MemoryFullError) this.#tooLarge.set(database, error.needed);
      const reason = reasonOf(error);
      if (!isKnown) await this.#recordUnavailable(database, reason, error);
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
    if (this.#opened.get(store.database) !== entry) return;
    if (leaseCount > 0 || isForWriting || store.isBusy || store.position.revision > 0) return;
    void this.#startClosing(store);
  }

  /** Unless the store is empty, the caller must hold the lock of the name. Never rejects. */
  #startClosing(store: PerDatabaseTaskStore): Promise<void> {
    this.#opened.delete(store.database);
    const { clock, idleMs, retention } = this.#options;
    const emptiedAt = store.isEmptied ? clock.monotonic() + idleMs : Infinity;
    const dueAt = Math.min(store.nextHealthCheckAt, store.nextExpiresAt(retention), emptiedAt);
    if (dueAt < Infinity) this.#dueAt?.set(store.database, dueAt);
    if (this.#options.otherWriters) this.#closedAt.set(store.database, store.position.revision);
    if (store.users.size > 0) this.#usersOfClosed.set(store.database, store.users);
    const closing = store
      .close("The database was closed because it was idle. Request its store again.")
      .catch((error: unknown) => this.#warn(error, store.database, "cannot close an unused store"))
      .finally(() => this.#closings.delete(closing));
    this.#closings.add(closing);
    return closing;
  }

  /** Closes a store that can no longer be used, even if it has users. The next request says why, or opens another one. */
  async #drop(store: PerDatabaseTaskStore, error: unknown): Promise<void> {
    const { database } = store;
    await this.#locks.runExclusive(database, async () => {
      if (this.#opened.get(database)?.store === store) await this.#startClosing(store);
    });
    await this.#recordUnavailable(database, reasonOf(error), error);
  }

  /** Deletes an idle database without jobs, so that its name is free again. */
  #closeIfIdle(database: DatabaseName): Promise<void> {
    return this.#locks.runExclusive(database, async () => {
      const entry = this.#opened.get(database);
      if (!entry || !this.#isIdle(entry)) return;
      if (entry.store.isEmptied) await this.#eraseIdle(entry);
      if (this.#opened.has(database)) await this.#startClosing(entry.store);
    });
  }

  async #eraseIdle(entry: OpenStore): Promise<void> {
    try {
      if (entry.store.holdsLease) await this.#eraseOpen(entry, () => entry.store.isEmptied);
    } catch (error) {
      this.#warn(error, entry.store.database, "cannot delete a database without jobs");
    }
  }

  /** While too many stores are open, closes those without a user that were requested least recently. */
  #closeExcess(requested?: OpenStore): void {
    const excess = this.#opened.size - this.#options.limits.databasesOpenMax;
    if (excess <= 0) return;
    const unused = [...this.#opened.values()].filter((entry) => entry !== requested && this.#isUnused(entry));
    for (const entry of unused.toSorted((a, b) => a.usedAt - b.usedAt).slice(0, excess))
      void this.#closeIfUnusedSince(entry, entry.usedAt);
  }

  #closeIfUnusedSince(entry: OpenStore, usedAt: number): Promise<void> {
    const { database } = entry.store;
    return this.#locks.runExclusive(database, async () => {
      const isSame = this.#opened.get(database) === entry && entry.usedAt === usedAt;
      if (isSame && this.#isUnused(entry)) await this.#startClosing(entry.store);
    });
  }

  /** A store that was requested a moment ago may be about to be used. */
  #isUnused(entry: OpenStore): boolean {
    return !hasUser(entry) && this.#options.clock.monotonic() - entry.usedAt >= UNUSED_MS;
  }

  #onMemoryFull(): void {
    this.#logLargest();
    this.#relieving ??= this.#relieveMemory().finally(() => (this.#relieving = undefined));
  }

  #logLargest(): void {
    const { clock, log } = this.#options;
    const now = clock.monotonic();
    if (now - this.#largestLoggedAt < LARGEST_LOGGED_EVERY_MS) return;
    this.#largestLoggedAt = now;
    const largest = this.memory.largest(10).map(({ database, bytes }) => ({ database, bytes }));
    log.warn({ largest }, "changes are rejected because the memory for jobs is full (--memory-max)");
  }

  /** Evicts the jobs that ended first, of all open databases, until new tasks fit again. */
  async #relieveMemory(): Promise<void> {
    try {
      while (this.memory.isNearlyFull && !this.#isClosed) {
        const stores = this.openStores().filter(({ oldestEndAt }) => oldestEndAt < Infinity);
        if (stores.length === 0) break;
        const oldest = stores.reduce((a, b) => (b.oldestEndAt < a.oldestEndAt ? b : a));
        if ((await oldest.evictEnded(EVICTED_TOGETHER)) === 0) break;
      }
    } catch (error) {
      this.#warn(error, undefined, "cannot evict ended jobs, although the memory is full");
    }
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
      if (!((await this.#journal.engine?.takeLease(database)) ?? true)) return;
      const store = await this.#locks.runExclusive(database, () =>
        this.#withEntry(database, (entry) => entry.store),
      );
      await this.#maintain(store);
      await this.#closeIfIdle(database);
    } catch (error) {
      if (isTooLarge(error)) return this.#expireTooLarge(database);
      if (!this.#unavailable.has(database))
        this.#warn(error, database, "cannot open a database for its due jobs");
      if (isDamaged(error)) this.#dueAt?.delete(database);
    }
  }

  async #expireTooLarge(database: DatabaseName): Promise<void> {
    try {
      await this.#locks.runExclusive(database, async () => {
        const journal = await this.#journal.open(database);
        const { count, nextAt } = await expireUnopened(database, journal, this.#options).finally(() =>
          journal.close(),
        );
        this.#dueAt?.set(database, nextAt);
        if (count > 0) this.#tooLarge.delete(database);
      });
    } catch (error) {
      this.#warn(error, database, "cannot expire the jobs of a database that does not fit into the memory");
    }
  }

  /** Closed databases with a due job. */
  async #dueDatabases(): Promise<readonly DatabaseName[]> {
    try {
      this.#dueAt ??= await this.#unknownDueAt();
      if (this.#options.otherWriters) await this.#noteChangesOfOthers(this.#dueAt);
    } catch (error) {
      this.#warn(error, undefined, "cannot list the databases with due jobs");
      return [];
    }
    const now = this.#options.clock.monotonic();
    return [...this.#dueAt].flatMap(([database, dueAt]) => (dueAt <= now ? database : []));
  }

  async #unknownDueAt(): Promise<Map<DatabaseName, number>> {
    const databases = await this.#existing();
    return new Map(
      databases.flatMap(({ name }) => (this.#opened.has(name) ? [] : [[name, -Infinity] as const])),
    );
  }

  /** Makes closed databases due that other servers have changed since they were open here. */
  async #noteChangesOfOthers(dueAt: Map<DatabaseName, number>): Promise<void> {
    const existing = new Map((await this.#existing()).map(({ name, revision }) => [name, revision]));
    for (const [name, revision] of existing)
      if (!this.#opened.has(name) && this.#closedAt.get(name) !== revision) dueAt.set(name, -Infinity);
    for (const name of this.#closedAt.keys()) if (!existing.has(name)) this.#closedAt.delete(name);
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

  #checkDatabaseLimits(
    database: DatabaseName,
    existing: readonly DatabaseSummary[],
    username: Username | undefined,
  ): void {
    const { databasesMax, databasesPerUserMax } = this.#options.limits;
    const names = new Set(existing.map(({ name }) => name));
    for (const [name, { isForWriting }] of this.#opened) if (isForWriting) names.add(name);
    if (names.has(database)) return;
    const name = JSON.stringify(database);
    if (names.size >= databasesMax)
      throw limitExceeded("databasesMax", `Cannot create database ${name}: too many databases`, databasesMax);
    if (username === undefined || this.#databasesOf(username) < databasesPerUserMax) return;
    throw limitExceeded(
      "databasesPerUserMax",
      `Cannot create database ${name}: user ${JSON.stringify(username)} has jobs in too many databases`,
      databasesPerUserMax,
    );
  }

  #databasesOf(username: Username): number {
    const opened = this.openStores().map(({ users }) => users);
    return [...opened, ...this.#usersOfClosed.values()].filter((users) => users.has(username)).length;
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

/** Why a database cannot be opened, and what helps. */
function reasonOf(error: unknown): string {
  if (!(error instanceof MemoryFullError)) return unavailableReason(error);
  const others = error.used === 0 ? "" : ", remove jobs from other databases";
  return `It does not fit into the memory: ${error.message}. Raise --memory-max${others}, or purge or delete this one.`;
}

/** A store is not closed to make room for others within this time after a request. */
const UNUSED_MS = 1_000;

const LARGEST_LOGGED_EVERY_MS = 60_000;

/** Jobs that are evicted in one append when the memory is full. */
const EVICTED_TOGETHER = 100;

function isTooLarge(error: unknown): boolean {
  return error instanceof TidemarkError && error.cause instanceof MemoryFullError;
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
