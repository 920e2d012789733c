import { truncateText, TidemarkError } from "../protocol/tidemark-error.js";
import { subTaskAt, type Task } from "./task.js";

/**
 * The position of a task in its tree: the child index at each level. The root's path is empty. As text, the
 * indexes are joined by dots: `0`, `0.2`, `0.2.1`.
 */
export type TaskPath = readonly number[];

const FORM = /^(?:0|[1-9]\d{0,8})(?:\.(?:0|[1-9]\d{0,8}))*$/;
/** Longer than any path in a tree within the limits. */
const LENGTH_MAX = 1_000;

/** @throws TidemarkError NOT_FOUND if the tree of `root` has no such task. */
export function resolvePath(root: Task, text: string): TaskPath {
  if (text === "") return [];
  if (text.length > LENGTH_MAX || !FORM.test(text)) throw noSuchTask(text);
  const path = text.includes(".") ? text.split(".").map(Number) : [Number(text)];
  if (!taskAt(root, path)) throw noSuchTask(text);
  return path;
}

export function taskAt(root: Task, path: TaskPath): Task | undefined {
  let task: Task | undefined = root;
  for (const index of path) task = task && subTaskAt(task, index);
  return task;
}

/** The path of a sub-task, as text. */
export function childPath(path: string, index: number): string {
  return path === "" ? String(index) : `${path}.${index}`;
}

function noSuchTask(text: string): TidemarkError {
  const path = truncateText(text, 60);
  return new TidemarkError(
    "NOT_FOUND",
    `The tree has no task at path ${JSON.stringify(path)}. The path of the root is "". Other paths are child indexes from 0, joined by dots, such as 0.2.1.`,
  );
}
