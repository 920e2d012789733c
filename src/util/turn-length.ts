/**
 * Keeps turns of the event loop short while connections arrive. Node.js accepts one connection per turn, so with turns of
 * 20 ms a thousand clients that return together, and everyone behind them, would wait for 20 s.
 */
export class TurnLength {
  readonly #now: () => number;
  #acceptedAt = -Infinity;

  /** @param now a monotonic clock, in milliseconds. */
  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  now(): number {
    return this.#now();
  }

  /** Call it for each connection. One that was accepted a moment ago shows that more may wait. */
  connectionAccepted(): void {
    this.#acceptedAt = this.#now();
  }

  /** Whether turns are short. */
  get areConnectionsArriving(): boolean {
    return this.#now() - this.#acceptedAt < ARRIVING_MS;
  }

  /** A budget for one kind of work. */
  budget(bounds: BudgetBounds): TurnBudget {
    return new TurnBudget(this, bounds);
  }
}

/** Milliseconds per turn. */
export interface BudgetBounds {
  /** While connections arrive, the least time is shorter. */
  readonly minMs: number;
  readonly maxMs: number;
}

/** Longer than most turns: without a connection in this time, none waits. */
const ARRIVING_MS = 20;

/** Short, and still long enough that the cost of a turn itself does not count. */
const SHORT_MS = 0.25;

/**
 * The time that one kind of work may take in a turn of the event loop: half of the time that everything else takes, so
 * that no other work starves it, within bounds.
 */
export class TurnBudget {
  readonly #turnLength: TurnLength;
  readonly #bounds: BudgetBounds;
  #budgetMs: number;
  #spentMs = 0;
  #endedAt = 0;

  constructor(turnLength: TurnLength, bounds: BudgetBounds) {
    this.#turnLength = turnLength;
    this.#bounds = bounds;
    this.#budgetMs = bounds.minMs;
  }

  get isUsed(): boolean {
    return this.#spentMs > 0;
  }

  get isSpent(): boolean {
    return this.#spentMs >= this.#budgetMs;
  }

  /** Starts a turn. */
  renew(): void {
    const { minMs, maxMs } = this.#bounds;
    const leastMs = this.#turnLength.areConnectionsArriving ? Math.min(minMs, SHORT_MS) : minMs;
    const othersMs = this.#turnLength.now() - this.#endedAt;
    this.#budgetMs = Math.min(Math.max(othersMs / 2, leastMs), maxMs);
    this.#spentMs = 0;
  }

  spend(ms: number): void {
    this.#spentMs += ms;
  }

  /** Ends the work of this turn. */
  end(): void {
    this.#endedAt = this.#turnLength.now();
  }
}
