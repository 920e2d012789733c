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
  /**
   * Makes the next call reject that reads something new: `follow`, `find` or `head` of any handle. Each call affects one
   * call.
   */
  failNextRead(): void;
  /** Forgets the entries that are read next with `follow`, as if its reader had fallen too far behind. */
  forgetNextEntries(): void;
}

export type FaultTime = "before writing" | "after writing";

/** `journal`, with failures on demand. */
export function createFaultyJournal(journal: Journal): FaultyJournal {
  let openFaults = 0;
  const faults: Faults = { ofAppends: [], ofReads: 0, forgotten: 0 };
  return {
    failNextOpen() {
      openFaults += 1;
    },
    failNextAppend(when) {
      faults.ofAppends.push(when);
    },
    failNextRead() {
      faults.ofReads += 1;
    },
    forgetNextEntries() {
      faults.forgotten += 1;
    },
    supports: journal.supports,
    engine: journal.engine,
    async open(database) {
      if (openFaults === 0) return failCalls(await journal.open(database), faults);
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

interface Faults {
  readonly ofAppends: FaultTime[];
  ofReads: number;
  forgotten: number;
}

function failCalls(handle: DatabaseJournal, faults: Faults): DatabaseJournal {
  const checkRead = (): void => {
    if (faults.ofReads === 0) return;
    faults.ofReads -= 1;
    throw new JournalError("Told to fail before reading.", "nothing written");
  };
  return {
    load: (take) => handle.load(take),
    erase: (ifRevision) => handle.erase(ifRevision),
    append: (entries, madeFrom) =>
      appendOrFail(faults.ofAppends.shift(), () => handle.append(entries, madeFrom)),
    async find(commitId) {
      checkRead();
      return handle.find(commitId);
    },
    async *follow(point, signal) {
      for await (const news of handle.follow(point, signal)) {
        checkRead();
        if (faults.forgotten === 0) yield news;
        else {
          faults.forgotten -= 1;
          return yield { kind: "gone" };
        }
      }
    },
    async head() {
      checkRead();
      return handle.head();
    },
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
