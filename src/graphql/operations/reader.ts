import type { Caller } from "../../auth/caller.js";
import { isUnrestricted, scopeOf } from "../../auth/rights.js";
import type { DatabaseSummary } from "../../journal/journal.js";
import type { TaskStoreProvider } from "../../store/task-store-provider.js";
import type { TaskStore } from "../../store/task-store.js";
import type { DatabaseName } from "../../tasks/names.js";
import { ScopedJobs, type ReadableJobs } from "./scoped-jobs.js";

/**
 * Gives queries access to the jobs that the caller may see (law 13); other jobs do not exist for them.
 *
 * Law 3: one operation sees each database at one revision, even with several root fields. Reads of an open store are
 * synchronous, so a query whose stores are all open runs in one turn of the event loop, and no change can happen
 * meanwhile. If a store must be opened first, the reader throws. The pipeline then discards the result, waits,
 * and runs the query again from the start:
 *
 *     run ──► all open? ──yes──► answer
 *      ▲         │ no
 *      └─ open ◄─┘
 *
 * So resolvers of queries are synchronous, and reading never creates a database.
 */
export class Reader {
  readonly #provider: TaskStoreProvider;
  readonly #caller: Caller;
  /** Created on demand: each operation has a reader, and few need the map. */
  #found: Map<DatabaseName, TaskStore | undefined> | undefined;
  /** Why databases could not be opened for this operation. */
  #failures: Map<DatabaseName, unknown> | undefined;
  #databases: readonly DatabaseSummary[] | undefined;
  readonly #waiting: Promise<void>[] = [];

  constructor(provider: TaskStoreProvider, caller: Caller) {
    this.#provider = provider;
    this.#caller = caller;
  }

  /**
   * undefined if the database does not exist or the caller may not see it.
   * @throws NotYetRead; TidemarkError UNAVAILABLE if the database can't be opened.
   */
  jobs(database: DatabaseName): ReadableJobs | undefined {
    const scope = scopeOf(database, this.#caller.rights);
    const store = scope && this.#store(database);
    return store && (isUnrestricted(scope) ? store : new ScopedJobs(store, scope));
  }

  /**
   * The jobs of several databases; undefined for one that can't be opened. It throws only after it has requested all of
   * them, so that one wait opens all.
   * @throws NotYetRead
   */
  jobsOf(databases: readonly DatabaseName[]): ReadonlyMap<DatabaseName, ReadableJobs | undefined> {
    const found = new Map<DatabaseName, ReadableJobs | undefined>();
    let notYet: NotYetRead | undefined;
    for (const database of new Set(databases)) {
      try {
        if (!this.#failures?.has(database)) found.set(database, this.jobs(database));
      } catch (error) {
        if (!(error instanceof NotYetRead)) throw error;
        notYet = error;
      }
    }
    if (notYet) throw notYet;
    return found;
  }

  /** Why a listed database can't be opened; null if nothing is known against it. */
  unavailable(database: DatabaseName): string | null {
    const failure = this.#failures?.get(database);
    if (failure instanceof Error) return failure.message;
    return this.#databases?.find(({ name }) => name === database)?.unavailable ?? null;
  }

  /**
   * The first names after `after` of the databases in which the caller can see jobs, ascending. If the caller may
   * see only a part of a database, the reader opens it to look for jobs. A database that can't be opened is listed for
   * callers that may see all of it. @throws NotYetRead
   */
  databases(first: number, after: string): DatabaseName[] {
    const scopes = this.#databaseNames().flatMap((name) => {
      const scope = name > after ? scopeOf(name, this.#caller.rights) : undefined;
      return scope ? { name, isWhole: isUnrestricted(scope) } : [];
    });
    const names: DatabaseName[] = [];
    for (let at = 0; at < scopes.length && names.length < first; at += OPENED_TOGETHER) {
      const some = scopes.slice(at, at + OPENED_TOGETHER);
      const jobs = this.jobsOf(some.flatMap(({ name, isWhole }) => (isWhole ? [] : name)));
      for (const { name, isWhole } of some) if (isWhole || jobs.get(name)?.taskCount()) names.push(name);
    }
    return names.slice(0, first);
  }

  #store(database: DatabaseName): TaskStore | undefined {
    if (this.#found?.has(database)) return this.#found.get(database);
    const open = this.#provider.peek(database);
    if (open) return open;
    if (this.#failures?.has(database)) throw this.#failures.get(database);
    const found = (this.#found ??= new Map());
    const failures = (this.#failures ??= new Map());
    return this.#wait(
      this.#provider.find(database).then(
        (store) => void found.set(database, store),
        (error: unknown) => void failures.set(database, error),
      ),
    );
  }

  /** Whether the run needed data that was not loaded yet. */
  get isIncomplete(): boolean {
    return this.#waiting.length > 0;
  }

  /** Waits until the missing data is loaded. @throws TidemarkError UNAVAILABLE if it can't be read. */
  async complete(): Promise<void> {
    await Promise.all(this.#waiting.splice(0));
  }

  /**
   * Names of the databases that have jobs or can't be opened, ascending. Open stores have the current count.
   * @throws NotYetRead
   */
  #databaseNames(): DatabaseName[] {
    if (!this.#databases) {
      return this.#wait(this.#provider.databases().then((found) => void (this.#databases = found)));
    }
    const isListed = new Map(
      this.#databases.map(({ name, jobCount, unavailable }) => [
        name,
        jobCount > 0 || unavailable !== undefined,
      ]),
    );
    for (const store of this.#provider.openStores()) isListed.set(store.database, store.taskCount() > 0);
    return [...isListed].flatMap(([name, isShown]) => (isShown ? name : [])).toSorted();
  }

  #wait(reading: Promise<void>): never {
    this.#waiting.push(reading);
    throw new NotYetRead();
  }
}

/** Databases that are opened at the same time to look for jobs. */
const OPENED_TOGETHER = 100;

/** Ends a resolver that needs data that is not loaded yet. It never reaches a client. */
class NotYetRead extends Error {
  override readonly name = "NotYetRead";
}
