import { retryDelayMs } from "../transport/retry-delay.js";

const BOUNDS = { firstMs: 500, longestMs: 15_000 };

/** How long to leave a server alone that does not answer: longer with each failure, until there is an answer. */
export class Backoff {
  #failureCount = 0;

  /** Whether the latest try failed. */
  get isFailing(): boolean {
    return this.#failureCount > 0;
  }

  /** There was an answer. */
  succeeded(): void {
    this.#failureCount = 0;
  }

  /** Returns the pause before the next try, milliseconds. */
  failed(): number {
    const pauseMs = retryDelayMs(this.#failureCount, BOUNDS, Math.random);
    this.#failureCount += 1;
    return pauseMs;
  }
}
