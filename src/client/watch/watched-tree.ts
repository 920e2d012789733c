import type { MirroredTaskFragment } from "../generated/graphql.js";
import type { WatchedProgress, WatchedTask } from "./watched-job.js";

/** The server's event does not fit the local state, which indicates a bug. The watch recovers by starting over. */
export class OutOfSyncError extends Error {
  override readonly name = "OutOfSyncError";
}

/**
 * Builds a tree from the task list of a `TaskStored`, parents first.
 * @throws OutOfSyncError if the list is not a tree.
 */
export function watchedTreeOf(tasks: readonly MirroredTaskFragment[]): WatchedTask {
  const byPath = new Map<string, GrowingTask>();
  for (const fields of tasks) {
    const task = watchedTaskOf(fields);
    byPath.set(fields.path, task);
    if (fields.path !== "") requireTask(byPath.get(parentOf(fields.path)), fields.path).subTasks.push(task);
  }
  return requireTask(byPath.get(""), "");
}

/** A task as the server sends it, without its subtasks. */
export function watchedTaskOf(fields: MirroredTaskFragment): GrowingTask {
  return { ...fields, progress: withRatio(fields.progress), subTasks: [] };
}

/**
 * Replaces or appends the changed tasks, parents first. They and the tasks above them become new objects; all others
 * stay the same objects.
 * @throws OutOfSyncError if a task does not fit into the tree.
 */
export function withChangedTasks(root: WatchedTask, changed: readonly MirroredTaskFragment[]): WatchedTask {
  const copies = new CopiedTasks();
  const newRoot = copies.of(root);
  for (const fields of changed) {
    const task = fields.path === "" ? newRoot : copies.at(newRoot, fields);
    Object.assign(task, fields, { progress: withRatio(fields.progress) });
  }
  return newRoot;
}

/** The task at a path; undefined if there is none. */
export function watchedTaskAt(root: WatchedTask, path: string): WatchedTask | undefined {
  let task: WatchedTask | undefined = root;
  for (const index of indexesOf(path)) task = task?.subTasks[index];
  return task;
}

/** A copy that may still be modified, because it has not been published yet. */
interface GrowingTask extends WatchedTask {
  readonly subTasks: WatchedTask[];
}

/** Copies each task once, however many tasks below it have changed. */
class CopiedTasks {
  readonly #copies = new Set<WatchedTask>();

  of(task: WatchedTask): GrowingTask {
    if (this.#copies.has(task)) return task as GrowingTask; // safe: created below
    const copy = { ...task, subTasks: [...task.subTasks] };
    this.#copies.add(copy);
    return copy;
  }

  /** Copies the task at the path of `fields` and all above it, or appends a new one as the next child. */
  at(root: GrowingTask, fields: MirroredTaskFragment): WatchedTask {
    const indexes = indexesOf(fields.path);
    let task = root;
    for (const [level, index] of indexes.entries()) {
      const { subTasks } = task;
      const isNew = level === indexes.length - 1 && index === subTasks.length;
      const child = isNew ? watchedTaskOf(fields) : requireTask(subTasks[index], fields.path);
      subTasks[index] = task = this.of(child);
    }
    return task;
  }
}

/** The ratio is that of the schema. It is computed here, because it would make each event longer. */
export function withRatio(progress: MirroredTaskFragment["progress"]): WatchedProgress {
  const { done, volume } = progress;
  return { ...progress, ratio: volume === null ? null : done < volume ? done / volume : 1 };
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf(".")));
}

function indexesOf(path: string): number[] {
  return path === "" ? [] : path.split(".").map(Number);
}

function requireTask<T>(task: T | undefined, path: string): T {
  if (task) return task;
  throw new OutOfSyncError(`The server sent a task at path "${path}", which does not fit into the tree.`);
}
