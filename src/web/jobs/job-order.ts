import type { WatchedJob } from "../../client/index.js";
import { ratioOf, treeRate } from "./job-facts.js";
import { taskElapsedMs, runningUntil } from "../../format/elapsed.js";
import { displayStatusOf, DISPLAY_STATUSES } from "../../format/display-status.js";

/** null is unknown and always sorts last. */
type SortValue = number | string | null;

const VALUES = {
  stored: (job) => Date.parse(job.storedAt),
  status: (job) => DISPLAY_STATUSES.indexOf(displayStatusOf(job)),
  name: (job) => job.task.description.toLowerCase(),
  job: (job) => job.jobId.toLowerCase(),
  user: (job) => job.username.toLowerCase(),
  progress: (job) => ratioOf(job.task.progress),
  done: (job) => job.task.progress.done,
  rate: (job) => treeRate(job.task),
  eta: (job) => (job.eta ? Date.parse(job.eta.likely) : null),
  elapsed: (job, now) => taskElapsedMs(job.task, runningUntil(job, now)),
  attempt: (job) => job.attempt,
} as const satisfies Record<string, (job: WatchedJob, now: number) => SortValue>;

export type SortKey = keyof typeof VALUES;

export function isSortKey(text: string): text is SortKey {
  return Object.hasOwn(VALUES, text);
}

export interface Sortable {
  readonly id: string;
  current(): WatchedJob;
}

/** Sorts jobs; those equal by `key` are newest first. Fast if `rows` is almost sorted, as when the list is updated. */
export function sortJobs<Row extends Sortable>(
  rows: readonly Row[],
  { key, isDescending }: { readonly key: SortKey; readonly isDescending: boolean },
  now: number,
): Row[] {
  const valueOf: (job: WatchedJob, now: number) => SortValue = VALUES[key];
  const keyed = rows.map((row) => {
    const job = row.current();
    return { row, value: valueOf(job, now), storedAt: job.storedAt };
  });
  const direction = isDescending ? -1 : 1;
  keyed.sort((one, other) => {
    const order = compare(one.value, other.value, direction) || ascending(other.storedAt, one.storedAt);
    return order || ascending(one.row.id, other.row.id);
  });
  return keyed.map(({ row }) => row);
}

function compare(one: SortValue, other: SortValue, direction: number): number {
  if (one === null || other === null) return Number(one === null) - Number(other === null);
  return direction * ascending(one, other);
}

function ascending(one: number | string, other: number | string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
