import { retryDelayMs } from "../transport/retry-delay.js";

const BOUNDS = { firstMs: 500, longestMs: 30_000 };

/** How long a watch waits before it connects again. The first break is mended at once; after that pauses double. */
export class ReconnectDelays {
  readonly #random: () => number;
  #breaks = 0;

  /** @param random from 0, and below 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** To be called when a connection has held long enough to be trusted. */
  reset(): void {
    this.#breaks = 0;
  }

  /** Milliseconds. @param isGoingAway whether the server has said that it stops: then there is nothing at once. */
  next(isGoingAway = false): number {
    this.#breaks++;
    if (this.#breaks === 1 && !isGoingAway) return 0;
    return retryDelayMs(Math.max(0, this.#breaks - 2), BOUNDS, this.#random);
  }
}
