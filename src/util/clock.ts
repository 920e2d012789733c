/**
 * The only source of time. What needs the time of day, or to be woken later, is handed a clock, so that a
 * test can move time by hand and nothing else in the program asks the machine.
 */
export interface Clock {
  /** Milliseconds since 1970-01-01 UTC. */
  now(): number;
  /** Calls back once, after at least `delayMs`, unless it is cancelled first. Keeps no process alive. */
  schedule(delayMs: number, callback: () => void): Timer;
}

export interface Timer {
  /** Cancelling twice, or after the call, is harmless. */
  cancel(): void;
}

/** The longest that timers of Node can be set to, milliseconds. */
export const DELAY_MAX_MS = 2 ** 31 - 1;

/** The machine's clock. */
export const systemClock: Clock = {
  now: Date.now,
  schedule(delayMs, callback) {
    const timeout = setTimeout(callback, delayMs);
    timeout.unref();
    return { cancel: () => clearTimeout(timeout) };
  },
};
