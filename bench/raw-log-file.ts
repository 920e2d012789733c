import { open, type FileHandle } from "node:fs/promises";

/** The minimum cost of durability: a file with synced appends. Appends during a write share the next one, as in a store. */
export class RawLogFile implements AsyncDisposable {
  readonly #file: FileHandle;
  #waiting: Append[] = [];
  #isWriting = false;

  /** Creates the file if it does not exist. */
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

  /** Never rejects: a failure rejects the appends. */
  async #drain(): Promise<void> {
    this.#isWriting = true;
    await Promise.resolve(); // the appends of this turn share a write
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
