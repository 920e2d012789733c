import type { Limits } from "../protocol/limits.js";
import { TidemarkError } from "../protocol/tidemark-error.js";
import { appendToSmallList } from "../util/small-list.js";
import type { Writable } from "../util/writable.js";
import type { Stamp } from "./stamp.js";
import type { TaskList } from "./task-list.js";
import { copyOf, type ParentTask, type Task } from "./task.js";

/**
 * How a tree is changed: every new version of a task is made here, with the stamp of the change, and with its
 * sums kept by difference, never by adding up all its sub-tasks again.
 */
export interface Edit {
  /** The instant of the change, milliseconds since 1970. */
  readonly now: number;
  readonly stamp: Stamp;
  readonly limits: Limits;
}

/**
 * `task` with other `fields`, as part of this change.
 * @throws TidemarkError LIMIT_EXCEEDED when a sum would pass 2^53 - 1.
 */
export function withFields<T extends Task>(task: T, fields: Partial<T>, edit: Edit): T {
  const next = Object.assign(copyOf(task, edit.stamp, edit.stamp), fields);
  checkSums(next);
  return next;
}

/** `parent` with another task in the place `index`, where it has one. */
export function withSubTask(parent: ParentTask, index: number, next: Task, edit: Edit): ParentTask {
  const before = parent.subTasks.at(index)!;
  if (next === before) return parent;
  const sums = new RunningSums(parent);
  sums.replace(before, next);
  return withSums(parent, parent.subTasks.with(index, next, edit.stamp), sums, edit);
}

/** `parent` with the sub-tasks from `start` up to `end` replaced; the same parent when none of them differs. */
export function mapSubTasks(
  parent: ParentTask,
  start: number,
  end: number,
  replace: (subTask: Task) => Task,
  edit: Edit,
): ParentTask {
  const sums = new RunningSums(parent);
  const exchange = (before: Task): Task => {
    const after = replace(before);
    if (after !== before) sums.replace(before, after);
    return after;
  };
  const subTasks = parent.subTasks.map(start, end, exchange, edit.stamp);
  return subTasks === parent.subTasks ? parent : withSums(parent, subTasks, sums, edit);
}

/** `parent` with `tasks` after those that it has. */
export function appendSubTasks(parent: ParentTask, tasks: readonly Task[], edit: Edit): ParentTask {
  const sums = new RunningSums(parent);
  let { subTasks } = parent;
  for (const task of tasks) {
    sums.add(task);
    subTasks = subTasks.append(task, edit.stamp);
  }
  return withSums(parent, subTasks, sums, edit);
}

/** `task` and all below it as they are, as new as this change. */
export function restamped(task: Task, { stamp }: Pick<Edit, "stamp">): Task {
  const copy = copyOf(task, stamp, stamp);
  if (copy.kind === "LEAF") return copy;
  const { length } = copy.subTasks;
  const subTasks = copy.subTasks.map(0, length, (subTask) => restamped(subTask, { stamp }), stamp);
  return Object.assign(copy, { subTasks });
}

/** @throws TidemarkError LIMIT_EXCEEDED when a sum passes what a JSON number holds exactly. */
export function checkSums(task: Task): void {
  if (task.done <= Number.MAX_SAFE_INTEGER && task.knownVolume <= Number.MAX_SAFE_INTEGER) return;
  throw new TidemarkError(
    "LIMIT_EXCEEDED",
    `The work of task ${JSON.stringify(task.description)} would pass 2^53 - 1 units. Report in larger units.`,
  );
}

/** A change below a parent is one of its own only where it moves the parent's sums. */
function withSums(parent: ParentTask, subTasks: TaskList<Task>, sums: RunningSums, edit: Edit): ParentTask {
  sums.end();
  const ownStamp = sums.equalSumsOf(parent) ? parent.ownStamp : edit.stamp;
  const next: Writable<ParentTask> = copyOf(parent, edit.stamp, ownStamp);
  next.subTasks = subTasks;
  next.done = sums.done;
  next.knownVolume = sums.knownVolume;
  next.unknownCount = sums.unknownCount;
  next.taskCount = sums.taskCount;
  if (next.kind === "ITERATIVE") next.finishedSubTasks = sums.finishedSubTasks;
  checkSums(next);
  return next;
}

/**
 * The sums of a parent while its sub-tasks are exchanged. What leaves is taken off at once and what comes is
 * added at the end, so that no sum on the way passes 2^53 unless the last one does.
 */
class RunningSums {
  done: number;
  knownVolume: number;
  unknownCount: number;
  taskCount: number;
  finishedSubTasks: number;
  #added: Task[] | undefined;

  constructor(parent: ParentTask) {
    this.done = parent.done;
    this.knownVolume = parent.knownVolume;
    this.unknownCount = parent.unknownCount;
    this.taskCount = parent.taskCount;
    this.finishedSubTasks = parent.kind === "ITERATIVE" ? parent.finishedSubTasks : 0;
  }

  add(task: Task): void {
    this.#added = appendToSmallList(this.#added, task);
  }

  replace(before: Task, after: Task): void {
    this.#count(before, -1);
    this.add(after);
  }

  /** To be called once, before the sums are read. */
  end(): void {
    for (const task of this.#added ?? []) this.#count(task, 1);
  }

  /** Whether they show what those of `parent` do. */
  equalSumsOf(parent: ParentTask): boolean {
    return (
      this.done === parent.done &&
      this.knownVolume === parent.knownVolume &&
      this.unknownCount === parent.unknownCount &&
      (parent.kind === "INTERMEDIATE" || this.finishedSubTasks === parent.finishedSubTasks)
    );
  }

  #count(task: Task, sign: 1 | -1): void {
    this.taskCount += sign * task.taskCount;
    if (task.status === "FINISHED") this.finishedSubTasks += sign;
    if (task.isLeftOut) return;
    this.done += sign * task.done;
    this.knownVolume += sign * task.knownVolume;
    this.unknownCount += sign * task.unknownCount;
  }
}
