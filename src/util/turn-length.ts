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

/** Milliseconds per turn, unless connections arrive. */
export interface BudgetBounds {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Longer than most turns: without a connection in this time, none waits. */
const ARRIVING_MS = 20;

/** The bounds while connections arrive: short, but a share that keeps other work going if they never stop arriving. */
const SHORT = { minMs: 0.25, maxMs: 2 };

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

  get isSpent(): boolean {
    return this.#spentMs >= this.#budgetMs;
  }

  /** Starts a turn. */
  renew(): void {
    const { minMs, maxMs } = this.#turnLength.areConnectionsArriving ? SHORT : this.#bounds;
    const othersMs = this.#turnLength.now() - this.#endedAt;
    this.#budgetMs = Math.min(Math.max(othersMs / 2, minMs), maxMs);
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
