import type { Limits } from "../protocol/limits.js";
import { limitExceeded } from "../protocol/tidemark-error.js";
import { KeyedCounter } from "../util/keyed-counter.js";
import type { Caller } from "./caller.js";

type CountLimit = keyof typeof COUNTED;

/** Limits what each caller has open, over all its connections (law 16). */
export class CallerCounts {
  readonly #limit: CountLimit;
  readonly #max: number;
  readonly #counts = new KeyedCounter<string>();

  constructor(limit: CountLimit, limits: Limits) {
    this.#limit = limit;
    this.#max = limits[limit];
  }

  /**
   * Counts one more. Returns an idempotent function to call when it closes.
   * @throws TidemarkError LIMIT_EXCEEDED
   */
  open({ rights: { id } }: Caller): () => void {
    if (this.#max === Infinity) return () => {};
    if (this.#counts.get(id) >= this.#max) throw this.#tooMany();
    this.#counts.increment(id);
    let isOpen = true;
    return () => {
      if (isOpen) this.#counts.decrement(id);
      isOpen = false;
    };
  }

  #tooMany(): Error {
    return limitExceeded(this.#limit, `Too many open ${COUNTED[this.#limit]}. Close some`, this.#max);
  }
}

const COUNTED = { connectionsPerUserMax: "connections", subscriptionsPerUserMax: "subscriptions" };
