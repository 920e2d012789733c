import { truncateText, TidemarkError } from "../protocol/tidemark-error.js";
import { subTaskAt, type Task } from "./task.js";

/**
 * Where a task stands in its tree: the child index at each level. The root's is empty; as text the indexes
 * are joined by dots: `0`, `0.2`, `0.2.1`.
 */
export type TaskPath = readonly number[];

const FORM = /^(?:0|[1-9]\d{0,8})(?:\.(?:0|[1-9]\d{0,8}))*$/;
/** No path of a tree within the limits is longer. */
const LENGTH_MAX = 1_000;

/** @throws TidemarkError NOT_FOUND when there is no such task in the tree of `root`. */
export function resolvePath(root: Task, text: string): TaskPath {
  if (text === "") return [];
  if (text.length > LENGTH_MAX || !FORM.test(text)) throw noSuchTask(text);
  const path = text.includes(".") ? text.split(".").map(Number) : [Number(text)];
  if (!taskAt(root, path)) throw noSuchTask(text);
  return path;
}

/** The task that stands at `path`. */
export function taskAt(root: Task, path: TaskPath): Task | undefined {
  let task: Task | undefined = root;
  for (const index of path) task = task && subTaskAt(task, index);
  return task;
}

/** The text of the path of a task's sub-task. */
export function childPath(path: string, index: number): string {
  return path === "" ? String(index) : `${path}.${index}`;
}

function noSuchTask(text: string): TidemarkError {
  const path = truncateText(text, 60);
  return new TidemarkError(
    "NOT_FOUND",
    `The tree has no task at path ${JSON.stringify(path)}. A path is "" for the root, else child indexes from 0 joined by dots, as 0.2.1.`,
  );
}
