import { constants } from "node:fs";
import { open, statfs, type FileHandle } from "node:fs/promises";
import { errorCodeOf } from "../../util/assert.js";
import { PRIVATE_FILE } from "./durable-files.js";

/**
 * Disk space that is set aside when the server starts, so that jobs can be purged and expire on a full disk: a removal
 * writes before it frees anything. While the reserve is in use, other changes must leave as much space free in their
 * file, so that the next removal has space too.
 *
 * The file keeps its length when its space is released, so that the next start knows how much there was.
 */
export class DiskReserve {
  readonly #path: string;
  #bytes = 0;
  #isReleased = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** How much space other changes must leave free in their file: all of it while the reserve is in use. */
  get missingBytes(): number {
    return this.#isReleased ? this.#bytes : 0;
  }

  /** Takes the space. On a small or full disk, that is an eighth of what is free, or what there was before. */
  async take(): Promise<void> {
    await using file = await this.#open();
    const { size } = await file.stat();
    const { bavail, bsize } = await statfs(this.#path);
    this.#bytes = Math.max(size, Math.min(RESERVE_BYTES, Math.floor((bavail * bsize) / PART_OF_DISK)));
    this.#isReleased = true;
    if ((await this.restore()) || size > 0) return;
    this.#bytes = 0;
    this.#isReleased = false;
    await file.truncate();
  }

  /** Frees the space for removals. Returns whether there was any. */
  async release(): Promise<boolean> {
    if (this.#isReleased || this.#bytes === 0) return false;
    this.#isReleased = true;
    await using file = await this.#open();
    await this.#empty(file);
    return true;
  }

  /** Takes the space again if it was released. Returns whether that worked. */
  async restore(): Promise<boolean> {
    if (this.#isReleased) this.#isReleased = !(await this.#fill());
    return !this.#isReleased;
  }

  async #fill(): Promise<boolean> {
    await using file = await this.#open();
    const { size, blocks } = await file.stat();
    const { bavail, bsize } = await statfs(this.#path);
    const held = blocks * BLOCK_BYTES;
    if (size >= this.#bytes && held >= size) return true;
    if (held + bavail * bsize < this.#bytes) return false;
    try {
      for (let at = 0; at < this.#bytes; at += ZEROS.length) await writeZeros(file, at, this.#bytes);
      return true;
    } catch {
      await this.#empty(file);
      return false;
    }
  }

  async #empty(file: FileHandle): Promise<void> {
    await file.truncate();
    await file.truncate(this.#bytes).catch((error: unknown) => {
      if (errorCodeOf(error) !== "EFBIG") throw error;
    });
  }

  #open(): Promise<FileHandle> {
    return open(this.#path, constants.O_RDWR | constants.O_CREAT, PRIVATE_FILE);
  }
}

async function writeZeros(file: FileHandle, at: number, end: number): Promise<void> {
  const length = Math.min(ZEROS.length, end - at);
  const { bytesWritten } = await file.write(ZEROS, 0, length, at);
  if (bytesWritten < length) throw new Error("The disk is full.");
}

/** Enough for some transactions that remove 100 jobs each. After the second one, LMDB reuses pages. */
const RESERVE_BYTES = 4 * 1024 * 1024;
const PART_OF_DISK = 8;

/** The unit of `blocks`. */
const BLOCK_BYTES = 512;

const ZEROS = Buffer.alloc(256 * 1024);
