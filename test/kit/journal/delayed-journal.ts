import { setImmediate } from "node:timers/promises";
import type { DatabaseJournal, Journal } from "../../../src/journal/journal.js";

/** The most turns that one wait takes. */
const TURNS_MAX = 5;

/**
 * `journal`, opening and appending only after some turns of the event loop, and answering only after some
 * more. What is called in one order is done in another and answered in a third, so the races of whoever uses
 * it are real; with a seeded `random` they are the same ones each time.
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
    open: (database) => delayed(async () => delayAppends(await journal.open(database), delayed)),
    databases: () => journal.databases(),
    recent: (count) => journal.recent(count),
    isWritable: () => journal.isWritable(),
    close: () => journal.close(),
    [Symbol.asyncDispose]: () => journal[Symbol.asyncDispose](),
  };
}

type Delayed = <T>(call: () => Promise<T>) => Promise<T>;

function delayAppends(handle: DatabaseJournal, delayed: Delayed): DatabaseJournal {
  return {
    load: (take) => handle.load(take),
    append: (entries) => delayed(() => handle.append(entries)),
    find: (commitId) => handle.find(commitId),
    follow: (revision, signal) => handle.follow(revision, signal),
    head: () => handle.head(),
    onEpochChange: (listener) => handle.onEpochChange(listener),
    close: () => handle.close(),
  };
}

async function turns(random: () => number): Promise<void> {
  for (let left = Math.floor(random() * (TURNS_MAX + 1)); left > 0; left--) await setImmediate();
}
