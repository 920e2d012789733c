import type { Clock, Timer } from "../util/clock.js";

export interface Throttled {
  wake(): void;
}

/**
 * Wakes the due members of one minimal interval, at most once per interval and all in the same tick, so that they can
 * share one batch. With an interval of 0 it is only the set of due members, which every `wake` empties.
 *
 * A batch delivered between ticks, such as the first one of a subscriber, also starts an interval unless one runs.
 */
export class Throttle {
  readonly #minIntervalMs: number;
  readonly #clock: Clock;
  readonly #due = new Set<Throttled>();
  /** No member is woken while this timer runs. */
  #interval: Timer | undefined;

  constructor(minIntervalMs: number, clock: Clock) {
    this.#minIntervalMs = minIntervalMs;
    this.#clock = clock;
  }

  get hasInterval(): boolean {
    return this.#minIntervalMs > 0;
  }

  /** Wakes `member` at the next tick. */
  markDue(member: Throttled): void {
    this.#due.add(member);
  }

  /** Wakes the due members now, or at the end of the interval if one runs. */
  wake(): void {
    if (this.#due.size === 0 || this.#interval) return;
    if (this.hasInterval) this.#beginInterval();
    const due = [...this.#due];
    this.#due.clear();
    for (const member of due) member.wake();
  }

  batchDelivered(): void {
    if (this.hasInterval && !this.#interval) this.#beginInterval();
  }

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
