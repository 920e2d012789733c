import type { Clock, Timer } from "../util/clock.js";

export interface Throttled {
  wake(): void;
}

/**
 * Wakes all due members that share one minimum interval in the same tick, at most once per interval, so that they can
 * share one batch. With an interval of 0, every `wake` wakes all due members.
 *
 * A batch delivered between ticks, such as a subscriber's first one, also starts an interval unless one is running.
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

  /** Wakes the due members now, or at the end of the running interval. */
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
