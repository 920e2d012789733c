import { childPath } from "./task-path.js";
import type { VisitPredicate } from "./task-list.js";
import type { Task } from "./task.js";

/** A task and its position in the tree. */
export interface LocatedTask {
  readonly task: Task;
  /** As text: `0.2.1`; empty for the root. */
  readonly path: string;
  /** 0 for the root. */
  readonly depth: number;
}

/** All tasks in pre-order: parents before children, children in order. */
export function preOrder(root: Task): LocatedTask[] {
  return collect(root, ALL, ALL);
}

/** The tasks, in pre-order, whose state or sums have changed since `revision`. Unchanged parts are not visited. */
export function changedTasksSince(root: Task, revision: number): LocatedTask[] {
  return collect(
    root,
    ({ stamp }) => stamp.revision > revision,
    ({ ownStamp }) => ownStamp.revision > revision,
  );
}

const ALL = (): boolean => true;

function collect(root: Task, isEntered: VisitPredicate, isIncluded: (task: Task) => boolean): LocatedTask[] {
  const found: LocatedTask[] = [];
  const enter = (task: Task, path: string, depth: number): void => {
    if (isIncluded(task)) found.push({ task, path, depth });
    if (task.kind === "LEAF") return;
    task.subTasks.forEach(isEntered, (subTask, index) => enter(subTask, childPath(path, index), depth + 1));
  };
  if (isEntered(root)) enter(root, "", 0);
  return found;
}
