import type { JobKey } from "../../tasks/names.js";
import type { JournalEntry, StoredJob } from "../journal.js";
import { jobKeyText, pickJobKey, createStoredJob } from "../stored-job.js";
import { DamagedFileError, LmdbFile, type LmdbRecord } from "./lmdb-file.js";
import {
  KIND,
  revisionOfKey,
  decodeRecord,
  decodeEntry,
  decodeJob,
  decodeRemoval,
  type DatabaseHead,
} from "./records.js";
import { compacted, PendingCompaction } from "./pending-compaction.js";

/** What can still be read of a file that is damaged, and what is wrong with it. */
export interface Salvage {
  /** undefined when it was lost. */
  readonly head: DatabaseHead | undefined;
  /** The newest revision that was found. */
  readonly revision: number;
  readonly jobs: readonly StoredJob[];
  /** Changes that can't be read, or that what they changed is not known of; some may be in a job's record. */
  readonly lostChanges: number;
  /** Of the jobs, those that are known to be as they were at an earlier revision. */
  readonly revertedJobs: readonly JobKey[];
  readonly damage: readonly string[];
}

/**
 * Reads what can be read: by the tree, and where that leads to less than there was, page by page. A job is as
 * some revision left it: its newest record, with the entries after it as far as each follows from the one
 * before. Pages that are no longer in use may hold jobs that were removed long ago.
 */
export function salvage(path: string): Salvage {
  const found = new SalvageReader();
  try {
    using file = LmdbFile.openDamaged(path);
    for (const record of file.records((error) => found.damage.push(error.message))) found.add(record);
    if (found.isIncomplete) for (const record of file.scan()) found.addOlder(record);
  } catch (error) {
    if (!(error instanceof DamagedFileError)) throw error;
    found.damage.push(error.message);
  }
  return found.salvage();
}

class SalvageReader {
  readonly damage: string[] = [];
  readonly #entries = new Map<number, JournalEntry>();
  readonly #jobs = new Map<string, StoredJob>();
  /** The newest removal that was found of a job. */
  readonly #removedAt = new Map<string, number>();
  readonly #setBack = new Map<string, JobKey>();
  #head: DatabaseHead | undefined;
  #count = 0;

  /** Whether there was more than what was found. */
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

  /** Of a page that the tree does not lead to. What can't be read there was written over. */
  addOlder(record: LmdbRecord): void {
    if (record.key[0] === KIND.head) return;
    try {
      this.#read(record);
    } catch (error) {
      if (!(error instanceof DamagedFileError)) throw error;
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
      this.#setBack.set(jobKeyText(entry), pickJobKey(entry));
    }
    for (const [id, { revision }] of this.#jobs)
      if ((this.#removedAt.get(id) ?? 0) > revision) this.#jobs.delete(id);
    const jobs = [...this.#jobs.values()];
    const setBack = [...this.#setBack.values()].filter((key) => this.#jobs.has(jobKeyText(key)));
    const revisions = [...jobs.map(({ revision }) => revision), ...this.#entries.keys()];
    const newest = revisions.reduce((a, b) => Math.max(a, b), this.#head?.revision ?? 0);
    return {
      head: this.#head,
      revision: newest,
      jobs,
      lostChanges,
      revertedJobs: setBack,
      damage: this.damage,
    };
  }

  /** Those that there should be. */
  #unreadableEntries(): number {
    if (!this.#head) return 0;
    const { entriesFrom, revision } = this.#head;
    const there = [...this.#entries.keys()].filter((at) => at >= entriesFrom && at <= revision);
    return revision + 1 - entriesFrom - there.length;
  }

  #read({ key, value }: LmdbRecord): void {
    switch (key[0]) {
      case KIND.head:
        this.#head = decodeRecord(key, value) as DatabaseHead;
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
    }
  }

  #remove(key: JobKey, revision: number): void {
    this.#removedAt.set(jobKeyText(key), Math.max(revision, this.#removedAt.get(jobKeyText(key)) ?? 0));
  }

  /** Whether the job is now as after it, or later. */
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
    this.#jobs.set(id, compacted(job, change.get(id)!, Infinity));
    return true;
  }
}
