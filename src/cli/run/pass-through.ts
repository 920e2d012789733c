import type { Readable, Writable } from "node:stream";
import { setImmediate, setTimeout } from "node:timers/promises";

/**
 * Copies an output unchanged, with backpressure from its reader. `onBytes` receives each chunk after it was written, and
 * `beforeBytes` before.
 *
 * Call the returned function when the command has ended. It resolves when all output is written. A background process
 * may hold the pipe open for ever, so the copy ends as soon as the pipe is quiet.
 */
export function passThrough(
  source: Readable,
  target: Writable,
  onBytes: (bytes: Uint8Array) => void,
  beforeBytes: (bytes: Uint8Array) => void = () => {},
): () => Promise<void> {
  const closed = new Promise<void>((resolve) => source.once("close", resolve));
  const resume = (): void => void (target.writableLength < PENDING_BYTES_MAX / 2 && source.resume());
  let readAt = 0;
  source.on("error", () => source.destroy()); // an error ends the output
  target.on("error", () => source.destroy()); // the reader is gone: the command fails when it writes to the closed pipe
  source.on("data", (bytes: Uint8Array) => {
    readAt = performance.now();
    beforeBytes(bytes);
    target.write(bytes, resume);
    if (target.writableLength >= PENDING_BYTES_MAX) source.pause();
    onBytes(bytes);
  });

  return async () => {
    while (!source.destroyed) {
      const startedAt = performance.now();
      await Promise.race([closed, setTimeout(QUIET_MS)]);
      await setImmediate(); // lets pending reads run first on a busy process
      if (readAt < startedAt && !source.isPaused()) source.destroy();
    }
    await new Promise<void>((resolve) => target.write("", () => resolve()));
  };
}

/** Bytes read but not yet written. One pipe buffer at a time would be slow. */
const PENDING_BYTES_MAX = 1_048_576;
/** A pipe that was quiet for this long after the command's end is closed. */
const QUIET_MS = 100;
