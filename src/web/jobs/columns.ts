import type { SortKey } from "./job-order.js";

export interface Column {
  readonly title: string;
  /** What a click on its head sorts by. */
  readonly key: SortKey;
  /** Which end of the order is asked for first. */
  readonly isDescendingFirst: boolean;
  readonly isNumber: boolean;
}

/** What the list shows of a job, in this order. The class of a cell is `cell-` and its key. */
export const COLUMNS: readonly Column[] = [
  { title: "Status", key: "status", isDescendingFirst: false, isNumber: false },
  { title: "Name", key: "name", isDescendingFirst: false, isNumber: false },
  { title: "Job", key: "job", isDescendingFirst: false, isNumber: false },
  { title: "User", key: "user", isDescendingFirst: false, isNumber: false },
  { title: "Progress", key: "progress", isDescendingFirst: true, isNumber: false },
  { title: "Done", key: "done", isDescendingFirst: true, isNumber: true },
  { title: "Rate", key: "rate", isDescendingFirst: true, isNumber: true },
  { title: "Left", key: "eta", isDescendingFirst: false, isNumber: true },
  { title: "Elapsed", key: "elapsed", isDescendingFirst: true, isNumber: true },
  { title: "Attempt", key: "attempt", isDescendingFirst: true, isNumber: true },
];

/** What the keys are called where there are no heads of columns. */
export const SORT_NAMES: Readonly<Record<SortKey, string>> = {
  stored: "Newest",
  status: "Status",
  name: "Name",
  job: "Job",
  user: "User",
  progress: "Progress",
  done: "Done",
  rate: "Rate",
  eta: "Time left",
  elapsed: "Elapsed",
  attempt: "Attempt",
};
