import type { Readable, Writable } from "node:stream";
import { setImmediate, setTimeout } from "node:timers/promises";

/**
 * Lets an output through: unchanged, and no faster than whoever reads it takes it; `onBytes` sees what passes.
 *
 * Call what is returned when the command has ended: it resolves when all that was printed is written. What the command has
 * left behind in the background may hold the pipe for ever: it is waited for only while more comes.
 */
export function passThrough(
  source: Readable,
  target: Writable,
  onBytes: (bytes: Uint8Array) => void,
): () => Promise<void> {
  const closed = new Promise<void>((resolve) => source.once("close", resolve));
  const resume = (): void => void (target.writableLength < WAITING_BYTES_MAX / 2 && source.resume());
  let takenAt = 0;
  source.on("error", () => source.destroy()); // it ends there, as where nothing more comes
  target.on("error", () => source.destroy()); // nobody reads: the command is told as by a pipe of its own
  source.on("data", (bytes: Uint8Array) => {
    takenAt = performance.now();
    target.write(bytes, resume);
    if (target.writableLength >= WAITING_BYTES_MAX) source.pause();
    onBytes(bytes);
  });

  return async () => {
    while (!source.destroyed) {
      const askedAt = performance.now();
      await Promise.race([closed, setTimeout(QUIET_MS)]);
      await setImmediate(); // where this process had no time to read, it does so first
      if (takenAt < askedAt && !source.isPaused()) source.destroy();
    }
    await new Promise<void>((resolve) => target.write("", () => resolve()));
  };
}

/** Of what was read and not yet taken; a pipe's length at a time would be slow. */
const WAITING_BYTES_MAX = 1_048_576;
/** How long a pipe has to be quiet after the command's end, milliseconds. */
const QUIET_MS = 100;
