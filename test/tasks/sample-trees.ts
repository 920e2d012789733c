import { expect } from "vitest";
import type { ErrorCode } from "../../src/protocol/error-codes.js";
import { resolvePath, taskAt } from "../../src/tasks/task-path.js";
import { createTask, type TaskSpec } from "../../src/tasks/task-spec.js";
import type { TaskStatus } from "../../src/tasks/task-status.js";
import { updateTask, type TaskUpdate } from "../../src/tasks/task-update.js";
import { subTasksOf, type IterativeTask, type LeafTask, type Task } from "../../src/tasks/task.js";
import { preOrder } from "../../src/tasks/traverse.js";
import { editAt } from "../kit/store/edits.js";

/** Trees for tests: stored at time 0 as revision 1, and updated at time NOW as revision 2. */

export const NOW = 5_000;

export function createTree(spec: TaskSpec): Task {
  return createTask(spec, editAt(0, 1));
}

/** Applies updates in order. The default path is that of the root. */
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
  if (task.kind !== "LEAF") throw new TypeError(`${path} is not a leaf`);
  return task;
}

export function iterativeAt(root: Task, path: string): IterativeTask {
  const task = at(root, path);
  if (task.kind !== "ITERATIVE") throw new TypeError(`${path} is not iterative`);
  return task;
}

/** The levels of the tree: 1 for a leaf. */
export function levelsOf(task: Task): number {
  const below = task.kind === "ITERATIVE" ? task.template : subTasksOf(task);
  return 1 + below.reduce((deepest, subTask) => Math.max(deepest, levelsOf(subTask)), 0);
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

/** Matches, in `toThrow`, the error with this code. */
export function errorWithCode(code: ErrorCode): unknown {
  return expect.objectContaining({ name: "TidemarkError", extensions: expect.objectContaining({ code }) });
}
