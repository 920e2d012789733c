import type { Clock, Timer } from "../util/clock.js";

/** What waits for a change, or for its next tick. */
export interface Paced {
  wake(): void;
}

/**
 * When those are woken who asked for the same minimal interval: at each change, or once an interval. They tick
 * together, so what one of them is told can be what all of them are told.
 *
 * A batch that was told out of step (the first one of a subscriber) begins an interval unless one runs, so who
 * is alone waits a whole one. A subscriber who joins others gets their next tick.
 */
export class Pace {
  readonly #minIntervalMs: number;
  readonly #clock: Clock;
  readonly #members = new Set<Paced>();
  /** Runs while nobody may be woken: an interval has not passed yet. */
  #interval: Timer | undefined;
  #isDue = false;

  /** @param minIntervalMs 0: everybody is woken at once. */
  constructor(minIntervalMs: number, clock: Clock) {
    this.#minIntervalMs = minIntervalMs;
    this.#clock = clock;
  }

  /** Whether it holds anything back. */
  get hasInterval(): boolean {
    return this.#minIntervalMs > 0;
  }

  add(member: Paced): void {
    this.#members.add(member);
  }

  delete(member: Paced): void {
    this.#members.delete(member);
    if (this.#members.size > 0) return;
    this.#interval?.cancel();
    this.#interval = undefined;
  }

  /** There may be something to tell to all. */
  wake(): void {
    this.#isDue = true;
    if (!this.#interval) this.#tick();
  }

  /** There may be something to tell to one of them, whom nothing has woken. */
  wakeOne(member: Paced): void {
    if (this.hasInterval) this.wake();
    else member.wake();
  }

  /** A member has been told a batch; `isStale`: there is more already. */
  batchEnded(isStale = false): void {
    if (!this.hasInterval) return;
    this.#isDue ||= isStale;
    if (!this.#interval) this.#beginInterval();
  }

  #tick(): void {
    this.#isDue = false;
    if (this.hasInterval) this.#beginInterval();
    for (const member of this.#members) member.wake();
  }

  #beginInterval(): void {
    this.#interval = this.#clock.schedule(this.#minIntervalMs, () => {
      this.#interval = undefined;
      if (this.#isDue) this.#tick();
    });
  }
}
