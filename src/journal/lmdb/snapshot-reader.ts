import {
  FIRST_GENERATION,
  type JournalEntry,
  type JournalOptions,
  type JournalSlice,
  type StoredJob,
  type StoredRemoval,
} from "../journal.js";
import { jobKeyText, createStoredJob, updatedJob, withBoundedLog } from "../stored-job.js";
import { DamagedFileError, type LmdbFile, type LmdbRecord, type ValueLocation } from "./lmdb-file.js";
import {
  checksumOfRecord,
  entryKey,
  KIND,
  revisionOfKey,
  decodeHead,
  unknownRecord,
  decodeEntry,
  decodeJob,
  decodeRemoval,
  type DatabaseHead,
} from "./records.js";
import type { LoggedEntry } from "./write-ahead-log.js";
import { PendingCompaction, type UncompactedChange } from "./pending-compaction.js";

/** Reads and checks the head of a file; undefined if the file is empty. @throws DamagedFileError */
export function headOf(file: LmdbFile): DatabaseHead | undefined {
  const { newest, older } = file.first();
  const head = newest && headIn(newest);
  const before = older && headIfValid(older);
  // A flipped bit in a transaction number could make the snapshot before the newest one look like the newest.
  if (before && before.commit > (head?.commit ?? 0))
    throw new DamagedFileError(
      `its newest snapshot is commit ${head?.commit ?? 0}, but another one is commit ${before.commit}`,
    );
  return head;
}

function headIn({ key, value }: LmdbRecord): DatabaseHead {
  if (key.length !== 1 || key[0] !== KIND.head)
    throw new DamagedFileError("its first record is not the head");
  return decodeHead(key, value);
}

function headIfValid(record: LmdbRecord): DatabaseHead | undefined {
  try {
    return headIn(record);
  } catch (error) {
    if (error instanceof DamagedFileError) return undefined;
    throw error;
  }
}

/** Reads a whole file once: checks that nothing is missing, and collects what appends need. */
export class SnapshotReader {
  /** The revision of every job, and of every remembered removal as a negative number. */
  readonly latestRevisions = new Map<string, number>();
  /** The remembered removals, oldest first. */
  readonly removals = new Map<string, number>();
  /** Records of removals that are no longer remembered. */
  readonly staleRemovals: number[] = [];
  readonly pendingCompaction = new PendingCompaction();
  /** By revision, oldest first. */
  readonly entryChecksums = new Map<number, number>();
  tombstoneHorizon: number;

  readonly #file: LmdbFile;
  readonly #head: DatabaseHead;
  readonly #options: JournalOptions;
  readonly #logged: readonly LoggedEntry[];
  /** The entries of each job, which are read when they are needed: together they may be larger than the memory. */
  readonly #entries = new Map<string, EntryRecord[]>();
  readonly #recordedRemovals = new Map<string, StoredRemoval>();

  /**
   * @param head the head after the logged entries
   * @param logged the entries of the log, which are newer than those of the file
   */
  constructor(
    file: LmdbFile,
    head: DatabaseHead,
    options: JournalOptions,
    logged: readonly LoggedEntry[] = [],
  ) {
    this.#logged = logged;
    this.#file = file;
    this.#head = head;
    this.#options = options;
    this.tombstoneHorizon = head.floor;
  }

  /**
   * Yields the jobs in slices that take a few milliseconds each, then the removals. The caller must consume all
   * of them.
   * @throws DamagedFileError
   */
  *slices(): Generator<JournalSlice, void> {
    const { epoch, generations = [FIRST_GENERATION] } = this.#head;
    const history = { epoch, generation: generations.at(-1)!.id };
    let jobs: StoredJob[] = [];
    let begun = performance.now();
    for (const job of this.#jobs()) {
      if (job) {
        this.latestRevisions.set(jobKeyText(job), job.revision);
        jobs.push(job);
      }
      if (performance.now() - begun < SLICE_MS) continue;
      yield { ...history, jobs, removals: [] };
      jobs = [];
      begun = performance.now();
    }
    if (this.latestRevisions.size !== this.#head.jobCount)
      throw new DamagedFileError(
        `its head counts ${this.#head.jobCount} jobs, but it has ${this.latestRevisions.size}`,
      );
    this.pendingCompaction.sort();
    yield { ...history, jobs, removals: this.#tombstones() };
  }

  /** The job of each record, or undefined. */
  *#jobs(): Generator<StoredJob | undefined, void> {
    let count = 0;
    let checksum = 0;
    let isLogRead = false;
    for (const { key, value, location } of this.#file.records()) {
      if (key[0] === KIND.head) continue;
      if (key[0] !== KIND.entry && !isLogRead) isLogRead = this.#readLog();
      count++;
      const job = this.#readRecord(key, value, location);
      checksum = (checksum + checksumOfRecord(value)) % 2 ** 32;
      yield job;
    }
    const { recordCount, revision, entriesFrom } = this.#head;
    if (count !== recordCount)
      throw new DamagedFileError(`its head counts ${recordCount} records, but it has ${count}`);
    if (checksum !== this.#head.checksum) throw new DamagedFileError("a record is not the latest version");
    if (this.entryChecksums.size + this.#logged.length !== revision + 1 - entriesFrom)
      throw new DamagedFileError("an entry is missing");
    if (!isLogRead) this.#readLog();
    yield* this.#jobsWithoutRecord();
  }

  /** Returns the job if the record leads to one that still exists. Entries come first, then jobs, then removals. */
  #readRecord(key: Buffer, value: Buffer, location: ValueLocation): StoredJob | undefined {
    switch (key[0]) {
      case KIND.entry: {
        const revision = revisionOfKey(key);
        if (revision < this.#head.entriesFrom || revision > this.#head.revision - this.#logged.length)
          throw new DamagedFileError(`entry ${revision} is outside the range in its head`);
        this.entryChecksums.set(revision, checksumOfRecord(value));
        this.#addEntry(jobKeyText(decodeEntry(key, value)), {
          revision,
          bytes: value.length,
          read: () => decodeEntry(entryKey(revision), this.#file.valueAt(location)),
        });
        return undefined;
      }
      case KIND.job:
        return this.#withEntries(decodeJob(key, value));
      case KIND.removal: {
        const removal = decodeRemoval(key, value);
        this.#recordedRemovals.set(jobKeyText(removal), removal);
        return this.#replay(jobKeyText(removal), this.#newerEntries(jobKeyText(removal), removal.revision));
      }
      default:
        throw unknownRecord(key, value);
    }
  }

  /** Adds the logged entries after those of the file. */
  #readLog(): true {
    for (const { entry, revision, record } of this.#logged)
      this.#addEntry(jobKeyText(entry), { revision, bytes: record.bytes.length, read: () => entry });
    return true;
  }

  #addEntry(id: string, record: EntryRecord): void {
    const entries = this.#entries.get(id);
    if (entries) entries.push(record);
    else this.#entries.set(id, [record]);
  }

  #withEntries(job: StoredJob): StoredJob | undefined {
    const id = jobKeyText(job);
    return this.#replay(id, this.#newerEntries(id, job.revision), job);
  }

  *#jobsWithoutRecord(): Generator<StoredJob | undefined, void> {
    for (const id of this.#entries.keys()) yield this.#replay(id, this.#newerEntries(id, 0));
  }

  /** Takes the entries of a job that are newer than `revision`. Each entry is taken once. */
  #newerEntries(id: string, revision: number): EntryRecord[] {
    const entries = this.#entries.get(id);
    if (!entries) return NONE;
    this.#entries.delete(id);
    return entries.filter((entry) => entry.revision > revision);
  }

  /** Applies entries to the job of a record; returns undefined if they remove it. */
  #replay(id: string, entries: readonly EntryRecord[], recorded?: StoredJob): StoredJob | undefined {
    const linesMax = this.#options.logLinesPerJobMax;
    if (entries.length === 0) return recorded && withBoundedLog(recorded, linesMax);
    let job = recorded;
    for (const { read, revision, bytes } of entries) {
      const entry = read();
      this.pendingCompaction.add(entry, revision, bytes, linesMax);
      if (entry.change.kind === "stored") job = createStoredJob(entry, entry.change, revision);
      if (entry.change.kind === "removed") job = undefined;
    }
    const change = this.pendingCompaction.get(id);
    return job && change && updatedJob(job, change, linesMax);
  }

  /** The removals in the file that are still remembered. */
  #tombstones(): StoredRemoval[] {
    const all = [...this.#recordedRemovals.values()].filter(
      (removal) => !this.latestRevisions.has(jobKeyText(removal)),
    );
    const uncompacted = [...this.pendingCompaction.values()].flatMap(
      ({ removal }: UncompactedChange) => removal ?? [],
    );
    const known = new Map([...all, ...uncompacted].map((removal) => [jobKeyText(removal), removal]));
    const inOrder = [...known.values()].toSorted((a, b) => a.revision - b.revision);
    const above = inOrder.filter(({ revision }) => revision > this.#head.floor);
    const remembered = above.slice(-this.#options.removalsKeptMax);
    this.tombstoneHorizon = above[above.length - remembered.length - 1]?.revision ?? this.#head.floor;
    for (const removal of remembered) {
      this.removals.set(jobKeyText(removal), removal.revision);
      this.latestRevisions.set(jobKeyText(removal), -removal.revision);
    }
    for (const { revision, ...key } of this.#recordedRemovals.values())
      if (this.removals.get(jobKeyText(key)) !== revision) this.staleRemovals.push(revision);
    return remembered;
  }
}

interface EntryRecord {
  readonly revision: number;
  readonly bytes: number;
  /** Reads the entry from the file. */
  readonly read: () => JournalEntry;
}

const NONE: EntryRecord[] = [];

/** The time that one slice takes to read, in milliseconds. */
const SLICE_MS = 8;
