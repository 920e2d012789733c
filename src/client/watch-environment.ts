/** What a watch takes from the machine that it runs on; a test gives it another one. */
export interface WatchEnvironment {
  readonly clock: WatchClock;
  /** From 0, and below 1. */
  readonly random: () => number;
}

export interface WatchClock {
  /** Milliseconds since 1970-01-01 UTC. */
  now(): number;
  /** Calls back once, after at least `delayMs`, unless it is cancelled first. Keeps the process alive. */
  schedule(delayMs: number, callback: () => void): WatchTimer;
}

export interface WatchTimer {
  /** Cancelling twice, or after the call, is harmless. */
  cancel(): void;
}

export const thisMachine: WatchEnvironment = {
  clock: {
    now: Date.now,
    schedule(delayMs, callback) {
      const timeout = setTimeout(callback, delayMs);
      return { cancel: () => clearTimeout(timeout) };
    },
  },
  random: Math.random,
};
