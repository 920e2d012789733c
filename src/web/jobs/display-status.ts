/** How a job stands: its status, and its health where that is not as it should be. */
import type { WatchedJob, WatchedTaskStatus } from "../../client/index.js";

/** The statuses and, of the health, what somebody should look at; a job may have one of each. */
export type DisplayStatus = WatchedTaskStatus | "SILENT" | "LOST";

/** In the order in which they are shown and sorted: what needs somebody first. */
export const DISPLAY_STATUSES: readonly DisplayStatus[] = [
  "FAILED",
  "LOST",
  "SILENT",
  "RUNNING",
  "PENDING",
  "FINISHED",
  "CANCELED",
];

export const DISPLAY_STATUS_LABELS: Readonly<Record<DisplayStatus, string>> = {
  PENDING: "Pending",
  RUNNING: "Running",
  FINISHED: "Finished",
  CANCELED: "Canceled",
  FAILED: "Failed",
  SILENT: "Silent",
  LOST: "Lost",
};

/** The one that matters most. */
export function displayStatusOf({ health, task }: WatchedJob): DisplayStatus {
  return health === "OK" ? task.status : health;
}

/** Whether it counts as one of these; it may by its status, and by its health. */
export function matchesStatus({ health, task }: WatchedJob, standings: readonly DisplayStatus[]): boolean {
  return standings.includes(task.status) || (health !== "OK" && standings.includes(health));
}
