import { open, stat, type FileHandle } from "node:fs/promises";
import type { DiskReserve } from "./disk-reserve.js";
import { PRIVATE_FILE } from "./durable-files.js";
import { LmdbFile } from "./lmdb-file.js";

/**
 * Extends a file before each transaction, so that LMDB never finds the disk full: lmdb 3.5.6 writes the message
 * of a failed write beyond the end of its buffer (`last_error` in mdb.c), which eventually crashes the process.
 * A full disk then also leaves no failed transaction behind.
 */
export class SpaceReservation {
  readonly #path: string;
  readonly #diskReserve: DiskReserve | undefined;
  /** Lower bounds of the bytes that can be written after the last page, and to free pages. */
  #tail = 0;
  #free = 0;

  constructor(path: string, diskReserve?: DiskReserve) {
    this.#path = path;
    this.#diskReserve = diskReserve;
  }

  /**
   * If there is not enough space, nothing changes.
   * @throws the system's error, such as ENOSPC, EDQUOT or EFBIG
   */
  async reserve({ size, oldestReader = Infinity, isRemoval = false }: SpaceRequest): Promise<void> {
    const large = size.largeBytes;
    const single = spaceFor(size) - large;
    const kept = isRemoval ? 0 : await this.#keptBytes();
    if (!this.#fits(large, single + kept)) await this.#extendFile(large, single, kept, oldestReader);
    this.#tail -= large + single;
    this.#free -= single;
  }

  /** The space to leave free in the file for removals, because the reserve is in use. */
  async #keptBytes(): Promise<number> {
    const reserve = this.#diskReserve;
    return !reserve || (await reserve.restore()) ? 0 : reserve.missingBytes;
  }

  /** Values of several pages need adjacent ones, which only the end of the file is sure to have. */
  #fits(large: number, single: number): boolean {
    return this.#tail >= large && this.#tail + Math.max(0, this.#free) >= large + single;
  }

  async #extendFile(large: number, single: number, kept: number, oldestReader: number): Promise<void> {
    const { usedBytes, freeBytes, length } = fileUsage(this.#path, oldestReader);
    const needed = usedBytes + large + Math.max(0, single + kept - freeBytes);
    if (needed > length) {
      if (kept > 0) throw reserveError();
      await using file = await open(this.#path, "r+");
      await extend(file, length, needed);
      await extend(file, needed, needed + this.#bytesAhead(length)).catch(() => undefined); // only needed later
    }
    this.#tail = fileUsage(this.#path, oldestReader).length - usedBytes;
    this.#free = freeBytes;
  }

  /** None while the reserve is in use: it needs the space. */
  #bytesAhead(length: number): number {
    if (this.#diskReserve && this.#diskReserve.missingBytes > 0) return 0;
    return Math.min(Math.max(length / 4, PREALLOCATE_BYTES_MIN), PREALLOCATE_BYTES_MAX);
  }
}

/** The space to reserve for a transaction. */
export interface SpaceRequest {
  readonly size: TransactionSize;
  /** The transaction that the oldest reader still reads; pages that were freed since are not reused. */
  readonly oldestReader?: number;
  /** Whether the transaction only removes jobs, so that it may use the reserve. */
  readonly isRemoval?: boolean;
}

/** The size of a transaction. */
export interface TransactionSize {
  /** Of values that take pages of their own. */
  readonly largeBytes: number;
  /** Of the other keys and values. */
  readonly bytes: number;
  /** Pages of the tree that writes may touch. Adjacent records share theirs. */
  readonly pages: number;
}

export const NO_SIZE: TransactionSize = { largeBytes: 0, bytes: 0, pages: 0 };

export function maxSize(a: TransactionSize, b: TransactionSize): TransactionSize {
  return {
    largeBytes: Math.max(a.largeBytes, b.largeBytes),
    bytes: Math.max(a.bytes, b.bytes),
    pages: Math.max(a.pages, b.pages),
  };
}

/** The space that a value takes beside the pages of the tree; 0 if it is part of one. */
export function largeBytesOf(valueBytes: number): number {
  return valueBytes > VALUE_BYTES_MAX ? Math.ceil((valueBytes + PAGE_HEADER) / PAGE_BYTES) * PAGE_BYTES : 0;
}

/** The most space that a transaction can take: large values, pages that are half full, and the free list. */
export function spaceFor({ largeBytes, bytes, pages }: TransactionSize): number {
  const touched = pages + PAGES_MIN;
  return largeBytes + 3 * bytes + (touched + Math.ceil(touched / FREE_PAGES_PER_PAGE)) * PAGE_BYTES;
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

export interface FileUsage {
  readonly usedBytes: number;
  /** Part of the used bytes. */
  readonly freeBytes: number;
  readonly length: number;
}

/** @param oldestReader see `SpaceRequest` */
export function fileUsage(path: string, oldestReader = Infinity): FileUsage {
  using file = LmdbFile.open(path);
  return { usedBytes: file.usedBytes, freeBytes: file.freeBytes(oldestReader), length: file.bytes };
}

/** Refuses changes that would take the space that the reserve needs. */
export function reserveError(): Error {
  return Object.assign(new Error("ENOSPC: the space that is reserved for removals is in use"), {
    code: "ENOSPC",
  });
}

/** The usual page size. */
const PAGE_BYTES = 4_096;
const PAGE_HEADER = 24;
/** A longer value gets its own pages: half a page, without the headers of page and record and the longest key. */
const VALUE_BYTES_MAX = 1_400;
/** The pages that even the smallest transaction may take. */
const PAGES_MIN = 24;
/** The free pages that one page of the free list holds. */
const FREE_PAGES_PER_PAGE = 500;

/** The size of LMDB's lock file for 126 readers. */
export const LOCK_BYTES = 8_272;

const WRITE_BYTES = 16 * 1024;

/** How much more to allocate, so that not every transaction extends the file. */
const PREALLOCATE_BYTES_MIN = 64 * 1024;
const PREALLOCATE_BYTES_MAX = 4 * 1024 * 1024;
