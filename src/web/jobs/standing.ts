/** How a job stands: its status, and its health where that is not as it should be. */
import type { WatchedJob, WatchedTaskStatus } from "../../client/index.js";

/** The statuses and, of the health, what somebody should look at; a job may have one of each. */
export type Standing = WatchedTaskStatus | "SILENT" | "LOST";

/** In the order in which they are shown and sorted: what needs somebody first. */
export const STANDINGS: readonly Standing[] = [
  "FAILED",
  "LOST",
  "SILENT",
  "RUNNING",
  "PENDING",
  "FINISHED",
  "CANCELED",
];

export const STANDING_WORDS: Readonly<Record<Standing, string>> = {
  PENDING: "Pending",
  RUNNING: "Running",
  FINISHED: "Finished",
  CANCELED: "Canceled",
  FAILED: "Failed",
  SILENT: "Silent",
  LOST: "Lost",
};

/** The one that matters most. */
export function standingOf({ health, task }: WatchedJob): Standing {
  return health === "OK" ? task.status : health;
}

/** Whether it counts as one of these; it may by its status, and by its health. */
export function stands({ health, task }: WatchedJob, standings: readonly Standing[]): boolean {
  return standings.includes(task.status) || (health !== "OK" && standings.includes(health));
}
