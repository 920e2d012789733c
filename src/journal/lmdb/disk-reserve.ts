import { open, statfs, truncate } from "node:fs/promises";
import { PRIVATE_FILE } from "./durable-files.js";

/**
 * Disk space that is set aside when the server starts, so that jobs can be purged and expire on a full disk: a removal
 * writes before it frees anything. While the reserve is in use, other changes that need more space are rejected.
 */
export class DiskReserve {
  readonly #path: string;
  #bytes = 0;
  #isReleased = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Takes the space. On a small or full disk, that is an eighth of what is free, or nothing. */
  async take(): Promise<void> {
    await using file = await open(this.#path, "a", PRIVATE_FILE);
    const { size } = await file.stat();
    const { bavail, bsize } = await statfs(this.#path);
    this.#bytes = Math.max(size, Math.min(RESERVE_BYTES, Math.floor((bavail * bsize) / PART_OF_DISK)));
    if (!(await this.#fill())) this.#bytes = 0;
  }

  /** Frees the space for removals. Returns whether there was any. */
  async release(): Promise<boolean> {
    if (this.#isReleased || this.#bytes === 0) return false;
    this.#isReleased = true;
    await truncate(this.#path);
    return true;
  }

  /** Takes the space again if it was released. Returns whether that worked. */
  async restore(): Promise<boolean> {
    if (this.#isReleased) this.#isReleased = !(await this.#fill());
    return !this.#isReleased;
  }

  async #fill(): Promise<boolean> {
    await using file = await open(this.#path, "a", PRIVATE_FILE);
    try {
      const { size } = await file.stat();
      for (let at = size; at < this.#bytes; at += ZEROS.length)
        await file.appendFile(ZEROS.subarray(0, this.#bytes - at));
      return true;
    } catch {
      await file.truncate();
      return false;
    }
  }
}

/** Enough for some transactions that remove 100 jobs each. After the second one, LMDB reuses pages. */
const RESERVE_BYTES = 4 * 1024 * 1024;
const PART_OF_DISK = 8;

const ZEROS = Buffer.alloc(256 * 1024);
