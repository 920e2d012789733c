/** The time that one kind of work may take in a turn of the event loop. */
export class TurnBudget {
  #budgetMs: number;
  #spentMs = 0;

  constructor(budgetMs: number) {
    this.#budgetMs = budgetMs;
  }

  get isUsed(): boolean {
    return this.#spentMs > 0;
  }

  get isSpent(): boolean {
    return this.#spentMs >= this.#budgetMs;
  }

  /** Starts a turn. */
  renew(budgetMs: number): void {
    this.#budgetMs = budgetMs;
    this.#spentMs = 0;
  }

  spend(ms: number): void {
    this.#spentMs += ms;
  }
}
