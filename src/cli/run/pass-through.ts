import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { setTimeout } from "node:timers/promises";

/** An output on its way: unchanged, and no faster than whoever reads it takes it. */
export class PassThrough {
  readonly #source: Readable;
  readonly #target: Writable;
  readonly #closed: Promise<unknown>;
  #takenAt = 0;

  /** @param onBytes sees what passes. */
  constructor(source: Readable, target: Writable, onBytes: (bytes: Uint8Array) => void) {
    this.#source = source;
    this.#target = target;
    this.#closed = once(source, "close");
    source.on("error", () => source.destroy()); // it ends there, as where nothing more comes
    target.on("error", () => source.destroy()); // nobody reads: the command is told as by a pipe of its own
    source.on("data", (bytes: Uint8Array) => {
      this.#takenAt = performance.now();
      onBytes(bytes);
    });
    source.pipe(target, { end: false });
  }

  /**
   * The command has ended: resolves when all that it has printed is written. What it has left behind in the background
   * may hold the pipe for ever: it is waited for only while more comes.
   */
  async finish(): Promise<void> {
    while (!this.#source.destroyed) {
      const askedAt = performance.now();
      await Promise.race([this.#closed, setTimeout(QUIET_MS)]);
      if (this.#takenAt < askedAt && !this.#target.writableNeedDrain) this.#source.destroy();
    }
    await new Promise<void>((resolve) => this.#target.write("", () => resolve()));
  }
}

/** How long a pipe has to be quiet after the command's end, milliseconds. */
const QUIET_MS = 100;
