import type { ClientClock, ClientTimer } from "../platform.js";

/** Schedules the next round: an interval after the previous one, never during a pause, one at a time. */
export class RoundTimer {
  readonly #clock: ClientClock;
  readonly #onDue: () => void;
  #timer: ClientTimer | undefined;
  #dueAt = Infinity;
  #startedAt = -Infinity;
  #pausedUntil = -Infinity;

  /** @param onDue starts the round, and calls `onRoundStarted`. */
  constructor(clock: ClientClock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Schedules a round `intervalMs` after the start of the previous one, unless an earlier one is scheduled. */
  schedule(intervalMs: number): void {
    this.#scheduleAt(this.#startedAt + intervalMs);
  }

  /** Schedules a round `delayMs` from now, unless an earlier one is scheduled. */
  scheduleIn(delayMs: number): void {
    this.#scheduleAt(this.#clock.now() + delayMs);
  }

  onRoundStarted(): void {
    this.#timer?.cancel();
    this.#dueAt = Infinity;
    this.#startedAt = this.#clock.now();
  }

  /** Delays rounds that are scheduled later until `pauseMs` from now. */
  pause(pauseMs: number): void {
    this.#pausedUntil = this.#clock.now() + pauseMs;
  }

  /** Ends the pause at most `pauseMs` from now. */
  shortenPause(pauseMs: number): void {
    this.#pausedUntil = Math.min(this.#pausedUntil, this.#clock.now() + pauseMs);
  }

  resume(): void {
    this.#pausedUntil = -Infinity;
  }

  #scheduleAt(wantedAt: number): void {
    const now = this.#clock.now();
    const dueAt = Math.max(now, this.#pausedUntil, wantedAt);
    if (dueAt >= this.#dueAt) return;
    this.#timer?.cancel();
    this.#dueAt = dueAt;
    this.#timer = this.#clock.schedule(dueAt - now, this.#onDue);
  }
}
