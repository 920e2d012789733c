/**
 * The one status that a list shows for a job. A job has a task status and a health, and counts, filters and colours must
 * agree on which of them they mean.
 */
type TaskStatus = "PENDING" | "RUNNING" | "FINISHED" | "CANCELED" | "FAILED";

/** A task status, or the health of a job whose worker no longer reports. */
export type DisplayStatus = TaskStatus | "SILENT" | "LOST";

interface JobWithStatus {
  readonly health: "OK" | "SILENT" | "LOST";
  readonly task: { readonly status: TaskStatus };
}

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

/** The health of an open job that is silent or lost, otherwise the status. Each job has exactly one. */
export function displayStatusOf({ health, task: { status } }: JobWithStatus): DisplayStatus {
  const isOpen = status === "PENDING" || status === "RUNNING";
  return isOpen && health !== "OK" ? health : status;
}

/** The words for people. */
export const DISPLAY_STATUS_LABELS: Readonly<Record<DisplayStatus, string>> = {
  PENDING: "Pending",
  RUNNING: "Running",
  FINISHED: "Finished",
  CANCELED: "Canceled",
  FAILED: "Failed",
  SILENT: "Silent",
  LOST: "Lost",
};
