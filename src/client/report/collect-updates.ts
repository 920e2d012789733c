/**
 * Collects the unreported changes of a tree, in an order that the server accepts: the start of a task, then its
 * subtasks, then its end; and each iteration's start before its tasks.
 *
 * All values are absolute, so updates are idempotent: if an answer is lost, the same updates are sent again.
 */
import type { TaskUpdateInput } from "../generated/graphql.js";
import type { TaskState } from "./task-state.js";

/** Returns the unreported changes and marks them as reported. */
export function collectUpdates(root: TaskState): TaskUpdateInput[] {
  const updates: TaskUpdateInput[] = [];
  visit(root, updates);
  return updates;
}

function visit(task: TaskState, updates: TaskUpdateInput[]): void {
  if (!task.isDirty) return;
  task.isDirty = false;
  task.hasTicked = false;
  if (!task.hasEnded || task.spec.kind === "LEAF") push(updates, task, takeOwnChanges(task));
  if (task.spec.kind === "ITERATIVE") visitIterations(task, task.spec.tasks.length, updates);
  else task.subTasks.forEach((subTask) => visit(subTask, updates));
  if (task.hasEnded && task.spec.kind !== "LEAF") push(updates, task, takeOwnChanges(task));
}

/** Reports the start of an iteration, then its tasks, then the start of the next one, which ends them. */
function visitIterations(task: TaskState, length: number, updates: TaskUpdateInput[]): void {
  const reportStartsUpTo = (iteration: number): void => {
    if (iteration <= task.reported.iteration) return;
    task.reported.iteration = iteration;
    updates.push({ path: task.path, iteration });
  };
  task.subTasks.forEach((subTask, index) => {
    if (!subTask.isDirty) return;
    reportStartsUpTo(Math.min(Math.floor(index / length) + 1, task.iteration));
    visit(subTask, updates);
  });
  reportStartsUpTo(task.iteration);
}

function push(updates: TaskUpdateInput[], task: TaskState, own: Omit<TaskUpdateInput, "path">): void {
  if (Object.keys(own).length > 0) updates.push({ path: task.path, ...own });
}

function takeOwnChanges(task: TaskState): Omit<TaskUpdateInput, "path"> {
  const { reported, volume, message, status, doneToReport: done } = task;
  const own: Omit<TaskUpdateInput, "path"> = {
    ...(volume === undefined || volume === reported.volume ? {} : { volume }),
    ...(done > reported.done ? { done } : {}),
    ...(message === reported.message ? {} : { message }),
    ...(status === reported.status ? {} : { status }),
  };
  Object.assign(reported, own);
  return own;
}
