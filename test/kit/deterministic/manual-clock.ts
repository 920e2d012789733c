import type { Clock, Timer } from "../../../src/util/clock.js";

/**
 * A clock that stands still until the test advances it. Timers fire inside `advance`: the earliest first, and
 * at the same instant in the order of their scheduling. Each sees its own instant as now. Timers scheduled
 * within the span fire in the same call.
 */
export class ManualClock implements Clock {
  /** The monotonic time. */
  #now: number;
  /** How far the time of day is ahead of the monotonic time. */
  #aheadMs = 0;
  readonly #timers = new Set<ManualTimer>();

  constructor(now = 0) {
    this.#now = now;
  }

  now(): number {
    return this.#now + this.#aheadMs;
  }

  monotonic(): number {
    return this.#now;
  }

  schedule(delayMs: number, callback: () => void): Timer {
    const timer: ManualTimer = { dueAt: this.#now + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Timers that are still pending. */
  get timerCount(): number {
    return this.#timers.size;
  }

  /** Advances the time by `ms` and fires the timers that are due, including those at the last instant. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let timer = this.#nextUntil(end); timer; timer = this.#nextUntil(end)) {
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.dueAt);
      timer.callback();
    }
    this.#now = end;
  }

  /** Sets the time of day back. The monotonic time and the timers go on, as real ones do. */
  setBack(ms: number): void {
    this.#aheadMs -= ms;
  }

  /** Lets time pass while the process is stopped: timers that fall due fire late, at the next `advance`. */
  pause(ms: number): void {
    this.#now += ms;
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
