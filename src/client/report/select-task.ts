/**
 * Selects a task by its name or its index. Several tasks may have the same name: each run and each tracked loop takes the
 * next one, because a task reports one piece of work. If there is none left, the work could not be reported, so the
 * selection fails.
 */
import type { TaskDeclaration } from "./task-declaration.js";
import type { TaskState } from "./task-state.js";

/** Selects a task by its description or by its index from 0. */
export type TaskSelector = string | number;

/** Consecutive subtasks of a task: all of them, or those of one iteration. */
export interface TaskRange {
  readonly parent: TaskState;
  readonly first: number;
  /** The number of subtasks. */
  readonly length: number;
}

/** All subtasks of a task. */
export function allSubTasks(parent: TaskState): TaskRange {
  return { parent, first: 0, length: parent.subTaskCount };
}

/** The subtasks of an iterative task in its current iteration. */
export function iterationOf(parent: TaskState): TaskRange {
  const length = parent.spec.kind === "ITERATIVE" ? parent.spec.tasks.length : 0;
  return { parent, first: (parent.iteration - 1) * length, length };
}

/**
 * The task at an index, or the first one of a name that has not ended, or else the first one of that name.
 * @throws TypeError if there is none.
 */
export function selectTask(range: TaskRange, selector: TaskSelector): TaskState {
  if (typeof selector === "number") return taskAt(range, selector);
  const found = find(range, selector, ({ hasEnded }) => !hasEnded) ?? find(range, selector);
  if (found) return found;
  throw noTask(range, selector);
}

/**
 * The task at an index, or the first one of a name that is free. If the task above has ended, nothing below it can be
 * reported: then any one of that name.
 * @throws TypeError if there is none.
 */
export function takeTask(range: TaskRange, selector: TaskSelector): TaskState {
  if (range.parent.hasEnded || typeof selector === "number") return selectTask(range, selector);
  const found = findFree(range, selector);
  if (found) return found;
  throw noTask(range, selector, find(range, selector) && "pending ");
}

/** The first task of a name that has not ended, and that no run and no loop has taken; undefined if there is none. */
export function findFree(range: TaskRange, name: string): TaskState | undefined {
  return find(range, name, ({ hasEnded, isTaken }) => !hasEnded && !isTaken);
}

/** The task itself if it is a leaf, or the only leaf below it; undefined if there are several, or iterations. */
export function onlyLeafOf(task: TaskState): TaskState | undefined {
  if (task.spec.kind === "LEAF") return task;
  const [only, ...others] = task.spec.kind === "PARENT" ? task.subTasks : [];
  return only && others.length === 0 ? onlyLeafOf(only) : undefined;
}

/** The error of a task that stands for one leaf but has several. @param call the remedy, given the name of a task below */
export function severalLeaves(task: TaskState, call: (name: string) => string): TypeError {
  const specs = specsBelow(task);
  const { description } = specs.find(({ kind }) => kind === "LEAF") ?? specs[0]!; // safe: a leaf is its only one
  const owner = task.spec.kind === "ITERATIVE" ? "iteration" : task.parent ? "task" : "job";
  const remedy = `${owner}.${call(JSON.stringify(description))}`;
  return new TypeError(
    `Task ${JSON.stringify(task.spec.description)} has more than one leaf. Name one: ${remedy}.`,
  );
}

function specsBelow({ spec, subTasks }: TaskState): readonly TaskDeclaration[] {
  return spec.kind === "ITERATIVE" ? spec.tasks : subTasks.map((subTask) => subTask.spec);
}

function taskAt(range: TaskRange, index: number): TaskState {
  const { parent, first, length } = range;
  if (Number.isInteger(index) && index >= 0 && index < length) return parent.subTask(first + index);
  throw noTask(range, index);
}

function find(
  { parent, first, length }: TaskRange,
  name: string,
  isWanted: (task: TaskState) => boolean = () => true,
): TaskState | undefined {
  for (let index = first; index < first + length; index++) {
    const subTask = parent.subTask(index);
    if (subTask.spec.description === name && isWanted(subTask)) return subTask;
  }
  return undefined;
}

/** @param state `pending ` if there are tasks of that name, but none is left. */
function noTask({ parent }: TaskRange, selector: TaskSelector, state = ""): TypeError {
  const { spec } = parent;
  const names = [...new Set(specsBelow(parent).map(({ description }) => description))];
  if (names.length > NAMES_MAX) names.splice(NAMES_MAX, Infinity, "…");
  const [wanted, owner, known] = [selector, spec.description, names].map((value) => JSON.stringify(value));
  const at = typeof selector === "number" ? "at index " : "";
  const remedy = spec.kind === "ITERATIVE" ? "in iterative()" : "or call add()";
  return new TypeError(
    `Task ${owner} has no ${state}subtask ${at}${wanted}. Its subtasks: ${known}. Declare another one ${remedy}.`,
  );
}

/** The number of names in a message. */
const NAMES_MAX = 10;
