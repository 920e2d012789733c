import {
  JournalError,
  type AppendResult,
  type DatabaseJournal,
  type Journal,
} from "../../../src/journal/journal.js";
import { importOf } from "./delegated-journal.js";

/** A journal that fails on demand, as with a full disk or a lost connection. */
export interface FaultyJournal extends Journal {
  /** Makes the next `open` reject. Each call affects one `open`. */
  failNextOpen(): void;
  /**
   * Makes the next `append` of any handle reject: `before writing` with the outcome "nothing written", or
   * `after writing` with the outcome "unknown". Each call affects one append, in order.
   */
  failNextAppend(when: FaultTime): void;
}

export type FaultTime = "before writing" | "after writing";

/** `journal`, with failures on demand. */
export function createFaultyJournal(journal: Journal): FaultyJournal {
  let openFaults = 0;
  const appendFaults: FaultTime[] = [];
  return {
    failNextOpen() {
      openFaults += 1;
    },
    failNextAppend(when) {
      appendFaults.push(when);
    },
    supports: journal.supports,
    engine: journal.engine,
    async open(database) {
      if (openFaults === 0) return failAppends(await journal.open(database), appendFaults);
      openFaults -= 1;
      throw new JournalError("Told to fail before opening.", "nothing written");
    },
    databases: () => journal.databases(),
    recent: (count) => journal.recent(count),
    ...importOf(journal),
    isWritable: () => journal.isWritable(),
    close: () => journal.close(),
    [Symbol.asyncDispose]: () => journal[Symbol.asyncDispose](),
  };
}

function failAppends(handle: DatabaseJournal, faults: FaultTime[]): DatabaseJournal {
  return {
    load: (take) => handle.load(take),
    erase: (ifRevision) => handle.erase(ifRevision),
    append: (entries, madeFrom) => appendOrFail(faults.shift(), () => handle.append(entries, madeFrom)),
    find: (commitId) => handle.find(commitId),
    follow: (point, signal) => handle.follow(point, signal),
    head: () => handle.head(),
    holdsLease: () => handle.holdsLease(),
    close: () => handle.close(),
  };
}

async function appendOrFail(
  fault: FaultTime | undefined,
  append: () => Promise<AppendResult>,
): Promise<AppendResult> {
  if (fault === "before writing") throw new JournalError("Told to fail before writing.", "nothing written");
  const result = await append();
  if (fault === "after writing") throw new JournalError("Told to fail after writing.", "unknown");
  return result;
}
