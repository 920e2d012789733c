import type { TurnLength } from "./turn-length.js";

export interface SlicedQueueOptions {
  /** The most time per turn of the event loop. At least one item is handled in each turn. */
  readonly turnMs: number;
  readonly turnLength: TurnLength;
  /** How many items to handle between two looks at the clock; for items that take a few microseconds. Default: 1. */
  readonly itemsPerClockCheck?: number;
}

/**
 * Handles items in the order of their arrival, for a limited time per turn of the event loop. Items that arrive together
 * would otherwise be handled in one turn, in which nothing else is served.
 */
export class SlicedQueue<T> {
  readonly #handle: (item: T) => void;
  readonly #turnMs: number;
  readonly #turnLength: TurnLength;
  readonly #itemsPerClockCheck: number;
  #waiting: T[] = [];
  #isScheduled = false;

  constructor(handle: (item: T) => void, { turnMs, turnLength, itemsPerClockCheck = 1 }: SlicedQueueOptions) {
    this.#handle = handle;
    this.#turnMs = turnMs;
    this.#turnLength = turnLength;
    this.#itemsPerClockCheck = itemsPerClockCheck;
  }

  add(item: T): void {
    this.#waiting.push(item);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isScheduled = false;
    const end = performance.now() + this.#turnLength.limit(this.#turnMs);
    let handled = 0;
    while (handled < this.#waiting.length) {
      this.#handle(this.#waiting[handled++]!);
      if (handled % this.#itemsPerClockCheck === 0 && performance.now() > end) break;
    }
    this.#waiting = this.#waiting.slice(handled);
    if (this.#waiting.length > 0) this.#schedule();
  }
}
