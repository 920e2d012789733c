import type { Limits } from "../protocol/limits.js";
import { limitExceeded } from "../protocol/tidemark-error.js";
import { assert } from "../util/assert.js";
import type { Stamp } from "./stamp.js";
import type { TaskList } from "./task-list.js";
import { copyOf, type ParentTask, type Task } from "./task.js";

/**
 * One change of a tree. Only the functions below create new versions of a task. They set the stamp of the change and
 * adjust the sums by the difference, so they never sum all sub-tasks again.
 */
export interface Edit extends Creation {
  /** The milliseconds between two times, although the clock may have been set between them. */
  readonly elapsedMs: ElapsedMs;
}

/** The change that creates a tree. */
export interface Creation {
  /** The time of the change, in milliseconds since 1970. */
  readonly now: number;
  readonly stamp: Stamp;
  readonly limits: Limits;
}

export type ElapsedMs = (since: number, until: number) => number;

/** A new object that its creator may still change. */
export type Writable<T> = T extends unknown ? { -readonly [Field in keyof T]: T[Field] } : never;

/**
 * Returns `task` with other `fields`, as part of this change.
 * @throws TidemarkError LIMIT_EXCEEDED if a sum would exceed 2^53 - 1.
 */
export function withFields<T extends Task>(task: T, fields: Partial<T>, edit: Edit): T {
  const next = Object.assign(copyOf(task, edit.stamp, edit.stamp), fields);
  checkSums(next);
  return next;
}

/** Returns `parent` with another task at `index`, which must exist. */
export function withSubTask(parent: ParentTask, index: number, next: Task, edit: Edit): ParentTask {
  const before = parent.subTasks.at(index)!;
  if (next === before) return parent;
  const sums = new RunningSums(parent);
  sums.replace(before, next);
  return withSums(parent, parent.subTasks.with(index, next, edit.stamp), sums, edit);
}

/** Replaces the sub-tasks from `start` up to `end`. Returns the same parent if none of them changes. */
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

/** Returns `parent` with `tasks` appended to its sub-tasks. */
export function appendSubTasks(parent: ParentTask, tasks: readonly Task[], edit: Edit): ParentTask {
  const sums = new RunningSums(parent);
  let { subTasks } = parent;
  for (const task of tasks) {
    sums.add(task);
    subTasks = subTasks.append(task, edit.stamp);
  }
  return withSums(parent, subTasks, sums, edit);
}

/** A task and its place among the sub-tasks of its parent. */
export interface PlacedTask {
  readonly index: number;
  readonly task: Task;
}

/** Returns `parent` with these tasks, by ascending index. The last of them may extend its sub-tasks, without a gap. */
export function withSubTasks(
  parent: ParentTask,
  placed: readonly PlacedTask[],
  edit: Pick<Edit, "stamp">,
): ParentTask {
  const sums = new RunningSums(parent);
  const { length } = parent.subTasks;
  let { subTasks } = parent;
  for (let next = 0; next < placed.length;) {
    const { index, task } = placed[next]!;
    if (index < length) {
      const end = Math.min(length, endOfRun(placed, next));
      const replace = (before: Task): Task => {
        const after = placed[next++]!.task;
        sums.replace(before, after);
        return after;
      };
      subTasks = subTasks.map(index, end, replace, edit.stamp);
    } else {
      assert(index === subTasks.length, "a new sub-task has another place than the last");
      next++;
      sums.add(task);
      subTasks = subTasks.append(task, edit.stamp);
    }
  }
  return withSums(parent, subTasks, sums, edit);
}

/** The index after the run of neighbors that begins with the task at `from`. */
function endOfRun(placed: readonly PlacedTask[], from: number): number {
  let end = placed[from]!.index;
  for (let at = from; placed[at]?.index === end; at++) end++;
  return end;
}

/** Returns `task` and everything below it unchanged, but with the stamp of this change. */
export function restamped(task: Task, { stamp }: Pick<Edit, "stamp">): Task {
  const copy = copyOf(task, stamp, stamp);
  if (copy.kind === "LEAF") return copy;
  const { length } = copy.subTasks;
  const subTasks = copy.subTasks.map(0, length, (subTask) => restamped(subTask, { stamp }), stamp);
  return Object.assign(copy, { subTasks });
}

/** @throws TidemarkError LIMIT_EXCEEDED if a sum is larger than a JSON number can represent exactly. */
export function checkSums(task: Task): void {
  if (task.done <= Number.MAX_SAFE_INTEGER && task.knownVolume <= Number.MAX_SAFE_INTEGER) return;
  throw limitExceeded(
    "safeIntegerMax",
    `The work of task ${JSON.stringify(task.description)} would exceed 2^53 - 1 units. Report in larger units`,
    Number.MAX_SAFE_INTEGER,
  );
}

/** The parent gets a new `ownStamp` only if the change moves its sums. */
function withSums(
  parent: ParentTask,
  subTasks: TaskList<Task>,
  sums: RunningSums,
  edit: Pick<Edit, "stamp">,
): ParentTask {
  sums.addNewTasks();
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
 * The sums of a parent while its sub-tasks are replaced. Replaced tasks are subtracted at once and new ones are added at
 * the end, so no intermediate sum exceeds 2^53 unless the final one does.
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
    if (this.#added) this.#added.push(task);
    else this.#added = [task]; // an array created with its first item takes a fifth of the memory
  }

  replace(before: Task, after: Task): void {
    this.#count(before, -1);
    this.add(after);
  }

  /** Adds the new tasks. Must be called once, before the sums are read. */
  addNewTasks(): void {
    for (const task of this.#added ?? []) this.#count(task, 1);
  }

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
    if (task.isExcluded) return;
    this.done += sign * task.done;
    this.knownVolume += sign * task.knownVolume;
    this.unknownCount += sign * task.unknownCount;
  }
}
