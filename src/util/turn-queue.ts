/**
 * Spreads expensive synchronous work over turns of the event loop. Work that arrives together would otherwise run in one
 * turn, in which nothing else is served.
 */
export class TurnQueue {
  #last: Promise<void> = Promise.resolve();

  /** Resolves in a turn of its own: no other call resolves in the same one. */
  next(): Promise<void> {
    return (this.#last = this.#last.then(nextTurn));
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
