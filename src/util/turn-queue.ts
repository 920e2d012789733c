/**
 * Spreads expensive synchronous work over turns of the event loop. Work that arrives together would otherwise run in one
 * turn, in which nothing else is served. Owners take turns, so that one with much work does not delay the others.
 */
export class TurnQueue {
  /** In the order of their next turns. */
  readonly #waiting = new Map<object, (() => void)[]>();
  #isScheduled = false;

  /** Resolves in a turn of its own: no other call resolves in the same one. Calls of one owner resolve in order. */
  next(owner: object): Promise<void> {
    return new Promise((resolve) => {
      const calls = this.#waiting.get(owner);
      if (calls) calls.push(resolve);
      else this.#waiting.set(owner, [resolve]);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#isScheduled || this.#waiting.size === 0) return;
    this.#isScheduled = true;
    setImmediate(() => this.#resolveFirst());
  }

  #resolveFirst(): void {
    this.#isScheduled = false;
    const [owner, calls] = this.#waiting.entries().next().value!; // not empty: it was scheduled
    const resolve = calls.shift()!;
    this.#waiting.delete(owner);
    if (calls.length > 0) this.#waiting.set(owner, calls);
    resolve();
    this.#schedule();
  }
}
