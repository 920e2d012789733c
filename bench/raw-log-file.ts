import { open, type FileHandle } from "node:fs/promises";

/**
 * What durability costs at the least: a file that is appended to, and then synced. What is asked for while it
 * writes goes into the next write together, as in a store.
 */
export class RawLogFile implements AsyncDisposable {
  readonly #file: FileHandle;
  #waiting: Append[] = [];
  #isWriting = false;

  /** Creates the file where there is none. */
  static async open(path: string): Promise<RawLogFile> {
    return new RawLogFile(await open(path, "a"));
  }

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Resolves when the bytes are on the disk. */
  append(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, resolve, reject });
      if (!this.#isWriting) void this.#drain();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file.close();
  }

  /** Never rejects: whoever waits is told. */
  async #drain(): Promise<void> {
    this.#isWriting = true;
    await Promise.resolve(); // what is asked for in this turn goes together
    while (this.#waiting.length > 0) {
      const appends = this.#waiting.splice(0);
      try {
        await this.#file.write(Buffer.concat(appends.map(({ bytes }) => bytes)));
        await this.#file.datasync();
        for (const { resolve } of appends) resolve();
      } catch (error) {
        for (const { reject } of appends) reject(error);
      }
    }
    this.#isWriting = false;
  }
}

interface Append {
  readonly bytes: Buffer;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}
