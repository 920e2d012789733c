import { randomBytes } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import type { RootDatabase } from "lmdb";
import { assert, errorCodeOf } from "../../util/assert.js";
import type { Log } from "../../util/log.js";
import { Mutex } from "../../util/keyed-mutex.js";
import { ChangeSignal } from "../../util/change-signal.js";
import { syncParentFolder } from "./durable-files.js";
import {
  DamagedJournalError,
  FIRST_GENERATION,
  JournalError,
  type AppendResult,
  type JournalEntry,
  type JournalHead,
  type JournalNews,
  type JournalOptions,
  type JournalPoint,
  type JournalSlice,
  type StoredJob,
} from "../journal.js";
import { journalClosedError, type JournalDatabase } from "../journal-handle.js";
import { isStateOf } from "../is-state-of.js";
import { jobKeyText, pickJobKey, createStoredJob, updatedJob } from "../stored-job.js";
import type { DiskReserve } from "./disk-reserve.js";
import type { DescriptorReserve } from "./descriptor-reserve.js";
import {
  createFile,
  isMostlyFree,
  openFile,
  removeFile,
  replaceFile,
  rewriteFile,
  tryLockForReplacement,
} from "./database-file.js";
import { DamagedFileError, LmdbFile } from "./lmdb-file.js";
import { oldestReaderOf, ReaderWatch } from "./reader-watch.js";
import { headOf, SnapshotReader } from "./snapshot-reader.js";
import {
  checksumOfRecord,
  entryKey,
  jobRecordKey,
  removalKey,
  encodeRecord,
  encodeEntry,
  encodeJob,
  decodeEntry,
  decodeJob,
  type DatabaseHead,
} from "./records.js";
import {
  fileUsage,
  NO_SIZE,
  reserveError,
  spaceFor,
  SpaceReservation,
  type TransactionSize,
} from "./space-reservation.js";
import { Transaction, writeTransaction, type MutableHead, type TransactionOptions } from "./transaction.js";
import { WriteAheadLog, type LoggedEntry } from "./write-ahead-log.js";
import { PendingCompaction, type UncompactedChange } from "./pending-compaction.js";

/**
 * One database in one LMDB file and its write-ahead log.
 *
 * An append writes its entries to the log. When the log is full, or the append is large, a *checkpoint* writes all
 * logged entries and the head to the LMDB file, at the end of its tree, in one transaction. When enough entries have
 * accumulated there, the oldest are *compacted*: the resulting state of their job is written to the job's own record,
 * once for all its entries. The newest `ENTRIES_KEPT` entries stay, so that they can be found and followed.
 *
 *     append ──► log ──► fdatasync ──► done
 *                 └── full ──► compact the jobs of the oldest entries ──► entries, head ──► fdatasync
 *
 * LMDB writes pages, syncs them, and then writes and syncs the root of its tree. So a failed transaction leaves
 * the previous one intact. But if the last sync fails, it is unknown whether the transaction was written. The
 * file is then reopened and read again before any other call, and a checkpoint makes the state that was found
 * durable. The same happens after a failed write to the log: the checkpoint drops the entries of that write, which
 * were never acknowledged.
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
  readonly #log: WriteAheadLog;
  /** Includes the logged entries. */
  #head: DatabaseHead;
  #failure: { readonly size: TransactionSize; readonly error: unknown } | undefined;
  #isClosed = false;
  #damage: DamagedJournalError | undefined;
  /** Whether the outcome of the latest write is unknown. */
  #isInDoubt = false;
  /** Whether the last checkpoint left jobs that should be compacted. */
  #isCompactionBehind = false;
  /** Whether a checkpoint found the disk full since one that did not only remove jobs succeeded. */
  #isDiskTight = false;
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
  readonly #readers = new ReaderWatch();
  #readersCheckedAt = 0;
  /** A rewrite that waits or runs. */
  #rewriting: Promise<void> | undefined;
  /** When a file that could not be rewritten is tried again; 0 if the last attempt succeeded. */
  #rewriteRetryAt = 0;
  /** Of the entries in the LMDB file, by revision, oldest first. */
  #entryChecksums = new Map<number, number>();

  /** Creates nothing. @throws DamagedJournalError */
  constructor(path: string, options: LmdbOptions) {
    this.#path = path;
    this.#options = options;
    this.#spaceReservation = new SpaceReservation(path, options.diskReserve);
    this.#pendingCompactionMax = options.pendingCompactionMax ?? PENDING_COMPACTION_MAX;
    const stored = readHead(path);
    this.#log = readLog(path, stored, options.logBytesMax);
    this.#head = this.#log.headAfter(stored ?? newHead());
  }

  get exists(): boolean {
    return this.#head.revision > 0;
  }

  /** 0 once the file is known to be damaged. */
  get jobCount(): number {
    return this.#damage ? 0 : this.#head.jobCount;
  }

  /** Set once the file is known to be damaged. */
  get damage(): DamagedJournalError | undefined {
    return this.#damage;
  }

  /** Why the latest transaction failed; undefined if it did not. */
  get writeError(): unknown {
    return this.#failure?.error;
  }

  load(take: (slice: JournalSlice) => unknown): Promise<JournalHead> {
    return this.#exclusively(async () => {
      await this.#read(take);
      return this.#journalHead;
    });
  }

  append(entries: readonly JournalEntry[], madeFrom?: JournalPoint): Promise<AppendResult> {
    return this.#exclusively(async () => {
      await this.#readOnce();
      await this.#openForWriting();
      const { epoch, generation } = this.#point;
      if (madeFrom && (madeFrom.epoch !== epoch || madeFrom.generation !== generation))
        return { kind: "stale" };
      const conflict = this.#conflictIn(entries);
      if (conflict) return { kind: "conflict", key: pickJobKey(conflict), head: this.#head.revision };
      const firstRevision = this.#head.revision + 1;
      const appended = this.#encode(entries);
      if (this.#needsCheckpoint || !(await this.#appendToLog(appended))) {
        await this.#checkpoint(appended);
        void this.rewriteIfDue();
      }
      this.appendSignal.notify();
      return { kind: "appended", firstRevision };
    });
  }

  /** While the reserve is in use, the log stays empty: a removal would need space for what is in it. */
  get #needsCheckpoint(): boolean {
    return this.#isCompactionBehind || (this.#options.diskReserve?.missingBytes ?? 0) > 0;
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

  newsAfter(point: JournalPoint): Promise<JournalNews | undefined> {
    return this.#exclusively(async () => {
      await this.#openOnce();
      const head = this.#journalHead;
      if (!isStateOf(head, point)) return { kind: "gone" };
      if (point.generation !== head.generation) return { kind: "generation", generations: head.generations };
      const { revision } = point;
      if (revision === head.revision) return undefined;
      if (revision + 1 < this.#head.entriesFrom) return { kind: "gone" };
      const count = Math.min(head.revision - revision, FOLLOWED_TOGETHER);
      const records = Array.from({ length: count }, (_, index) => {
        const next = revision + 1 + index;
        return { revision: next, entry: this.#entry(next) };
      });
      return { kind: "entries", records };
    });
  }

  head(): Promise<JournalPoint> {
    return this.#exclusively(async () => this.#point);
  }

  /** This process is the only one that writes. */
  holdsLease(): boolean {
    return true;
  }

  /** Writes a transaction without other changes, to find out whether a failed write would succeed now. @throws JournalError */
  probe(): Promise<void> {
    return this.#exclusively(async () => {
      await this.#readOnce();
      await this.#openForWriting();
      const sizeMin = this.#failure?.size ?? NO_SIZE;
      await this.#compactRemoved();
      await this.#writeCheckpoint({}, { count: 0, spaceMax: COMPACTION_SPACE_MAX, sizeMin });
    });
  }

  /** Removes the readers of killed processes, and warns of one that hangs. @param now monotonic, in milliseconds */
  checkReaders(now: number): Promise<void> {
    return this.#exclusively(async () => {
      if (!this.#env) return;
      const before = this.#readers.oldest(this.#readersCheckedAt)?.ms ?? 0;
      this.#readers.check(this.#env, now);
      this.#readersCheckedAt = now;
      const oldest = this.#readers.oldest(now);
      if (oldest && oldest.ms >= HUNG_READER_MS && before < HUNG_READER_MS)
        this.#options.log.warn({ file: this.#path, pid: oldest.pid, ms: Math.round(oldest.ms) }, HUNG_READER);
    });
  }

  /**
   * Rewrites the file without its free pages, however few there are. @throws JournalError
   */
  rewrite(): Promise<void> {
    return this.#exclusively(async () => {
      await this.#readOnce();
      await this.#openForWriting();
      if (await this.#rewrite()) return;
      throw new JournalError("Another process is copying the file. Try again after it.", "nothing written");
    });
  }

  /**
   * Rewrites the file, after the calls that wait already, if most of it is free and the rest is small: appends wait
   * meanwhile. If it fails, the file stays as it is. Never rejects.
   */
  async rewriteIfDue(): Promise<void> {
    try {
      if (!this.#rewriting && !this.#isRewriteDue(REWRITTEN_BYTES_MAX)) return;
      this.#rewriting ??= this.#exclusively(async () => {
        if (!this.#isClosed && this.#isRewriteDue(REWRITTEN_BYTES_MAX)) await this.#rewrite();
      }).finally(() => (this.#rewriting = undefined));
      await this.#rewriting;
    } catch (error) {
      this.#failRewrite(error);
    }
  }

  /** How long another process has been reading one state of the file, in milliseconds; 0 if none does. */
  oldestReaderMs(now: number): number {
    return this.#readers.oldest(now)?.ms ?? 0;
  }

  /** Begins a new epoch with the current state. @throws JournalError */
  beginEpoch(): Promise<void> {
    return this.#exclusively(async () => {
      await this.#readOnce();
      await this.#openForWriting();
      await this.#checkpoint({ epoch: newEpoch() });
    });
  }

  erase(ifRevision = this.#head.revision): Promise<boolean> {
    return this.#exclusively(async () => {
      if (ifRevision !== this.#head.revision) return false;
      try {
        await this.#closeFile();
        await removeFile(this.#path);
        this.#forget();
        await syncParentFolder(this.#path);
        await this.#log.close(); // last: without the file it is ignored
        this.appendSignal.notify();
        return true;
      } catch (error) {
        throw new JournalError("Cannot delete the file.", "unknown", { cause: error });
      }
    });
  }

  /**
   * A load in progress fails with a JournalError.
   * @param signal rewrites the file if most of it is free, unless or until this signal is aborted
   */
  close(signal?: AbortSignal): Promise<void> {
    this.#isClosed = true;
    return this.#mutex.runExclusive(async () => {
      await this.#emptyLog();
      if (signal && !signal.aborted) await this.#rewriteUntil(signal);
      await this.#closeFile();
      await this.#log.close();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #point(): JournalPoint {
    const { epoch, generation, revision } = this.#journalHead;
    return { epoch, generation, revision };
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#mutex.runExclusive(async () => {
      try {
        if (this.#isInDoubt) await this.#resolveInDoubt();
        return await work();
      } catch (error) {
        if (!(error instanceof DamagedFileError)) throw error;
        if (!this.#damage) this.#options.log.error({ file: this.#path, reason: error.message }, DAMAGED);
        this.#damage ??= damaged(error);
        throw damaged(error);
      }
    });
  }

  get #journalHead(): JournalHead {
    const { epoch, generations = [FIRST_GENERATION], revision, floor } = this.#head;
    return { epoch, generation: generations.at(-1)!.id, generations, revision, tombstoneHorizon: floor };
  }

  async #readOnce(): Promise<void> {
    if (!this.#isRead) await this.#read(() => {});
  }

  /** Reads and checks the file before LMDB opens it. */
  async #openOnce(): Promise<void> {
    if (this.#env) return;
    await this.#readOnce();
    if (!existsSync(this.#path)) return;
    const stored = readHead(this.#path);
    this.#env = await openFile(this.#path);
    // A new file has a transaction already, and the log must follow it.
    if (stored) this.#head = this.#log.headAfter({ ...stored, floor: this.#head.floor });
  }

  async #openForWriting(): Promise<void> {
    if (this.#env) return;
    try {
      await this.#withDescriptors(async () => {
        if (!existsSync(this.#path)) await this.#createFile();
        await this.#openOnce();
      });
    } catch (error) {
      this.#fail(NO_SIZE, error);
      throw new JournalError("Cannot create or open the file.", "nothing written", { cause: error });
    }
  }

  /** While the reserve is in use, its space is not for a new file. */
  async #createFile(): Promise<void> {
    const { diskReserve } = this.#options;
    if (diskReserve && !(await diskReserve.restore())) throw reserveError();
    await createFile(this.#path, this.#head);
  }

  /** Opens files even if other parts of the process have taken all descriptors. */
  #withDescriptors<T>(work: () => Promise<T>): Promise<T> {
    const { descriptors } = this.#options;
    return descriptors ? descriptors.use(work) : work();
  }

  /** Reads and checks the whole file, and collects what appends need. */
  async #read(take: (slice: JournalSlice) => unknown): Promise<void> {
    if (!existsSync(this.#path)) {
      this.#isRead = true;
      return;
    }
    await this.#syncLog();
    using file = LmdbFile.open(this.#path);
    const reader = new SnapshotReader(file, this.#head, this.#options, [...this.#log.entries.values()]);
    for (const slice of reader.slices()) {
      await take(slice);
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

  /** The first entry that was not made from the current revision of its job. */
  #conflictIn(entries: readonly JournalEntry[]): JournalEntry | undefined {
    const isJob = new Map<string, boolean>();
    return entries.find((entry) => {
      const id = jobKeyText(entry);
      const before = this.#latestRevisions.get(id) ?? 0;
      if (!isJob.has(id) && entry.madeFrom !== Math.abs(before)) return true;
      const { kind } = entry.change;
      assert(
        kind === "stored" || (isJob.get(id) ?? before > 0),
        `an entry "${kind}" for a job that is not stored`,
      );
      isJob.set(id, kind !== "removed");
      return false;
    });
  }

  #encode(entries: readonly JournalEntry[]): Appended {
    const isJob = new Map<string, boolean>();
    let { jobCount, revision } = this.#head;
    const logged = entries.map((entry): LoggedEntry => {
      const id = jobKeyText(entry);
      const wasJob = isJob.get(id) ?? (this.#latestRevisions.get(id) ?? 0) > 0;
      isJob.set(id, entry.change.kind !== "removed");
      jobCount += Number(isJob.get(id)) - Number(wasJob);
      revision++;
      return { revision, entry, record: encodeEntry(entryKey(revision), entry) };
    });
    return { entries: logged, jobCount };
  }

  /** Returns false if the entries do not fit into the log. @throws JournalError */
  async #appendToLog({ entries, jobCount }: Appended): Promise<boolean> {
    this.#isInDoubt = true;
    try {
      if (!(await this.#log.tryAppend(this.#head, entries, jobCount))) {
        this.#isInDoubt = false;
        return false;
      }
    } catch (error) {
      this.#fail(NO_SIZE, error);
      throw new JournalError("A write to the log failed, but it may have been written.", "unknown", {
        cause: error,
      });
    }
    this.#isInDoubt = false;
    const head = { ...this.#head, revision: this.#head.revision + entries.length, jobCount };
    for (const entry of entries) this.#applyEntry(entry, head);
    this.#head = head;
    return true;
  }

  /**
   * Moves the logged entries to the LMDB file, together with `appended`, and compacts jobs that are due.
   * @throws JournalError
   */
  async #checkpoint(appended: Partial<Appended> = {}): Promise<void> {
    const { entries = [] } = appended;
    const count = this.#log.entries.size + entries.length;
    const isRemoval = entries.length > 0 && entries.every(({ entry }) => entry.change.kind === "removed");
    const writeBounded = (more: Partial<Appended>): Promise<void> => {
      const spaceMax = this.#isDiskTight ? TIGHT_SPACE_MAX : COMPACTION_SPACE_MAX;
      return this.#writeCheckpoint(more, { count, isRemoval, spaceMax });
    };
    try {
      await writeBounded(appended);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      if (isRemoval) await this.#options.diskReserve?.release();
      this.#isDiskTight = true;
      if (!isRemoval) await this.#compactRemoved();
      await writeBounded(appended);
    }
    if (!isRemoval) this.#isDiskTight = false;
    for (let left = CHECKPOINTS_MAX; left > 0 && this.#isCompactionBehind; left--) {
      try {
        await writeBounded({});
      } catch {
        return; // the entries are durable, and the failure was logged
      }
    }
  }

  /** Frees the space of jobs whose removal is durable, so that other changes need not wait for the next removal. */
  async #compactRemoved(): Promise<void> {
    const bounds = { count: COMPACTIONS_TIGHT, isRemoval: true, spaceMax: TIGHT_SPACE_MAX };
    for (let left = CHECKPOINTS_MAX; left > 0 && this.#pendingCompaction.removed.size > 0; left--)
      await this.#writeCheckpoint({}, bounds);
  }

  async #writeCheckpoint(appended: Partial<Appended>, bounds: CheckpointBounds): Promise<void> {
    const { entries = [], jobCount = this.#head.jobCount, epoch } = appended;
    const { count } = bounds;
    const transaction = new Transaction(this.#head, bounds);
    Object.assign(transaction.head, { jobCount, revision: this.#head.revision + entries.length });
    if (epoch !== undefined) {
      transaction.head.epoch = epoch;
      delete transaction.head.generations;
    }
    await this.#compactDue(transaction, bounds);
    this.#dropEntries(transaction, count);
    this.#dropStaleRemovals(transaction);
    for (const { revision, record } of [...this.#log.entries.values(), ...entries]) {
      transaction.put(entryKey(revision), record);
      transaction.effects.push(() => this.#entryChecksums.set(revision, record.checksum));
    }
    transaction.effects.push(() => {
      for (const entry of entries) this.#applyEntry(entry, transaction.head);
    });
    await this.#commit(transaction);
    this.#log.clear();
  }

  #applyEntry({ entry, revision, record }: LoggedEntry, head: MutableHead): void {
    const id = jobKeyText(entry);
    const isRemoved = entry.change.kind === "removed";
    this.#pendingCompaction.add(entry, revision, record.bytes.length, this.#options.logLinesPerJobMax);
    this.#latestRevisions.set(id, isRemoved ? -revision : revision);
    const removedAt = this.#removals.get(id);
    if (removedAt !== undefined) this.#forgetRemoval(id, removedAt);
    if (!isRemoved) return;
    this.#removals.set(id, revision);
    if (this.#removals.size <= this.#options.removalsKeptMax) return;
    const [oldestId, oldest] = this.#oldestRemovals.next().value!;
    this.#forgetRemoval(oldestId, oldest);
    this.#latestRevisions.delete(oldestId);
    head.floor = oldest;
  }

  #forgetRemoval(id: string, revision: number): void {
    this.#removals.delete(id);
    this.#staleRemovals.push(revision);
  }

  /** Compacts jobs that are due, up to a bound. Yields to other work in between. */
  async #compactDue(transaction: Transaction, { count, spaceMax }: CheckpointBounds): Promise<void> {
    let left = count + COMPACTIONS_MIN;
    let begun = performance.now();
    this.#isCompactionBehind = false;
    for (const change of this.#dueForCompaction()) {
      if (left-- === 0) break;
      this.#isCompactionBehind = spaceFor(transaction.size) > spaceMax;
      if (this.#isCompactionBehind) break;
      this.#compact(transaction, change);
      if (performance.now() - begun < SLICE_MS) continue;
      await setImmediate();
      begun = performance.now();
    }
  }

  /** The removed jobs, and the longest-waiting others while too many entries wait for compaction. */
  *#dueForCompaction(): Generator<UncompactedChange, void> {
    const { removed } = this.#pendingCompaction;
    let { bytes } = this.#pendingCompaction;
    for (const change of removed) {
      yield change;
      bytes -= change.bytes;
    }
    for (const change of this.#pendingCompaction.values()) {
      const isTooOld = change.firstRevision <= this.#head.revision - this.#pendingCompactionMax;
      if (!isTooOld && bytes <= PENDING_COMPACTION_BYTES_MAX) return;
      if (removed.has(change)) continue;
      yield change;
      bytes -= change.bytes;
    }
  }

  #compact(transaction: Transaction, change: UncompactedChange): void {
    const key = jobRecordKey(change.id);
    const old = this.#file.getBinary(key);
    const job = change.removal ? undefined : this.#compacted(change, key, old);
    if (job) transaction.put(key, encodeJob(key, job), { old, pages: PAGES_PER_JOB });
    else if (old) transaction.remove(key, checksumOfRecord(old), PAGES_PER_JOB);
    if (change.removal && this.#removals.get(change.id) === change.revision) {
      const numbered = removalKey(change.revision);
      transaction.put(numbered, encodeRecord(numbered, change.removal), { pages: PAGES_PER_REMOVAL });
    }
    transaction.effects.push(() => this.#pendingCompaction.delete(change));
  }

  #compacted(change: UncompactedChange, key: Buffer, old: Buffer | undefined): StoredJob {
    const job =
      change.storedRevision === undefined
        ? old && decodeJob(key, old)
        : this.#storedAt(change.storedRevision);
    if (!job) throw new DamagedFileError("the record of a job is missing");
    return updatedJob(job, change, this.#options.logLinesPerJobMax);
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
      if (old) transaction.remove(removalKey(revision), checksumOfRecord(old), PAGES_PER_REMOVAL); // otherwise it was never compacted
    }
    transaction.effects.push(() => this.#staleRemovals.splice(0, stale.length));
  }

  #entry(revision: number): JournalEntry {
    const logged = this.#log.entries.get(revision);
    if (logged) return logged.entry;
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
      await this.#withDescriptors(() =>
        this.#spaceReservation.reserve({
          size: transaction.reservedSize,
          oldestReader: oldestReaderOf(this.#file),
          isRemoval: transaction.isRemoval,
        }),
      );
    } catch (error) {
      this.#fail(transaction.size, error);
      throw new JournalError("Cannot extend the file.", "nothing written", { cause: error });
    }
    this.#isInDoubt = true;
    for (const effect of transaction.effects) effect();
    try {
      await writeTransaction(this.#file, transaction);
    } catch (error) {
      this.#fail(transaction.size, error);
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
  #fail(size: TransactionSize, error: unknown): void {
    if (!this.#failure) this.#options.log.error({ file: this.#path, err: error }, UNWRITABLE);
    this.#failure = { size, error };
  }

  /** After a write with an unknown outcome: reads the file again and makes its state durable. */
  async #resolveInDoubt(): Promise<void> {
    try {
      await this.#closeFile();
      await syncParentFolder(this.#path); // of a file that was replaced
      this.#isRead = false;
      const stored = readHead(this.#path) ?? newHead();
      if (stored.commit > this.#head.commit) this.#log.clear(); // the checkpoint was written
      this.#head = this.#log.headAfter(stored);
      await this.#readOnce();
      await this.#openForWriting();
      await this.#checkpoint();
      this.appendSignal.notify();
    } catch (error) {
      if (error instanceof DamagedFileError) throw error;
      throw new JournalError("It is still unknown what was written.", "nothing written", { cause: error });
    }
  }

  /** Makes logged entries durable before they can be read. @throws JournalError */
  async #syncLog(): Promise<void> {
    await this.#log.sync().catch((error: unknown) => {
      throw new JournalError("Cannot sync the log.", "nothing written", { cause: error });
    });
  }

  /** If this fails, the next opening reads the log. */
  async #emptyLog(): Promise<void> {
    if (!this.#env || this.#isInDoubt || this.#log.entries.size === 0) return;
    try {
      await this.#checkpoint();
    } catch (error) {
      this.#options.log.warn({ file: this.#path, err: error }, LOG_KEPT);
    }
  }

  /** @param liveBytesMax the most that may have to be written */
  #isRewriteDue(liveBytesMax: number): boolean {
    if (this.#rewriteRetryAt > performance.now() || this.#isInDoubt || this.#damage || !this.#isRead)
      return false;
    const fileBytesMin = this.#options.rewriteBytesMin ?? REWRITE_BYTES_MIN;
    const size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
    if (size <= fileBytesMin) return false;
    const usage = fileUsage(this.#path);
    return isMostlyFree(usage) && usage.usedBytes - usage.freeBytes <= liveBytesMax;
  }

  async #rewriteUntil(signal: AbortSignal): Promise<void> {
    try {
      if (this.#isRewriteDue(Infinity)) await this.#rewrite(signal);
    } catch (error) {
      if (!signal.aborted) this.#failRewrite(error);
    }
  }

  /** Logs only the first of several failures. */
  #failRewrite(error: unknown): void {
    if (this.#rewriteRetryAt === 0) this.#options.log.warn({ file: this.#path, err: error }, NOT_REWRITTEN);
    this.#rewriteRetryAt = performance.now() + REWRITE_RETRY_MS;
  }

  /** Returns false if another process is copying the file. */
  async #rewrite(signal?: AbortSignal): Promise<boolean> {
    await using lock = await tryLockForReplacement(this.#path);
    if (!lock) return false;
    if (this.#log.entries.size > 0) {
      await this.#openForWriting();
      await this.#checkpoint(); // the frames of the log name a transaction of the old file
    }
    const head = await rewriteFile(this.#path, this.#head, signal);
    this.#isInDoubt = true;
    await this.#closeFile();
    await replaceFile(this.#path);
    this.#head = head;
    this.#isInDoubt = false;
    this.#rewriteRetryAt = 0;
    return true;
  }

  /** Begins again as a database that does not exist. */
  #forget(): void {
    this.#head = newHead();
    this.#failure = undefined;
    this.#damage = undefined;
    this.#isCompactionBehind = false;
    this.#latestRevisions = new Map();
    this.#removals = new Map();
    this.#oldestRemovals = this.#removals.entries();
    this.#staleRemovals = [];
    this.#pendingCompaction = new PendingCompaction();
    this.#entryChecksums = new Map();
    this.#log.clear();
  }

  /** The open file, which was checked before. */
  get #file(): RootDatabase<Buffer, Buffer> {
    assert(this.#env, "the file is not open");
    return this.#env;
  }

  async #closeFile(): Promise<void> {
    const env = this.#env;
    this.#env = undefined;
    this.#spaceReservation = new SpaceReservation(this.#path, this.#options.diskReserve);
    await env?.close();
  }
}

export interface LmdbOptions extends JournalOptions {
  readonly log: Log;
  readonly descriptors?: DescriptorReserve | undefined;
  readonly diskReserve?: DiskReserve | undefined;
  /** A job is compacted when its oldest entry is this many revisions old. Default 16,000. */
  readonly pendingCompactionMax?: number | undefined;
  /** The write-ahead log takes this many bytes. Default 128 KiB; with 0, each append writes to the LMDB file. */
  readonly logBytesMax?: number | undefined;
  /** A file of at most this size is not rewritten. Default 4 MiB. */
  readonly rewriteBytesMin?: number | undefined;
}

/** Encoded entries, and the number of jobs after them. */
interface Appended {
  readonly entries: readonly LoggedEntry[];
  readonly jobCount: number;
  /** Of the history from here on. */
  readonly epoch?: string;
}

interface CheckpointBounds extends TransactionOptions {
  /** The number of entries, for each of which some older ones are compacted and dropped. */
  readonly count: number;
  /** The space that makes the checkpoint stop compacting. */
  readonly spaceMax: number;
}

export const LOG_SUFFIX = "-log";

function readHead(path: string): DatabaseHead | undefined {
  if (!existsSync(path)) return undefined;
  try {
    using file = LmdbFile.open(path);
    return headOf(file);
  } catch (error) {
    throw error instanceof DamagedFileError ? damaged(error) : error;
  }
}

function readLog(path: string, head: DatabaseHead | undefined, bytesMax: number | undefined): WriteAheadLog {
  try {
    return WriteAheadLog.read(`${path}${LOG_SUFFIX}`, head, bytesMax);
  } catch (error) {
    throw error instanceof DamagedFileError ? damaged(error) : error;
  }
}

/** Returns the head of an empty database, in a new epoch. */
export function newHead(): DatabaseHead {
  const counts = { jobCount: 0, recordCount: 0, checksum: 0 };
  return { format: 1, commit: 0, epoch: newEpoch(), revision: 0, floor: 0, entriesFrom: 1, ...counts };
}

function newEpoch(): string {
  return randomBytes(9).toString("base64url");
}

function isDiskFull(error: unknown): boolean {
  return error instanceof JournalError && ["ENOSPC", "EDQUOT"].includes(String(errorCodeOf(error.cause)));
}

function damaged(error: DamagedFileError): DamagedJournalError {
  return new DamagedJournalError(`The file is damaged: ${error.message}.`, { cause: error });
}

const LOG_KEPT =
  "a database was closed without moving its log to its file; keep both, and the next opening reads both";

const NOT_REWRITTEN =
  "a file of which most is free could not be rewritten to return its space; it stays as it is and is in use";

const UNWRITABLE = "writes to a database fail; its changes are rejected until a write succeeds";

export const DAMAGED =
  "a database is damaged and cannot be used; the others are not affected. Stop the server, inspect it with: tidemark check, and repair it with: tidemark repair";

/** A backup of a large database takes minutes. */
const HUNG_READER_MS = 10 * 60_000;

const HUNG_READER =
  "another process has been reading a database for a long time, and the file grows meanwhile; if it is a backup that hangs, end it";

/** The number of newest entries that can be found and followed. */
const ENTRIES_KEPT = 1_000;

/** The number of entries that a follower gets at once. */
const FOLLOWED_TOGETHER = 100;

const PENDING_COMPACTION_MAX = 16_000;

/** Jobs are compacted when their entries take more than this. */
const PENDING_COMPACTION_BYTES_MAX = 16 * 1024 * 1024;

/** Compactions and drops per checkpoint, in addition to those for each of its entries. */
const COMPACTIONS_MIN = 4;

/** Compactions per checkpoint that only frees the space of removed jobs. */
const COMPACTIONS_TIGHT = 250;

/** A checkpoint stops compacting when it may need this much space. */
const COMPACTION_SPACE_MAX = 8 * 1024 * 1024;

/** The same on a full disk, where removals have only the reserve. */
const TIGHT_SPACE_MAX = 1024 * 1024;

/** The checkpoints after one append. */
const CHECKPOINTS_MAX = 8;

const REWRITE_BYTES_MIN = 4 * 1024 * 1024;

/** The most that a database in use rewrites. It takes a fraction of a second. */
const REWRITTEN_BYTES_MAX = 16 * 1024 * 1024;

const REWRITE_RETRY_MS = 60_000;

/** The pages of LMDB's tree that a write may touch. Entries are adjacent, and removals nearly so. */
const PAGES_PER_JOB = 2;
const PAGES_PER_REMOVAL = 1;

/** The time after which compaction yields to other work, in milliseconds. */
const SLICE_MS = 8;
