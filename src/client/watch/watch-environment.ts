import { keepAlive, type ClientClock } from "../platform.js";

/** What a watch takes from the machine that it runs on; a test gives it another one. */
export interface WatchEnvironment {
  readonly clock: ClientClock;
  /** From 0, and below 1. */
  readonly random: () => number;
}

/** Its time is that of day, milliseconds since 1970-01-01 UTC; what waits keeps the process alive. */
export const defaultEnvironment: WatchEnvironment = {
  clock: { now: Date.now, schedule: keepAlive },
  random: Math.random,
};
