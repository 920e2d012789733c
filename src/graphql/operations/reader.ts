import type { Caller } from "../../auth/caller.js";
import { isUnrestricted, scopeOf } from "../../auth/rights.js";
import type { DatabaseSummary } from "../../journal/journal.js";
import type { TaskStoreProvider } from "../../store/task-store-provider.js";
import type { TaskStore } from "../../store/task-store.js";
import type { DatabaseName } from "../../tasks/names.js";
import { ScopedJobs, type ReadableJobs } from "./scoped-jobs.js";

/**
 * How a query reads, and sees what who asks may see (law 13): the rest is not there.
 *
 * Law 3: one operation sees each database at one revision, whatever its root fields.
 *
 * Reads of an open store are synchronous, so a query whose stores are all open runs in one turn of the event
 * loop, and nothing can change under it. Where a store has still to be opened, the reader says so by
 * throwing; the pipeline drops what the query had, waits, and runs it again from the start:
 *
 *     run ──► all open? ──yes──► answer
 *      ▲         │ no
 *      └─ open ◄─┘
 *
 * So resolvers of queries are plain functions, and reading never creates a database.
 */
export class Reader {
  readonly #provider: TaskStoreProvider;
  readonly #caller: Caller;
  /** Made when it is needed, as that is seldom; each operation has a reader. */
  #found: Map<DatabaseName, TaskStore | undefined> | undefined;
  #databases: readonly DatabaseSummary[] | undefined;
  readonly #waiting: Promise<void>[] = [];

  constructor(provider: TaskStoreProvider, caller: Caller) {
    this.#provider = provider;
    this.#caller = caller;
  }

  /** The jobs of a database; undefined for one that nothing was stored in, or that may not be seen. @throws NotYetRead */
  jobs(database: DatabaseName): ReadableJobs | undefined {
    const scope = scopeOf(database, this.#caller.rights);
    const store = scope && this.#store(database);
    return store && (isUnrestricted(scope) ? store : new ScopedJobs(store, scope));
  }

  /** Those of several databases. All are asked for before the run ends, so that one wait opens what is missing. @throws NotYetRead */
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
   * Names of the databases in which there are jobs to be seen, ascending: the first ones after `after`. Who sees
   * only a part of a database has it opened to look. @throws NotYetRead
   */
  databases(first: number, after: string): DatabaseName[] {
    const scopes = this.#named().flatMap((name) => {
      const scope = name > after ? scopeOf(name, this.#caller.rights) : undefined;
      return scope ? { name, isWhole: isUnrestricted(scope) } : [];
    });
    const seen: DatabaseName[] = [];
    for (let at = 0; at < scopes.length && seen.length < first; at += OPENED_TOGETHER) {
      const some = scopes.slice(at, at + OPENED_TOGETHER);
      const jobs = this.jobsOf(some.flatMap(({ name, isWhole }) => (isWhole ? [] : name)));
      for (const { name, isWhole } of some) if (isWhole || jobs.get(name)?.taskCount()) seen.push(name);
    }
    return seen.slice(0, first);
  }

  #store(database: DatabaseName): TaskStore | undefined {
    if (this.#found?.has(database)) return this.#found.get(database);
    const open = this.#provider.peek(database);
    if (open) return open;
    const found = (this.#found ??= new Map());
    return this.#wait(this.#provider.find(database).then((store) => void found.set(database, store)));
  }

  /** Whether the run met something that was not there yet. */
  get isIncomplete(): boolean {
    return this.#waiting.length > 0;
  }

  /** Waits until all that was missing is there. @throws TidemarkError UNAVAILABLE when it can't be read. */
  async complete(): Promise<void> {
    await Promise.all(this.#waiting.splice(0));
  }

  /** Names of the databases that have jobs, ascending. What is open is asked itself. @throws NotYetRead */
  #named(): DatabaseName[] {
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

/** Databases that are opened at once to look what is in them. */
const OPENED_TOGETHER = 100;

/** Ends a resolver that read what is not there yet. It never reaches a client. */
class NotYetRead extends Error {
  override readonly name = "NotYetRead";
}
