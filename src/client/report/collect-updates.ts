/**
 * What there is to report of a tree, as updates in an order in which the server takes each: a task that begins, then
 * those below it, then its end; and between iterations their begin.
 *
 * Everything is absolute, and each thing of a task is said once: so the same updates may be given twice, and an answer
 * that was lost is asked for again by giving them again.
 */
import type { TaskUpdateInput } from "../generated/graphql.js";
import type { TaskState } from "./task-state.js";

/** Takes what has not been said; from now on it has been. */
export function collectUpdates(root: TaskState): TaskUpdateInput[] {
  const updates: TaskUpdateInput[] = [];
  visit(root, updates);
  return updates;
}

function visit(task: TaskState, updates: TaskUpdateInput[]): void {
  if (!task.isDirty) return;
  task.isDirty = false;
  task.hasTicked = false;
  if (!task.hasEnded || task.spec.kind === "LEAF") push(updates, task, takeOwn(task));
  if (task.spec.kind === "ITERATIVE") visitIterations(task, task.spec.tasks.length, updates);
  else task.subTasks.forEach((subTask) => visit(subTask, updates));
  if (task.hasEnded && task.spec.kind !== "LEAF") push(updates, task, takeOwn(task));
}

/** The tasks of an iteration come after its begin, and before that of the next one, which ends them. */
function visitIterations(task: TaskState, length: number, updates: TaskUpdateInput[]): void {
  const sayBegunUntil = (iteration: number): void => {
    if (iteration <= task.reported.iteration) return;
    task.reported.iteration = iteration;
    updates.push({ path: task.path, iteration });
  };
  task.subTasks.forEach((subTask, index) => {
    if (!subTask.isDirty) return;
    sayBegunUntil(Math.min(Math.floor(index / length) + 1, task.iteration));
    visit(subTask, updates);
  });
  sayBegunUntil(task.iteration);
}

function push(updates: TaskUpdateInput[], task: TaskState, own: Omit<TaskUpdateInput, "path">): void {
  if (Object.keys(own).length > 0) updates.push({ path: task.path, ...own });
}

function takeOwn(task: TaskState): Omit<TaskUpdateInput, "path"> {
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
