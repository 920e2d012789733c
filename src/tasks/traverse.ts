import { subPath } from "./task-path.js";
import type { IsEntered } from "./task-list.js";
import type { Task } from "./task.js";

/** A task and where it stands in its tree. */
export interface PlacedTask {
  readonly task: Task;
  /** As text: `0.2.1`; empty for the root. */
  readonly path: string;
  /** 0 for the root. */
  readonly depth: number;
}

/** The whole tree in pre-order: parents before children, children in order. */
export function preOrder(root: Task): PlacedTask[] {
  return collect(root, ALL, ALL);
}

/**
 * The tasks, in pre-order, whose state or sums have changed since `revision`. What is unchanged is not
 * entered.
 */
export function changedSince(root: Task, revision: number): PlacedTask[] {
  return collect(
    root,
    ({ stamp }) => stamp.revision > revision,
    ({ ownStamp }) => ownStamp.revision > revision,
  );
}

const ALL = (): boolean => true;

function collect(root: Task, isEntered: IsEntered, isIncluded: (task: Task) => boolean): PlacedTask[] {
  const found: PlacedTask[] = [];
  const enter = (task: Task, path: string, depth: number): void => {
    if (isIncluded(task)) found.push({ task, path, depth });
    if (task.kind === "LEAF") return;
    task.subTasks.forEach(isEntered, (subTask, index) => enter(subTask, subPath(path, index), depth + 1));
  };
  if (isEntered(root)) enter(root, "", 0);
  return found;
}
