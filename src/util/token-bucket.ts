import type { Clock } from "./clock.js";

/**
 * A rate: so many a second, and as many at once after a pause. A bucket has room for a second's worth of tokens,
 * which trickle in as time goes by.
 */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #clock: Clock;
  #tokens: number;
  #filledAt: number;

  /** @param perSecond a number above 0. */
  constructor(perSecond: number, clock: Clock) {
    this.#perSecond = perSecond;
    this.#clock = clock;
    this.#tokens = perSecond;
    this.#filledAt = clock.now();
  }

  /** Takes a token. Returns 0, or, where there is none, in how many milliseconds there will be one. */
  take(): number {
    this.#fill();
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) / this.#perSecond) * 1_000);
    this.#tokens--;
    return 0;
  }

  /** Whether nothing was taken for a while: another one would be the same. */
  get isFull(): boolean {
    this.#fill();
    return this.#tokens >= this.#perSecond;
  }

  /** A clock that is set back gives nothing, and takes nothing. */
  #fill(): void {
    const now = this.#clock.now();
    const passedMs = Math.max(0, now - this.#filledAt);
    this.#tokens = Math.min(this.#perSecond, this.#tokens + (passedMs / 1_000) * this.#perSecond);
    this.#filledAt = now;
  }
}
