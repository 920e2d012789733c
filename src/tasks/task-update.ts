import { badUserInput, TidemarkError } from "../protocol/tidemark-error.js";
import { appendSubTasks, withFields, mapSubTasks, restamped, withSubTask, type Edit } from "./edit.js";
import { parseMessage } from "./names.js";
import { INITIAL_RATE_ESTIMATE, updateRateEstimate, type RateEstimate } from "./rate-estimate.js";
import { resolvePath, type TaskPath } from "./task-path.js";
import { createTasks, repeat, sum, tooManyTasksError, type TaskSpec } from "./task-spec.js";
import { hasEnded, illegalTransition, type TaskStatus } from "./task-status.js";
import { subTaskAt, type IterativeTask, type LeafTask, type ParentTask, type Task } from "./task.js";
import { begin, cancel, fail, finish, settle } from "./transitions.js";

/**
 * What workers report about one task. A network repeats and delays reports, so this is the one place that is
 * lenient: a report implies that its task and those above it have begun, and one that asks for nothing new
 * changes nothing, whatever has happened since. All else is done by the strict steps of transitions.ts.
 *
 * null is the same as left out: stays as it is.
 */
export interface TaskUpdate {
  readonly path: string;
  readonly status?: TaskStatus | null | undefined;
  /** Absolute, and never going back. */
  readonly done?: number | null | undefined;
  /** Relative; never together with `done`. */
  readonly add?: number | null | undefined;
  readonly volume?: number | null | undefined;
  /** Empty clears it. */
  readonly message?: string | null | undefined;
  /** The iteration that has now begun, from 1. */
  readonly iteration?: number | null | undefined;
}

/**
 * The tree after `update`; the same tree when it asks for nothing new.
 * @throws TidemarkError NOT_FOUND, NOT_A_LEAF, ILLEGAL_TRANSITION, BAD_USER_INPUT or LIMIT_EXCEEDED.
 */
export function updateTask(root: Task, update: TaskUpdate, edit: Edit): Task {
  const path = resolvePath(root, update.path);
  const roomForTasks = edit.limits.tasksPerTreeMax - root.taskCount;
  return editAt(root, path, edit, (task) => revise(task, update, roomForTasks, edit));
}

/**
 * The tree with tasks appended below the one at `pathText`.
 * @throws TidemarkError NOT_FOUND, ILLEGAL_TRANSITION, BAD_USER_INPUT or LIMIT_EXCEEDED.
 */
export function addTasks(root: Task, pathText: string, specs: readonly TaskSpec[], edit: Edit): Task {
  const path = resolvePath(root, pathText);
  return editAt(root, path, edit, (parent) => {
    const name = JSON.stringify(parent.description);
    if (parent.kind !== "INTERMEDIATE") {
      throw badUserInput(
        `Task ${name} is ${parent.kind}; tasks can be added below an INTERMEDIATE one only.`,
      );
    }
    if (specs.length === 0) throw badUserInput(`No tasks to add below ${name}; give at least one.`);
    if (hasEnded(parent.status)) throw illegalTransition(parent, "added to");
    const place = {
      level: path.length + 2,
      taskCount: root.taskCount,
      maxConcurrency: parent.maxConcurrency,
    };
    return appendSubTasks(parent, createTasks(specs, place, edit), edit);
  });
}

/**
 * Edits the task at `path`, of which `task` is at `level`, and, if that made a difference, the tasks above it as
 * it implies.
 */
function editAt(task: Task, path: TaskPath, edit: Edit, revised: (task: Task) => Task, level = 0): Task {
  const index = path[level];
  if (index === undefined) return revised(task);
  const before = subTaskAt(task, index)!;
  const after = editAt(before, path, edit, revised, level + 1);
  if (after === before) return task;
  if (hasEnded(task.status)) throw illegalTransition(task, "changed, nor what is below it");
  const parent = after.startedAt === null ? task : begun(task, edit);
  return withSubTask(parent as ParentTask, index, after, edit);
}

/** The steps of one update, in the order that the contract gives them. */
function revise(task: Task, update: TaskUpdate, roomForTasks: number, edit: Edit): Task {
  let next = task;
  if (asksForWork(update)) next = reviseLeaf(next, update, edit);
  if (isGiven(update.message)) next = withMessage(next, parseMessage(update.message, edit.limits), edit);
  if (isGiven(update.iteration)) next = withIteration(next, update.iteration, update, roomForTasks, edit);
  if (isGiven(update.status)) next = withStatus(next, update.status, edit);
  return next;
}

function asksForWork({ volume, done, add }: TaskUpdate): boolean {
  return isGiven(volume) || isGiven(done) || isGiven(add);
}

function reviseLeaf(task: Task, { volume, done, add }: TaskUpdate, edit: Edit): LeafTask {
  if (isGiven(done) && isGiven(add)) {
    throw badUserInput(
      `Both done and add are given for task ${JSON.stringify(task.description)}; give one of them.`,
    );
  }
  if (task.kind !== "LEAF") {
    throw new TidemarkError(
      "NOT_A_LEAF",
      `Task ${JSON.stringify(task.description)} is ${task.kind}: its work is the sum of the tasks below it. Report on its leaves.`,
    );
  }
  const leaf = isGiven(volume) ? withVolume(task, volume, edit) : task;
  return withDone(leaf, isGiven(add) ? leaf.done + add : (done ?? 0), edit);
}

function withVolume(leaf: LeafTask, volume: number, edit: Edit): LeafTask {
  if (volume === leaf.volume) return leaf;
  return withFields(alive(leaf), { volume, knownVolume: volume, unknownCount: 0 }, edit);
}

function withDone(leaf: LeafTask, done: number, edit: Edit): LeafTask {
  if (done <= leaf.done) return leaf;
  const running = begun(alive(leaf), edit);
  return withFields(running, { done, rateEstimate: rateEstimateAfter(leaf, done, edit) }, edit);
}

/** What was done before the leaf began, as far as is known, took no time that could be told. */
function rateEstimateAfter(
  { startedAt, rateEstimate, done: before }: LeafTask,
  done: number,
  { now }: Edit,
): RateEstimate | null {
  return startedAt === null
    ? null
    : updateRateEstimate(rateEstimate ?? INITIAL_RATE_ESTIMATE, done - before, now - startedAt);
}

function withMessage(task: Task, text: string, edit: Edit): Task {
  const message = text === "" ? null : text;
  return message === task.message ? task : withFields(alive(task), { message }, edit);
}

function withStatus(task: Task, status: TaskStatus, edit: Edit): Task {
  if (status === "PENDING") throw illegalTransition(task, "made PENDING: no task goes back");
  if (status === task.status) return task;
  switch (status) {
    case "RUNNING":
      return begin(task, edit);
    case "FINISHED":
      return finish(begun(task, edit), edit);
    case "FAILED":
      return fail(begun(task, edit), edit);
    case "CANCELED":
      return cancel(task, edit);
  }
}

/**
 * What is over is settled before new iterations come, and with FINISHED in the same input all of them are over:
 * sums are judged as they are after the input, so none on the way may pass the last.
 */
function withIteration(
  task: Task,
  iteration: number,
  { status }: TaskUpdate,
  roomForTasks: number,
  edit: Edit,
): Task {
  checkIteration(task, iteration);
  if (iteration <= task.begunIterations) return task;
  const over = status === "FINISHED" ? Infinity : iteration - 1;
  const end = over * task.template.length;
  const settled = mapSubTasks(begun(alive(task), edit), 0, end, (subTask) => settle(subTask, edit), edit);
  const grown = growTo(settled as IterativeTask, iteration, over, roomForTasks, edit);
  return withFields(grown, { begunIterations: iteration }, edit);
}

function checkIteration(task: Task, iteration: number): asserts task is IterativeTask {
  const name = JSON.stringify(task.description);
  if (task.kind !== "ITERATIVE") throw badUserInput(`Task ${name} is ${task.kind} and has no iterations.`);
  if (!Number.isInteger(iteration) || iteration < 1) {
    throw badUserInput(`Iteration ${iteration} was asked for; iterations are counted from 1.`);
  }
  if (task.maxIterations !== null && iteration > task.maxIterations) {
    throw badUserInput(
      `Iteration ${iteration} was asked for; task ${name} has ${task.maxIterations} at most.`,
    );
  }
}

/** An OPEN task has the iterations that were asked for and no more. The first takes the place kept for it. */
function growTo(
  task: IterativeTask,
  wanted: number,
  over: number,
  roomForTasks: number,
  edit: Edit,
): IterativeTask {
  const known = task.subTasks.length / task.template.length;
  const missing = wanted - known;
  if (missing <= 0) return task;
  const tasksAnIteration = sum(task.template).taskCount - 1;
  const placeKept = known === 0 ? tasksAnIteration : 0;
  if (missing * tasksAnIteration - placeKept > roomForTasks)
    throw tooManyTasksError(edit.limits.tasksPerTreeMax);
  const emptied = { ...task, taskCount: task.taskCount - placeKept };
  const missingOver = Math.min(over, wanted) - known;
  const tasks = newIterations(task.template, missingOver, missing - missingOver, edit);
  return appendSubTasks(emptied, tasks, edit) as IterativeTask;
}

/** The tasks of iterations that are over before they have begun, then of those that have not begun yet. */
function newIterations(
  template: readonly Task[],
  over: number,
  pending: number,
  edit: Edit,
): readonly Task[] {
  const iteration = template.map((subTask) => restamped(subTask, edit));
  const settled = over > 0 ? iteration.map((subTask) => settle(subTask, edit)) : [];
  return [...repeat(settled, over), ...repeat(iteration, pending)];
}

function begun<T extends Task>(task: T, edit: Edit): T {
  return task.status === "PENDING" ? (begin(task, edit) as T) : task;
}

function alive<T extends Task>(task: T): T {
  if (hasEnded(task.status)) throw illegalTransition(task, "changed any more");
  return task;
}

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}
