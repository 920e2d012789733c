import type { Limits } from "../protocol/limits.js";
import { limitExceeded } from "../protocol/tidemark-error.js";
import { KeyedCounter } from "../util/keyed-counter.js";
import type { Caller } from "./caller.js";

type CountLimit = "connectionsPerUserMax" | "subscriptionsPerUserMax";

/** How many of something each caller has open, whichever connections that came by (law 16). */
export class CallerCounts {
  readonly #limit: CountLimit;
  readonly #max: number;
  readonly #counts = new KeyedCounter<string>();

  constructor(limit: CountLimit, limits: Limits) {
    this.#limit = limit;
    this.#max = limits[limit];
  }

  /**
   * Counts one more. Returns what is to be called when it is closed; twice is harmless.
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
    return limitExceeded(this.#limit, "You have as many open as you may. Close some", this.#max);
  }
}
