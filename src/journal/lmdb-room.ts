import { open, type FileHandle } from "node:fs/promises";
import { LmdbFile } from "./lmdb-file.js";

/**
 * Makes a file long enough for each transaction, before LMDB has to: so it is never LMDB that finds the disk
 * full. lmdb 3.5.6 writes the message of a failed write beyond the end of its buffer (`last_error` in mdb.c),
 * which ends the process sooner or later; and a transaction that was not begun needs no mending.
 */
export class LmdbRoom {
  readonly #path: string;
  #length = 0;
  /** What is used now at most. */
  #used = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws the system's error, ENOSPC, EDQUOT, EFBIG or another, when there is none. Nothing has changed then. */
  async make(transaction: Readonly<Room>): Promise<void> {
    const room = roomFor(transaction);
    if (this.#used + room > this.#length) await this.#lengthen(room);
    this.#used += room;
  }

  async #lengthen(room: number): Promise<void> {
    const { used, length } = sizeOf(this.#path);
    const needed = used + room;
    if (needed > length) {
      const ahead = Math.min(Math.max(length / 4, AHEAD_MIN), AHEAD_MAX);
      await using file = await open(this.#path, "r+");
      await extend(file, length, needed);
      await extend(file, Math.max(length, needed), needed + ahead).catch(() => undefined); // it would be for later
    }
    this.#used = used;
    this.#length = sizeOf(this.#path).length;
  }
}

/**
 * Makes LMDB's lock file, which it maps and writes into: where the disk has no room for what is mapped, the
 * system ends the process.
 */
export async function makeLockFile(path: string): Promise<void> {
  await using file = await open(`${path}-lock`, "a+");
  const { size } = await file.stat();
  if (size < LOCK_BYTES) await file.write(Buffer.alloc(LOCK_BYTES - size));
}

async function extend(file: FileHandle, from: number, to: number): Promise<void> {
  const zeros = Buffer.alloc(PIECE);
  for (let at = from; at < to;) at += (await file.write(zeros, 0, PIECE, at)).bytesWritten;
}

/** What a transaction writes: bytes of values, and how many records. */
interface Room {
  bytes: number;
  writes: number;
}

function sizeOf(path: string): { used: number; length: number } {
  using file = LmdbFile.open(path);
  return { used: file.usedBytes, length: file.bytes };
}

/** What a transaction can take at most: its values, the pages on the way to each, and the free list. */
function roomFor({ bytes, writes }: Room): number {
  return 2 * bytes + (2 * writes + PAGES_MIN) * PAGE;
}

/** The usual size of a page, and pages that even the least transaction may take. */
const PAGE = 4_096;
const PAGES_MIN = 24;

/** As long as LMDB makes it for its 126 readers. */
const LOCK_BYTES = 8_272;

/** What is written at once. */
const PIECE = 16 * 1024;

/** How much more is made room for, so that it is not done for every transaction. */
const AHEAD_MIN = 64 * 1024;
const AHEAD_MAX = 4 * 1024 * 1024;
