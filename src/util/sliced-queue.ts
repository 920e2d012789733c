import type { TurnBudget } from "./turn-length.js";

export interface SlicedQueueOptions<T> {
  /** At least one item is handled in each turn of the event loop. */
  readonly budget: TurnBudget;
  /** Whether an item, and those behind it, can be left for a later turn. Default: no. */
  readonly canWait?: (item: T) => boolean;
  /** How many items to handle between two looks at the clock; for items that take a few microseconds. Default: 1. */
  readonly itemsPerClockCheck?: number;
}

/**
 * Handles items in the order of their arrival, for a limited time per turn of the event loop. Items that arrive together
 * would otherwise be handled in one turn, in which nothing else is served.
 */
export class SlicedQueue<T> {
  readonly #handle: (item: T) => void;
  readonly #budget: TurnBudget;
  readonly #canWait: (item: T) => boolean;
  readonly #itemsPerClockCheck: number;
  #waiting: T[] = [];
  #isScheduled = false;

  constructor(handle: (item: T) => void, options: SlicedQueueOptions<T>) {
    const { budget, canWait = never, itemsPerClockCheck = 1 } = options;
    this.#handle = handle;
    this.#budget = budget;
    this.#canWait = canWait;
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
    if (!this.#canWait(this.#waiting[0]!)) this.#handleSlice();
    if (this.#waiting.length > 0) this.#schedule();
  }

  #handleSlice(): void {
    this.#budget.renew();
    let [handled, checkedAt] = [0, performance.now()];
    while (handled < this.#waiting.length && !this.#budget.isSpent) {
      this.#handle(this.#waiting[handled++]!);
      if (handled % this.#itemsPerClockCheck > 0) continue;
      const now = performance.now();
      this.#budget.spend(now - checkedAt);
      checkedAt = now;
    }
    this.#waiting = this.#waiting.slice(handled);
    this.#budget.end();
  }
}

function never(): boolean {
  return false;
}
