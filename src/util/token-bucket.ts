import type { Clock } from "./clock.js";

/**
 * A token bucket: limits a rate per second, and allows a burst of one second's worth after a pause. It only
 * stores when the bucket will be full again.
 */
export class TokenBucket {
  readonly #intervalMs: number;
  readonly #clock: Clock;
  #fullAt = -Infinity;

  /** @param perSecond a number above 0 */
  constructor(perSecond: number, clock: Clock) {
    this.#intervalMs = SECOND_MS / perSecond;
    this.#clock = clock;
  }

  /** Takes a token and returns 0; if there is none, returns the milliseconds until there is one. */
  take(): number {
    const now = this.#clock.monotonic();
    const fullInMs = this.#fullIn(now) + this.#intervalMs;
    if (fullInMs > SECOND_MS) return Math.ceil(fullInMs - SECOND_MS);
    this.#fullAt = now + fullInMs;
    return 0;
  }

  /** Whether the bucket is full and can be replaced by a new one. */
  get isFull(): boolean {
    return this.#fullIn(this.#clock.monotonic()) === 0;
  }

  #fullIn(now: number): number {
    return Math.max(0, this.#fullAt - now);
  }
}

const SECOND_MS = 1_000;
