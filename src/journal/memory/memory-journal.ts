import { randomBytes } from "node:crypto";
import type { DatabaseName } from "../../tasks/names.js";
import type { VersionedRow } from "../../tasks/task-rows.js";
import type { LogEntry } from "../../tasks/user-task.js";
import { assert, unreachable } from "../../util/assert.js";
import { ChangeSignal } from "../../util/change-signal.js";
import { journalClosedError, JournalHandle, type JournalDatabase } from "../journal-handle.js";
import {
  FIRST_GENERATION,
  type AppendResult,
  type DatabaseJournal,
  type DatabaseSummary,
  type JobHeader,
  type Journal,
  type JournalEntry,
  type JournalHead,
  type JournalNews,
  type JournalOptions,
  type JournalPoint,
  type JournalRecord,
  type JournalSlice,
  type StoredJob,
  type StoredRemoval,
  type UpdatedChange,
} from "../journal.js";
import { appendLogLines, jobKeyText, pickJobKey, createStoredJob } from "../stored-job.js";

/**
 * A journal in the memory of this process, for tests and for servers whose jobs need not survive. It meets the
 * whole contract except durability: a database and its epoch live as long as the journal.
 *
 * Each append and load runs in one turn of the event loop, which makes it atomic. The cost of an append does
 * not depend on the size of the database.
 */
export function createMemoryJournal(options: JournalOptions): Journal {
  return new MemoryJournal(options);
}

/** The number of entries that can be found and followed. */
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

  /** Law 16: forgets a database that was only read. Its epoch was never used, because revision 0 is valid in any epoch. */
  #release(name: DatabaseName, database: MemoryDatabase): void {
    if (database.handles.size === 0 && !database.exists) this.#databases.delete(name);
  }

  #checkOpen(): void {
    if (this.#isClosed) throw journalClosedError();
  }
}

/** The shared part of all handles on one database: its state as rows, and the latest entries. */
class MemoryDatabase implements JournalDatabase {
  readonly handles = new Set<JournalHandle>();
  readonly appendSignal = new ChangeSignal();
  #log = new EntryLog();
  readonly #options: JournalOptions;
  #epoch = newEpoch();
  readonly #jobs = new Map<string, Job>();
  /** Oldest first, because a key is never set again while it is present. */
  readonly #removals = new Map<string, StoredRemoval>();
  /** Iterates in order of insertion, across deletions and later insertions, so its next value is always the oldest removal. */
  #oldestRemovals = this.#removals.values();
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

  async load(take: (slice: JournalSlice) => unknown): Promise<JournalHead> {
    const jobs = Array.from(this.#jobs.values(), (job) => ({ ...job, tasks: [...job.tasks.values()] }));
    const generations = [FIRST_GENERATION];
    const head = { ...this.#point, generations, tombstoneHorizon: this.#tombstoneHorizon };
    await take({
      epoch: head.epoch,
      generation: head.generation,
      jobs,
      removals: [...this.#removals.values()],
    });
    return head;
  }

  async erase(ifRevision = this.#log.head): Promise<boolean> {
    if (ifRevision !== this.#log.head) return false;
    this.#log = new EntryLog();
    this.#epoch = newEpoch();
    this.#jobs.clear();
    this.#removals.clear();
    this.#oldestRemovals = this.#removals.values();
    this.#tombstoneHorizon = 0;
    this.appendSignal.notify();
    return true;
  }

  async append(entries: readonly JournalEntry[], madeFrom?: JournalPoint): Promise<AppendResult> {
    if (madeFrom && madeFrom.epoch !== this.#epoch) return { kind: "stale" };
    const ids = entries.map(jobKeyText);
    const conflict = this.#conflictIn(entries, ids);
    if (conflict) return { kind: "conflict", key: pickJobKey(conflict), head: this.#log.head };
    const firstRevision = this.#log.head + 1;
    entries.forEach((entry, index) => this.#write(ids[index]!, entry, this.#log.push(entry)));
    this.appendSignal.notify();
    return { kind: "appended", firstRevision };
  }

  async find(commitId: string): Promise<number | undefined> {
    return this.#log.find(commitId);
  }

  async newsAfter({ epoch, revision }: JournalPoint): Promise<JournalNews | undefined> {
    if (revision === this.#log.head && epoch === this.#epoch) return undefined;
    const records = epoch === this.#epoch ? this.#log.after(revision) : [];
    return records.length > 0 ? { kind: "entries", records } : { kind: "gone" };
  }

  async head(): Promise<JournalPoint> {
    return this.#point;
  }

  get #point(): JournalPoint {
    return { epoch: this.#epoch, generation: FIRST_GENERATION.id, revision: this.#log.head };
  }

  /** This process is the only one that writes. */
  holdsLease(): boolean {
    return true;
  }

  /** The first entry that was not made from the current revision of its job. */
  #conflictIn(entries: readonly JournalEntry[], ids: readonly string[]): JournalEntry | undefined {
    const isJob = new Map<string, boolean>();
    return entries.find((entry, index) => {
      const id = ids[index]!;
      const before = this.#latest(id);
      if (!isJob.has(id) && entry.madeFrom !== before.revision) return true;
      const { kind } = entry.change;
      assert(
        kind === "stored" || (isJob.get(id) ?? before.isJob),
        `an entry "${kind}" for a job that is not stored`,
      );
      isJob.set(id, kind !== "removed");
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
        // Safe: #conflictIn has asserted that the job is stored.
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

/** A `StoredJob` with its rows by path. Updates change it in place, and a load copies it. */
interface Job extends Omit<StoredJob, "tasks" | "header" | "revision" | "log"> {
  readonly tasks: Map<string, VersionedRow>;
  header: JobHeader;
  revision: number;
  log: readonly LogEntry[];
}

function withRowsByPath({ tasks, ...job }: StoredJob): Job {
  return { ...job, tasks: new Map(tasks.map((written) => [written.row.path, written])) };
}

function newEpoch(): string {
  return randomBytes(9).toString("base64url");
}

/** The state that the next entry of a job must be made from. */
interface Latest {
  readonly revision: number;
  readonly isJob: boolean;
}

/** The newest entries in a ring: the entry of revision r is at index (r - 1) modulo the length. */
class EntryLog {
  readonly #ring: JournalRecord[] = [];
  #head = 0;

  get head(): number {
    return this.#head;
  }

  /** Returns the revision of the entry. */
  push(entry: JournalEntry): number {
    const index = this.#head % ENTRIES_KEPT;
    this.#head += 1;
    this.#ring[index] = { revision: this.#head, entry };
    return this.#head;
  }

  /** Searches all entries: it is called only after a failure, and an index would add cost to every entry. */
  find(commitId: string): number | undefined {
    return this.#ring.find(({ entry }) => entry.commitId === commitId)?.revision;
  }

  /** The records after `revision`; none if the first of them is no longer kept. */
  after(revision: number): JournalRecord[] {
    const records: JournalRecord[] = [];
    for (let next = revision + 1; next <= this.#head; next++) {
      const record = this.#ring[(next - 1) % ENTRIES_KEPT]!;
      if (record.revision !== next) break;
      records.push(record);
    }
    return records;
  }
}
