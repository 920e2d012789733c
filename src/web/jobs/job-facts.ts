/** Values derived from the tasks of a watched job. */
import type { WatchedProgress, WatchedTask } from "../../client/index.js";

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

/** The number of tasks in a tree, including its root. */
export function taskCount(task: WatchedTask): number {
  const known = counts.get(task);
  if (known !== undefined) return known;
  const count = task.subTasks.reduce((sum, subTask) => sum + taskCount(subTask), 1);
  counts.set(task, count);
  return count;
}

const counts = new WeakMap<WatchedTask, number>();
