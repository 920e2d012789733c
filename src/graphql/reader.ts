import type { DatabaseSummary } from "../journal/journal.js";
import type { TaskStoreProvider } from "../store/task-store-provider.js";
import type { TaskStore } from "../store/task-store.js";
import type { DatabaseName } from "../tasks/names.js";

/**
 * How a query reads (law 3): one operation sees each database at one revision, whatever its root fields.
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
  /** Made when it is needed, as that is seldom; each operation has a reader. */
  #found: Map<DatabaseName, TaskStore | undefined> | undefined;
  #databases: readonly DatabaseSummary[] | undefined;
  readonly #waiting: Promise<void>[] = [];

  constructor(provider: TaskStoreProvider) {
    this.#provider = provider;
  }

  /** The store of a database; undefined for one that nothing was stored in. @throws NotYetRead */
  store(database: DatabaseName): TaskStore | undefined {
    if (this.#found?.has(database)) return this.#found.get(database);
    const open = this.#provider.peek(database);
    if (open) return open;
    const found = (this.#found ??= new Map());
    return this.#wait(this.#provider.find(database).then((store) => void found.set(database, store)));
  }

  /** Names of the databases that have jobs, ascending. What is open is asked itself. @throws NotYetRead */
  databases(): DatabaseName[] {
    if (!this.#databases) {
      return this.#wait(this.#provider.databases().then((found) => void (this.#databases = found)));
    }
    const jobCounts = new Map(this.#databases.map(({ name, jobCount }) => [name, jobCount]));
    for (const store of this.#provider.openStores()) jobCounts.set(store.database, store.taskCount());
    return [...jobCounts].flatMap(([name, jobCount]) => (jobCount > 0 ? name : [])).toSorted();
  }

  /** Whether the run met something that was not there yet. */
  get isIncomplete(): boolean {
    return this.#waiting.length > 0;
  }

  /** Waits until all that was missing is there. @throws TidemarkError UNAVAILABLE when it can't be read. */
  async complete(): Promise<void> {
    await Promise.all(this.#waiting.splice(0));
  }

  #wait(reading: Promise<void>): never {
    this.#waiting.push(reading);
    throw new NotYetRead();
  }
}

/** Ends a resolver that read what is not there yet. It never reaches a client. */
export class NotYetRead extends Error {
  override readonly name = "NotYetRead";
}
