/**
 * Selects a task by its name or its index. Several tasks may have the same name: each run and each tracked loop takes the
 * next one, because a task reports one piece of work. If there is none left, the work could not be reported, so the
 * selection fails.
 */
import type { TaskState } from "./task-state.js";

/** Selects a task by its description or by its index from 0. */
export type TaskSelector = string | number;

/** Consecutive subtasks of a task: all of them, or those of one iteration. */
export interface TaskRange {
  readonly parent: TaskState;
  readonly first: number;
  /** The number of subtasks. */
  readonly length: number;
  /** Whose subtasks they are, for messages: `Task "Import"`. */
  readonly owner: string;
  /** How to get another one, for messages. */
  readonly remedy: string;
}

/** All subtasks of a task. */
export function subTasksOf(parent: TaskState): TaskRange {
  return {
    parent,
    first: 0,
    length: parent.subTaskCount,
    owner: `Task ${JSON.stringify(parent.spec.description)}`,
    remedy: "Declare another one or call add()",
  };
}

/** The subtasks of an iterative task in its current iteration. */
export function iterationOf(parent: TaskState): TaskRange {
  const { spec, iteration } = parent;
  const length = spec.kind === "ITERATIVE" ? spec.tasks.length : 0;
  return {
    parent,
    first: (iteration - 1) * length,
    length,
    owner: `Iteration ${iteration} of ${JSON.stringify(spec.description)}`,
    remedy: "Declare it in iterative()",
  };
}

/**
 * The task at an index, or the first one of a name that has not ended, or else the first one of that name.
 * @throws TypeError if there is none.
 */
export function selectTask(range: TaskRange, selector: TaskSelector): TaskState {
  if (typeof selector === "number") return taskAt(range, selector);
  const found = find(range, selector, ({ hasEnded }) => !hasEnded) ?? find(range, selector);
  if (found) return found;
  throw noTask(range, selector, "");
}

/**
 * The task at an index, or the first one of a name that no run and no loop has taken: a pending one, or else one that has
 * started. If the task above has ended, nothing below it can be reported: then any one of that name.
 * @throws TypeError if there is none.
 */
export function takeTask(range: TaskRange, selector: TaskSelector): TaskState {
  if (range.parent.hasEnded || typeof selector === "number") return selectTask(range, selector);
  const found = findPending(range, selector) ?? find(range, selector, isFree);
  if (found) return found;
  throw noTask(range, selector, find(range, selector) ? "pending " : "");
}

/** The first task of a name that has not started, and that no loop has taken; undefined if there is none. */
export function findPending(range: TaskRange, name: string): TaskState | undefined {
  return find(range, name, (task) => task.status === "PENDING" && isFree(task));
}

function isFree({ hasEnded, isTaken }: TaskState): boolean {
  return !hasEnded && !isTaken;
}

function taskAt(range: TaskRange, index: number): TaskState {
  const { parent, first, length } = range;
  if (Number.isInteger(index) && index >= 0 && index < length) return parent.subTask(first + index);
  throw noTask(range, index, "");
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
function noTask(
  { parent, owner, remedy }: TaskRange,
  selector: TaskSelector,
  state: "" | "pending ",
): TypeError {
  const wanted = typeof selector === "number" ? `at index ${selector}` : JSON.stringify(selector);
  const reason = state === "" ? "" : ": each one of this name has been started or has ended";
  return new TypeError(`${owner} has no ${state}subtask ${wanted}${reason}. ${namesOf(parent)} ${remedy}.`);
}

/** The names to choose from, without repetitions, as a sentence. */
function namesOf({ spec, subTasks }: TaskState): string {
  const specs = spec.kind === "ITERATIVE" ? spec.tasks : subTasks.map((subTask) => subTask.spec);
  const names = [...new Set(specs.map(({ description }) => JSON.stringify(description)))];
  const more = names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : "";
  return names.length === 0 ? "It has none." : `It has ${names.slice(0, NAMES_MAX).join(", ")}${more}.`;
}

/** The number of names in a message. */
const NAMES_MAX = 10;
