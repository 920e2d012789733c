import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { open as openLmdb, type RootDatabase } from "lmdb";
import { assert } from "../../util/assert.js";
import type { Log } from "../../util/log.js";
import { Mutex } from "../../util/keyed-mutex.js";
import { ChangeSignal } from "../../util/change-signal.js";
import { syncParentFolder } from "./durable-files.js";
import {
  DamagedJournalError,
  JournalError,
  type AppendResult,
  type JournalEntry,
  type JournalHead,
  type JournalOptions,
  type JournalRecord,
  type JournalSlice,
  type StoredJob,
} from "../journal.js";
import { journalClosedError, type JournalDatabase } from "../journal-handle.js";
import { jobKeyText, pickJobKey, createStoredJob } from "../stored-job.js";
import { DamagedFileError, LmdbFile } from "./lmdb-file.js";
import { headOf, SnapshotReader } from "./snapshot-reader.js";
import {
  checksumOfRecord,
  entryKey,
  HEAD_KEY,
  jobRecordKey,
  removalKey,
  encodeRecord,
  encodeEntry,
  encodeJob,
  decodeEntry,
  decodeJob,
  type DatabaseHead,
  type EncodedRecord,
} from "./records.js";
import { SpaceReservation, createLockFile } from "./space-reservation.js";
import { compacted, PendingCompaction, type UncompactedChange } from "./pending-compaction.js";

/**
 * One database in one LMDB file.
 *
 * An append writes its entries and the head, at the end of the tree, in one transaction, so its cost does not
 * depend on the size of the database. When enough entries have accumulated, the oldest are *compacted*: the
 * resulting state of their job is written to the job's own record, once for all its entries. The newest
 * `ENTRIES_KEPT` entries stay, so that they can be found and followed.
 *
 *     append ──► entries r+1 … r+n, head ──► compact the jobs of the oldest entries ──► fdatasync ──► done
 *
 * LMDB writes pages, syncs them, and then writes and syncs the root of its tree. So a failed transaction leaves
 * the previous one intact. But if the last sync fails, it is unknown whether the transaction was written. The
 * file is then reopened and read again before any other call, and another transaction makes the state that was
 * found durable.
 */
export class LmdbDatabase implements JournalDatabase, AsyncDisposable {
  readonly appendSignal = new ChangeSignal();
  readonly #path: string;
  readonly #options: LmdbOptions;
  readonly #pendingCompactionMax: number;
  /** One call at a time uses the file, in the order of the calls. */
  readonly #mutex = new Mutex();
  #env: RootDatabase<Buffer, Buffer> | undefined;
  #spaceReservation: SpaceReservation;
  #head: DatabaseHead;
  #failure: { readonly transaction: Transaction } | undefined;
  #isClosed = false;
  #isDamaged = false;
  /** Whether the outcome of the latest transaction is unknown. */
  #isInDoubt = false;
  /** Whether the file has been read into the fields below. */
  #isRead = false;
  /** The revision of every job, and of every remembered removal as a negative number. */
  #latestRevisions = new Map<string, number>();
  /** The remembered removals, oldest first, because a key is never set again while it is present. */
  #removals = new Map<string, number>();
  /** Iterates in order of insertion, across deletions and later insertions, so its next value is always the oldest removal. */
  #oldestRemovals = this.#removals.entries();
  /** Removals whose records the next transaction deletes. */
  #staleRemovals: number[] = [];
  #pendingCompaction = new PendingCompaction();
  /** By revision, oldest first. */
  #entryChecksums = new Map<number, number>();

  /** Creates nothing. @throws DamagedJournalError */
  constructor(path: string, options: LmdbOptions) {
    this.#path = path;
    this.#options = options;
    this.#spaceReservation = new SpaceReservation(path);
    this.#pendingCompactionMax = options.pendingCompactionMax ?? PENDING_COMPACTION_MAX;
    this.#head = readHead(path) ?? newHead();
  }

  get exists(): boolean {
    return this.#head.revision > 0;
  }

  /** 0 once the file is known to be damaged. */
  get jobCount(): number {
    return this.#isDamaged ? 0 : this.#head.jobCount;
  }

  /** Whether the latest transaction failed. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  load(take: (slice: JournalSlice) => void): Promise<JournalHead> {
    return this.#exclusively(async () => {
      await this.#read(take);
      const { epoch, revision, floor } = this.#head;
      return { epoch, revision, tombstoneHorizon: floor };
    });
  }

  append(entries: readonly JournalEntry[]): Promise<AppendResult> {
    return this.#exclusively(async () => {
      await this.#readOnce();
      await this.#openForWriting();
      const conflict = this.#conflictIn(entries);
      if (conflict) return { kind: "conflict", key: pickJobKey(conflict) };
      const firstRevision = this.#head.revision + 1;
      await this.#commitEntries(entries);
      this.appendSignal.notify();
      return { kind: "appended", firstRevision };
    });
  }

  find(commitId: string): Promise<number | undefined> {
    return this.#exclusively(async () => {
      await this.#openOnce();
      const { revision, entriesFrom } = this.#head;
      for (let at = revision; at >= entriesFrom && at > revision - ENTRIES_KEPT; at--)
        if (this.#entry(at).commitId === commitId) return at;
      return undefined;
    });
  }

  recordAfter(revision: number): Promise<JournalRecord | undefined> {
    return this.#exclusively(async () => {
      await this.#openOnce();
      const next = revision + 1;
      const { entriesFrom } = this.#head;
      if (next > this.#head.revision) return undefined;
      if (next >= entriesFrom) return { revision: next, entry: this.#entry(next) };
      throw new JournalError(
        `The entries after revision ${revision} are no longer kept; the oldest is ${entriesFrom}. Load the database again.`,
        "nothing written",
      );
    });
  }

  head(): Promise<number> {
    return this.#exclusively(async () => this.#head.revision);
  }

  /** Writes a transaction without changes, to find out whether a failed write would succeed now. @throws JournalError */
  probe(): Promise<void> {
    return this.#exclusively(async () => {
      await this.#readOnce();
      await this.#openForWriting();
      await this.#commit(new Transaction(this.#head, this.#failure?.transaction));
    });
  }

  /** Begins a new epoch with the current state. @throws JournalError */
  beginEpoch(): Promise<void> {
    return this.#exclusively(async () => {
      await this.#readOnce();
      await this.#openForWriting();
      const transaction = new Transaction(this.#head);
      transaction.head.epoch = newEpoch();
      await this.#commit(transaction);
    });
  }

  erase(): Promise<void> {
    return this.#exclusively(async () => {
      try {
        await this.#closeFile();
        await removeFile(this.#path);
        this.#forget();
        await syncParentFolder(this.#path);
      } catch (error) {
        throw new JournalError("Cannot delete the file.", "unknown", { cause: error });
      }
    });
  }

  /** A load in progress fails with a JournalError. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.#mutex.runExclusive(() => this.#closeFile());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#mutex.runExclusive(async () => {
      try {
        if (this.#isInDoubt) await this.#resolveInDoubt();
        return await work();
      } catch (error) {
        if (!(error instanceof DamagedFileError)) throw error;
        if (!this.#isDamaged) this.#options.log.error({ file: this.#path, reason: error.message }, DAMAGED);
        this.#isDamaged = true;
        throw damaged(error);
      }
    });
  }

  async #readOnce(): Promise<void> {
    if (!this.#isRead) await this.#read(() => {});
  }

  /** Reads and checks the file before LMDB opens it. */
  async #openOnce(): Promise<void> {
    if (this.#env) return;
    await this.#readOnce();
    if (existsSync(this.#path)) this.#env ??= await openFile(this.#path);
  }

  async #openForWriting(): Promise<void> {
    if (this.#env) return;
    try {
      if (!existsSync(this.#path)) await createFile(this.#path, this.#head);
      await this.#openOnce();
    } catch (error) {
      this.#fail(new Transaction(this.#head), error);
      throw new JournalError("Cannot create or open the file.", "nothing written", { cause: error });
    }
  }

  /** Reads and checks the whole file, and collects what appends need. */
  async #read(take: (slice: JournalSlice) => void): Promise<void> {
    if (!existsSync(this.#path)) {
      this.#isRead = true;
      return;
    }
    using file = LmdbFile.open(this.#path);
    const reader = new SnapshotReader(file, this.#head, this.#options);
    for (const slice of reader.slices()) {
      take(slice);
      await setImmediate(); // let other work run
      if (this.#isClosed) throw journalClosedError();
    }
    this.#latestRevisions = reader.latestRevisions;
    this.#removals = reader.removals;
    this.#oldestRemovals = this.#removals.entries();
    this.#staleRemovals = reader.staleRemovals;
    this.#pendingCompaction = reader.pendingCompaction;
    this.#entryChecksums = reader.entryChecksums;
    this.#head = { ...this.#head, floor: reader.tombstoneHorizon };
    this.#isRead = true;
  }

  /** The first entry that was not made from the current revision of its job, given the entries before it. */
  #conflictIn(entries: readonly JournalEntry[]): JournalEntry | undefined {
    const newRevisions = new Map<string, number>();
    return entries.find((entry, index) => {
      const id = jobKeyText(entry);
      const before = newRevisions.get(id) ?? this.#latestRevisions.get(id) ?? 0;
      if (entry.madeFrom !== Math.abs(before)) return true;
      const { kind } = entry.change;
      assert(kind === "stored" || before > 0, `an entry "${kind}" for a job that is not stored`);
      const revision = this.#head.revision + 1 + index;
      newRevisions.set(id, kind === "removed" ? -revision : revision);
      return false;
    });
  }

  async #commitEntries(entries: readonly JournalEntry[]): Promise<void> {
    const transaction = new Transaction(this.#head);
    this.#compactOldest(transaction, entries.length);
    this.#dropEntries(transaction, entries.length);
    this.#dropStaleRemovals(transaction);
    const isJob = new Map<string, boolean>();
    for (const entry of entries) {
      const id = jobKeyText(entry);
      const wasJob = isJob.get(id) ?? (this.#latestRevisions.get(id) ?? 0) > 0;
      isJob.set(id, entry.change.kind !== "removed");
      transaction.head.jobCount += Number(isJob.get(id)) - Number(wasJob);
      const revision = ++transaction.head.revision;
      const key = entryKey(revision);
      const record = encodeEntry(key, entry);
      transaction.put(key, record);
      transaction.effects.push(() => this.#recordEntry(entry, revision, record, transaction));
    }
    await this.#commit(transaction);
  }

  #recordEntry(
    entry: JournalEntry,
    revision: number,
    { bytes, checksum }: EncodedRecord,
    transaction: Transaction,
  ): void {
    const id = jobKeyText(entry);
    const isRemoved = entry.change.kind === "removed";
    this.#entryChecksums.set(revision, checksum);
    this.#pendingCompaction.add(entry, revision, bytes.length, this.#options.logLinesPerJobMax);
    this.#latestRevisions.set(id, isRemoved ? -revision : revision);
    const removedAt = this.#removals.get(id);
    if (removedAt !== undefined) this.#forgetRemoval(id, removedAt);
    if (!isRemoved) return;
    this.#removals.set(id, revision);
    if (this.#removals.size <= this.#options.removalsKeptMax) return;
    const [oldestId, oldest] = this.#oldestRemovals.next().value!;
    this.#forgetRemoval(oldestId, oldest);
    this.#latestRevisions.delete(oldestId);
    transaction.head.floor = oldest;
  }

  #forgetRemoval(id: string, revision: number): void {
    this.#removals.delete(id);
    this.#staleRemovals.push(revision);
  }

  /** Compacts the longest-waiting jobs while too many entries wait for compaction. */
  #compactOldest(transaction: Transaction, count: number): void {
    let { bytes } = this.#pendingCompaction;
    let left = count + COMPACTIONS_MIN;
    for (const change of this.#pendingCompaction.values()) {
      const isTooOld = change.firstRevision <= this.#head.revision - this.#pendingCompactionMax;
      if ((!isTooOld && bytes <= PENDING_COMPACTION_BYTES_MAX) || left-- === 0) break;
      this.#compact(transaction, change);
      bytes -= change.bytes;
    }
  }

  #compact(transaction: Transaction, change: UncompactedChange): void {
    const key = jobRecordKey(change.id);
    const old = this.#file.getBinary(key);
    const job = change.removal ? undefined : this.#compacted(change, key, old);
    if (job) transaction.put(key, encodeJob(key, job), old);
    else if (old) transaction.remove(key, checksumOfRecord(old));
    if (change.removal && this.#removals.get(change.id) === change.revision) {
      const numbered = removalKey(change.revision);
      transaction.put(numbered, encodeRecord(numbered, change.removal));
    }
    transaction.effects.push(() => this.#pendingCompaction.delete(change));
  }

  #compacted(change: UncompactedChange, key: Buffer, old: Buffer | undefined): StoredJob {
    const job =
      change.storedRevision === undefined
        ? old && decodeJob(key, old)
        : this.#storedAt(change.storedRevision);
    if (!job) throw new DamagedFileError("the record of a job is missing");
    return compacted(job, change, this.#options.logLinesPerJobMax);
  }

  #storedAt(revision: number): StoredJob {
    const { change, ...entry } = this.#entry(revision);
    assert(change.kind === "stored", "a stored revision has another kind of entry");
    return createStoredJob(entry, change, revision);
  }

  /** Drops entries whose jobs are compacted, except the newest. */
  #dropEntries(transaction: Transaction, count: number): void {
    const oldestNeeded = this.#pendingCompaction.oldest?.firstRevision ?? Infinity;
    let left = 2 * count + COMPACTIONS_MIN;
    for (const [revision, checksum] of this.#entryChecksums) {
      if (revision >= oldestNeeded || revision > this.#head.revision - ENTRIES_KEPT || left-- === 0) break;
      transaction.remove(entryKey(revision), checksum);
      transaction.head.entriesFrom = revision + 1;
      transaction.effects.push(() => this.#entryChecksums.delete(revision));
    }
  }

  #dropStaleRemovals(transaction: Transaction): void {
    const stale = this.#staleRemovals;
    if (stale.length === 0) return;
    for (const revision of stale) {
      const old = this.#file.getBinary(removalKey(revision));
      if (old) transaction.remove(removalKey(revision), checksumOfRecord(old)); // otherwise it was never compacted
    }
    transaction.effects.push(() => this.#staleRemovals.splice(0, stale.length));
  }

  #entry(revision: number): JournalEntry {
    const key = entryKey(revision);
    const bytes = this.#file.getBinary(key);
    if (!bytes) throw new DamagedFileError(`entry ${revision} is missing`);
    return decodeEntry(key, bytes);
  }

  /**
   * Resolves when the transaction is durable. Its effects are applied before the write, because some of them change
   * the head that it writes. If the write fails, the file is read again. @throws JournalError
   */
  async #commit(transaction: Transaction): Promise<void> {
    try {
      await this.#spaceReservation.reserve(transaction.size);
    } catch (error) {
      this.#fail(transaction, error);
      throw new JournalError("Cannot extend the file.", "nothing written", { cause: error });
    }
    this.#isInDoubt = true;
    for (const effect of transaction.effects) effect();
    try {
      await write(this.#file, transaction);
    } catch (error) {
      this.#fail(transaction, error);
      throw new JournalError("A transaction failed, but it may have been written.", "unknown", {
        cause: error,
      });
    }
    this.#isInDoubt = false;
    if (this.#failure) this.#options.log.info({ file: this.#path }, "writes to a database succeed again");
    this.#failure = undefined;
    this.#head = transaction.head;
  }

  /** Logs only the first of several failures. */
  #fail(transaction: Transaction, error: unknown): void {
    if (!this.#failure) this.#options.log.error({ file: this.#path, err: error }, UNWRITABLE);
    this.#failure = { transaction };
  }

  /** After a transaction with an unknown outcome: reads the file again and makes its state durable. */
  async #resolveInDoubt(): Promise<void> {
    try {
      await this.#closeFile();
      this.#isRead = false;
      this.#head = readHead(this.#path) ?? this.#head;
      await this.#readOnce();
      await this.#openForWriting();
      await this.#commit(new Transaction(this.#head));
      this.appendSignal.notify();
    } catch (error) {
      if (error instanceof DamagedFileError) throw error;
      throw new JournalError("It is still unknown what was written.", "nothing written", { cause: error });
    }
  }

  /** Begins again as a database that does not exist. */
  #forget(): void {
    this.#head = newHead();
    this.#failure = undefined;
    this.#isDamaged = false;
    this.#latestRevisions = new Map();
    this.#removals = new Map();
    this.#oldestRemovals = this.#removals.entries();
    this.#staleRemovals = [];
    this.#pendingCompaction = new PendingCompaction();
    this.#entryChecksums = new Map();
  }

  /** The open file, which was checked before. */
  get #file(): RootDatabase<Buffer, Buffer> {
    assert(this.#env, "the file is not open");
    return this.#env;
  }

  async #closeFile(): Promise<void> {
    const env = this.#env;
    this.#env = undefined;
    this.#spaceReservation = new SpaceReservation(this.#path);
    await env?.close();
  }
}

export interface LmdbOptions extends JournalOptions {
  readonly log: Log;
  /** A job is compacted when its oldest entry is this many revisions old. Default 16,000. */
  readonly pendingCompactionMax?: number | undefined;
}

/** The writes of one transaction, and their effects on this object. */
class Transaction {
  readonly head: { -readonly [K in keyof DatabaseHead]: DatabaseHead[K] };
  readonly writes: { readonly key: Buffer; readonly bytes: Buffer | undefined }[] = [];
  readonly effects: (() => void)[] = [];
  /** The space to reserve. */
  readonly size: { bytes: number; writes: number };

  /** @param failed a transaction whose space is the least to reserve */
  constructor(head: DatabaseHead, failed?: Transaction) {
    this.head = { ...head, commit: head.commit + 1 };
    this.size = { bytes: 0, writes: 0, ...failed?.size };
  }

  /** @param old the record that this one replaces */
  put(key: Buffer, { bytes, checksum }: EncodedRecord, old?: Buffer): void {
    this.writes.push({ key, bytes });
    this.size.bytes += bytes.length;
    this.size.writes++;
    if (old) this.#count(-1, -checksumOfRecord(old));
    this.#count(1, checksum);
  }

  remove(key: Buffer, checksum: number): void {
    this.writes.push({ key, bytes: undefined });
    this.size.writes++;
    this.#count(-1, -checksum);
  }

  #count(records: number, checksum: number): void {
    this.head.recordCount += records;
    this.head.checksum = (this.head.checksum + checksum + 2 ** 32) % 2 ** 32;
  }
}

/** Resolves when LMDB has synced the transaction. */
async function write(env: RootDatabase<Buffer, Buffer>, { writes, head }: Transaction): Promise<void> {
  try {
    await env.batch(() => {
      for (const { key, bytes } of writes) void (bytes ? env.put(key, bytes) : env.remove(key));
      void env.put(HEAD_KEY, encodeRecord(HEAD_KEY, head).bytes);
    });
  } catch (error) {
    // The error carries another rejected promise, which would otherwise be unhandled.
    void (error as { commitError?: Promise<never> }).commitError?.catch(() => undefined);
    throw error;
  }
}

/** Creates a file with these jobs, in a new epoch. */
export async function writeDatabase(
  path: string,
  jobs: readonly StoredJob[],
  revision: number,
): Promise<void> {
  await createFile(path, { ...newHead(), revision, floor: revision, entriesFrom: revision + 1 }, jobs);
}

/** Creates the file under another name first, so that an incomplete one never has this name. */
async function createFile(path: string, head: DatabaseHead, jobs: readonly StoredJob[] = []): Promise<void> {
  const unfinished = `${path}${UNFINISHED_SUFFIX}`;
  await removeFile(unfinished);
  const env = await openFile(unfinished);
  try {
    const reservation = new SpaceReservation(unfinished);
    let transaction = new Transaction(head);
    const commit = async (): Promise<void> => {
      await reservation.reserve(transaction.size);
      await write(env, transaction);
      transaction = new Transaction(transaction.head);
    };
    for (const [index, job] of jobs.entries()) {
      const key = jobRecordKey(jobKeyText(job));
      transaction.put(key, encodeJob(key, job));
      transaction.head.jobCount++;
      if (index % JOBS_PER_TRANSACTION_MAX === 0) await commit();
    }
    await commit();
  } finally {
    await env.close();
  }
  await rename(unfinished, path);
  await removeFile(unfinished);
  await syncParentFolder(path);
}

const UNFINISHED_SUFFIX = ".new";

/** `overlappingSync` is off, so that a write resolves only after the sync. */
async function openFile(path: string): Promise<RootDatabase<Buffer, Buffer>> {
  await createLockFile(path);
  return openLmdb({
    path,
    noSubdir: true,
    encoding: "binary",
    keyEncoding: "binary",
    overlappingSync: false,
    eventTurnBatching: false,
  });
}

/** Removes the file and LMDB's lock file, if they exist. */
async function removeFile(path: string): Promise<void> {
  await Promise.all([rm(path, { force: true }), rm(`${path}-lock`, { force: true })]);
}

function readHead(path: string): DatabaseHead | undefined {
  if (!existsSync(path)) return undefined;
  try {
    using file = LmdbFile.open(path);
    return headOf(file);
  } catch (error) {
    throw error instanceof DamagedFileError ? damaged(error) : error;
  }
}

function newHead(): DatabaseHead {
  const counts = { jobCount: 0, recordCount: 0, checksum: 0 };
  return { format: 1, commit: 0, epoch: newEpoch(), revision: 0, floor: 0, entriesFrom: 1, ...counts };
}

function newEpoch(): string {
  return randomBytes(9).toString("base64url");
}

function damaged(error: DamagedFileError): DamagedJournalError {
  return new DamagedJournalError(`The file is damaged: ${error.message}.`, { cause: error });
}

const UNWRITABLE = "writes to a database fail; its changes are rejected until a write succeeds";

export const DAMAGED =
  "a database is damaged and cannot be used; the others are not affected. Stop the server, inspect it with: tidemark check, and repair it with: tidemark repair";

/** The number of newest entries that can be found and followed. */
const ENTRIES_KEPT = 1_000;

const PENDING_COMPACTION_MAX = 16_000;

/** Jobs are compacted when their entries take more than this. */
const PENDING_COMPACTION_BYTES_MAX = 16 * 1024 * 1024;

const JOBS_PER_TRANSACTION_MAX = 1_000;

/** Compactions and drops per append, in addition to those for each of its entries. */
const COMPACTIONS_MIN = 4;
