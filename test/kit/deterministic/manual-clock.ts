import type { Clock, Timer } from "../../../src/util/clock.js";

/**
 * A clock that stands still until the test moves it, so that no test waits for time to pass. Timers fire
 * inside `advance`, the earliest first and of two at one instant the one scheduled first; each sees its own
 * instant as now. What a timer schedules within the span fires in the same call.
 */
export class ManualClock implements Clock {
  #now: number;
  readonly #timers = new Set<ManualTimer>();

  constructor(now = 0) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  schedule(delayMs: number, callback: () => void): Timer {
    const timer: ManualTimer = { dueAt: this.#now + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Timers that would still fire. */
  get timerCount(): number {
    return this.#timers.size;
  }

  /** Moves time on by `ms` and fires what falls due, up to and including the last instant. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let timer = this.#nextUntil(end); timer; timer = this.#nextUntil(end)) {
      this.#timers.delete(timer);
      this.#now = timer.dueAt;
      timer.callback();
    }
    this.#now = end;
  }

  /** Sets the time of day back; how long timers have still to run does not change, as with real ones. */
  setBack(ms: number): void {
    this.#now -= ms;
    for (const timer of this.#timers) timer.dueAt -= ms;
  }

  #nextUntil(end: number): ManualTimer | undefined {
    let next: ManualTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAt <= end && (!next || timer.dueAt < next.dueAt)) next = timer;
    }
    return next;
  }
}

interface ManualTimer {
  dueAt: number;
  readonly callback: () => void;
}
