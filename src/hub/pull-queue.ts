export interface Puller {
  pull(): void;
}

/**
 * Runs pulls in the order of their requests, for a few milliseconds per turn of the event loop (law 10). Snapshots and
 * mass reconnects are thus sliced, and the server handles network input such as reports between the slices. If that
 * input takes long, the budget for pulls grows, so that many large requests do not starve the subscribers.
 */
export class PullQueue {
  readonly #waiting = new Set<Puller>();
  #budgetMs = BUDGET_MS_MIN;
  #spentMs = 0;
  #turnEndedAt = 0;
  #isScheduled = false;

  /** Pulls now if this turn has time left and the queue is empty, else in queue order. */
  pullSoon(puller: Puller): void {
    if (this.#waiting.size > 0 || this.#spentMs >= this.#budgetMs) return this.pullLater(puller);
    this.#schedule();
    this.#run(puller);
  }

  /** Pulls in queue order, in a later turn. */
  pullLater(puller: Puller): void {
    this.#waiting.add(puller);
    this.#schedule();
  }

  delete(puller: Puller): void {
    this.#waiting.delete(puller);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isScheduled = false;
    this.#spentMs = 0;
    this.#budgetMs = this.#nextBudgetMs();
    for (const puller of this.#waiting) {
      if (this.#spentMs >= this.#budgetMs) break;
      this.#waiting.delete(puller);
      this.#run(puller);
    }
    this.#turnEndedAt = performance.now();
    if (this.#waiting.size > 0 || this.#spentMs > 0) this.#schedule();
  }

  /** Half of the time between turns, because that time includes writing the pulled values. */
  #nextBudgetMs(): number {
    const othersMs = performance.now() - this.#turnEndedAt;
    return Math.min(Math.max(othersMs / 2, BUDGET_MS_MIN), BUDGET_MS_MAX);
  }

  #run(puller: Puller): void {
    const start = performance.now();
    puller.pull();
    this.#spentMs += performance.now() - start + WRITE_MS;
  }
}

/** Time for pulls per turn, in milliseconds. */
const BUDGET_MS_MIN = 2;
const BUDGET_MS_MAX = 10;

/** Estimated time to write one pulled value, which happens after the turn. */
const WRITE_MS = 0.03;
