import { progressOf } from "../../../src/tasks/progress.js";
import { currentIteration, type Task } from "../../../src/tasks/task.js";
import { preOrder } from "../../../src/tasks/traverse.js";
import type { UserTask } from "../../../src/tasks/user-task.js";

/** A job as a watcher sees it: its own fields and its tasks by path, without revisions. */
export interface JobView {
  readonly own: object;
  readonly tasks: ReadonlyMap<string, object>;
}

export function jobViewOf(userTask: UserTask): JobView {
  const { stamp: _, storedStamp: __, task, ...own } = userTask;
  return { own, tasks: new Map(preOrder(task).map((placed) => [placed.path, taskViewOf(placed.task)])) };
}

export function taskViewOf(task: Task): object {
  const { kind, description, status, startedAt, endedAt, message, maxConcurrency } = task;
  const iteration = task.kind === "ITERATIVE" ? currentIteration(task) : null;
  const progress = progressOf(task);
  return {
    kind,
    description,
    status,
    startedAt,
    endedAt,
    message,
    maxConcurrency,
    iteration,
    progress,
  };
}
