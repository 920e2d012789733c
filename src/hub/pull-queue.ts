/** What has something to pull, when it is its turn. */
export interface Puller {
  pull(): void;
}

/**
 * Who pulls when: first come, first served, and all of them together no longer than a few milliseconds a turn
 * of the event loop (law 10). A snapshot, or two thousand who come back at once, are pulled in slices, and
 * what comes in from the network goes in between: writers first. Where those take long, pulls may too, so that
 * many large requests leave something for who watches.
 */
export class PullQueue {
  readonly #waiting = new Set<Puller>();
  #budgetMs = BUDGET_MS_MIN;
  #spentMs = 0;
  #turnEndedAt = 0;
  #isScheduled = false;

  /** Lets `puller` pull: now if there is time left in this turn and nobody waits, else in its turn. */
  pullSoon(puller: Puller): void {
    if (this.#waiting.size > 0 || this.#spentMs >= this.#budgetMs) return this.pullLater(puller);
    this.#schedule();
    this.#run(puller);
  }

  /** Lets `puller` pull in its turn, when what runs now has run. */
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

  /** What was pulled is written between two turns, which is not the others' time: hence the half. */
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

/** What a turn may take, milliseconds. */
const BUDGET_MS_MIN = 2;
const BUDGET_MS_MAX = 10;

/** What is pulled is written once all have pulled: about so long each. */
const WRITE_MS = 0.03;
