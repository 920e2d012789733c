import { existsSync, readFileSync } from "node:fs";
import type { JobKey } from "../../tasks/names.js";
import type { JournalEntry, StoredJob } from "../journal.js";
import { jobKeyText, pickJobKey, createStoredJob, updatedJob } from "../stored-job.js";
import { DamagedFileError, LmdbFile, type LmdbRecord } from "./lmdb-file.js";
import {
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
import { allFrames, framesAfter } from "./log-frame.js";
import { PendingCompaction } from "./pending-compaction.js";

/** The readable parts of a damaged file, and its damage. */
export interface Salvage {
  /** undefined if it was lost. */
  readonly head: DatabaseHead | undefined;
  /** The newest revision in the file. */
  readonly revision: number;
  readonly jobs: readonly StoredJob[];
  /** Changes that are unreadable, or whose previous state is lost. Some may be part of a job's record. */
  readonly lostChanges: number;
  /** The jobs that are known to be at an earlier revision. */
  readonly revertedJobs: readonly JobKey[];
  readonly damage: readonly string[];
}

/**
 * Reads all readable records: through the tree, page by page if the tree does not reach all of them, and in the log.
 * Each job is
 * restored to some revision: its newest record plus the later entries, up to the first that does not follow from the
 * previous one. Pages that are no longer in use may contain jobs that were removed long ago.
 * @throws UnknownFormatError for intact records that this version does not know. They would be lost.
 */
export function salvage(path: string, logPath: string): Salvage {
  const reader = new SalvageReader();
  try {
    using file = LmdbFile.openDamaged(path);
    for (const record of file.records((error) => reader.damage.push(error.message))) reader.add(record);
    if (reader.isIncomplete) for (const record of file.scan()) reader.addUnreferenced(record);
  } catch (error) {
    if (!(error instanceof DamagedFileError)) throw error;
    reader.damage.push(error.message);
  }
  if (existsSync(logPath)) reader.addLog(readFileSync(logPath));
  return reader.salvage();
}

class SalvageReader {
  readonly damage: string[] = [];
  readonly #entries = new Map<number, JournalEntry>();
  readonly #jobs = new Map<string, StoredJob>();
  /** The newest removal of each job. */
  readonly #removedAt = new Map<string, number>();
  readonly #revertedJobs = new Map<string, JobKey>();
  #head: DatabaseHead | undefined;
  #count = 0;

  /** Whether the head counts more records than were found. */
  get isIncomplete(): boolean {
    return !this.#head || this.#count <= this.#head.recordCount;
  }

  add(record: LmdbRecord): void {
    try {
      this.#read(record);
      this.#count++;
    } catch (error) {
      if (!(error instanceof DamagedFileError)) throw error;
      this.damage.push(error.message);
    }
  }

  /** Adds a record from a page that the tree does not reach. Unreadable records are ignored: they were overwritten. */
  addUnreferenced(record: StoredRecord): void {
    if (record.key[0] === KIND.head) return;
    try {
      this.#read(record);
    } catch (error) {
      if (!(error instanceof DamagedFileError)) throw error;
    }
  }

  /** Adds the entries of a log that the file does not contain. */
  addLog(bytes: Buffer): void {
    const stored = this.#head;
    try {
      if (stored) framesAfter(bytes, stored);
    } catch (error) {
      if (!(error instanceof DamagedFileError)) throw error;
      this.damage.push(error.message);
    }
    for (const { epoch, commit, firstRevision, jobCount, records } of allFrames(bytes)) {
      if (stored && (epoch !== stored.epoch || commit < stored.commit)) continue;
      for (const [index, value] of records.entries())
        this.addUnreferenced({ key: entryKey(firstRevision + index), value });
      if (stored) this.#head = { ...stored, revision: firstRevision + records.length - 1, jobCount };
    }
  }

  salvage(): Salvage {
    const entries = [...this.#entries].toSorted(([a], [b]) => a - b);
    for (const [revision, entry] of entries)
      if (entry.change.kind === "removed") this.#remove(entry, revision);
    let lostChanges = this.#unreadableEntries();
    for (const [revision, entry] of entries) {
      if (this.#apply(entry, revision)) continue;
      lostChanges++;
      this.#revertedJobs.set(jobKeyText(entry), pickJobKey(entry));
    }
    for (const [id, { revision }] of this.#jobs)
      if ((this.#removedAt.get(id) ?? 0) > revision) this.#jobs.delete(id);
    const jobs = [...this.#jobs.values()];
    const revertedJobs = [...this.#revertedJobs.values()].filter((key) => this.#jobs.has(jobKeyText(key)));
    const revisions = [...jobs.map(({ revision }) => revision), ...this.#entries.keys()];
    const newest = revisions.reduce((a, b) => Math.max(a, b), this.#head?.revision ?? 0);
    return {
      head: this.#head,
      revision: newest,
      jobs,
      lostChanges,
      revertedJobs,
      damage: this.damage,
    };
  }

  /** The number of entries that the head counts but the file lacks. */
  #unreadableEntries(): number {
    if (!this.#head) return 0;
    const { entriesFrom, revision } = this.#head;
    const found = [...this.#entries.keys()].filter((at) => at >= entriesFrom && at <= revision);
    return revision + 1 - entriesFrom - found.length;
  }

  #read({ key, value }: StoredRecord): void {
    switch (key[0]) {
      case KIND.head:
        this.#head = decodeHead(key, value);
        break;
      case KIND.entry:
        this.#entries.set(revisionOfKey(key), decodeEntry(key, value));
        break;
      case KIND.job: {
        const job = decodeJob(key, value);
        const known = this.#jobs.get(jobKeyText(job));
        if (!known || known.revision < job.revision) this.#jobs.set(jobKeyText(job), job);
        break;
      }
      case KIND.removal:
        this.#remove(decodeRemoval(key, value), revisionOfKey(key));
        break;
      default:
        throw unknownRecord(key, value);
    }
  }

  #remove(key: JobKey, revision: number): void {
    this.#removedAt.set(jobKeyText(key), Math.max(revision, this.#removedAt.get(jobKeyText(key)) ?? 0));
  }

  /** Returns whether the job now includes this entry. */
  #apply(entry: JournalEntry, revision: number): boolean {
    const id = jobKeyText(entry);
    const job = this.#jobs.get(id);
    if (job && job.revision >= revision) return true;
    if (entry.change.kind === "stored") this.#jobs.set(id, createStoredJob(entry, entry.change, revision));
    if (entry.change.kind === "removed") this.#jobs.delete(id);
    if (entry.change.kind !== "updated") return true;
    if (job?.revision !== entry.madeFrom) return (this.#removedAt.get(id) ?? 0) > revision;
    const change = new PendingCompaction();
    change.add(entry, revision, 0, Infinity);
    this.#jobs.set(id, updatedJob(job, change.get(id)!, Infinity));
    return true;
  }
}

/** A record of the file or the log. */
type StoredRecord = Pick<LmdbRecord, "key" | "value">;
