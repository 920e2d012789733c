import type { DatabaseJournal } from "../../../src/journal/journal.js";

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
