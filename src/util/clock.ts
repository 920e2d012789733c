/**
 * The only source of time. Code that needs the time or a timer receives a clock, so that a test can advance
 * time by hand. Nothing else in the program reads the system time.
 */
export interface Clock {
  /** The time of day in milliseconds since 1970-01-01 UTC, to be shown or stored. An operator or NTP may set it. */
  now(): number;
  /**
   * Milliseconds since an arbitrary instant, to measure intervals: nobody can set it, and it never goes back. Timers
   * follow it.
   */
  monotonic(): number;
  /** Calls back once, after at least `delayMs`, unless it is canceled first. Does not keep the process alive. */
  schedule(delayMs: number, callback: () => void): Timer;
}

export interface Timer {
  /** Has no effect if it is repeated or comes after the callback. */
  cancel(): void;
}

/** The maximum delay of a Node timer, in milliseconds. */
export const DELAY_MAX_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  schedule(delayMs, callback) {
    const timeout = setTimeout(callback, delayMs);
    timeout.unref();
    return { cancel: () => clearTimeout(timeout) };
  },
};
