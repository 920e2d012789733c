/**
 * Collects the unreported changes of a tree, in an order that the server accepts: the start of a task, then its
 * subtasks, then its end; and each iteration's start before its tasks.
 *
 * All values are absolute, so updates are idempotent: if an answer is lost, the same updates are sent again.
 */
import type { TaskUpdateInput } from "../generated/graphql.js";
import type { TaskState } from "./task-state.js";

/**
 * Returns the unreported changes and marks them as reported.
 * @param growing have subtasks that the server does not know yet. These are skipped, and so is the end of each task
 *   above them, because an ended task takes no subtasks.
 */
export function collectUpdates(root: TaskState, growing: Iterable<TaskState>): TaskUpdateInput[] {
  const updates: TaskUpdateInput[] = [];
  visit(root, updates, withTasksAbove(growing));
  return updates;
}

function withTasksAbove(tasks: Iterable<TaskState>): ReadonlySet<TaskState> {
  const all = new Set<TaskState>();
  for (const growing of tasks) {
    for (let task: TaskState | undefined = growing; task && !all.has(task); task = task.parent) all.add(task);
  }
  return all;
}

function visit(task: TaskState, updates: TaskUpdateInput[], growing: ReadonlySet<TaskState>): void {
  if (!task.isDirty || !task.isAnnounced) return;
  const isGrowing = growing.has(task);
  task.isDirty = isGrowing;
  task.hasTicked = false;
  if (!task.hasEnded || task.spec.kind === "LEAF") push(updates, task, takeOwnChanges(task));
  if (task.spec.kind === "ITERATIVE") visitIterations(task, task.spec.tasks.length, updates, growing);
  else task.subTasks.forEach((subTask) => visit(subTask, updates, growing));
  if (task.hasEnded && task.spec.kind !== "LEAF" && !isGrowing) push(updates, task, takeOwnChanges(task));
}

/** Reports the start of an iteration, then its tasks, then the start of the next one, which ends them. */
function visitIterations(
  task: TaskState,
  length: number,
  updates: TaskUpdateInput[],
  growing: ReadonlySet<TaskState>,
): void {
  const reportStartsUpTo = (iteration: number): void => {
    if (iteration <= task.reported.iteration) return;
    task.reported.iteration = iteration;
    updates.push({ path: task.path, iteration });
  };
  const iterationOf = (index: number): number => Math.floor(index / length) + 1;
  const isGrowing = (subTask: TaskState | undefined): boolean =>
    subTask !== undefined && growing.has(subTask);
  const last = growing.has(task) ? iterationOf(task.subTasks.findIndex(isGrowing)) : Infinity;
  task.subTasks.slice(0, last * length).forEach((subTask, index) => {
    if (!subTask.isDirty) return;
    reportStartsUpTo(Math.min(iterationOf(index), task.iterationToReport));
    visit(subTask, updates, growing);
  });
  reportStartsUpTo(Math.min(last, task.iterationToReport));
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
