import type { Limits } from "../../protocol/limits.js";
import { limitExceeded } from "../../protocol/tidemark-error.js";
import type { Admit } from "../../tasks/job-changes.js";
import type { AnswerSize } from "../answer-size.js";
import type { AnswerBacklog } from "./answer-backlog.js";

/**
 * Limits the number of items in one answer (law 16). A small query can select a large tree many times, and the
 * server builds an answer in one turn of the event loop, so items are counted before they are listed.
 */
export interface ItemBudget {
  /** Call it before listing `items` tasks, rows or log lines. @throws TidemarkError LIMIT_EXCEEDED */
  spend(items: number): void;
}

/** The budget of one run of a query, or of all jobs in the answer to a mutation. */
export class AnswerBudget implements ItemBudget {
  readonly #limits: Limits;
  readonly #backlog: AnswerBacklog | undefined;
  #items = 0;
  #isHeldBack = false;

  /** @param backlog while it is full, the answer of a query may list only a few items */
  constructor(limits: Limits, backlog?: AnswerBacklog) {
    this.#limits = limits;
    this.#backlog = backlog;
  }

  /** Whether the answer was rejected because the backlog was full. */
  get isHeldBack(): boolean {
    return this.#isHeldBack;
  }

  spend(items: number): void {
    this.#reserve(items, "The answer would list too many tasks, rows and log lines. Request fewer at a time");
    if (this.#items <= ITEMS_WHILE_FULL_MAX || !this.#backlog?.isFull) return;
    this.#isHeldBack = true;
    const what = "Too many large answers wait for clients to read them. Try again later, or request less";
    throw limitExceeded("waitingAnswerBytesMax", what, this.#limits.waitingAnswerBytesMax);
  }

  /**
   * Reserves the items of each job in the answer of a mutation before the job changes: the answer can then be built
   * whatever happens. @throws TidemarkError LIMIT_EXCEEDED if they do not fit; other jobs may still fit.
   */
  admit(size: AnswerSize): Admit {
    return (userTask) => {
      const items = size.itemsOf(userTask);
      this.#reserve(
        items,
        `Nothing was changed, because the job would add ${items} tasks and log lines to the answer. Select fewer of them, or send fewer inputs at a time`,
      );
    };
  }

  #reserve(items: number, what: string): void {
    const { itemsPerAnswerMax } = this.#limits;
    if (this.#items + items > itemsPerAnswerMax)
      throw limitExceeded("itemsPerAnswerMax", what, itemsPerAnswerMax);
    this.#items += items;
  }
}

/** Their answer takes some hundred kilobytes. */
const ITEMS_WHILE_FULL_MAX = 1_000;

/** For answers whose items were counted before: those of mutations, and events. */
export const PREPAID: ItemBudget = { spend() {} };
