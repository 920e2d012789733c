import type { DatabaseJournal } from "../../../src/journal/journal.js";

/** A handle that forwards to `handle`, except for `calls`. */
export function delegated(handle: DatabaseJournal, calls: Partial<DatabaseJournal>): DatabaseJournal {
  return {
    load: (take) => handle.load(take),
    erase: () => handle.erase(),
    append: (entries) => handle.append(entries),
    find: (commitId) => handle.find(commitId),
    follow: (revision, signal) => handle.follow(revision, signal),
    head: () => handle.head(),
    onEpochChange: (listener) => handle.onEpochChange(listener),
    close: () => handle.close(),
    ...calls,
  };
}
