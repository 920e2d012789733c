import { DEFAULT_LIMITS, type Limits } from "../protocol/limits.js";
import { assert } from "../util/assert.js";
import { Stamp } from "./stamp.js";
import { subPath } from "./task-path.js";
import { createTasks, sum, type TaskSpec } from "./task-spec.js";
import { subTasksOf, type IterationMode, type LeafTask, type Task } from "./task.js";
import { preOrder } from "./traverse.js";

/**
 * A task as a journal keeps it: what is the task's own, without the sums, which follow from it. A tree is a
 * row for each of its tasks, so that a change of one leaf writes one row.
 */
export type TaskRow = LeafRow | IntermediateRow | IterativeRow;

type OwnFields = Pick<
  LeafTask,
  "description" | "status" | "startedAt" | "endedAt" | "message" | "maxConcurrency" | "isLeftOut"
> & { readonly path: string };

export interface LeafRow extends OwnFields {
  readonly kind: "LEAF";
  readonly volume: number | null;
  readonly done: number;
}

export interface IntermediateRow extends OwnFields {
  readonly kind: "INTERMEDIATE";
}

export interface IterativeRow extends OwnFields {
  readonly kind: "ITERATIVE";
  readonly mode: IterationMode;
  readonly maxIterations: number | null;
  readonly begunIterations: number;
  readonly template: readonly TaskSpec[];
}

/** A row and the revision that wrote it. */
export interface WrittenRow {
  readonly row: TaskRow;
  readonly revision: number;
}

/** What was within the limits of its day is read back whatever they are now. */
const AS_WRITTEN: Limits = {
  ...DEFAULT_LIMITS,
  tasksPerTreeMax: Infinity,
  levelsPerTreeMax: Infinity,
  descriptionBytesMax: Infinity,
};

/** Every task of the tree, parents before children. */
export function allRows(root: Task): TaskRow[] {
  return preOrder(root).map(({ task, path }) => rowOf(task, path));
}

/** The tasks of `after` whose own fields are not as they were in `before`: what an update writes. */
export function changedRows(before: Task, after: Task): TaskRow[] {
  const rows: TaskRow[] = [];
  const compare = (old: Task | undefined, task: Task, path: string): void => {
    if (old === task) return;
    if (!old || !hasSameOwnFields(old, task)) rows.push(rowOf(task, path));
    const oldSubTasks = old ? subTasksOf(old) : [];
    subTasksOf(task).forEach((subTask, index) => {
      if (subTask !== oldSubTasks[index]) compare(oldSubTasks[index], subTask, subPath(path, index));
    });
  };
  compare(before, after, "");
  return rows;
}

/** The tree that rows describe, in whatever order they come: `allRows` read back. */
export function treeOf(epoch: string, written: Iterable<WrittenRow>): Task {
  const byPath = new Map<string, WrittenRow>();
  for (const writtenRow of written) byPath.set(writtenRow.row.path, writtenRow);
  const build = (path: string): Task | undefined => {
    const found = byPath.get(path);
    if (!found) return undefined;
    const subTasks: Task[] = [];
    for (let subTask; (subTask = build(subPath(path, subTasks.length)));) subTasks.push(subTask);
    return taskOf(found, subTasks, epoch);
  };
  const root = build("");
  assert(root, "a job without a root row");
  return root;
}

function rowOf(task: Task, path: string): TaskRow {
  const { description, status, startedAt, endedAt, message, maxConcurrency, isLeftOut } = task;
  const own = { path, description, status, startedAt, endedAt, message, maxConcurrency, isLeftOut };
  if (task.kind === "LEAF") return { kind: "LEAF", ...own, volume: task.volume, done: task.done };
  if (task.kind === "INTERMEDIATE") return { kind: "INTERMEDIATE", ...own };
  const { mode, maxIterations, begunIterations } = task;
  return {
    kind: "ITERATIVE",
    ...own,
    mode,
    maxIterations,
    begunIterations,
    template: task.template.map(specOf),
  };
}

/** Sums move without a row being written, so what is read back counts as changed when anything below it was. */
function taskOf({ row, revision }: WrittenRow, subTasks: readonly Task[], epoch: string): Task {
  const latest = subTasks.reduce((newest, { stamp }) => Math.max(newest, stamp.revision), revision);
  const stamp = Stamp.of(epoch, latest);
  const { path: _, ...own } = row;
  const stamps = { stamp, ownStamp: stamp };
  if (own.kind === "LEAF") {
    const unknownCount = own.volume === null ? 1 : 0;
    return { ...own, ...stamps, knownVolume: own.volume ?? 0, unknownCount, taskCount: 1 };
  }
  const sums = sum(subTasks);
  if (own.kind === "INTERMEDIATE") return { ...own, ...sums, ...stamps, subTasks };
  const place = { level: 1, taskCount: 0, maxConcurrency: own.maxConcurrency };
  const template = createTasks(own.template, place, { now: 0, stamp, limits: AS_WRITTEN });
  const isOpen = own.mode === "OPEN";
  return {
    ...own,
    ...sums,
    unknownCount: sums.unknownCount + (isOpen && own.status !== "FINISHED" ? 1 : 0),
    taskCount: isOpen && subTasks.length === 0 ? sum(template).taskCount : sums.taskCount,
    ...stamps,
    subTasks,
    template,
    finishedSubTasks: subTasks.filter(({ status }) => status === "FINISHED").length,
  };
}

function hasSameOwnFields(a: Task, b: Task): boolean {
  return (
    a.status === b.status &&
    a.message === b.message &&
    a.startedAt === b.startedAt &&
    a.endedAt === b.endedAt &&
    a.isLeftOut === b.isLeftOut &&
    (a.kind !== "LEAF" || b.kind !== "LEAF" || (a.done === b.done && a.volume === b.volume)) &&
    (a.kind !== "ITERATIVE" || b.kind !== "ITERATIVE" || a.begunIterations === b.begunIterations)
  );
}

/** What a PENDING task was made from. */
function specOf(task: Task): TaskSpec {
  const { description, maxConcurrency } = task;
  if (task.kind === "LEAF") return { description, maxConcurrency, volume: task.volume };
  if (task.kind === "INTERMEDIATE")
    return { description, maxConcurrency, subTasks: task.subTasks.map(specOf) };
  const iterations = { mode: task.mode, max: task.maxIterations, tasks: task.template.map(specOf) };
  return { description, maxConcurrency, iterations };
}
