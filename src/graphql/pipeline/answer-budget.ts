import type { Limits } from "../../protocol/limits.js";
import { limitExceeded } from "../../protocol/tidemark-error.js";

/**
 * Limits the number of items in one answer (law 16). A small query can select a large tree many times, and the
 * server builds an answer in one turn of the event loop, so items are counted before they are listed.
 */
export class AnswerBudget {
  readonly #itemsMax: number;
  #items = 0;

  constructor({ itemsPerAnswerMax }: Limits) {
    this.#itemsMax = itemsPerAnswerMax;
  }

  /** Call it before listing `items` tasks, rows or log lines. @throws TidemarkError LIMIT_EXCEEDED */
  spend(items: number): void {
    this.#items += items;
    if (this.#items <= this.#itemsMax) return;
    const what = "The answer would list too many tasks, rows and log lines. Request fewer at a time";
    throw limitExceeded("itemsPerAnswerMax", what, this.#itemsMax);
  }
}
