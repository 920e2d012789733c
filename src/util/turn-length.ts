/**
 * Keeps turns of the event loop short while connections arrive. Node.js accepts one connection per turn, so with turns of
 * 20 ms a thousand clients that return together, and everyone behind them, would wait for 20 s.
 */
export class TurnLength {
  #acceptedAt = -Infinity;

  /** Call it for each connection. One that was accepted a moment ago shows that more may wait. */
  connectionAccepted(): void {
    this.#acceptedAt = performance.now();
  }

  /** The time that one kind of work may take in this turn, if it takes at most `ms` otherwise. Milliseconds. */
  limit(ms: number): number {
    const areConnectionsArriving = performance.now() - this.#acceptedAt < ARRIVING_MS;
    return areConnectionsArriving ? Math.min(ms, SHORT_MS) : ms;
  }
}

/** Longer than most turns: without a connection in this time, none waits. */
const ARRIVING_MS = 20;

/** Short, and still long enough that the cost of a turn itself does not count. */
const SHORT_MS = 0.25;
