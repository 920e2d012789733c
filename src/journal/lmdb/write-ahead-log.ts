import { existsSync, readFileSync } from "node:fs";
import { open, rm, type FileHandle } from "node:fs/promises";
import type { JournalEntry } from "../journal.js";
import { PRIVATE_FILE, syncParentFolder } from "./durable-files.js";
import { encodeFrame, frameBytes, framesAfter } from "./log-frame.js";
import { checksumOfRecord, decodeEntry, entryKey, type DatabaseHead, type EncodedRecord } from "./records.js";

/**
 * The newest entries of a database, which its LMDB file does not contain yet.
 *
 * A transaction of LMDB writes at least ten pages, however small the change. An append to this log writes one block. So
 * small appends go here, and a *checkpoint* moves many of them to the file in one transaction. The log is then empty
 * without another write: each frame names the transaction that it follows, and frames of earlier ones are ignored. New
 * frames overwrite the old ones, so the file is extended only while the log first grows.
 */
export class WriteAheadLog {
  readonly #path: string;
  readonly #bytesMax: number;
  readonly #entries: Map<number, LoggedEntry>;
  #jobCount: number;
  #file: FileHandle | undefined;
  #fileBytes: number;
  #end: number;
  /** Whether the LMDB file contains everything in the log's file. */
  #isObsolete = false;

  /**
   * Reads the entries that follow `head`, the head of the LMDB file; without one, there are none.
   * @throws DamagedFileError
   */
  static read(path: string, head: DatabaseHead | undefined, bytesMax = LOG_BYTES_MAX): WriteAheadLog {
    const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
    const log = new WriteAheadLog(path, bytesMax, bytes.length);
    for (const { firstRevision, jobCount, records } of head ? framesAfter(bytes, head) : []) {
      log.#add(
        records.map((record, index) => decodeLogged(firstRevision + index, record)),
        jobCount,
      );
    }
    return log;
  }

  private constructor(path: string, bytesMax: number, fileBytes: number) {
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#fileBytes = fileBytes;
    this.#entries = new Map();
    this.#jobCount = 0;
    this.#end = 0;
  }

  /** By revision, oldest first. */
  get entries(): ReadonlyMap<number, LoggedEntry> {
    return this.#entries;
  }

  /** The head of the database, given that of its LMDB file. */
  headAfter(stored: DatabaseHead): DatabaseHead {
    if (this.#entries.size === 0) return stored;
    return { ...stored, revision: stored.revision + this.#entries.size, jobCount: this.#jobCount };
  }

  /**
   * Resolves with true when the entries are durable, and with false if they do not fit; then nothing is written.
   * @param head the head before them
   * @throws the system's error, if it is unknown whether the entries were written
   */
  async tryAppend(head: DatabaseHead, entries: readonly LoggedEntry[], jobCount: number): Promise<boolean> {
    const records = entries.map(({ record }) => record.bytes);
    const length = frameBytes(records);
    if (length > this.#bytesMax / LARGE_APPENDS_PER_LOG || this.#end + length > this.#bytesMax) return false;
    if (!(await this.#extend(this.#end + length))) return false;
    const { epoch, commit, revision } = head;
    const frame = {
      fileBytes: this.#fileBytes,
      commit,
      epoch,
      firstRevision: revision + 1,
      jobCount,
      records,
    };
    await this.#file!.write(encodeFrame(frame), 0, length, this.#end);
    await this.#file!.datasync();
    this.#add(entries, jobCount);
    return true;
  }

  /** Makes the entries that were read durable: the process that wrote them may have ended before it did. */
  async sync(): Promise<void> {
    if (this.#entries.size === 0) return;
    await using file = await open(this.#path, "r");
    await file.datasync();
  }

  /** Forgets the entries, after a transaction has written them to the LMDB file. */
  clear(): void {
    this.#entries.clear();
    this.#end = 0;
    this.#isObsolete = true;
  }

  /** Removes the file if it is not needed any more. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
    if (!this.#isObsolete) return;
    this.#fileBytes = 0;
    await rm(this.#path, { force: true });
  }

  #add(entries: readonly LoggedEntry[], jobCount: number): void {
    for (const entry of entries) this.#entries.set(entry.revision, entry);
    this.#isObsolete = false;
    this.#end += frameBytes(entries.map(({ record }) => record.bytes));
    this.#jobCount = jobCount;
  }

  /** Opens the file and fills it with zeros up to `end` and beyond, so that a frame never changes its length. */
  async #extend(end: number): Promise<boolean> {
    try {
      this.#file ??= await this.#open();
      for (; this.#fileBytes < end; this.#fileBytes += EXTENSION.length) {
        const { bytesWritten } = await this.#file.write(EXTENSION, 0, EXTENSION.length, this.#fileBytes);
        if (bytesWritten < EXTENSION.length) return false;
      }
      return true;
    } catch {
      return false; // the caller finds out why when it writes to the LMDB file
    }
  }

  async #open(): Promise<FileHandle> {
    if (existsSync(this.#path)) return open(this.#path, "r+");
    const file = await open(this.#path, "wx+", PRIVATE_FILE);
    this.#file = file;
    this.#fileBytes = 0;
    await syncParentFolder(this.#path);
    return file;
  }
}

/** An entry, and its record as the log and the LMDB file contain it. */
export interface LoggedEntry {
  readonly revision: number;
  readonly entry: JournalEntry;
  readonly record: EncodedRecord;
}

function decodeLogged(revision: number, bytes: Buffer): LoggedEntry {
  const entry = decodeEntry(entryKey(revision), bytes);
  return { revision, entry, record: { bytes, checksum: checksumOfRecord(bytes) } };
}

/** Longer logs save little: 250 entries already share a transaction. */
const LOG_BYTES_MAX = 128 * 1024;

/** An append that would fill this part of the log goes to the LMDB file, where its pages are worth their cost. */
const LARGE_APPENDS_PER_LOG = 2;

const EXTENSION = Buffer.alloc(64 * 1024);
