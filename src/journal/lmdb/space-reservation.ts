import { open, type FileHandle } from "node:fs/promises";
import { LmdbFile } from "./lmdb-file.js";

/**
 * Makes a file long enough for each transaction, before LMDB has to: so it is never LMDB that finds the disk
 * full. lmdb 3.5.6 writes the message of a failed write beyond the end of its buffer (`last_error` in mdb.c),
 * which ends the process sooner or later; and a transaction that was not begun needs no mending.
 */
export class SpaceReservation {
  readonly #path: string;
  #length = 0;
  /** What is used now at most. */
  #used = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws the system's error, ENOSPC, EDQUOT, EFBIG or another, when there is none. Nothing has changed then. */
  async reserve(transaction: Readonly<TransactionSize>): Promise<void> {
    const room = spaceFor(transaction);
    if (this.#used + room > this.#length) await this.#extendFile(room);
    this.#used += room;
  }

  async #extendFile(room: number): Promise<void> {
    const { used, length } = fileUsage(this.#path);
    const needed = used + room;
    if (needed > length) {
      const ahead = Math.min(Math.max(length / 4, PREALLOCATE_BYTES_MIN), PREALLOCATE_BYTES_MAX);
      await using file = await open(this.#path, "r+");
      await extend(file, length, needed);
      await extend(file, Math.max(length, needed), needed + ahead).catch(() => undefined); // it would be for later
    }
    this.#used = used;
    this.#length = fileUsage(this.#path).length;
  }
}

/**
 * Makes LMDB's lock file, which it maps and writes into: where the disk has no room for what is mapped, the
 * system ends the process.
 */
export async function createLockFile(path: string): Promise<void> {
  await using file = await open(`${path}-lock`, "a+");
  const { size } = await file.stat();
  if (size < LOCK_BYTES) await file.write(Buffer.alloc(LOCK_BYTES - size));
}

async function extend(file: FileHandle, from: number, to: number): Promise<void> {
  const zeros = Buffer.alloc(WRITE_BYTES);
  for (let at = from; at < to;) at += (await file.write(zeros, 0, WRITE_BYTES, at)).bytesWritten;
}

/** What a transaction writes: bytes of values, and how many records. */
interface TransactionSize {
  bytes: number;
  writes: number;
}

function fileUsage(path: string): { used: number; length: number } {
  using file = LmdbFile.open(path);
  return { used: file.usedBytes, length: file.bytes };
}

/** What a transaction can take at most: its values, the pages on the way to each, and the free list. */
function spaceFor({ bytes, writes }: TransactionSize): number {
  return 2 * bytes + (2 * writes + PAGES_MIN) * PAGE_BYTES;
}

/** The usual size of a page, and pages that even the least transaction may take. */
const PAGE_BYTES = 4_096;
const PAGES_MIN = 24;

/** As long as LMDB makes it for its 126 readers. */
const LOCK_BYTES = 8_272;

/** What is written at once. */
const WRITE_BYTES = 16 * 1024;

/** How much more is made room for, so that it is not done for every transaction. */
const PREALLOCATE_BYTES_MIN = 64 * 1024;
const PREALLOCATE_BYTES_MAX = 4 * 1024 * 1024;
