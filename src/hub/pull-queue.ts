/** What has something to pull, when it is its turn. */
export interface Puller {
  pull(): void;
}

/**
 * Who pulls when: first come, first served, and all of them together no longer than a few milliseconds a turn
 * of the event loop (law 10). A snapshot, or two thousand who come back at once, are pulled in slices, and
 * what comes in from the network goes in between: writers first.
 */
export class PullQueue {
  readonly #waiting = new Set<Puller>();
  #spentMs = 0;
  #isScheduled = false;

  /** Lets `puller` pull: now if there is time left in this turn and nobody waits, else in its turn. */
  pullSoon(puller: Puller): void {
    if (this.#waiting.size > 0 || this.#spentMs >= MS_A_TURN) return this.pullLater(puller);
    this.#schedule();
    this.#run(puller);
  }

  /** Lets `puller` pull once what runs in this turn of the event loop has run. */
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
    for (const puller of this.#waiting) {
      if (this.#spentMs >= MS_A_TURN) break;
      this.#waiting.delete(puller);
      this.#run(puller);
    }
    if (this.#waiting.size > 0 || this.#spentMs > 0) this.#schedule();
  }

  #run(puller: Puller): void {
    const start = performance.now();
    puller.pull();
    this.#spentMs += performance.now() - start;
  }
}

const MS_A_TURN = 5;
