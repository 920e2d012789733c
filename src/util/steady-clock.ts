import type { Clock, Timer } from "./clock.js";

/**
 * A clock that measures intervals between times of day, although the time of day may be set while the program runs.
 * It notices three kinds of interruption:
 *
 * - a **step**: the time of day moved, and the monotonic time did not move with it. An operator or NTP set the clock, or
 *   the machine was suspended.
 * - a **pause**: the program did not run for a second, because it was stopped or its event loop was blocked.
 * - an **outage**: for a second, a service that the program depends on did not answer. It lasts until the service answers.
 *
 * Every reading looks for them, so that a timer that fires late learns of the pause before it judges anybody.
 */
export class SteadyClock implements Clock {
  readonly #clock: Clock;
  readonly #silentMs: () => number;
  readonly #startedAt: number;
  /** The newest first. */
  readonly #steps: Step[] = [];
  #latest: Reading;
  #interruptedAt: number;
  #isInOutage = false;
  #timer: Timer | undefined;

  /** @param silentMs how long a service that the program depends on has not answered. Default: there is none. */
  constructor(clock: Clock, silentMs: () => number = () => 0) {
    this.#clock = clock;
    this.#silentMs = silentMs;
    this.#latest = { wall: clock.now(), monotonic: clock.monotonic() };
    this.#startedAt = this.#interruptedAt = this.#latest.monotonic;
  }

  now(): number {
    return this.#read().wall;
  }

  monotonic(): number {
    return this.#read().monotonic;
  }

  schedule(delayMs: number, callback: () => void): Timer {
    return this.#clock.schedule(delayMs, callback);
  }

  /** The monotonic time of the latest step, pause or end of an outage, or else of the start. During an outage, of the latest reading. */
  get interruptedAt(): number {
    return this.#interruptedAt;
  }

  /** The monotonic time at which the time of day was `time`. A `time` ahead of the clock is from before the start. */
  monotonicAt(time: number): number {
    let end = this.#latest;
    for (const { after, before } of this.#steps) {
      if (time >= after && time < end.wall + STEP_MIN_MS) break;
      end = before;
    }
    if (time >= end.wall + STEP_MIN_MS) return this.#startedAt;
    return end.monotonic - Math.max(0, end.wall - time);
  }

  /** The milliseconds between two times of day, without the steps between them. Never negative. */
  elapsedMs(since: number, until: number): number {
    return Math.max(0, Math.round(this.monotonicAt(until) - this.monotonicAt(since)));
  }

  /** Reads the clock regularly, so that interruptions are noticed when they happen. Without it, no pause is noticed. */
  watch(): void {
    this.#timer = this.#clock.schedule(READ_INTERVAL_MS, () => {
      this.#read();
      this.watch();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #read(): Reading {
    const before = this.#latest;
    const latest = { wall: this.#clock.now(), monotonic: this.#clock.monotonic() };
    this.#latest = latest;
    const passedMs = latest.monotonic - before.monotonic;
    const isStep = Math.abs(latest.wall - before.wall - passedMs) >= STEP_MIN_MS;
    if (isStep) this.#recordStep(before, passedMs, latest);
    const isPause = this.#timer !== undefined && passedMs >= PAUSE_MIN_MS;
    if (this.#readOutage() || isStep || isPause) this.#interruptedAt = latest.monotonic;
    return latest;
  }

  /** Whether there is an outage, or was one at the previous reading. */
  #readOutage(): boolean {
    const wasInOutage = this.#isInOutage;
    this.#isInOutage = this.#silentMs() >= OUTAGE_MIN_MS;
    return this.#isInOutage || wasInOutage;
  }

  #recordStep(before: Reading, passedMs: number, { wall, monotonic }: Reading): void {
    this.#steps.unshift({ before: { wall: before.wall + passedMs, monotonic }, after: wall });
    this.#steps.length = Math.min(this.#steps.length, STEPS_MAX);
  }
}

interface Reading {
  readonly wall: number;
  readonly monotonic: number;
}

interface Step {
  /** What the clock would have shown at the step. */
  readonly before: Reading;
  /** The time of day that it was set to. */
  readonly after: number;
}

/** Smaller steps are corrections, which change no decision. */
const STEP_MIN_MS = 500;

/** Shorter than the shortest lease of a client. */
const PAUSE_MIN_MS = 900;

const READ_INTERVAL_MS = 300;

/** An outage of a second is noticed although it may end right before a reading. */
const OUTAGE_MIN_MS = 1_000 - READ_INTERVAL_MS;

/** Older steps are forgotten. */
const STEPS_MAX = 16;
