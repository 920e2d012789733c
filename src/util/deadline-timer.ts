import { DELAY_MAX_MS, type Clock, type Timer } from "./clock.js";

/**
 * Rings at the earliest of the instants that it was set to. It may ring too early, and says nothing about why:
 * who hears it looks what is due, and sets it anew.
 */
export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #onDeadline: () => void;
  #at = Infinity;
  #timer: Timer | undefined;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#onDeadline = ring;
  }

  /** @param at milliseconds since 1970; Infinity: it need not ring at all. */
  set(at: number): void {
    if (at === Infinity) return this.cancel();
    if (at >= this.#at) return;
    this.cancel();
    this.#at = at;
    const delayMs = Math.min(Math.max(at - this.#clock.now(), 0), DELAY_MAX_MS);
    this.#timer = this.#clock.schedule(delayMs, () => {
      this.#at = Infinity;
      this.#onDeadline();
    });
  }

  /** Cancelling twice is harmless. */
  cancel(): void {
    this.#at = Infinity;
    this.#timer?.cancel();
  }
}
