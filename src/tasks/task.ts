import { unreachable } from "../util/assert.js";
import type { RateEstimate } from "./rate-estimate.js";
import type { Stamp } from "./stamp.js";
import type { TaskList } from "./task-list.js";
import type { TaskStatus } from "./task-status.js";

/**
 * A task tree is an immutable value. A change makes new tasks on the path from the root to the place of the
 * change and shares all others with the tree before it, so whoever holds a tree holds it as it was.
 *
 * Each task carries the sums of what is below it, kept by difference: reading the root costs nothing.
 */
export type Task = LeafTask | IntermediateTask | IterativeTask;
export type ParentTask = IntermediateTask | IterativeTask;
export type TaskKind = Task["kind"];

/** FIXED: exactly n. DYNAMIC: at most n, may end early. OPEN: no bound known. */
export type IterationMode = "FIXED" | "DYNAMIC" | "OPEN";

interface AnyTask extends Sums {
  readonly description: string;
  readonly status: TaskStatus;
  /** Milliseconds since 1970. */
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** The worker's latest word on this task; the reason, where it FAILED. */
  readonly message: string | null;
  readonly maxConcurrency: number | null;
  /**
   * Cancelled because the task above it, or its iteration, ended without it. It no longer counts above, so
   * that an early end reads 100 %.
   */
  readonly isLeftOut: boolean;
  /** Of the latest change in this task or below it. */
  readonly stamp: Stamp;
  /** Of the latest change that shows in this task itself, in its state or its sums. */
  readonly ownStamp: Stamp;
}

/** What a task adds up to, itself and all below it. */
export interface Sums {
  readonly done: number;
  /** Of the volumes that are known. */
  readonly knownVolume: number;
  /** Leaves with an unknown volume, and OPEN iterations that are not FINISHED. */
  readonly unknownCount: number;
  /**
   * What the bound of a tree counts: this task and all below it, and where OPEN iterations have not begun the
   * place of the first.
   */
  readonly taskCount: number;
}

export interface LeafTask extends AnyTask {
  readonly kind: "LEAF";
  /** null while unknown. */
  readonly volume: number | null;
  /** null unless it runs and has reported work since it began. */
  readonly rateEstimate: RateEstimate | null;
}

export interface IntermediateTask extends AnyTask {
  readonly kind: "INTERMEDIATE";
  readonly subTasks: TaskList<Task>;
}

export interface IterativeTask extends AnyTask {
  readonly kind: "ITERATIVE";
  readonly subTasks: TaskList<Task>;
  readonly mode: IterationMode;
  /** null for OPEN. */
  readonly maxIterations: number | null;
  /** The tasks of one iteration, as they are before it begins: iteration i is `subTasks` (i-1)·k to i·k-1. */
  readonly template: readonly Task[];
  /** The highest iteration that the worker said had begun; 0 before. */
  readonly begunIterations: number;
  /** Direct sub-tasks that are FINISHED. */
  readonly finishedSubTasks: number;
}

/** The direct sub-task in the place `index`. */
export function subTaskAt(task: Task, index: number): Task | undefined {
  return task.kind === "LEAF" ? undefined : task.subTasks.at(index);
}

/** All direct sub-tasks; a leaf has none. */
export function subTasksOf(task: Task): readonly Task[] {
  return task.kind === "LEAF" ? NONE : task.subTasks.toArray();
}

/** Iterations of which every task is FINISHED, as GDS counts: finished sub-tasks by tasks an iteration. */
export function currentIteration(task: IterativeTask): number {
  return Math.floor(task.finishedSubTasks / task.template.length);
}

/** Levels of the tree: 1 for a leaf. */
export function levelsOf(task: Task): number {
  const below = task.kind === "ITERATIVE" ? task.template : subTasksOf(task);
  return 1 + below.reduce((deepest, subTask) => Math.max(deepest, levelsOf(subTask)), 0);
}

/**
 * `task` in a new object with other stamps, for whoever changes some of its fields before giving it away.
 *
 * Field by field: what one literal makes is of one shape to V8, however often it is copied, and all that reads
 * tasks is quick then. A copy by spreading is of a new shape each time, takes ten times as long, and slows its
 * readers too. So every task is made here, or by a literal with the same fields in the same order.
 */
export function copyOf<T extends Task>(task: T, stamp: Stamp, ownStamp: Stamp): T;
export function copyOf(task: Task, stamp: Stamp, ownStamp: Stamp): Task {
  switch (task.kind) {
    case "LEAF":
      return copyOfLeaf(task, stamp, ownStamp);
    case "INTERMEDIATE":
      return copyOfIntermediate(task, stamp, ownStamp);
    case "ITERATIVE":
      return copyOfIterative(task, stamp, ownStamp);
    default:
      return unreachable(task);
  }
}

function copyOfLeaf(task: LeafTask, stamp: Stamp, ownStamp: Stamp): LeafTask {
  return {
    kind: "LEAF",
    description: task.description,
    status: task.status,
    startedAt: task.startedAt,
    endedAt: task.endedAt,
    message: task.message,
    maxConcurrency: task.maxConcurrency,
    isLeftOut: task.isLeftOut,
    stamp,
    ownStamp,
    done: task.done,
    knownVolume: task.knownVolume,
    unknownCount: task.unknownCount,
    taskCount: task.taskCount,
    volume: task.volume,
    rateEstimate: task.rateEstimate,
  };
}

function copyOfIntermediate(task: IntermediateTask, stamp: Stamp, ownStamp: Stamp): IntermediateTask {
  return {
    kind: "INTERMEDIATE",
    description: task.description,
    status: task.status,
    startedAt: task.startedAt,
    endedAt: task.endedAt,
    message: task.message,
    maxConcurrency: task.maxConcurrency,
    isLeftOut: task.isLeftOut,
    stamp,
    ownStamp,
    done: task.done,
    knownVolume: task.knownVolume,
    unknownCount: task.unknownCount,
    taskCount: task.taskCount,
    subTasks: task.subTasks,
  };
}

function copyOfIterative(task: IterativeTask, stamp: Stamp, ownStamp: Stamp): IterativeTask {
  return {
    kind: "ITERATIVE",
    description: task.description,
    status: task.status,
    startedAt: task.startedAt,
    endedAt: task.endedAt,
    message: task.message,
    maxConcurrency: task.maxConcurrency,
    isLeftOut: task.isLeftOut,
    stamp,
    ownStamp,
    done: task.done,
    knownVolume: task.knownVolume,
    unknownCount: task.unknownCount,
    taskCount: task.taskCount,
    subTasks: task.subTasks,
    mode: task.mode,
    maxIterations: task.maxIterations,
    template: task.template,
    begunIterations: task.begunIterations,
    finishedSubTasks: task.finishedSubTasks,
  };
}

const NONE: readonly Task[] = [];
