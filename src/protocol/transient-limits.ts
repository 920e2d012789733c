import type { Limits } from "./limits.js";

/** The bounds that say nothing of what was asked, only of how much there is now: the same may be taken later. */
export const TRANSIENT_LIMITS: readonly (keyof Limits)[] = [
  "connectionsMax",
  "connectionsPerAddressMax",
  "connectionsPerUserMax",
  "subscriptionsPerUserMax",
  "operationsPerSecondMax",
  "mutationsPerSecondMax",
  "changesWaitingMax",
];
