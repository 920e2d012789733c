import type { ClientClock, ClientTimer } from "../platform.js";

/** When the next round begins: so long after the one before, never during a pause, and only once. */
export class RoundTimer {
  readonly #clock: ClientClock;
  readonly #onDue: () => void;
  #timer: ClientTimer | undefined;
  #dueAt = Infinity;
  #beganAt = -Infinity;
  #pausedUntil = -Infinity;

  /** @param onDue begins the round, and says so by `began`. */
  constructor(clock: ClientClock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** So long after the round before has begun; sooner where that is scheduled already. */
  schedule(intervalMs: number): void {
    this.#scheduleAt(this.#beganAt + intervalMs);
  }

  /** So long from now; sooner where that is scheduled already. */
  scheduleIn(delayMs: number): void {
    this.#scheduleAt(this.#clock.now() + delayMs);
  }

  /** A round begins; none is scheduled any more. */
  onRoundStarted(): void {
    this.#timer?.cancel();
    this.#dueAt = Infinity;
    this.#beganAt = this.#clock.now();
  }

  /** What is scheduled from now on is not before so long from now. */
  pause(pauseMs: number): void {
    this.#pausedUntil = this.#clock.now() + pauseMs;
  }

  /** As `pause`, where the pause would be longer. */
  shortenPause(pauseMs: number): void {
    this.#pausedUntil = Math.min(this.#pausedUntil, this.#clock.now() + pauseMs);
  }

  /** There is no pause. */
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
