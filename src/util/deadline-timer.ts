import { DELAY_MAX_MS, type Clock, type Timer } from "./clock.js";

/**
 * Calls back at the earliest of the deadlines that were set. The call may come early and does not say which
 * deadline it is for: the owner checks what is due and sets the timer again.
 */
export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #onDeadline: () => void;
  #at = Infinity;
  #timer: Timer | undefined;

  constructor(clock: Clock, onDeadline: () => void) {
    this.#clock = clock;
    this.#onDeadline = onDeadline;
  }

  /** @param at a monotonic time of the clock; Infinity cancels the timer */
  set(at: number): void {
    if (at === Infinity) return this.cancel();
    if (at >= this.#at) return;
    this.cancel();
    this.#at = at;
    const delayMs = Math.min(Math.max(at - this.#clock.monotonic(), 0), DELAY_MAX_MS);
    this.#timer = this.#clock.schedule(delayMs, () => {
      this.#at = Infinity;
      this.#onDeadline();
    });
  }

  /** Canceling twice has no effect. */
  cancel(): void {
    this.#at = Infinity;
    this.#timer?.cancel();
  }
}
