import { setImmediate } from "node:timers/promises";
import type { DatabaseJournal, Journal, JournalNews } from "../../../src/journal/journal.js";
import { importOf } from "./delegated-journal.js";

/** The longest wait, in turns. */
const TURNS_MAX = 5;

/**
 * `journal`, but it opens, reads and appends after some turns of the event loop, and answers after some more. Calls
 * run in another order than they were made, and answers arrive in a third, so callers face real races; a
 * seeded `random` repeats them.
 */
export function delayJournal(journal: Journal, random: () => number): Journal {
  const delayed = async <T>(call: () => Promise<T>): Promise<T> => {
    await turns(random);
    try {
      return await call();
    } finally {
      await turns(random);
    }
  };
  return {
    supports: journal.supports,
    engine: journal.engine,
    open: (database) => delayed(async () => delayAppends(await journal.open(database), delayed)),
    databases: () => journal.databases(),
    recent: (count) => journal.recent(count),
    ...importOf(journal),
    isWritable: () => journal.isWritable(),
    close: () => journal.close(),
    [Symbol.asyncDispose]: () => journal[Symbol.asyncDispose](),
  };
}

type Delayed = <T>(call: () => Promise<T>) => Promise<T>;

function delayAppends(handle: DatabaseJournal, delayed: Delayed): DatabaseJournal {
  return {
    load: (take) => delayed(() => handle.load(take)),
    erase: (ifRevision) => handle.erase(ifRevision),
    append: (entries, madeFrom) => delayed(() => handle.append(entries, madeFrom)),
    find: (commitId) => delayed(() => handle.find(commitId)),
    follow: (point, signal) => delayNews(handle.follow(point, signal), delayed),
    head: () => delayed(() => handle.head()),
    holdsLease: () => handle.holdsLease(),
    close: () => handle.close(),
  };
}

/** The news may be old when it arrives: its reader may know more by then. */
async function* delayNews(
  news: AsyncIterable<JournalNews>,
  delayed: Delayed,
): AsyncGenerator<JournalNews, void> {
  for await (const item of news) yield await delayed(async () => item);
}

async function turns(random: () => number): Promise<void> {
  for (let left = Math.floor(random() * (TURNS_MAX + 1)); left > 0; left--) await setImmediate();
}
