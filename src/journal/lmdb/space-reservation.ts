import { open, stat, type FileHandle } from "node:fs/promises";
import { PRIVATE_FILE } from "./durable-files.js";
import { LmdbFile } from "./lmdb-file.js";

/**
 * Extends a file before each transaction, so that LMDB never finds the disk full: lmdb 3.5.6 writes the message
 * of a failed write beyond the end of its buffer (`last_error` in mdb.c), which eventually crashes the process.
 * A full disk then also leaves no failed transaction behind.
 */
export class SpaceReservation {
  readonly #path: string;
  #length = 0;
  /** An upper bound of the bytes in use. */
  #used = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * If there is not enough space, nothing changes.
   * @param sizeMin the least to reserve: the size of a failed transaction
   * @throws the system's error, such as ENOSPC, EDQUOT or EFBIG
   */
  async reserve(transaction: TransactionSize, sizeMin: TransactionSize = transaction): Promise<void> {
    const space = Math.max(spaceFor(transaction), spaceFor(sizeMin));
    if (this.#used + space > this.#length) await this.#extendFile(space);
    this.#used += space;
  }

  async #extendFile(space: number): Promise<void> {
    const { used, length } = fileUsage(this.#path);
    const needed = used + space;
    if (needed > length) {
      const ahead = Math.min(Math.max(length / 4, PREALLOCATE_BYTES_MIN), PREALLOCATE_BYTES_MAX);
      await using file = await open(this.#path, "r+");
      await extend(file, length, needed);
      await extend(file, Math.max(length, needed), needed + ahead).catch(() => undefined); // only needed later
    }
    this.#used = used;
    this.#length = fileUsage(this.#path).length;
  }
}

/**
 * Creates LMDB's lock file at full size. LMDB writes to it through a memory map, and the operating system kills
 * the process if the disk has no space for a mapped page. It gets the owner of the database, so that a backup by root
 * does not lock the server out.
 */
export async function createLockFile(path: string): Promise<void> {
  await using file = await open(`${path}-lock`, "a+", PRIVATE_FILE);
  const { size } = await file.stat();
  if (size < LOCK_BYTES) await file.write(Buffer.alloc(LOCK_BYTES - size));
  const database = await stat(path).catch(() => undefined);
  if (database && process.getuid?.() === 0) await file.chown(database.uid, database.gid);
}

async function extend(file: FileHandle, from: number, to: number): Promise<void> {
  const zeros = Buffer.alloc(WRITE_BYTES);
  for (let at = from; at < to;) at += (await file.write(zeros, 0, WRITE_BYTES, at)).bytesWritten;
}

/** The size of a transaction: the bytes of its values and the number of records. */
export interface TransactionSize {
  readonly bytes: number;
  readonly writes: number;
}

function fileUsage(path: string): { used: number; length: number } {
  using file = LmdbFile.open(path);
  return { used: file.usedBytes, length: file.bytes };
}

/** The most space that a transaction can take: its values, the pages on the path to each, and the free list. */
function spaceFor({ bytes, writes }: TransactionSize): number {
  return 2 * bytes + (2 * writes + PAGES_MIN) * PAGE_BYTES;
}

/** The usual page size. */
const PAGE_BYTES = 4_096;
/** The pages that even the smallest transaction may take. */
const PAGES_MIN = 24;

/** The size of LMDB's lock file for 126 readers. */
export const LOCK_BYTES = 8_272;

const WRITE_BYTES = 16 * 1024;

/** How much more to allocate, so that not every transaction extends the file. */
const PREALLOCATE_BYTES_MIN = 64 * 1024;
const PREALLOCATE_BYTES_MAX = 4 * 1024 * 1024;
