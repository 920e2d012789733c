import type { ChangeSignal } from "../util/change-signal.js";
import {
  JournalError,
  type AppendResult,
  type DatabaseJournal,
  type JournalEntry,
  type JournalHead,
  type JournalRecord,
  type JournalSlice,
} from "./journal.js";

/** The shared part of all handles on one database, with the calls of `DatabaseJournal`. */
export interface JournalDatabase {
  /** Notified after each append. */
  readonly appendSignal: ChangeSignal;
  load(take: (slice: JournalSlice) => void): Promise<JournalHead>;
  erase(): Promise<void>;
  append(entries: readonly JournalEntry[]): Promise<AppendResult>;
  find(commitId: string): Promise<number | undefined>;
  /** The record after `revision`, or undefined at the head. @throws JournalError if it is no longer kept. */
  recordAfter(revision: number): Promise<JournalRecord | undefined>;
  head(): Promise<number>;
}

/** A handle on a database of this process. */
export class JournalHandle implements DatabaseJournal {
  readonly #database: JournalDatabase;
  readonly #release: (handle: JournalHandle) => Promise<void> | void;
  #isClosed = false;

  /** @param release is called once, when the handle is closed */
  constructor(database: JournalDatabase, release: (handle: JournalHandle) => Promise<void> | void) {
    this.#database = database;
    this.#release = release;
  }

  async load(take: (slice: JournalSlice) => void): Promise<JournalHead> {
    return this.#open().load(take);
  }

  async erase(): Promise<void> {
    return this.#open().erase();
  }

  async append(entries: readonly JournalEntry[]): Promise<AppendResult> {
    return this.#open().append(entries);
  }

  async find(commitId: string): Promise<number | undefined> {
    return this.#open().find(commitId);
  }

  async *follow(revision: number, signal: AbortSignal): AsyncGenerator<JournalRecord, void> {
    const database = this.#open();
    let followed = revision;
    while (!signal.aborted && !this.#isClosed) {
      const seen = database.appendSignal.count;
      const record = await database.recordAfter(followed);
      if (record) {
        yield record;
        followed = record.revision;
      } else {
        await database.appendSignal.wait(seen, signal);
      }
    }
  }

  async head(): Promise<number> {
    return this.#open().head();
  }

  /** A history in this process is lost only together with the process, or erased by the one store that uses it. */
  onEpochChange(): () => void {
    return () => {};
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#database.appendSignal.notify();
    await this.#release(this);
  }

  #open(): JournalDatabase {
    if (this.#isClosed) throw journalClosedError();
    return this.#database;
  }
}

export function journalClosedError(): JournalError {
  return new JournalError("The journal is closed. Open it again.", "nothing written");
}
