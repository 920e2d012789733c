import { keepAlive, type ClientClock } from "../platform.js";

/** The time and randomness of a subscription. Tests replace them. */
export interface WatchEnvironment {
  readonly clock: ClientClock;
  /** Returns a number from 0 to below 1. */
  readonly random: () => number;
}

/** Wall-clock time, with timers that keep the process alive. */
export const WATCHER_ENVIRONMENT: WatchEnvironment = /*#__PURE__*/ (() => ({
  clock: { now: Date.now, schedule: keepAlive },
  random: Math.random,
}))();
