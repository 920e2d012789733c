import { DEFAULT_LIMITS, type Limits } from "../protocol/limits.js";
import { assert, unreachable } from "../util/assert.js";
import type { RateEstimate } from "./rate-estimate.js";
import { Stamp } from "./stamp.js";
import { withSubTasks, type PlacedTask, type Writable } from "./edit.js";
import { childPath } from "./task-path.js";
import { taskGrowth } from "./heap-size.js";
import { createTasks, sum, type TaskSpec } from "./task-spec.js";
import { createTaskList } from "./task-list.js";
import {
  copyOf,
  subTaskAt,
  subTasksOf,
  type IntermediateTask,
  type IterationMode,
  type IterativeTask,
  type LeafTask,
  type ParentTask,
  type Task,
} from "./task.js";
import { preOrder } from "./traverse.js";

/**
 * A task as a journal stores it: its own fields, without the sums, which follow from the tree. A tree is one
 * row per task, so that a change of one leaf writes one row.
 */
export type TaskRow = LeafRow | IntermediateRow | IterativeRow;

type OwnFields = Pick<
  LeafTask,
  "description" | "status" | "startedAt" | "endedAt" | "message" | "maxConcurrency" | "isExcluded"
> & { readonly path: string };

export interface LeafRow extends OwnFields {
  readonly kind: "LEAF";
  readonly volume: number | null;
  readonly done: number;
  readonly rateEstimate: RateEstimate | null;
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
export interface VersionedRow {
  readonly row: TaskRow;
  readonly revision: number;
}

/** A stored tree can be read even if it exceeds limits that were lowered later. */
const NO_LIMITS: Limits = {
  ...DEFAULT_LIMITS,
  tasksPerTreeMax: Infinity,
  levelsPerTreeMax: Infinity,
  descriptionBytesMax: Infinity,
};

/** The rows of all tasks in the tree, parents before children. */
export function allRows(root: Task): TaskRow[] {
  return preOrder(root).map(({ task, path }) => rowOf(task, path));
}

/** What an update changes in a tree. */
export interface TreeChange {
  /** The rows that the update writes: those of tasks whose own fields have changed. */
  readonly rows: readonly TaskRow[];
  /** The bytes of the heap that the changed tasks take in addition. */
  readonly growth: number;
}

export function changeOfTree(before: Task, after: Task): TreeChange {
  const change: GrowingChange = { rows: NO_ROWS, growth: 0 };
  if (after !== before) addChanges(change, before, after, "");
  return change;
}

/** Adds the changes of `task`, which was `old` before, and of the tasks below it. */
function addChanges(change: GrowingChange, old: Task | undefined, task: Task, path: string): void {
  if (!old || !hasSameOwnFields(old, task)) {
    change.growth += taskGrowth(old, task);
    if (change.rows === NO_ROWS) change.rows = [rowOf(task, path)]; // most updates write one row
    else change.rows.push(rowOf(task, path));
  }
  if (task.kind === "LEAF") return;
  const oldSubTasks = old?.kind === task.kind ? old.subTasks : undefined;
  task.subTasks.forEachNew(oldSubTasks, (subTask, index) => {
    addChanges(change, oldSubTasks?.at(index), subTask, childPath(path, index));
  });
}

interface GrowingChange {
  rows: TaskRow[];
  growth: number;
}

/** Shared by all changes without rows; never filled. */
const NO_ROWS: TaskRow[] = [];

/** A tree after rows were applied to it. */
export interface ChangedTree {
  readonly task: Task;
  /** As in `TreeChange`. */
  readonly growth: number;
}

/**
 * Applies the rows that an update wrote: the inverse of `changeOfTree`. Without a tree it builds one: the inverse of
 * `allRows`. Takes time for these tasks and those above them only, and shares all others with `before`.
 *
 * The result equals the tree that the update made, with one harmless exception: if two parts of an update cancel each
 * other out, such as a message that is set and cleared, the tasks concerned may keep their older stamps.
 */
export function applyRows(before: Task | undefined, rows: readonly TaskRow[], stamp: Stamp): ChangedTree {
  const reader = new ChangeReader(rows, stamp);
  const task = before && rows.length === 0 ? before : reader.read(before, "");
  assert(reader.isAtEnd, "the rows of a change are not in the order of their tasks");
  return { task, growth: reader.growth };
}

class ChangeReader {
  growth = 0;
  readonly stamp: Stamp;
  readonly #rows: readonly TaskRow[];
  #next = 0;

  constructor(rows: readonly TaskRow[], stamp: Stamp) {
    this.#rows = rows;
    this.stamp = stamp;
  }

  get isAtEnd(): boolean {
    return this.#next === this.#rows.length;
  }

  /** The task at `path`, which was `old` before. Its row or that of a task below it is next. */
  read(old: Task | undefined, path: string): Task {
    const row = this.#rowAt(path);
    if (!old) return this.#create(row, path);
    const own = row ? withRow(old, row, this.stamp) : old;
    if (row) this.growth += taskGrowth(old, own);
    const placed = this.#readBelow(old, path);
    return placed.length === 0 ? own : withSubTasks(parentOf(own), placed, this);
  }

  #create(row: TaskRow | undefined, path: string): Task {
    assert(row, "a new task has no row");
    const subTasks = this.#readBelow(undefined, path).map(({ task }) => task);
    const task = taskOf(row, subTasks, this.stamp);
    this.growth += taskGrowth(undefined, task);
    return task;
  }

  #rowAt(path: string): TaskRow | undefined {
    const row = this.#rows[this.#next];
    if (row?.path !== path) return undefined;
    this.#next++;
    return row;
  }

  /** The changed tasks directly below the one at `path`, which was `old` before. */
  #readBelow(old: Task | undefined, path: string): readonly PlacedTask[] {
    let placed = NONE_PLACED;
    for (let below; (below = this.#pathBelow(path)) !== undefined;) {
      const index = lastIndexIn(below);
      assert(
        index > (placed.at(-1)?.index ?? -1),
        "the rows of a change are not in the order of their tasks",
      );
      const task = this.read(old && subTaskAt(old, index), below);
      if (placed === NONE_PLACED) placed = [{ index, task }];
      else placed.push({ index, task });
    }
    return placed;
  }

  /** The path of the task directly below `path` that the next row belongs to; undefined if it is not below `path`. */
  #pathBelow(path: string): string | undefined {
    const next = this.#rows[this.#next]?.path;
    if (next === undefined) return undefined;
    const isBelow = path === "" || (next.startsWith(path) && next[path.length] === ".");
    if (!isBelow) return undefined;
    const end = next.indexOf(".", path === "" ? 0 : path.length + 1);
    return end === -1 ? next : next.slice(0, end);
  }
}

/** Shared by all tasks without changes below them; never filled. */
const NONE_PLACED: PlacedTask[] = [];

function lastIndexIn(path: string): number {
  return Number(path.slice(path.lastIndexOf(".") + 1));
}

function parentOf(task: Task): ParentTask {
  assert(task.kind !== "LEAF", "a leaf has no sub-tasks");
  return task;
}

/** The task with the own fields of `row`. What a row cannot change keeps its object, such as the description. */
function withRow(old: Task, row: TaskRow, stamp: Stamp): Task {
  const task: Writable<Task> = copyOf(old, stamp, stamp);
  task.status = row.status;
  task.startedAt = row.startedAt;
  task.endedAt = row.endedAt;
  if (row.message !== old.message) task.message = row.message;
  task.isExcluded = row.isExcluded;
  if (task.kind === "LEAF" && row.kind === "LEAF") setWork(task, row);
  else if (task.kind === "ITERATIVE" && row.kind === "ITERATIVE") setIterations(task, old, row);
  else assert(task.kind === row.kind, `a row of kind ${row.kind} for a task of kind ${task.kind}`);
  return task;
}

function setWork(leaf: Writable<LeafTask>, { volume, done, rateEstimate }: LeafRow): void {
  leaf.done = done;
  leaf.knownVolume = volume ?? 0;
  leaf.unknownCount = volume === null ? 1 : 0;
  leaf.volume = volume;
  leaf.rateEstimate = rateEstimate;
}

/** The first iteration of an OPEN task is in its `taskCount` before it begins, and then counted as sub-tasks. */
function setIterations(task: Writable<IterativeTask>, old: Task, row: IterativeRow): void {
  if (task.mode === "OPEN") {
    if (row.status === "FINISHED" && old.status !== "FINISHED") task.unknownCount--;
    if (task.begunIterations === 0 && row.begunIterations > 0)
      task.taskCount -= sum(task.template).taskCount - 1;
  }
  task.begunIterations = row.begunIterations;
}

/** Rebuilds a tree from its rows, in any order: the inverse of `allRows`. */
export function treeOf(epoch: string, written: readonly VersionedRow[]): Task {
  const root = treeInOrder(epoch, written) ?? treeInOrder(epoch, written.toSorted(byPath));
  assert(root, "a job has no root row, or a row without its parent");
  return root;
}

/** Returns undefined unless the rows are in the order of `allRows`. */
function treeInOrder(epoch: string, rows: readonly VersionedRow[]): Task | undefined {
  const reader = new RowReader(epoch, rows);
  const root = reader.read("");
  return reader.isAtEnd ? root : undefined;
}

class RowReader {
  readonly #epoch: string;
  readonly #rows: readonly VersionedRow[];
  readonly #stamps: Stamp[] = [];
  #next = 0;

  constructor(epoch: string, rows: readonly VersionedRow[]) {
    this.#epoch = epoch;
    this.#rows = rows;
  }

  get isAtEnd(): boolean {
    return this.#next === this.#rows.length;
  }

  /** The task at `path` with everything below it, if its row is next. */
  read(path: string): Task | undefined {
    const row = this.#rows[this.#next];
    if (row?.row.path !== path) return undefined;
    this.#next++;
    if (row.row.kind === "LEAF") return taskOf(row.row, NONE, this.#stamp(row.revision));
    const subTasks: Task[] = [];
    let latest = row.revision;
    for (let subTask; (subTask = this.read(childPath(path, subTasks.length)));) {
      subTasks.push(subTask);
      latest = Math.max(latest, subTask.stamp.revision);
    }
    return taskOf(row.row, subTasks, this.#stamp(latest));
  }

  /** Tasks of one revision share a stamp, as they did when they were changed. */
  #stamp(revision: number): Stamp {
    for (const stamp of this.#stamps) if (stamp.revision === revision) return stamp;
    const stamp = Stamp.of(this.#epoch, revision);
    this.#stamps.unshift(stamp);
    if (this.#stamps.length > STAMPS_MAX) this.#stamps.pop();
    return stamp;
  }
}

const NONE: readonly Task[] = [];

/** The number of recent stamps to search. */
const STAMPS_MAX = 4;

/** Orders paths by their numbers, so that "1.2" comes before "1.10" and a parent before its sub-tasks. */
function byPath(a: VersionedRow, b: VersionedRow): number {
  const left = indexesOf(a.row);
  const right = indexesOf(b.row);
  const length = Math.min(left.length, right.length);
  for (let level = 0; level < length; level++)
    if (left[level] !== right[level]) return left[level]! - right[level]!;
  return left.length - right.length;
}

function indexesOf({ path }: TaskRow): number[] {
  return path === "" ? [] : path.split(".").map(Number);
}

/** Copies field by field for speed, as `taskOf` does, because every update creates rows. */
function rowOf(task: Task, path: string): TaskRow {
  const { description, status, startedAt, endedAt, message, maxConcurrency, isExcluded } = task;
  switch (task.kind) {
    case "LEAF": {
      const { volume, done, rateEstimate } = task;
      return {
        kind: "LEAF",
        path,
        description,
        status,
        startedAt,
        endedAt,
        message,
        maxConcurrency,
        isExcluded,
        volume,
        done,
        rateEstimate,
      };
    }
    case "INTERMEDIATE":
      return {
        kind: "INTERMEDIATE",
        path,
        description,
        status,
        startedAt,
        endedAt,
        message,
        maxConcurrency,
        isExcluded,
      };
    case "ITERATIVE": {
      const own = { path, description, status, startedAt, endedAt, message, maxConcurrency, isExcluded };
      const { mode, maxIterations, begunIterations } = task;
      const template = task.template.map(specOf);
      return { kind: "ITERATIVE", ...own, mode, maxIterations, begunIterations, template };
    }
    default:
      return unreachable(task);
  }
}

/**
 * Rebuilds a task from its row. A change of sums writes no row, so a parent counts as changed whenever a task below it
 * was. Copies field by field: a start spends most of its time here, and object spread takes several times as long.
 */
function taskOf(row: TaskRow, subTasks: readonly Task[], stamp: Stamp): Task {
  const { description, status, startedAt, endedAt, message, maxConcurrency, isExcluded } = row;
  if (row.kind === "LEAF") {
    return {
      kind: "LEAF",
      description,
      status,
      startedAt,
      endedAt,
      message,
      maxConcurrency,
      isExcluded,
      stamp,
      ownStamp: stamp,
      done: row.done,
      knownVolume: row.volume ?? 0,
      unknownCount: row.volume === null ? 1 : 0,
      taskCount: 1,
      volume: row.volume,
      rateEstimate: row.rateEstimate,
    };
  }
  const { done, knownVolume, unknownCount, taskCount } = sum(subTasks);
  const task: IntermediateTask = {
    kind: "INTERMEDIATE",
    description,
    status,
    startedAt,
    endedAt,
    message,
    maxConcurrency,
    isExcluded,
    stamp,
    ownStamp: stamp,
    done,
    knownVolume,
    unknownCount,
    taskCount,
    subTasks: createTaskList(subTasks, stamp),
  };
  return row.kind === "INTERMEDIATE" ? task : iterative(task, row);
}

function iterative(task: IntermediateTask, row: IterativeRow): Task {
  const { mode, maxIterations, begunIterations } = row;
  const point = { level: 1, taskCount: 0, maxConcurrency: row.maxConcurrency };
  const template = createTasks(row.template, point, { now: 0, stamp: task.stamp, limits: NO_LIMITS });
  const isOpen = mode === "OPEN";
  const whole: IterativeTask = {
    ...task,
    kind: "ITERATIVE",
    unknownCount: task.unknownCount + (isOpen && row.status !== "FINISHED" ? 1 : 0),
    taskCount: isOpen && task.subTasks.length === 0 ? sum(template).taskCount : task.taskCount,
    mode,
    maxIterations,
    begunIterations,
    template,
    finishedSubTasks: subTasksOf(task).filter(({ status }) => status === "FINISHED").length,
  };
  return copyOf(whole, task.stamp, task.stamp);
}

function hasSameOwnFields(a: Task, b: Task): boolean {
  return (
    a.status === b.status &&
    a.message === b.message &&
    a.startedAt === b.startedAt &&
    a.endedAt === b.endedAt &&
    a.isExcluded === b.isExcluded &&
    (a.kind !== "LEAF" || b.kind !== "LEAF" || (a.done === b.done && a.volume === b.volume)) &&
    (a.kind !== "ITERATIVE" || b.kind !== "ITERATIVE" || a.begunIterations === b.begunIterations)
  );
}

/** The specification that a PENDING task was created from. */
function specOf(task: Task): TaskSpec {
  const { description, maxConcurrency } = task;
  if (task.kind === "LEAF") return { description, maxConcurrency, volume: task.volume };
  if (task.kind === "INTERMEDIATE")
    return { description, maxConcurrency, subTasks: subTasksOf(task).map(specOf) };
  const iterations = { mode: task.mode, max: task.maxIterations, tasks: task.template.map(specOf) };
  return { description, maxConcurrency, iterations };
}
