import type { Clock } from "./clock.js";

/**
 * A rate: so many a second, and as many at once after a pause. A bucket has room for a second's worth of tokens,
 * which trickle in as time goes by; what is kept is when it will be full.
 */
export class TokenBucket {
  readonly #intervalMs: number;
  readonly #clock: Clock;
  #fullAt = -Infinity;

  /** @param perSecond a number above 0. */
  constructor(perSecond: number, clock: Clock) {
    this.#intervalMs = SECOND_MS / perSecond;
    this.#clock = clock;
  }

  /** Takes a token. Returns 0, or, where there is none, in how many milliseconds there will be one. */
  take(): number {
    const now = this.#clock.now();
    const fullInMs = this.#fullIn(now) + this.#intervalMs;
    if (fullInMs > SECOND_MS) return Math.ceil(fullInMs - SECOND_MS);
    this.#fullAt = now + fullInMs;
    return 0;
  }

  /** Whether nothing was taken for a while: another one would be the same. */
  get isFull(): boolean {
    return this.#fullIn(this.#clock.now()) === 0;
  }

  /** A clock that is set back makes nobody wait for longer than it takes to fill. */
  #fullIn(now: number): number {
    return Math.min(Math.max(0, this.#fullAt - now), SECOND_MS);
  }
}

const SECOND_MS = 1_000;
