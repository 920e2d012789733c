import { withFields, mapSubTasks, type Edit } from "./edit.js";
import type { Task } from "./task.js";
import { transition } from "./task-status.js";

/**
 * The strict lifecycle of a task. Each function makes one transition that the table in task-status.ts allows, for a
 * task and the tasks below it, or throws ILLEGAL_TRANSITION. The tasks above are not affected. The lenient handling of
 * reports is in task-update.ts.
 */

/** PENDING → RUNNING. */
export function begin(task: Task, edit: Edit): Task {
  return withFields(task, { status: transition(task, "begin"), startedAt: edit.now }, edit);
}

/**
 * RUNNING → FINISHED. A leaf becomes complete: an unknown volume is set to `done`, and `done` is raised to a known
 * volume. Below any other task, running tasks are finished, and pending ones are canceled and excluded.
 */
export function finish(task: Task, edit: Edit): Task {
  const status = transition(task, "finish");
  const ended = { status, endedAt: edit.now } as const;
  if (task.kind === "LEAF") {
    const volume = task.volume ?? task.done;
    const done = Math.max(task.done, volume);
    return withFields(
      task,
      { ...ended, volume, done, knownVolume: volume, unknownCount: 0, rateEstimate: null },
      edit,
    );
  }
  const settled = mapSubTasks(task, 0, task.subTasks.length, (subTask) => settle(subTask, edit), edit);
  const isOpen = settled.kind === "ITERATIVE" && settled.mode === "OPEN";
  return withFields(settled, { ...ended, unknownCount: settled.unknownCount - (isOpen ? 1 : 0) }, edit);
}

/** RUNNING → FAILED, together with the running tasks below. Pending tasks below do not change. */
export function fail(task: Task, edit: Edit): Task {
  return endEarly(task, "fail", edit);
}

/** PENDING or RUNNING → CANCELED, together with the running tasks below. Pending tasks below do not change. */
export function cancel(task: Task, edit: Edit): Task {
  return endEarly(task, "cancel", edit);
}

/**
 * Settles a task because the one above it, or its iteration, has ended: running tasks are finished, and pending ones
 * are canceled and excluded, including those that remained pending below a FAILED or CANCELED task.
 */
export function settle(task: Task, edit: Edit): Task {
  if (task.status === "RUNNING") return finish(task, edit);
  if (task.status === "PENDING") return withFields(cancelPending(task, edit), { isExcluded: true }, edit);
  if (task.kind === "LEAF" || task.status === "FINISHED" || task.isExcluded) return task;
  return mapSubTasks(task, 0, task.subTasks.length, (subTask) => settle(subTask, edit), edit);
}

function endEarly(task: Task, action: "fail" | "cancel", edit: Edit): Task {
  const ended = { status: transition(task, action), endedAt: edit.now } as const;
  if (task.kind === "LEAF") return withFields(task, { ...ended, rateEstimate: null }, edit);
  const endRunning = (subTask: Task) =>
    subTask.status === "RUNNING" ? endEarly(subTask, action, edit) : subTask;
  return withFields(mapSubTasks(task, 0, task.subTasks.length, endRunning, edit), ended, edit);
}

/** Cancels every pending task in `task` and below it, at any depth. */
function cancelPending(task: Task, edit: Edit): Task {
  const canceled = task.status === "PENDING" ? cancel(task, edit) : task;
  if (canceled.kind === "LEAF" || canceled.status === "FINISHED") return canceled;
  return mapSubTasks(canceled, 0, canceled.subTasks.length, (subTask) => cancelPending(subTask, edit), edit);
}
