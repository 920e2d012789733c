import type { DatabaseJournal, Journal } from "../../../src/journal/journal.js";

/** The import of a journal, if it has one. */
export function importOf(journal: Journal): Pick<Journal, "import"> {
  return journal.import ? { import: (database, source) => journal.import!(database, source) } : {};
}

/** A handle that forwards to `handle`, except for `calls`. */
export function delegated(handle: DatabaseJournal, calls: Partial<DatabaseJournal>): DatabaseJournal {
  return {
    load: (take) => handle.load(take),
    erase: (ifRevision) => handle.erase(ifRevision),
    append: (entries, madeFrom) => handle.append(entries, madeFrom),
    find: (commitId) => handle.find(commitId),
    follow: (point, signal) => handle.follow(point, signal),
    head: () => handle.head(),
    holdsLease: () => handle.holdsLease(),
    close: () => handle.close(),
    ...calls,
  };
}
