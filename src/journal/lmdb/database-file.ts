import { open, rename, rm, stat, truncate, type FileHandle } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { tryLock, waitForLock } from "fs-native-extensions";
import type { RootDatabase } from "lmdb";
import { openLmdb } from "./binding/open-lmdb.js";
import type { DatabaseJournal, JournalSlice, StoredJob } from "../journal.js";
import { jobKeyText } from "../stored-job.js";
import { checkCanOpen } from "./descriptor-reserve.js";
import { syncParentFolder } from "./durable-files.js";
import { DamagedFileError, LmdbFile } from "./lmdb-file.js";
import {
  checkRecord,
  checksumOfRecord,
  encodeJob,
  encodeRecord,
  jobRecordKey,
  KIND,
  removalKey,
  type DatabaseHead,
  type EncodedRecord,
} from "./records.js";
import { headOf } from "./snapshot-reader.js";
import { createLockFile, SpaceReservation, type FileUsage } from "./space-reservation.js";
import { Transaction, writeTransaction } from "./transaction.js";

/**
 * Creates and rewrites the LMDB files of databases. LMDB never shortens a file: pages that become free are only reused.
 * So a file with many free pages is rewritten: its records are written to a new file, which then takes its place. Each
 * file is written under another name first, so that an incomplete one never has the name of a database.
 */

/** `overlappingSync` is off, so that a write resolves only after the sync. */
export async function openFile(path: string): Promise<RootDatabase<Buffer, Buffer>> {
  await createLockFile(path);
  checkCanOpen([path, path, `${path}-lock`], "a+");
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
export async function removeFile(path: string): Promise<void> {
  await Promise.all([rm(path, { force: true }), rm(`${path}-lock`, { force: true })]);
}

/** Creates a file with these jobs. */
export async function createFile(
  path: string,
  head: DatabaseHead,
  jobs: readonly StoredJob[] = [],
): Promise<void> {
  await writeUnfinished(path, { ...head, jobCount: jobs.length }, (put) => putAll(put, recordsOf(jobs)));
  await replaceFile(path);
}

/**
 * Creates a file with the state that another journal loads. Nothing has the name of the file before it is complete.
 * @param head an empty database
 * @returns the head of the file
 */
export async function importFile(
  path: string,
  head: DatabaseHead,
  source: Pick<DatabaseJournal, "load">,
): Promise<DatabaseHead> {
  const written = await writeUnfinished(path, head, async (put) => {
    let jobCount = 0;
    const { epoch, generations, revision, tombstoneHorizon } = await source.load(async (slice) => {
      await putAll(put, importedRecords(slice));
      jobCount += slice.jobs.length;
    });
    const entriesFrom = revision + 1;
    return {
      epoch,
      generations: generations.slice(-GENERATIONS_MAX),
      revision,
      floor: tombstoneHorizon,
      entriesFrom,
      jobCount,
    };
  });
  await replaceFile(path);
  return written;
}

/**
 * Writes the records of a file to a new one beside it, without free pages, and checks it. Nothing else may write to the
 * file meanwhile. Works in slices, between which the event loop serves other work.
 * @param head the head of the file
 * @returns the head of the new file, whose transaction is a later one
 * @throws DamagedFileError, errors of the system, and the reason of `signal`; then there is no new file
 */
export async function rewriteFile(
  path: string,
  head: DatabaseHead,
  signal?: AbortSignal,
): Promise<DatabaseHead> {
  using file = LmdbFile.open(path);
  const written = await writeUnfinished(
    path,
    { ...head, recordCount: 0, checksum: 0 },
    (put) => putAll(put, recordsIn(file)),
    signal,
  );
  try {
    checkCounts(written, head);
    await checkUnfinished(path, written);
    return written;
  } catch (error) {
    await removeFile(unfinishedOf(path));
    throw error;
  }
}

/** Puts the new file in the place of the old one, if any, which must be closed. */
export async function replaceFile(path: string): Promise<void> {
  await rm(`${path}-lock`, { force: true }); // it counts the transactions of the old file
  await rename(unfinishedOf(path), path);
  await removeFile(unfinishedOf(path));
  await syncParentFolder(path);
}

/** Whether so much of a file is free that it should be rewritten. */
export function isMostlyFree({ usedBytes, freeBytes, length }: FileUsage): boolean {
  return usedBytes - freeBytes < length / 2;
}

/**
 * Locks a file that is about to be replaced. Returns undefined while another process copies it: a copy of one file that
 * used LMDB's lock file of another would make LMDB write to the wrong pages.
 */
export async function tryLockForReplacement(path: string): Promise<AsyncDisposable | undefined> {
  const file = await open(path, "r+");
  if (tryLock(file.fd)) return file;
  await file.close();
  return undefined;
}

/** Runs `copy` while the file is not replaced. Waits for a replacement that has begun. */
export async function withoutReplacement<T>(path: string, copy: () => Promise<T>): Promise<T> {
  const lock = await lockForCopy(path);
  try {
    return await copy();
  } finally {
    await lock.close();
  }
}

async function lockForCopy(path: string): Promise<FileHandle> {
  for (;;) {
    const file = await open(path, "r");
    await waitForLock(file.fd, { shared: true });
    const [locked, current] = await Promise.all([file.stat(), stat(path)]);
    if (locked.ino === current.ino) return file;
    await file.close();
  }
}

/** Of files that are not complete. A start deletes them. */
const UNFINISHED_SUFFIX = ".new";

function unfinishedOf(path: string): string {
  return `${path}${UNFINISHED_SUFFIX}`;
}

interface FileRecord extends EncodedRecord {
  readonly key: Buffer;
  /** The pages that it may touch; by default none, because it is adjacent to the record before. */
  readonly pages?: number;
}

type PutRecord = (record: FileRecord) => Promise<void>;

/** Puts all records of a file. Resolves with fields of the head that were not known before. */
type WriteRecords = (put: PutRecord) => Promise<Partial<DatabaseHead>>;

async function putAll(put: PutRecord, records: Iterable<FileRecord>): Promise<Partial<DatabaseHead>> {
  for (const record of records) await put(record);
  return {};
}

async function writeUnfinished(
  path: string,
  head: DatabaseHead,
  write: WriteRecords,
  signal?: AbortSignal,
): Promise<DatabaseHead> {
  const unfinished = unfinishedOf(path);
  await removeFile(unfinished);
  try {
    const written = await writeRecords(unfinished, head, write, signal);
    await truncate(unfinished, usedBytesOf(unfinished)); // without the space that was reserved ahead
    return written;
  } catch (error) {
    await removeFile(unfinished);
    throw error;
  }
}

async function writeRecords(
  path: string,
  head: DatabaseHead,
  write: WriteRecords,
  signal?: AbortSignal,
): Promise<DatabaseHead> {
  const env = await openFile(path);
  try {
    const reservation = new SpaceReservation(path);
    let transaction = new Transaction(head);
    const commit = async (): Promise<void> => {
      await reservation.reserve(transaction);
      await writeTransaction(env, transaction);
      transaction = new Transaction(transaction.head);
    };
    const slices = new Slices(signal);
    const rest = await write(async ({ key, pages = 0, ...record }) => {
      transaction.put(key, record, { pages });
      if (isFull(transaction)) {
        await slices.end();
        await commit();
      }
      if (slices.isOver) await slices.end();
    });
    Object.assign(transaction.head, rest);
    await commit();
    return { ...transaction.head, commit: transaction.head.commit - 1 };
  } finally {
    await env.close();
  }
}

function isFull({ writes, size }: Transaction): boolean {
  return (
    writes.length >= RECORDS_PER_TRANSACTION_MAX || size.bytes + size.largeBytes >= TRANSACTION_BYTES_MAX
  );
}

function usedBytesOf(path: string): number {
  using file = LmdbFile.open(path);
  return file.usedBytes;
}

/** Reads the new file, before the old one is given up. */
async function checkUnfinished(path: string, head: DatabaseHead): Promise<void> {
  using file = LmdbFile.open(unfinishedOf(path));
  const found = { commit: headOf(file)?.commit, recordCount: 0, checksum: 0 };
  const slices = new Slices();
  for (const { checksum } of recordsIn(file)) {
    found.recordCount++;
    found.checksum = (found.checksum + checksum) % 2 ** 32;
    if (slices.isOver) await slices.end();
  }
  checkCounts(found, head);
  if (found.commit !== head.commit)
    throw new DamagedFileError("the head of its copy is not the latest version");
}

function checkCounts(
  found: Pick<DatabaseHead, "recordCount" | "checksum">,
  head: Pick<DatabaseHead, "recordCount" | "checksum">,
): void {
  if (found.recordCount !== head.recordCount)
    throw new DamagedFileError(
      `its head counts ${head.recordCount} records, but it has ${found.recordCount}`,
    );
  if (found.checksum !== head.checksum) throw new DamagedFileError("a record is not the latest version");
}

/** Yields copies of the records without the head. @throws DamagedFileError */
function* recordsIn(file: LmdbFile): Generator<FileRecord, void> {
  for (const { key, value } of file.records()) {
    if (key[0] === KIND.head) continue;
    checkRecord(key, value);
    yield { key: Buffer.from(key), bytes: Buffer.from(value), checksum: checksumOfRecord(value) };
  }
}

function* recordsOf(jobs: readonly StoredJob[]): Generator<FileRecord, void> {
  const keyed = jobs.map((job) => ({ key: jobRecordKey(jobKeyText(job)), job }));
  for (const { key, job } of keyed.toSorted((a, b) => a.key.compare(b.key)))
    yield { key, ...encodeJob(key, job) };
}

/** In no order, so each may touch other pages. */
function* importedRecords({ jobs, removals }: JournalSlice): Generator<FileRecord, void> {
  for (const job of jobs) {
    const key = jobRecordKey(jobKeyText(job));
    yield { key, ...encodeJob(key, job), pages: PAGES_PER_RECORD };
  }
  for (const removal of removals) {
    const key = removalKey(removal.revision);
    yield { key, ...encodeRecord(key, removal), pages: PAGES_PER_RECORD };
  }
}

/** Divides work into slices of a few milliseconds. */
class Slices {
  readonly #signal: AbortSignal | undefined;
  #begun = performance.now();

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  get isOver(): boolean {
    return performance.now() - this.#begun >= SLICE_MS;
  }

  /** Lets other work run. @throws the reason of the signal */
  async end(): Promise<void> {
    await setImmediate();
    this.#signal?.throwIfAborted();
    this.#begun = performance.now();
  }
}

const SLICE_MS = 4;

/** Writing more in one transaction would delay other work. */
const RECORDS_PER_TRANSACTION_MAX = 1_000;
const TRANSACTION_BYTES_MAX = 1024 * 1024;

/** The pages of LMDB's tree that a record may touch if it is not adjacent to the one before. */
const PAGES_PER_RECORD = 2;

/** Each write contains those of the history. Positions of older ones are not recognized. */
const GENERATIONS_MAX = 100;
