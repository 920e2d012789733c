import type { Clock, Timer } from "../util/clock.js";

/** What waits until it may be told something. */
export interface Throttled {
  wake(): void;
}

/**
 * When those are woken who asked for the same minimal interval: at each change, or once an interval. They tick
 * together, so what one of them is told can be what all of them are told. Who has nothing to be told is left
 * alone.
 *
 * A batch that was told out of step (the first one of a subscriber) begins an interval unless one runs, so who
 * is alone waits a whole one. A subscriber who joins others gets their next tick.
 */
export class Throttle {
  readonly #minIntervalMs: number;
  readonly #clock: Clock;
  readonly #due = new Set<Throttled>();
  /** Runs while nobody may be woken: an interval has not passed yet. */
  #interval: Timer | undefined;

  /** @param minIntervalMs 0: whoever is due is woken at once. */
  constructor(minIntervalMs: number, clock: Clock) {
    this.#minIntervalMs = minIntervalMs;
    this.#clock = clock;
  }

  /** Whether it holds anything back. */
  get hasInterval(): boolean {
    return this.#minIntervalMs > 0;
  }

  /** There may be something to tell to `member`, who is to be woken with the next tick. */
  markDue(member: Throttled): void {
    this.#due.add(member);
  }

  /** Wakes those who are due, unless an interval runs: then at its end. */
  wake(): void {
    if (this.#due.size === 0 || this.#interval) return;
    if (this.hasInterval) this.#beginInterval();
    const due = [...this.#due];
    this.#due.clear();
    for (const member of due) member.wake();
  }

  /** A batch was told, in step with the others or not. */
  batchDelivered(): void {
    if (this.hasInterval && !this.#interval) this.#beginInterval();
  }

  /** Wakes nobody any more. */
  close(): void {
    this.#interval?.cancel();
    this.#due.clear();
  }

  #beginInterval(): void {
    this.#interval = this.#clock.schedule(this.#minIntervalMs, () => {
      this.#interval = undefined;
      this.wake();
    });
  }
}
