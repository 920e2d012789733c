import type { Limits } from "../protocol/limits.js";
import type { DatabaseName, JobKey } from "../tasks/names.js";
import type { TaskRow, VersionedRow } from "../tasks/task-rows.js";
import type { LogEntry, RemovalReason, UserTask } from "../tasks/user-task.js";
import type { Log } from "../util/log.js";
import { packageVersion } from "../util/package-version.js";

/**
 * Stores the changes of databases. One interface serves memory, files and services. `supports` says what a
 * driver can do, so code never depends on a driver's name. One test suite (test/conformance/journal-suite.ts)
 * covers every driver.
 *
 * A journal numbers changes and keeps the resulting state. It knows no domain rules.
 */
export interface Journal extends AsyncDisposable {
  readonly supports: JournalCapabilities;

  /**
   * Opens the journal of one database. Opening creates nothing: a database exists from its first append. Each
   * call returns another handle, and handles on one database see each other's entries.
   * @throws JournalError if the journal cannot be read.
   */
  open(database: DatabaseName): Promise<DatabaseJournal>;

  /** All existing databases, sorted by name, including those without jobs. */
  databases(): Promise<readonly DatabaseSummary[]>;

  /** Up to `count` databases, by their last write before this journal was opened, newest first. */
  recent(count: number): Promise<readonly DatabaseName[]>;

  /** Whether an append would succeed now; never rejects. */
  isWritable(): Promise<boolean>;

  /** The databases whose latest write failed; absent if writes cannot fail. */
  writeFailures?(): readonly WriteFailure[];

  /**
   * How long another process, such as a backup, has been reading one state of a database, in milliseconds; 0 if none does.
   * Meanwhile the database keeps what it would otherwise overwrite.
   */
  oldestReaderMs?(): number;

  /** Closes all handles and releases their resources. Closing twice has no effect. */
  close(): Promise<void>;
}

export interface WriteFailure {
  readonly database: DatabaseName;
  readonly file: string;
  readonly error: unknown;
}

export interface JournalCapabilities {
  /** Appended entries survive when the process is killed. */
  readonly durability: boolean;
  /** Other processes may append to the databases, so the server must follow them. */
  readonly otherWriters: boolean;
}

export interface DatabaseSummary {
  readonly name: DatabaseName;
  /** 0 if the database cannot be read. */
  readonly jobCount: number;
  /** Why the database can't be opened, as `unavailableReason` says; absent if nothing is known against it. */
  readonly unavailable?: string | undefined;
}

/** The journal of one database. All calls may run concurrently. */
export interface DatabaseJournal {
  /**
   * Passes the stored state to `take` in slices, and yields to the event loop between them. Together the slices
   * contain every entry up to the revision of the head, and none after it.
   * @throws DamagedJournalError if part of the state cannot be read.
   */
  load(take: (slice: JournalSlice) => void): Promise<JournalHead>;

  /**
   * Deletes the database with everything in it. It no longer exists, and its next entry begins a new epoch. Needs no
   * load. @throws JournalError
   */
  erase(): Promise<void>;

  /**
   * Appends all entries in order, or none. Resolves when they are as durable as the driver makes them. The
   * first entry has `firstRevision`, and each further one the next revision. If a job's revision differs from
   * the one that its entry was made from, nothing is written and the result names the first such job.
   * @throws JournalError on failure; `outcome` says whether the entries may have been written.
   */
  append(entries: readonly JournalEntry[]): Promise<AppendResult>;

  /** The revision of the entry with this commit id, if it is among the newest 1,000. */
  find(commitId: string): Promise<number | undefined>;

  /**
   * Yields every entry after `revision`, from any handle, in order and without a gap. Ends when `signal` aborts
   * or the journal closes. At least the newest 1,000 entries can be followed.
   * @throws JournalError if the entries after `revision` are no longer kept. Load the database again.
   */
  follow(revision: number, signal: AbortSignal): AsyncIterable<JournalRecord>;

  /** The newest revision that any handle has written; 0 if the database does not exist. */
  head(): Promise<number>;

  /**
   * Calls `listener` when the history was lost and a new epoch begins; the listener must load the database again.
   * Returns a function that stops listening.
   */
  onEpochChange(listener: (epoch: string) => void): () => void;

  /** Closing twice has no effect. */
  close(): Promise<void>;
}

export interface JournalHead {
  /** The epoch of the history: 12 characters of base64url, different from that of every other database. */
  readonly epoch: string;
  /** The newest entry in the state; follow from here. */
  readonly revision: number;
  /** The newest removal that was forgotten; 0 if all are remembered. */
  readonly tombstoneHorizon: number;
}

/** A part of the stored state. The removals come last, oldest first: at most the newest `removalsKeptMax`. */
export interface JournalSlice {
  /** As in the head. */
  readonly epoch: string;
  readonly jobs: readonly StoredJob[];
  readonly removals: readonly StoredRemoval[];
}

/** A job as rows, each with the revision that wrote it. */
export interface StoredJob extends JobKey {
  readonly header: JobHeader;
  /** The revision of the latest change. */
  readonly revision: number;
  /** The revision of the latest store. */
  readonly storedRevision: number;
  readonly tasks: readonly VersionedRow[];
  readonly log: readonly LogEntry[];
}

export interface StoredRemoval extends JobKey, RemovedChange {
  readonly revision: number;
}

/** The job's own fields. The tree, the log and the revisions are stored separately. */
export type JobHeader = Omit<
  UserTask,
  "kind" | "database" | "username" | "jobId" | "stamp" | "storedStamp" | "task" | "log"
>;

/** One change of one job, as it is written. The journal assigns its revision. */
export interface JournalEntry extends JobKey {
  readonly format: 1;
  /** Unique. After an append with an unknown outcome, `find` looks up the entry by this id. */
  readonly commitId: string;
  /** The revision of the job, or of its removal, that this change was made from; 0 if there was none. */
  readonly madeFrom: number;
  readonly change: StoredChange | UpdatedChange | RemovedChange;
}

/** A stored tree. It replaces all rows of the job, or its removal. */
export interface StoredChange {
  readonly kind: "stored";
  readonly header: JobHeader;
  readonly tasks: readonly TaskRow[];
}

/** An update of a job, with its changed tasks and new log lines. */
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

/** The limits that every driver enforces. */
export type JournalOptions = Pick<Limits, "removalsKeptMax" | "logLinesPerJobMax">;

export interface OpenOptions extends JournalOptions {
  /** Whether this start begins a new epoch in every database. */
  readonly newEpoch: boolean;
  readonly log: Log;
}

/** Thrown when a journal operation fails. */
export class JournalError extends Error {
  override readonly name: string = "JournalError";
  /** Whether the entries of a failed append may have been written. */
  readonly outcome: "nothing written" | "unknown";

  constructor(message: string, outcome: JournalError["outcome"], options?: { cause?: unknown }) {
    super(message, options);
    this.outcome = outcome;
  }
}

/** Thrown when stored data is intact, but was written in a form that this version does not know. */
export class UnknownFormatError extends JournalError {
  /** @param what of the stored data is unknown, such as "a task of kind 7" */
  constructor(what: string) {
    super(
      `It has ${what}, which Tidemark ${packageVersion()} does not know. The data is intact: use the version that wrote it, or a newer one.`,
      "nothing written",
    );
  }
}

/** Thrown when stored data is unreadable. An operator must repair it. */
export class DamagedJournalError extends JournalError {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, "nothing written", options);
  }
}
