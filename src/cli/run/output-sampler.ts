/**
 * An output that is read without costing more than a part of a core, however fast it comes: of each stretch of time only
 * so many bytes are read, and of the rest the end. So nothing is missed of what a person could follow, and of a flood the
 * latest is seen, and the very last. What waits is bounded.
 */
import { systemClock, type Clock, type Timer } from "../../util/clock.js";
import type { OutputReader } from "./output-reader.js";

export class OutputSampler {
  readonly #reader: OutputReader;
  readonly #onRead: () => void;
  readonly #clock: Clock;
  #bytesLeft = 0;
  /** The end of what was not read, and whether there was more of it. */
  #tail: Uint8Array = new Uint8Array();
  #hasLost = false;
  /** Nothing has come since the stretch began. */
  #isQuiet = true;
  /** Of the end of the stretch; undefined where there is none, as nothing comes. */
  #timer: Timer | undefined;

  /** @param onRead called after something was read, at most once a stretch and at the end. */
  constructor(reader: OutputReader, onRead: () => void, clock: Clock = systemClock) {
    this.#reader = reader;
    this.#onRead = onRead;
    this.#clock = clock;
  }

  /** Takes what was printed; it is not kept, and not changed. */
  write(bytes: Uint8Array): void {
    if (!this.#timer) this.#beginStretch();
    this.#isQuiet = false;
    if (this.#tail.length === 0 && bytes.length <= this.#bytesLeft) {
      this.#bytesLeft -= bytes.length;
      this.#reader.write(bytes);
    } else this.#keepEnd(bytes);
  }

  /** No more comes: what waits is read. */
  end(): void {
    this.#timer?.cancel();
    this.#readTail();
    this.#reader.end();
    this.#onRead();
  }

  #beginStretch(): void {
    this.#bytesLeft = BYTES_PER_STRETCH;
    this.#isQuiet = true;
    this.#readTail();
    this.#timer = this.#clock.schedule(STRETCH_MS, () => this.#endStretch());
  }

  /** A row that does not end counts as it stands only once nothing more of it comes: it may have been cut within a number. */
  #endStretch(): void {
    this.#timer = undefined;
    if (this.#isQuiet) this.#reader.rest();
    else this.#beginStretch();
    this.#onRead();
  }

  #keepEnd(bytes: Uint8Array): void {
    const room = TAIL_BYTES - this.#tail.length;
    if (bytes.length <= room) return void (this.#tail = Buffer.concat([this.#tail, bytes]));
    this.#hasLost = true;
    const all = bytes.length >= TAIL_BYTES ? bytes : Buffer.concat([this.#tail, bytes]);
    this.#tail = Uint8Array.prototype.slice.call(all, -TAIL_BYTES); // a copy: the rest of the chunk can go
  }

  #readTail(): void {
    if (this.#tail.length === 0) return;
    if (this.#hasLost) this.#reader.lose();
    this.#reader.write(this.#tail);
    this.#tail = new Uint8Array();
    this.#hasLost = false;
  }
}

const STRETCH_MS = 50;
const BYTES_PER_STRETCH = 16_384;
const TAIL_BYTES = 8_192;
