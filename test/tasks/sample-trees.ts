import { expect } from "vitest";
import type { ErrorCode } from "../../src/protocol/error-codes.js";
import { resolvePath, taskAt } from "../../src/tasks/task-path.js";
import { createTask, type TaskSpec } from "../../src/tasks/task-spec.js";
import type { TaskStatus } from "../../src/tasks/task-status.js";
import { updateTask, type TaskUpdate } from "../../src/tasks/task-update.js";
import type { IterativeTask, LeafTask, Task } from "../../src/tasks/task.js";
import { preOrder } from "../../src/tasks/traverse.js";
import { editAt } from "../kit/store/edits.js";

/** A tree's first two changes: it is planted at instant 0 as revision 1, and reported on at NOW as revision 2. */

export const NOW = 5_000;

export function createTree(spec: TaskSpec): Task {
  return createTask(spec, editAt(0, 1));
}

/** `root` after these updates, one after the other; the path is the root's unless it is given. */
export function withUpdates(root: Task, ...updates: readonly Partial<TaskUpdate>[]): Task {
  return updates.reduce<Task>(
    (task, update) => updateTask(task, { path: "", ...update }, editAt(NOW, 2)),
    root,
  );
}

export function at(root: Task, path: string): Task {
  return taskAt(root, resolvePath(root, path))!;
}

export function leafAt(root: Task, path: string): LeafTask {
  const task = at(root, path);
  if (task.kind !== "LEAF") throw new TypeError(`${path} is no leaf`);
  return task;
}

export function iterativeAt(root: Task, path: string): IterativeTask {
  const task = at(root, path);
  if (task.kind !== "ITERATIVE") throw new TypeError(`${path} does not repeat anything`);
  return task;
}

/** The status of every task by path: `{ "": "RUNNING", "0": "PENDING" }`. */
export function statuses(root: Task): Record<string, TaskStatus> {
  return Object.fromEntries(preOrder(root).map(({ path, task }) => [path, task.status]));
}

/** The status of every task, in pre-order. */
export function statusesInOrder(root: Task): TaskStatus[] {
  return preOrder(root).map(({ task }) => task.status);
}

/** The path of every task, in pre-order. */
export function paths(root: Task): string[] {
  return preOrder(root).map(({ path }) => path);
}

/** For `toThrow`: the error that a client gets with this code. */
export function errorWithCode(code: ErrorCode): unknown {
  return expect.objectContaining({ name: "TidemarkError", extensions: expect.objectContaining({ code }) });
}
