import type { JournalEntry, StoredJob } from "./journal.js";
import { idOf, storedJob } from "./kept-job.js";
import { DamagedFileError, LmdbFile, type LmdbRecord } from "./lmdb-file.js";
import {
  KIND,
  revisionIn,
  unseal,
  unsealEntry,
  unsealJob,
  unsealRemoval,
  type Head,
} from "./lmdb-records.js";
import { folded, Unfolded } from "./unfolded.js";

/** What can still be read of a file that is damaged, and what is wrong with it. */
export interface Salvage {
  /** undefined when it was lost. */
  readonly head: Head | undefined;
  /** The newest revision that was found. */
  readonly revision: number;
  readonly jobs: readonly StoredJob[];
  /** Changes that were found, but not what they changed. */
  readonly lostChanges: number;
  readonly damage: readonly string[];
}

/**
 * Reads what can be read. A job is as some revision left it: its record, with the entries after it as far as
 * each follows from the one before.
 */
export function salvage(path: string): Salvage {
  const found = new Finds();
  try {
    using file = LmdbFile.openDamaged(path);
    for (const record of file.records((error) => found.damage.push(error.message))) found.add(record);
  } catch (error) {
    if (!(error instanceof DamagedFileError)) throw error;
    found.damage.push(error.message);
  }
  return found.salvage();
}

class Finds {
  readonly damage: string[] = [];
  readonly #entries: { readonly revision: number; readonly entry: JournalEntry }[] = [];
  readonly #jobs = new Map<string, StoredJob>();
  /** The newest removal that was found of a job. */
  readonly #removedAt = new Map<string, number>();
  #head: Head | undefined;

  add(record: LmdbRecord): void {
    try {
      this.#read(record);
    } catch (error) {
      if (!(error instanceof DamagedFileError)) throw error;
      this.damage.push(error.message);
    }
  }

  salvage(): Salvage {
    let lostChanges = 0;
    let revision = this.#head?.revision ?? 0;
    for (const job of this.#jobs.values()) revision = Math.max(revision, job.revision);
    for (const { entry, revision: at } of this.#entries) {
      if (entry.change.kind === "removed") this.#removedAt.set(idOf(entry), at);
    }
    for (const { entry, revision: at } of this.#entries) {
      revision = Math.max(revision, at);
      if (!this.#apply(entry, at)) lostChanges++;
    }
    return { head: this.#head, revision, jobs: [...this.#jobs.values()], lostChanges, damage: this.damage };
  }

  #read({ key, value }: LmdbRecord): void {
    switch (key[0]) {
      case KIND.head:
        this.#head = unseal(key, value) as Head;
        break;
      case KIND.entry:
        this.#entries.push({ revision: revisionIn(key), entry: unsealEntry(key, value) });
        break;
      case KIND.job: {
        const job = unsealJob(key, value);
        this.#jobs.set(idOf(job), job);
        break;
      }
      case KIND.removal:
        this.#removedAt.set(idOf(unsealRemoval(key, value)), revisionIn(key));
        break;
    }
  }

  /** Whether it could be. */
  #apply(entry: JournalEntry, revision: number): boolean {
    const id = idOf(entry);
    const job = this.#jobs.get(id);
    if (job && job.revision >= revision) return true;
    if (entry.change.kind === "stored") this.#jobs.set(id, storedJob(entry, entry.change, revision));
    if (entry.change.kind === "removed") this.#jobs.delete(id);
    if (entry.change.kind !== "updated") return true;
    if (job?.revision !== entry.madeFrom) return (this.#removedAt.get(id) ?? 0) > revision;
    const change = new Unfolded();
    change.add(entry, revision, 0, Infinity);
    this.#jobs.set(id, folded(job, change.get(id)!, Infinity));
    return true;
  }
}
