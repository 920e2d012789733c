import type { WatchedJob, WatchedTaskStatus } from "../../client/index.js";

/** A task status or an unhealthy state. A job may have one of each. */
export type DisplayStatus = WatchedTaskStatus | "SILENT" | "LOST";

/** In display and sort order: the most urgent first. */
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

/** The health of a silent or lost job, otherwise its status. */
export function displayStatusOf({ health, task }: WatchedJob): DisplayStatus {
  return health === "OK" ? task.status : health;
}

/** Whether the status or the health of a job is among `statuses`. */
export function matchesStatus({ health, task }: WatchedJob, statuses: readonly DisplayStatus[]): boolean {
  return statuses.includes(task.status) || (health !== "OK" && statuses.includes(health));
}
