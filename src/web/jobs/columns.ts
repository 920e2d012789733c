import type { SortKey } from "./job-order.js";

export interface Column {
  readonly title: string;
  /** The key that a click on the header sorts by. */
  readonly key: SortKey;
  /** The direction of the first click. */
  readonly isDescendingFirst: boolean;
  readonly isNumber: boolean;
}

/** The columns of the job list, in order. The CSS class of a cell is `cell-KEY`. */
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

/** The labels of the sort menu, which replaces the column headers on narrow pages. */
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
