/** Values derived from a watched job. */
import type { WatchedJob, WatchedProgress, WatchedTask } from "../../client/index.js";

/** Done divided by volume, 0 to 1, as rounded by the server; null while the volume is unknown. */
export function ratioOf({ percent }: WatchedProgress): number | null {
  const ratio = Number.parseFloat(percent) / 100;
  return Number.isNaN(ratio) ? null : ratio;
}

/** The sum of the rates of all running leaves; null if none of them has a rate. */
export function treeRate(task: WatchedTask): number | null {
  if (task.status !== "RUNNING") return null;
  if (task.subTasks.length === 0) return task.rate;
  const known = rates.get(task);
  if (known !== undefined) return known;
  const sum = sumOf(task.subTasks.map(treeRate));
  rates.set(task, sum);
  return sum;
}

/** An unchanged task is the same object, so its sum is cached. */
const rates = new WeakMap<WatchedTask, number | null>();

function sumOf(values: readonly (number | null)[]): number | null {
  return values.reduce((sum, value) => (value === null ? sum : (sum ?? 0) + value), null);
}

/**
 * Milliseconds from the start of a task to its end, or to `now`; null before the start. For a silent or lost job, the
 * time ends at its latest report, because the worker may have stopped.
 */
export function jobElapsedMs(job: WatchedJob, now: number, task: WatchedTask = job.task): number | null {
  if (task.startedAt === null) return null;
  return Math.max(0, endOf(job, task, now) - Date.parse(task.startedAt));
}

function endOf(job: WatchedJob, task: WatchedTask, now: number): number {
  if (task.endedAt !== null) return Date.parse(task.endedAt);
  if (job.health !== "OK" || job.endedAt !== null) return Date.parse(job.reportedAt);
  return Math.max(now, Date.parse(job.changedAt));
}

/** The number of tasks in a tree, including its root. */
export function taskCount(task: WatchedTask): number {
  const known = counts.get(task);
  if (known !== undefined) return known;
  const count = task.subTasks.reduce((sum, subTask) => sum + taskCount(subTask), 1);
  counts.set(task, count);
  return count;
}

const counts = new WeakMap<WatchedTask, number>();
