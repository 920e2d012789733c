import type { Limits } from "../protocol/limits.js";
import { limitExceeded, type TidemarkError } from "../protocol/tidemark-error.js";
import type { Clock } from "../util/clock.js";
import { TokenBucket } from "../util/token-bucket.js";
import type { Caller } from "./caller.js";

type RateLimit = "operationsPerSecondMax" | "mutationsPerSecondMax";

/** Limits how often each caller does something, over all its connections (law 16). */
export class CallerRates {
  readonly #limit: RateLimit;
  readonly #perSecond: number;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, TokenBucket>();
  /** Above this number of buckets, full ones are deleted: they equal new ones. */
  #sweepAbove = SWEEP_ABOVE;

  constructor(limit: RateLimit, limits: Limits, clock: Clock) {
    this.#limit = limit;
    this.#perSecond = limits[limit];
    this.#clock = clock;
  }

  /** Takes one token. Returns an error with the time to wait if the caller has none left. */
  take({ rights }: Caller): TidemarkError | undefined {
    if (this.#perSecond === Infinity) return undefined;
    const retryAfterMs = this.#bucketOf(rights.id).take();
    return retryAfterMs === 0 ? undefined : this.#rateExceeded(retryAfterMs);
  }

  #bucketOf(id: string): TokenBucket {
    const known = this.#buckets.get(id);
    if (known) return known;
    if (this.#buckets.size >= this.#sweepAbove) this.#sweep();
    const bucket = new TokenBucket(this.#perSecond, this.#clock);
    this.#buckets.set(id, bucket);
    return bucket;
  }

  #sweep(): void {
    for (const [id, bucket] of this.#buckets) if (bucket.isFull) this.#buckets.delete(id);
    this.#sweepAbove = Math.max(SWEEP_ABOVE, 2 * this.#buckets.size);
  }

  #rateExceeded(retryAfterMs: number): TidemarkError {
    const what = `Rate limit exceeded. Retry after ${retryAfterMs} ms`;
    return limitExceeded(this.#limit, what, this.#perSecond, { retryAfterMs });
  }
}

const SWEEP_ABOVE = 1_000;
