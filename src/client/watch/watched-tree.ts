import type { MirroredTaskFragment } from "../generated/graphql.js";
import type { WatchedTask } from "./watched-job.js";
import { OutOfSyncError } from "./out-of-sync-error.js";

/**
 * The tree of what is told in a list, parents first, as a `TaskStored` has it.
 * @throws OutOfSyncError for a list that is no tree.
 */
export function watchedTreeOf(tasks: readonly MirroredTaskFragment[]): WatchedTask {
  const byPath = new Map<string, GrowingTask>();
  for (const fields of tasks) {
    const task = { ...fields, subTasks: [] };
    byPath.set(fields.path, task);
    if (fields.path !== "") taskOr(byPath.get(parentOf(fields.path)), fields.path).subTasks.push(task);
  }
  return taskOr(byPath.get(""), "");
}

/**
 * The tree once the changed tasks, parents first, are in their places: those above them are new, all others are
 * the same objects as before.
 * @throws OutOfSyncError for a task that has no place in it.
 */
export function withChangedTasks(root: WatchedTask, changed: readonly MirroredTaskFragment[]): WatchedTask {
  const copies = new CopiedTasks();
  const newRoot = copies.of(root);
  for (const fields of changed) {
    const task = fields.path === "" ? newRoot : copies.at(newRoot, fields);
    Object.assign(task, fields);
  }
  return newRoot;
}

/** The task at a path; undefined when there is none. */
export function watchedTaskAt(root: WatchedTask, path: string): WatchedTask | undefined {
  let task: WatchedTask | undefined = root;
  for (const index of indexesOf(path)) task = task?.subTasks[index];
  return task;
}

/** A task that nobody else holds yet. */
interface GrowingTask extends WatchedTask {
  readonly subTasks: WatchedTask[];
}

/** Each task is copied once, however many below it have changed. */
class CopiedTasks {
  readonly #copies = new Set<WatchedTask>();

  of(task: WatchedTask): GrowingTask {
    if (this.#copies.has(task)) return task as GrowingTask; // safe: it was made below
    const copy = { ...task, subTasks: [...task.subTasks] };
    this.#copies.add(copy);
    return copy;
  }

  /** Of the task at the path of `fields`, and of all above it; a new one where that is the next child. */
  at(root: GrowingTask, fields: MirroredTaskFragment): WatchedTask {
    const indexes = indexesOf(fields.path);
    let task = root;
    for (const [level, index] of indexes.entries()) {
      const { subTasks } = task;
      const isNew = level === indexes.length - 1 && index === subTasks.length;
      const child = isNew ? { ...fields, subTasks: [] } : taskOr(subTasks[index], fields.path);
      subTasks[index] = task = this.of(child);
    }
    return task;
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf(".")));
}

function indexesOf(path: string): number[] {
  return path === "" ? [] : path.split(".").map(Number);
}

function taskOr<T>(task: T | undefined, path: string): T {
  if (task) return task;
  throw new OutOfSyncError(
    `The server told of a task at "${path}", for which there is no place in the tree.`,
  );
}
