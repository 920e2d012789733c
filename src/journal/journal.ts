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

  /**
   * Creates a database that equals the one that `source` loads, with its epoch, its generations and its revisions. The newest
   * entries are not copied: they can neither be found nor followed. The database exists when all of it is durable; if
   * this fails or the process ends before, nothing of it exists. No handle on it may be open. Present if `supports.durability`.
   * @throws JournalError if the database exists, or cannot be written; and what `source` throws
   */
  import?(database: DatabaseName, source: Pick<DatabaseJournal, "load">): Promise<void>;

  /** Whether an append would succeed now; never rejects. */
  isWritable(): Promise<boolean>;

  /** The databases whose latest write failed; absent if writes cannot fail. */
  writeFailures?(): readonly WriteFailure[];

  /**
   * How long another process, such as a backup, has been reading one state of a database, in milliseconds; 0 if none does.
   * Meanwhile the database keeps what it would otherwise overwrite.
   */
  oldestReaderMs?(): number;

  /** The service that stores the databases; absent if this process stores them itself. */
  readonly engine?: JournalEngine | undefined;

  /** Closes all handles and releases their resources. Closing twice has no effect. */
  close(): Promise<void>;
}

/** A service in which several servers store the same databases. */
export interface JournalEngine {
  /** Its time of day, in milliseconds since 1970. */
  now(): number;

  /** How long it has not answered, in milliseconds; 0 while it answers, or is only slow. */
  silentMs(): number;

  /** Why it did not answer the last time. */
  readonly failure?: unknown;

  /**
   * Tries to get the lease of a database that is not open, and returns whether this process holds it. An open handle gets
   * and keeps its lease by itself.
   */
  takeLease(database: DatabaseName): Promise<boolean>;

  /** What this process did with the engine since it opened the journal. */
  stats(): EngineStats;
}

export interface EngineStats {
  /** Appends that the engine stored, and the entries in them. */
  readonly appends: number;
  readonly entries: number;
  /** The time from their sending to their answer, together. Milliseconds. */
  readonly appendMs: number;
  /** Appends that failed, or whose outcome was unknown. */
  readonly failedAppends: number;
  /** How long the oldest append, or search for one, has been waiting for its answer; 0 if none waits. Milliseconds. */
  readonly oldestAppendMs: number;
  /** Appends that the engine rejected because a job had changed. */
  readonly conflicts: number;
  /** Polls for changes of other processes that were answered, and the time until their answers, together. */
  readonly polls: number;
  readonly pollMs: number;
  /** How many changes the open database that is furthest behind has not received yet, at the latest poll. */
  readonly lag: number;
  /** Failovers and restarts of the engine that began a generation in an open database. */
  readonly generations: number;
  /** Databases whose lease this process holds. */
  readonly leases: number;
}

export interface WriteFailure {
  readonly database: DatabaseName;
  readonly file: string;
  readonly error: unknown;
}

export interface JournalCapabilities {
  /** Appended entries survive when the process is killed. */
  readonly durability: boolean;
  /** Other processes may append to the databases, so each server follows them. */
  readonly otherWriters: boolean;
}

export interface DatabaseSummary {
  readonly name: DatabaseName;
  /** 0 if the database cannot be read. */
  readonly jobCount: number;
  /** The newest revision; given if other processes may write to the database. */
  readonly revision?: number;
  /** Why the database can't be opened, as `unavailableReason` says; absent if nothing is known against it. */
  readonly unavailable?: string | undefined;
}

/** The journal of one database. All calls may run concurrently. */
export interface DatabaseJournal {
  /**
   * Passes the stored state to `take` in slices, and yields to the event loop between them. If `take` returns a promise, the
   * next slice waits for it. Together the slices contain every entry up to the revision of the head, and none after it.
   * @throws DamagedJournalError if part of the state cannot be read; and what `take` throws
   */
  load(take: (slice: JournalSlice) => unknown): Promise<JournalHead>;

  /**
   * Deletes the database with everything in it. It no longer exists, and its next entry begins a new epoch. Needs no
   * load.
   * @param ifRevision deletes it only if this is its newest revision.
   * @returns whether it was deleted, or did not exist. @throws JournalError
   */
  erase(ifRevision?: number): Promise<boolean>;

  /**
   * Appends all entries in order, or none. Resolves when they are as durable as the driver makes them. The
   * first entry has `firstRevision`, and each further one the next revision. If the revision of a job differs from
   * the one that its first entry was made from, nothing is written and the result names the first such job. Further
   * entries of a job are made from the previous one; their `madeFrom` is not read.
   * @param madeFrom the state from which all entries were made. It must be of the newest generation. Default: any state.
   * @throws JournalError on failure; `outcome` says whether the entries may have been written.
   */
  append(entries: readonly JournalEntry[], madeFrom?: JournalPoint): Promise<AppendResult>;

  /**
   * The revision of the entry with this commit id, if it is among the newest 1,000 or younger than ten minutes. Waits for
   * an append in progress, also of another process.
   */
  find(commitId: string): Promise<number | undefined>;

  /**
   * Yields what is new after `point()`, from any handle and process, in order and without a gap. Reads `point` again
   * before each look, so the reader decides where it goes on. Ends when `signal` aborts, the journal closes, or after it
   * has yielded "gone". At least the newest 1,000 entries can be followed.
   * @throws JournalError if the journal cannot be read. Follow again.
   */
  follow(point: () => JournalPoint, signal: AbortSignal): AsyncIterable<JournalNews>;

  /** The newest state that any handle or process has written; at revision 0 if the database does not exist. */
  head(): Promise<JournalPoint>;

  /**
   * Whether this process may do the background duties of the database, such as expiry. At most one process may, except
   * for moments. Always true if no other process writes to the database.
   */
  holdsLease(): boolean;

  /** Closing twice has no effect. */
  close(): Promise<void>;
}

/** A state of a database: that after the change with this revision, as this generation of the history knew it. */
export interface JournalPoint {
  /** The epoch of the history: 12 characters of base64url, different from that of every other database. */
  readonly epoch: string;
  /** The id of a generation. */
  readonly generation: string;
  readonly revision: number;
}

/**
 * A part of a history that one engine wrote without interruption. When another server takes over for a failed one, it may
 * lack the latest changes: it begins a generation at the newest revision that it has. A state of an earlier generation
 * is a state of the history if it is not above the start of the next generation.
 */
export interface Generation {
  /** At most 12 characters of base64url; "" for the first generation. */
  readonly id: string;
  /** The revision of the newest change of the generation before. */
  readonly startsAt: number;
}

export type JournalNews =
  /** Further entries: at least one. */
  | { readonly kind: "entries"; readonly records: readonly JournalRecord[] }
  /** A new generation has begun, and the point is a state of it. */
  | { readonly kind: "generation"; readonly generations: readonly Generation[] }
  /** The point is not a state of the history, or the entries after it are no longer kept. Load the database again. */
  | { readonly kind: "gone" };

/** The only generation of a history that cannot lose changes without losing all. */
export const FIRST_GENERATION: Generation = { id: "", startsAt: 0 };

/** The state that was loaded; follow from here. */
export interface JournalHead extends JournalPoint {
  /** All generations of the history, oldest first. The last one is that of the state. */
  readonly generations: readonly Generation[];
  /** The newest removal that was forgotten; 0 if all are remembered. */
  readonly tombstoneHorizon: number;
}

/** A part of the stored state. The removals come last, oldest first: at most the newest `removalsKeptMax`. */
export interface JournalSlice {
  /** As in the head. */
  readonly epoch: string;
  /** That of the head. */
  readonly generation: string;
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
  /** The job has changed since, at the latest with the revision `head`. */
  | { readonly kind: "conflict"; readonly key: JobKey; readonly head: number }
  /** The entries were made from a state of another epoch or of an earlier generation. Follow first. */
  | { readonly kind: "stale" };

/** The limits that every driver enforces. */
export type JournalOptions = Pick<Limits, "removalsKeptMax" | "logLinesPerJobMax">;

export interface OpenOptions extends JournalOptions {
  /** Whether this start begins a new epoch in every database. */
  readonly newEpoch: boolean;
  /** Whether a store that does not exist yet is an error. By default, it is created. */
  readonly mustExist?: boolean;
  readonly log: Log;
  /** How many connections to the engine this process has at most. */
  readonly connectionsMax?: number;
  /** How durable a change is before it is answered, in the words of the engine; `server` is what the engine is set to. */
  readonly synchronousCommit?: string;
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

/** Thrown when the engine of a journal cannot be reached, or reports an error. */
export class EngineError extends JournalError {
  /** As the end of a sentence, for every client: names no address. */
  readonly reason: string;

  /** @param message for the operator */
  constructor(
    reason: string,
    message: string,
    outcome: JournalError["outcome"],
    options?: { cause?: unknown },
  ) {
    super(message, outcome, options);
    this.reason = reason;
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
