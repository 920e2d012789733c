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
  #databases: readonly DatabaseSummary[] | undefined;
  readonly #waiting: Promise<void>[] = [];

  constructor(provider: TaskStoreProvider, caller: Caller) {
    this.#provider = provider;
    this.#caller = caller;
  }

  /** undefined if the database does not exist or the caller may not see it. @throws NotYetRead */
  jobs(database: DatabaseName): ReadableJobs | undefined {
    const scope = scopeOf(database, this.#caller.rights);
    const store = scope && this.#store(database);
    return store && (isUnrestricted(scope) ? store : new ScopedJobs(store, scope));
  }

  /**
   * The jobs of several databases. It throws only after it has requested all of them, so that one wait opens all.
   * @throws NotYetRead
   */
  jobsOf(databases: readonly DatabaseName[]): ReadonlyMap<DatabaseName, ReadableJobs | undefined> {
    const found = new Map<DatabaseName, ReadableJobs | undefined>();
    let notYet: NotYetRead | undefined;
    for (const database of new Set(databases)) {
      try {
        found.set(database, this.jobs(database));
      } catch (error) {
        if (!(error instanceof NotYetRead)) throw error;
        notYet = error;
      }
    }
    if (notYet) throw notYet;
    return found;
  }

  /**
   * The first names after `after` of the databases in which the caller can see jobs, ascending. If the caller may
   * see only a part of a database, the reader opens it to look for jobs. @throws NotYetRead
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
    const found = (this.#found ??= new Map());
    return this.#wait(this.#provider.find(database).then((store) => void found.set(database, store)));
  }

  /** Whether the run needed data that was not loaded yet. */
  get isIncomplete(): boolean {
    return this.#waiting.length > 0;
  }

  /** Waits until the missing data is loaded. @throws TidemarkError UNAVAILABLE if it can't be read. */
  async complete(): Promise<void> {
    await Promise.all(this.#waiting.splice(0));
  }

  /** Names of the databases that have jobs, ascending. Open stores have the current count. @throws NotYetRead */
  #databaseNames(): DatabaseName[] {
    if (!this.#databases) {
      return this.#wait(this.#provider.databases().then((found) => void (this.#databases = found)));
    }
    const jobCounts = new Map(this.#databases.map(({ name, jobCount }) => [name, jobCount]));
    for (const store of this.#provider.openStores()) jobCounts.set(store.database, store.taskCount());
    return [...jobCounts].flatMap(([name, jobCount]) => (jobCount > 0 ? name : [])).toSorted();
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
