import { closeSync, openSync } from "node:fs";

/**
 * Holds some file descriptors, so that the journal can open files when sockets have taken all others. LMDB must not find
 * too few: lmdb 3.5.6 uses freed memory after a failed open (`closeEnv` in env.cpp), which ends the process.
 */
export class DescriptorReserve implements Disposable {
  #held: number[] = [];

  constructor() {
    this.#refill();
  }

  /** Frees the descriptors while `work` runs. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    this[Symbol.dispose]();
    try {
      return await work();
    } finally {
      this.#refill();
    }
  }

  [Symbol.dispose](): void {
    for (const descriptor of this.#held.splice(0)) closeSync(descriptor);
  }

  /** Takes as many as there are. */
  #refill(): void {
    try {
      while (this.#held.length < DESCRIPTORS_HELD) this.#held.push(openSync(ANY_FILE, "r"));
    } catch {
      // The next use tries again.
    }
  }
}

/**
 * Opens these files as LMDB will, and some more descriptors, in the turn in which LMDB opens them.
 * @param flags of the files, as for `openSync`
 * @throws the system's error, such as EMFILE, ENFILE or EACCES
 */
export function checkCanOpen(paths: readonly string[], flags: string): void {
  const opened: number[] = [];
  try {
    for (const path of paths) opened.push(openSync(path, flags, 0o600));
    while (opened.length < DESCRIPTORS_NEEDED) opened.push(openSync(ANY_FILE, "r"));
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}

/** Always present and readable. */
const ANY_FILE = "/dev/null";

/** LMDB opens the data file twice, the lock file, and one more for a moment. The thread pool may open 4 meanwhile. */
const DESCRIPTORS_NEEDED = 8;

/** Those, and one to extend the file. */
const DESCRIPTORS_HELD = DESCRIPTORS_NEEDED + 1;
