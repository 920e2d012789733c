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
 * A worker's update of one task; null means unchanged. A network repeats and delays reports, so updates are lenient: an
 * update begins its task and the tasks above it if necessary, and a repeated or outdated update changes nothing, even if
 * the task has ended since. All other changes follow the strict transitions in transitions.ts.
 */
export interface TaskUpdate {
  readonly path: string;
  readonly status?: TaskStatus | null | undefined;
  /** Absolute. A smaller value than before is ignored. */
  readonly done?: number | null | undefined;
  /** Relative. Not allowed together with `done`. */
  readonly add?: number | null | undefined;
  readonly volume?: number | null | undefined;
  /** An empty message clears it. */
  readonly message?: string | null | undefined;
  /** The iteration that has begun, counted from 1. */
  readonly iteration?: number | null | undefined;
}

/**
 * Returns the tree after `update`; the same tree if nothing changes.
 * @throws TidemarkError NOT_FOUND, NOT_A_LEAF, ILLEGAL_TRANSITION, BAD_USER_INPUT or LIMIT_EXCEEDED.
 */
export function updateTask(root: Task, update: TaskUpdate, edit: Edit): Task {
  const path = resolvePath(root, update.path);
  const tasksLeft = edit.limits.tasksPerTreeMax - root.taskCount;
  return editAt(root, path, edit, (task) => applyUpdate(task, update, tasksLeft, edit));
}

/**
 * Appends tasks below the one at `pathText`.
 * @throws TidemarkError NOT_FOUND, ILLEGAL_TRANSITION, BAD_USER_INPUT or LIMIT_EXCEEDED.
 */
export function addTasks(root: Task, pathText: string, specs: readonly TaskSpec[], edit: Edit): Task {
  const path = resolvePath(root, pathText);
  return editAt(root, path, edit, (parent) => {
    const name = JSON.stringify(parent.description);
    if (parent.kind !== "INTERMEDIATE") {
      throw badUserInput(
        `Task ${name} is ${parent.kind}. Tasks can only be added below an INTERMEDIATE task.`,
      );
    }
    if (specs.length === 0) throw badUserInput(`No tasks to add below ${name}. Pass at least one.`);
    if (hasEnded(parent.status)) throw illegalTransition(parent, "extended");
    const point = {
      level: path.length + 2,
      taskCount: root.taskCount,
      maxConcurrency: parent.maxConcurrency,
    };
    return appendSubTasks(parent, createTasks(specs, point, edit), edit);
  });
}

/**
 * Applies `revise` to the task at `path`. If that changes it, also updates its ancestors and begins the PENDING ones.
 * `task` is the ancestor at `level`.
 */
function editAt(task: Task, path: TaskPath, edit: Edit, revise: (task: Task) => Task, level = 0): Task {
  const index = path[level];
  if (index === undefined) return revise(task);
  const before = subTaskAt(task, index)!;
  const after = editAt(before, path, edit, revise, level + 1);
  if (after === before) return task;
  if (hasEnded(task.status)) throw illegalTransition(task, "changed, nor can the tasks below it");
  const parent = after.startedAt === null ? task : ensureBegun(task, edit);
  return withSubTask(parent as ParentTask, index, after, edit);
}

/** Applies the fields of an update in the order that the API documents. */
function applyUpdate(task: Task, update: TaskUpdate, tasksLeft: number, edit: Edit): Task {
  let next = task;
  if (hasWork(update)) next = withWork(next, update, edit);
  if (isGiven(update.message)) next = withMessage(next, parseMessage(update.message, edit.limits), edit);
  if (isGiven(update.iteration)) next = withIteration(next, update.iteration, update, tasksLeft, edit);
  if (isGiven(update.status)) next = withStatus(next, update.status, edit);
  return next;
}

function hasWork({ volume, done, add }: TaskUpdate): boolean {
  return isGiven(volume) || isGiven(done) || isGiven(add);
}

function withWork(task: Task, { volume, done, add }: TaskUpdate, edit: Edit): LeafTask {
  if (isGiven(done) && isGiven(add)) {
    throw badUserInput(
      `Task ${JSON.stringify(task.description)} has both done and add. Pass only one of them.`,
    );
  }
  if (task.kind !== "LEAF") {
    throw new TidemarkError(
      "NOT_A_LEAF",
      `Task ${JSON.stringify(task.description)} is ${task.kind}: its work is the sum of the tasks below it. Report on its leaves instead.`,
    );
  }
  const leaf = isGiven(volume) ? withVolume(task, volume, edit) : task;
  return withDone(leaf, isGiven(add) ? leaf.done + add : (done ?? 0), edit);
}

function withVolume(leaf: LeafTask, volume: number, edit: Edit): LeafTask {
  if (volume === leaf.volume) return leaf;
  return withFields(requireNotEnded(leaf), { volume, knownVolume: volume, unknownCount: 0 }, edit);
}

function withDone(leaf: LeafTask, done: number, edit: Edit): LeafTask {
  if (done <= leaf.done) return leaf;
  const running = ensureBegun(requireNotEnded(leaf), edit);
  return withFields(running, { done, rateEstimate: rateEstimateAfter(leaf, done, edit) }, edit);
}

/** Work done before the known start of the leaf took no measurable time, so it does not count. */
function rateEstimateAfter(
  { startedAt, rateEstimate, done: before }: LeafTask,
  done: number,
  { now, elapsedMs }: Edit,
): RateEstimate | null {
  return startedAt === null
    ? null
    : updateRateEstimate(rateEstimate ?? INITIAL_RATE_ESTIMATE, done - before, elapsedMs(startedAt, now));
}

function withMessage(task: Task, text: string, edit: Edit): Task {
  const message = text === "" ? null : text;
  return message === task.message ? task : withFields(requireNotEnded(task), { message }, edit);
}

function withStatus(task: Task, status: TaskStatus, edit: Edit): Task {
  if (status === "PENDING") throw illegalTransition(task, "set back to PENDING");
  if (status === task.status) return task;
  switch (status) {
    case "RUNNING":
      return begin(task, edit);
    case "FINISHED":
      return finish(ensureBegun(task, edit), edit);
    case "FAILED":
      return fail(ensureBegun(task, edit), edit);
    case "CANCELED":
      return cancel(task, edit);
  }
}

/**
 * Settles past iterations before it adds new ones, so that no intermediate sum exceeds the final one: only the sums
 * after the whole update may break the limit. If the same update says FINISHED, all iterations are past.
 */
function withIteration(
  task: Task,
  iteration: number,
  { status }: TaskUpdate,
  tasksLeft: number,
  edit: Edit,
): Task {
  checkIteration(task, iteration);
  if (iteration <= task.begunIterations) return task;
  const pastCount = status === "FINISHED" ? Infinity : iteration - 1;
  const end = pastCount * task.template.length;
  const running = ensureBegun(requireNotEnded(task), edit);
  const settled = mapSubTasks(running, 0, end, (subTask) => settle(subTask, edit), edit);
  const grown = growTo(settled as IterativeTask, iteration, pastCount, tasksLeft, edit);
  return withFields(grown, { begunIterations: iteration }, edit);
}

function checkIteration(task: Task, iteration: number): asserts task is IterativeTask {
  const name = JSON.stringify(task.description);
  if (task.kind !== "ITERATIVE") throw badUserInput(`Task ${name} is ${task.kind} and has no iterations.`);
  if (!Number.isInteger(iteration) || iteration < 1) {
    throw badUserInput(`Invalid iteration ${iteration} of task ${name}: expected a whole number from 1.`);
  }
  if (task.maxIterations !== null && iteration > task.maxIterations) {
    throw badUserInput(
      `Invalid iteration ${iteration} of task ${name}: it has at most ${task.maxIterations}.`,
    );
  }
}

/** Adds the missing iterations to an OPEN task. Its `taskCount` already includes the first one. */
function growTo(
  task: IterativeTask,
  iteration: number,
  pastCount: number,
  tasksLeft: number,
  edit: Edit,
): IterativeTask {
  const known = task.subTasks.length / task.template.length;
  const missing = iteration - known;
  if (missing <= 0) return task;
  const tasksPerIteration = sum(task.template).taskCount - 1;
  const reserved = known === 0 ? tasksPerIteration : 0;
  if (missing * tasksPerIteration - reserved > tasksLeft)
    throw tooManyTasksError(edit.limits.tasksPerTreeMax);
  const unreserved = { ...task, taskCount: task.taskCount - reserved };
  const missingPast = Math.min(pastCount, iteration) - known;
  const tasks = newIterations(task.template, missingPast, missing - missingPast, edit);
  return appendSubTasks(unreserved, tasks, edit) as IterativeTask;
}

/** The settled tasks of past iterations, followed by the PENDING tasks of later ones. */
function newIterations(
  template: readonly Task[],
  pastCount: number,
  pendingCount: number,
  edit: Edit,
): readonly Task[] {
  const iteration = template.map((subTask) => restamped(subTask, edit));
  const settled = pastCount > 0 ? iteration.map((subTask) => settle(subTask, edit)) : [];
  return [...repeat(settled, pastCount), ...repeat(iteration, pendingCount)];
}

function ensureBegun<T extends Task>(task: T, edit: Edit): T {
  return task.status === "PENDING" ? (begin(task, edit) as T) : task;
}

function requireNotEnded<T extends Task>(task: T): T {
  if (hasEnded(task.status)) throw illegalTransition(task, "changed any more");
  return task;
}

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}
