/**
 * Bounds the cost of parsing a fast output. In each interval, a limited number of bytes is parsed, and only the tail of
 * the rest is buffered for the next interval. Output at reading speed is parsed in full; of faster output, only the
 * latest part of each interval and the very end.
 */
import { systemClock, type Clock, type Timer } from "../../util/clock.js";
import type { OutputReader } from "./output-reader.js";

export class OutputSampler {
  readonly #reader: OutputReader;
  readonly #onRead: () => void;
  readonly #clock: Clock;
  #bytesLeft = 0;
  /** The tail of the bytes not parsed yet, and whether earlier ones were dropped. */
  #tail: Uint8Array = new Uint8Array();
  #hasSkipped = false;
  /** Whether nothing was written in this interval. */
  #isQuiet = true;
  /** The end of the interval; undefined between intervals, while nothing is written. */
  #timer: Timer | undefined;

  /** @param onRead is called at the end of each interval and of the output */
  constructor(reader: OutputReader, onRead: () => void, clock: Clock = systemClock) {
    this.#reader = reader;
    this.#onRead = onRead;
    this.#clock = clock;
  }

  /** Does not keep or change the bytes. */
  write(bytes: Uint8Array): void {
    if (!this.#timer) this.#beginInterval();
    this.#isQuiet = false;
    if (this.#tail.length === 0 && bytes.length <= this.#bytesLeft) {
      this.#bytesLeft -= bytes.length;
      this.#reader.write(bytes);
    } else this.#keepEnd(bytes);
  }

  /** Parses the buffered tail. Call this after the last bytes. */
  end(): void {
    this.#timer?.cancel();
    this.#readTail();
    this.#reader.end();
    this.#onRead();
  }

  #beginInterval(): void {
    this.#bytesLeft = BYTES_PER_INTERVAL;
    this.#isQuiet = true;
    this.#readTail();
    this.#timer = this.#clock.schedule(INTERVAL_MS, () => this.#endInterval());
  }

  /** An unfinished row is read only after a quiet interval: it may have been cut within a number. */
  #endInterval(): void {
    this.#timer = undefined;
    if (this.#isQuiet) this.#reader.readUnfinishedRow();
    else this.#beginInterval();
    this.#onRead();
  }

  #keepEnd(bytes: Uint8Array): void {
    const free = TAIL_BYTES - this.#tail.length;
    if (bytes.length <= free) return void (this.#tail = Buffer.concat([this.#tail, bytes]));
    this.#hasSkipped = true;
    const all = bytes.length >= TAIL_BYTES ? bytes : Buffer.concat([this.#tail, bytes]);
    this.#tail = Uint8Array.prototype.slice.call(all, -TAIL_BYTES); // a copy, so that the chunk can be freed
  }

  #readTail(): void {
    if (this.#tail.length === 0) return;
    if (this.#hasSkipped) this.#reader.skip();
    this.#reader.write(this.#tail);
    this.#tail = new Uint8Array();
    this.#hasSkipped = false;
  }
}

const INTERVAL_MS = 50;
const BYTES_PER_INTERVAL = 16_384;
const TAIL_BYTES = 8_192;
