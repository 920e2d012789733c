import { unreachable } from "../util/assert.js";
import type { RateEstimate } from "./rate-estimate.js";
import type { Stamp } from "./stamp.js";
import type { TaskList } from "./task-list.js";
import type { TaskStatus } from "./task-status.js";

/**
 * A task tree is an immutable value. A change makes new tasks on the path from the root to the changed task and
 * shares all others with the previous tree, so a reader's tree never changes.
 *
 * Each task carries the sums of the tasks below it, adjusted by each change, so reading the root takes constant
 * time.
 */
export type Task = LeafTask | IntermediateTask | IterativeTask;
export type ParentTask = IntermediateTask | IterativeTask;
export type TaskKind = Task["kind"];

/** FIXED: exactly n. DYNAMIC: at most n, may end early. OPEN: no known bound. */
export type IterationMode = "FIXED" | "DYNAMIC" | "OPEN";

interface AnyTask extends Sums {
  readonly description: string;
  readonly status: TaskStatus;
  /** Milliseconds since 1970. */
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** The worker's latest message; the reason if the task FAILED. */
  readonly message: string | null;
  readonly maxConcurrency: number | null;
  /**
   * Canceled because the task above it, or its iteration, ended first. It no longer counts toward the sums
   * above, so that an early end shows 100 %.
   */
  readonly isExcluded: boolean;
  /** The latest change in this task or below it. */
  readonly stamp: Stamp;
  /** The latest change of this task's own state or sums. */
  readonly ownStamp: Stamp;
}

/** The sums over a task and all tasks below it. */
export interface Sums {
  readonly done: number;
  /** The sum of the known volumes. */
  readonly knownVolume: number;
  /** Leaves with an unknown volume, and OPEN iterations that are not FINISHED. */
  readonly unknownCount: number;
  /**
   * The number of tasks for the tree's limit: this task and all below it. OPEN iterations that have not begun
   * count as one iteration.
   */
  readonly taskCount: number;
}

export interface LeafTask extends AnyTask {
  readonly kind: "LEAF";
  /** null while unknown. */
  readonly volume: number | null;
  /** null unless the leaf runs and has reported work since it began. */
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
  /** The PENDING tasks of one iteration: iteration i is `subTasks` (i-1)·k to i·k-1. */
  readonly template: readonly Task[];
  /** The highest iteration that the worker has begun; 0 before the first. */
  readonly begunIterations: number;
  /** The number of direct sub-tasks that are FINISHED. */
  readonly finishedSubTasks: number;
}

export function subTaskAt(task: Task, index: number): Task | undefined {
  return task.kind === "LEAF" ? undefined : task.subTasks.at(index);
}

export function subTasksOf(task: Task): readonly Task[] {
  return task.kind === "LEAF" ? NONE : task.subTasks.toArray();
}

/** The number of finished iterations, as GDS counts: finished sub-tasks divided by the tasks per iteration. */
export function currentIteration(task: IterativeTask): number {
  return Math.floor(task.finishedSubTasks / task.template.length);
}

/**
 * Copies `task` with other stamps, for callers that then change some fields before they share the copy.
 *
 * Copies field by field: V8 gives all objects of one literal one shape, which keeps every reader of tasks fast.
 * Object spread makes a new shape each time, takes ten times as long, and slows the readers too. So every task
 * is made here, or by a literal with the same fields in the same order.
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
    isExcluded: task.isExcluded,
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
    isExcluded: task.isExcluded,
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
    isExcluded: task.isExcluded,
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
