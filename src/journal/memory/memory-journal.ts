import { randomBytes } from "node:crypto";
import type { DatabaseName } from "../../tasks/names.js";
import type { VersionedRow } from "../../tasks/task-rows.js";
import type { LogEntry } from "../../tasks/user-task.js";
import { assert, unreachable } from "../../util/assert.js";
import { ChangeSignal } from "../../util/change-signal.js";
import { journalClosedError, JournalHandle, type JournalDatabase } from "../journal-handle.js";
import {
  JournalError,
  type AppendResult,
  type DatabaseJournal,
  type DatabaseSummary,
  type JobHeader,
  type Journal,
  type JournalEntry,
  type JournalHead,
  type JournalOptions,
  type JournalRecord,
  type JournalSlice,
  type StoredJob,
  type StoredRemoval,
  type UpdatedChange,
} from "../journal.js";
import { appendLogLines, jobKeyText, pickJobKey, createStoredJob } from "../stored-job.js";

/**
 * A journal in this process' memory, for tests and servers whose jobs may be forgotten. All of the contract
 * but durability: a database lives as long as the journal, and its epoch with it.
 *
 * An append and a load are each done in one turn, so the event loop makes them atomic; an append costs what
 * it changes, whatever the database holds.
 */
export function createMemoryJournal(options: JournalOptions): Journal {
  return new MemoryJournal(options);
}

/** Entries that can be found and followed from. */
const ENTRIES_KEPT = 1_000;

class MemoryJournal implements Journal {
  readonly supports = { durability: false, otherWriters: false };
  readonly #options: JournalOptions;
  readonly #databases = new Map<DatabaseName, MemoryDatabase>();
  #isClosed = false;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  async open(name: DatabaseName): Promise<DatabaseJournal> {
    this.#checkOpen();
    const database = this.#databases.get(name) ?? new MemoryDatabase(this.#options);
    this.#databases.set(name, database);
    const handle = new JournalHandle(database, () => {
      database.handles.delete(handle);
      this.#release(name, database);
    });
    database.handles.add(handle);
    return handle;
  }

  async databases(): Promise<readonly DatabaseSummary[]> {
    this.#checkOpen();
    return [...this.#databases]
      .filter(([, database]) => database.exists)
      .map(([name, { jobCount }]) => ({ name, jobCount }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  async recent(): Promise<readonly DatabaseName[]> {
    return [];
  }

  async isWritable(): Promise<boolean> {
    return !this.#isClosed;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const handles = [...this.#databases.values()].flatMap((database) => [...database.handles]);
    await Promise.all(handles.map((handle) => handle.close()));
    this.#databases.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Law 16: names that were only read do not stay. Their epoch was never needed: revision 0 is in any. */
  #release(name: DatabaseName, database: MemoryDatabase): void {
    if (database.handles.size === 0 && !database.exists) this.#databases.delete(name);
  }

  #checkOpen(): void {
    if (this.#isClosed) throw journalClosedError();
  }
}

/** What all handles on one database share: its state in rows, and the log that led to it. */
class MemoryDatabase implements JournalDatabase {
  readonly handles = new Set<JournalHandle>();
  readonly appendSignal = new ChangeSignal();
  readonly #log = new EntryLog();
  readonly #options: JournalOptions;
  readonly #epoch = randomBytes(9).toString("base64url");
  readonly #jobs = new Map<string, Job>();
  /** Oldest first: a key is never set while it is in. */
  readonly #removals = new Map<string, StoredRemoval>();
  /** Stands before the oldest removal: it goes on in order of insertion, over gaps and to what comes later. */
  readonly #oldestRemovals = this.#removals.values();
  #tombstoneHorizon = 0;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  get exists(): boolean {
    return this.#log.head > 0;
  }

  get jobCount(): number {
    return this.#jobs.size;
  }

  async load(take: (slice: JournalSlice) => void): Promise<JournalHead> {
    const jobs = Array.from(this.#jobs.values(), (job) => ({ ...job, tasks: [...job.tasks.values()] }));
    take({ epoch: this.#epoch, jobs, removals: [...this.#removals.values()] });
    return { epoch: this.#epoch, revision: this.#log.head, tombstoneHorizon: this.#tombstoneHorizon };
  }

  async append(entries: readonly JournalEntry[]): Promise<AppendResult> {
    const ids = entries.map(jobKeyText);
    const conflict = this.#conflictIn(entries, ids);
    if (conflict) return { kind: "conflict", key: pickJobKey(conflict) };
    const firstRevision = this.#log.head + 1;
    entries.forEach((entry, index) => this.#write(ids[index]!, entry, this.#log.push(entry)));
    this.appendSignal.notify();
    return { kind: "appended", firstRevision };
  }

  async find(commitId: string): Promise<number | undefined> {
    return this.#log.find(commitId);
  }

  async recordAfter(revision: number): Promise<JournalRecord | undefined> {
    return this.#log.after(revision);
  }

  async head(): Promise<number> {
    return this.#log.head;
  }

  /** The first entry that was made from something else than what is here and what the entries before it make. */
  #conflictIn(entries: readonly JournalEntry[], ids: readonly string[]): JournalEntry | undefined {
    const made = new Map<string, Latest>();
    return entries.find((entry, index) => {
      const id = ids[index]!;
      const before = made.get(id) ?? this.#latest(id);
      if (entry.madeFrom !== before.revision) return true;
      const { kind } = entry.change;
      assert(kind === "stored" || before.isJob, `an entry "${kind}" for a job that is not stored`);
      made.set(id, { revision: this.#log.head + 1 + index, isJob: kind !== "removed" });
      return false;
    });
  }

  #latest(id: string): Latest {
    const job = this.#jobs.get(id);
    return { revision: (job ?? this.#removals.get(id))?.revision ?? 0, isJob: job !== undefined };
  }

  #write(id: string, entry: JournalEntry, revision: number): void {
    const { change } = entry;
    switch (change.kind) {
      case "stored":
        this.#removals.delete(id);
        this.#jobs.set(id, withRowsByPath(createStoredJob(entry, change, revision)));
        break;
      case "updated":
        // It is there: #conflictIn has asserted it.
        this.#update(this.#jobs.get(id)!, change, revision);
        break;
      case "removed":
        this.#jobs.delete(id);
        this.#removals.set(id, { ...pickJobKey(entry), ...change, revision });
        if (this.#removals.size > this.#options.removalsKeptMax) this.#dropOldestTombstone();
        break;
      default:
        unreachable(change);
    }
  }

  #update(job: Job, { header, tasks, log }: UpdatedChange, revision: number): void {
    for (const row of tasks) job.tasks.set(row.path, { row, revision });
    job.header = header;
    job.revision = revision;
    job.log = appendLogLines(job.log, log, this.#options.logLinesPerJobMax);
  }

  #dropOldestTombstone(): void {
    const { value: oldest } = this.#oldestRemovals.next();
    assert(oldest, "no removal is left to forget");
    this.#removals.delete(jobKeyText(oldest));
    this.#tombstoneHorizon = oldest.revision;
  }
}

/** As a `StoredJob`, with the rows by path; an update changes it in its place, and a load gives copies. */
interface Job extends Omit<StoredJob, "tasks" | "header" | "revision" | "log"> {
  readonly tasks: Map<string, VersionedRow>;
  header: JobHeader;
  revision: number;
  log: readonly LogEntry[];
}

function withRowsByPath({ tasks, ...job }: StoredJob): Job {
  return { ...job, tasks: new Map(tasks.map((written) => [written.row.path, written])) };
}

/** What a next entry of a job is made from. */
interface Latest {
  readonly revision: number;
  readonly isJob: boolean;
}

/** The newest entries, in a ring: the entry of revision r is in place (r - 1) modulo its length. */
class EntryLog {
  readonly #ring: JournalRecord[] = [];
  #head = 0;

  get head(): number {
    return this.#head;
  }

  /** Numbers the entry. */
  push(entry: JournalEntry): number {
    const place = this.#head % ENTRIES_KEPT;
    this.#head += 1;
    this.#ring[place] = { revision: this.#head, entry };
    return this.#head;
  }

  /** Looks through all: it is asked after a failure alone, and an index would cost every entry. */
  find(commitId: string): number | undefined {
    return this.#ring.find(({ entry }) => entry.commitId === commitId)?.revision;
  }

  /** The record after `revision`, when there is one. @throws JournalError when it is no longer kept. */
  after(revision: number): JournalRecord | undefined {
    if (revision >= this.#head) return undefined;
    const record = this.#ring[revision % ENTRIES_KEPT];
    if (record?.revision === revision + 1) return record;
    throw new JournalError(
      `The entries after revision ${revision} are no longer kept, only the newest ${ENTRIES_KEPT} are. Load again.`,
      "nothing written",
    );
  }
}
