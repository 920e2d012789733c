import type { Limits } from "../protocol/limits.js";
import type { DatabaseName, JobKey } from "../tasks/names.js";
import type { TaskRow, VersionedRow } from "../tasks/task-rows.js";
import type { LogEntry, RemovalReason, UserTask } from "../tasks/user-task.js";
import type { Log } from "../util/log.js";

/**
 * Where the changes of databases are kept. One interface for memory, a file and a service; what a driver can
 * do is data (`supports`), never its name, and one suite (test/conformance/journal-suite.ts) runs on all.
 *
 * A journal numbers changes and keeps the state that they lead to; it knows no rule of the domain.
 */
export interface Journal extends AsyncDisposable {
  readonly supports: JournalCapabilities;

  /**
   * Opens one database's journal. Opening creates nothing: a database exists from its first append. Each
   * call gives another handle, and handles on one database see each other's entries.
   * @throws JournalError when it can't be read.
   */
  open(database: DatabaseName): Promise<DatabaseJournal>;

  /** Every database that exists, by name, also one without jobs. */
  databases(): Promise<readonly DatabaseSummary[]>;

  /** Up to `count` of the databases that were written to last before this was opened, the newest first. */
  recent(count: number): Promise<readonly DatabaseName[]>;

  /** Whether an append could be written now; never rejects. */
  isWritable(): Promise<boolean>;

  /** Gives up all handles and what they hold. Closing twice is harmless. */
  close(): Promise<void>;
}

export interface JournalCapabilities {
  /** What was appended is there after the process was killed. */
  readonly durability: boolean;
  /** Others than this process may append to its databases, so that `follow` must be listened to. */
  readonly otherWriters: boolean;
}

export interface DatabaseSummary {
  readonly name: DatabaseName;
  /** 0 where it can't be read. */
  readonly jobCount: number;
}

/** One database's journal. Every call may run concurrently with any other. */
export interface DatabaseJournal {
  /**
   * Gives the state kept, in slices, with turns of the event loop between them: together they are whole, every
   * entry up to the head's revision is in them and none after.
   * @throws DamagedJournalError when something of it can't be read.
   */
  load(take: (slice: JournalSlice) => void): Promise<JournalHead>;

  /**
   * Appends entries, all or none, in order. Resolves when they are as durable as the driver makes them: the
   * first has `firstRevision`, the next the one after it. Where a job's revision is no longer the one that an
   * entry was made from, nothing is written and the first such job is named.
   * @throws JournalError when it failed; `outcome` says whether it may have been written all the same.
   */
  append(entries: readonly JournalEntry[]): Promise<AppendResult>;

  /** The revision of the entry with this commit id, if it was written among the newest 1,000. */
  find(commitId: string): Promise<number | undefined>;

  /**
   * Every entry after `revision`, from any handle, in order and without a gap; ends when `signal` aborts or
   * the journal closes. At least the newest 1,000 entries can be followed from.
   * @throws JournalError when the entries after `revision` are no longer kept: load again.
   */
  follow(revision: number, signal: AbortSignal): AsyncIterable<JournalRecord>;

  /** The newest revision that any handle has written; 0 for a database that does not exist. */
  head(): Promise<number>;

  /** Calls back when the history was lost and begins anew; load again. Returns how to stop. */
  onEpochChange(listener: (epoch: string) => void): () => void;

  /** Closing twice is harmless. */
  close(): Promise<void>;
}

export interface JournalHead {
  /** Of the history: 12 characters of base64url, unlike that of any other database. */
  readonly epoch: string;
  /** The newest entry in it; entries are followed from here. */
  readonly revision: number;
  /** The newest removal that is no longer remembered; 0 when all are. */
  readonly tombstoneHorizon: number;
}

/** A part of what is kept. Of the removals the newest `removalsKeptMax` are, which come last, oldest first. */
export interface JournalSlice {
  /** As in the head. */
  readonly epoch: string;
  readonly jobs: readonly StoredJob[];
  readonly removals: readonly StoredRemoval[];
}

/** A job in rows: each was written by the revision beside it. */
export interface StoredJob extends JobKey {
  readonly header: JobHeader;
  /** Of the latest change. */
  readonly revision: number;
  /** Of the latest store. */
  readonly storedRevision: number;
  readonly tasks: readonly VersionedRow[];
  readonly log: readonly LogEntry[];
}

export interface StoredRemoval extends JobKey, RemovedChange {
  readonly revision: number;
}

/** What is the job's own: the tree, the log and the revisions are kept beside it. */
export type JobHeader = Omit<
  UserTask,
  "kind" | "database" | "username" | "jobId" | "stamp" | "storedStamp" | "task" | "log"
>;

/** One change of one job, as it is written. The journal gives it its revision. */
export interface JournalEntry extends JobKey {
  readonly format: 1;
  /** Unique; by it an entry is found after an append whose outcome is unknown. */
  readonly commitId: string;
  /** The revision of the job, or of its removal, that this change was made from; 0 when there was none. */
  readonly madeFrom: number;
  readonly change: StoredChange | UpdatedChange | RemovedChange;
}

/** A tree was stored: replaces all rows of the job, and withdraws its removal. */
export interface StoredChange {
  readonly kind: "stored";
  readonly header: JobHeader;
  readonly tasks: readonly TaskRow[];
}

/** The job changed: the tasks that did, and the new log lines. */
export interface UpdatedChange {
  readonly kind: "updated";
  readonly header: JobHeader;
  readonly tasks: readonly TaskRow[];
  readonly log: readonly LogEntry[];
}

export interface RemovedChange {
  readonly kind: "removed";
  readonly reason: RemovalReason;
  readonly removedAt: number;
  readonly attempt: number;
  readonly version: number;
}

export interface JournalRecord {
  readonly revision: number;
  readonly entry: JournalEntry;
}

export type AppendResult =
  | { readonly kind: "appended"; readonly firstRevision: number }
  | { readonly kind: "conflict"; readonly key: JobKey };

/** The bounds that a journal keeps by itself, whatever its driver. */
export type JournalOptions = Pick<Limits, "removalsKeptMax" | "logLinesPerJobMax">;

export interface OpenOptions extends JournalOptions {
  /** Whether every database begins a new epoch with this start. */
  readonly newEpoch: boolean;
  readonly log: Log;
}

/** A journal that failed. */
export class JournalError extends Error {
  override readonly name: string = "JournalError";
  /** Whether an append may have been written all the same. */
  readonly outcome: "nothing written" | "unknown";

  constructor(message: string, outcome: JournalError["outcome"], options?: { cause?: unknown }) {
    super(message, options);
    this.outcome = outcome;
  }
}

/** What was written is no longer what can be read: it takes an operator to mend that. */
export class DamagedJournalError extends JournalError {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, "nothing written", options);
  }
}
