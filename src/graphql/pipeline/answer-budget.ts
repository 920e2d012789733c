import type { Limits } from "../../protocol/limits.js";
import { limitExceeded } from "../../protocol/tidemark-error.js";

/**
 * How much one answer may hold (law 16). A small query can ask for a large tree many times, and an answer is
 * made in one turn of the event loop, so what it lists is counted before it is made.
 */
export class AnswerBudget {
  readonly #itemsMax: number;
  #items = 0;

  constructor({ itemsPerAnswerMax }: Limits) {
    this.#itemsMax = itemsPerAnswerMax;
  }

  /** To be called before `items` tasks, rows or log entries are listed. @throws TidemarkError LIMIT_EXCEEDED */
  spend(items: number): void {
    this.#items += items;
    if (this.#items <= this.#itemsMax) return;
    const what = "The answer would list too many tasks, rows and log entries. Ask for fewer at a time";
    throw limitExceeded("itemsPerAnswerMax", what, this.#itemsMax);
  }
}
