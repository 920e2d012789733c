import type { ChangeSignal } from "../util/change-signal.js";
import {
  JournalError,
  type AppendResult,
  type DatabaseJournal,
  type JournalEntry,
  type JournalHead,
  type JournalNews,
  type JournalPoint,
  type JournalSlice,
} from "./journal.js";

/** The shared part of all handles on one database, with the calls of `DatabaseJournal`. */
export interface JournalDatabase {
  /** Notified after each append. */
  readonly appendSignal: ChangeSignal;
  load(take: (slice: JournalSlice) => unknown): Promise<JournalHead>;
  erase(ifRevision?: number): Promise<boolean>;
  append(entries: readonly JournalEntry[], madeFrom?: JournalPoint): Promise<AppendResult>;
  find(commitId: string): Promise<number | undefined>;
  /** What is new after `point`, or undefined at the head. */
  newsAfter(point: JournalPoint): Promise<JournalNews | undefined>;
  head(): Promise<JournalPoint>;
  holdsLease(): boolean;
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

  async load(take: (slice: JournalSlice) => unknown): Promise<JournalHead> {
    return this.#open().load(take);
  }

  async erase(ifRevision?: number): Promise<boolean> {
    return this.#open().erase(ifRevision);
  }

  async append(entries: readonly JournalEntry[], madeFrom?: JournalPoint): Promise<AppendResult> {
    return this.#open().append(entries, madeFrom);
  }

  async find(commitId: string): Promise<number | undefined> {
    return this.#open().find(commitId);
  }

  async *follow(point: () => JournalPoint, signal: AbortSignal): AsyncGenerator<JournalNews, void> {
    const database = this.#open();
    while (!signal.aborted && !this.#isClosed) {
      const seen = database.appendSignal.count;
      const news = await database.newsAfter(point());
      if (news) yield news;
      else await database.appendSignal.wait(seen, signal);
      if (news?.kind === "gone") return;
    }
  }

  async head(): Promise<JournalPoint> {
    return this.#open().head();
  }

  holdsLease(): boolean {
    return this.#database.holdsLease();
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
