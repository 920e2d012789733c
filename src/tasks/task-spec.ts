import { badUserInput, limitExceeded, type TidemarkError } from "../protocol/tidemark-error.js";
import { checkSums, type Creation } from "./edit.js";
import { parseDescription } from "./names.js";
import { createTaskList, type TaskList } from "./task-list.js";
import {
  copyOf,
  type IntermediateTask,
  type IterationMode,
  type IterativeTask,
  type LeafTask,
  type Sums,
  type Task,
} from "./task.js";

/**
 * A worker's specification of a task. A leaf has neither `subTasks` nor `iterations`; no task has both. null
 * means unspecified.
 */
export interface TaskSpec {
  readonly description: string;
  /** The work of a leaf; unknown if not given. */
  readonly volume?: number | null | undefined;
  readonly subTasks?: readonly TaskSpec[] | null | undefined;
  readonly iterations?: IterationsSpec | null | undefined;
  /** Also applies to the tasks below, unless they set their own. */
  readonly maxConcurrency?: number | null | undefined;
}

export interface IterationsSpec {
  readonly mode: IterationMode;
  /** Required for FIXED and DYNAMIC, not allowed for OPEN. */
  readonly max?: number | null | undefined;
  readonly tasks: readonly TaskSpec[];
}

/** Where a new task is added. */
export interface InsertionPoint {
  /** The level in the tree; the root has level 1. */
  readonly level: number;
  /** The number of tasks that the tree already has. */
  readonly taskCount: number;
  readonly maxConcurrency: number | null;
}

export const ROOT_INSERTION_POINT: InsertionPoint = { level: 1, taskCount: 0, maxConcurrency: null };

/**
 * Builds the PENDING tasks that `specs` describe. FIXED and DYNAMIC iterations are unrolled at once, as in GDS, and
 * share one object until they differ.
 * @throws TidemarkError BAD_USER_INPUT, or LIMIT_EXCEEDED for a tree that is too large or too deep.
 */
export function createTasks(
  specs: readonly TaskSpec[],
  point: InsertionPoint,
  edit: Creation,
): readonly Task[] {
  const builder = new TaskBuilder(edit, edit.limits.tasksPerTreeMax - point.taskCount);
  return builder.all(specs, point.level, point.maxConcurrency);
}

/** Builds the tree that `spec` describes; see `createTasks`. */
export function createTask(spec: TaskSpec, edit: Creation): Task {
  const [task] = createTasks([spec], ROOT_INSERTION_POINT, edit);
  return task!;
}

class TaskBuilder {
  readonly #edit: Creation;
  #tasksLeft: number;

  constructor(edit: Creation, tasksLeft: number) {
    this.#edit = edit;
    this.#tasksLeft = tasksLeft;
  }

  all(specs: readonly TaskSpec[], level: number, maxConcurrency: number | null): readonly Task[] {
    return specs.map((spec) => this.#task(spec, level, maxConcurrency));
  }

  #task(spec: TaskSpec, level: number, inherited: number | null): Task {
    const { limits } = this.#edit;
    if (level > limits.levelsPerTreeMax) {
      throw limitExceeded(
        "levelsPerTreeMax",
        `The tree has more than ${limits.levelsPerTreeMax} levels`,
        limits.levelsPerTreeMax,
      );
    }
    this.#count(1);
    checkShape(spec);
    const maxConcurrency = checkedConcurrency(spec) ?? inherited;
    const { stamp } = this.#edit;
    const task = copyOf(this.#build(spec, level, maxConcurrency), stamp, stamp);
    checkSums(task);
    return task;
  }

  #build(spec: TaskSpec, level: number, maxConcurrency: number | null): Task {
    const common = this.#pending(spec, maxConcurrency);
    if (spec.subTasks) {
      const subTasks = this.all(spec.subTasks, level + 1, maxConcurrency);
      return {
        kind: "INTERMEDIATE",
        ...common,
        ...sum(subTasks),
        subTasks: this.#listOf(subTasks),
      } satisfies IntermediateTask;
    }
    if (spec.iterations) return this.#iterative(spec.iterations, common, level);
    const volume = checkedVolume(spec);
    const sums = { done: 0, knownVolume: volume ?? 0, unknownCount: volume === null ? 1 : 0, taskCount: 1 };
    return { kind: "LEAF", ...common, ...sums, volume, rateEstimate: null } satisfies LeafTask;
  }

  #iterative(iterations: IterationsSpec, common: Pending, level: number): IterativeTask {
    const { mode } = iterations;
    const maxIterations = checkedMax(iterations, common.description);
    const template = this.all(iterations.tasks, level + 1, common.maxConcurrency);
    const isOpen = maxIterations === null;
    const tasksPerIteration = sum(template).taskCount - 1;
    if (!isOpen) this.#count((maxIterations - 1) * tasksPerIteration);
    const subTasks = repeat(template, maxIterations ?? 0);
    const sums = sum(subTasks);
    return {
      kind: "ITERATIVE",
      ...common,
      ...sums,
      unknownCount: sums.unknownCount + (isOpen ? 1 : 0),
      taskCount: sums.taskCount + (isOpen ? tasksPerIteration : 0),
      subTasks: this.#listOf(subTasks),
      mode,
      maxIterations,
      template,
      begunIterations: 0,
      finishedSubTasks: 0,
    };
  }

  #pending(spec: TaskSpec, maxConcurrency: number | null): Pending {
    return {
      description: parseDescription(spec.description, this.#edit.limits),
      status: "PENDING",
      startedAt: null,
      endedAt: null,
      message: null,
      maxConcurrency,
      isExcluded: false,
      stamp: this.#edit.stamp,
      ownStamp: this.#edit.stamp,
    };
  }

  #listOf(tasks: readonly Task[]): TaskList<Task> {
    return createTaskList(tasks, this.#edit.stamp);
  }

  #count(tasks: number): void {
    const bound = this.#edit.limits.tasksPerTreeMax;
    this.#tasksLeft -= tasks;
    if (this.#tasksLeft < 0) throw tooManyTasksError(bound);
  }
}

type Pending = Omit<LeafTask, "kind" | "volume" | "rateEstimate" | keyof Sums>;

/** The LIMIT_EXCEEDED error for a tree of more than `bound` tasks. */
export function tooManyTasksError(bound: number): TidemarkError {
  return limitExceeded(
    "tasksPerTreeMax",
    `The tree would have more than ${bound} tasks, all iterations included`,
    bound,
  );
}

/** Returns `tasks` repeated `times` times. */
export function repeat(tasks: readonly Task[], times: number): readonly Task[] {
  return Array.from({ length: times }, () => tasks).flat();
}

/** The sums of a task with these sub-tasks. */
export function sum(subTasks: readonly Task[]): Sums {
  let [done, knownVolume, unknownCount, taskCount] = [0, 0, 0, 1];
  for (const subTask of subTasks) {
    taskCount += subTask.taskCount;
    if (subTask.isExcluded) continue;
    done += subTask.done;
    knownVolume += subTask.knownVolume;
    unknownCount += subTask.unknownCount;
  }
  return { done, knownVolume, unknownCount, taskCount };
}

function checkShape({ description, volume, subTasks, iterations }: TaskSpec): void {
  const name = JSON.stringify(description);
  if (subTasks && iterations)
    throw badUserInput(`Task ${name} has both subTasks and iterations. Pass only one of them.`);
  if (subTasks?.length === 0)
    throw badUserInput(`Task ${name} has an empty list of subTasks. Omit subTasks for a leaf.`);
  if (iterations?.tasks.length === 0)
    throw badUserInput(`Task ${name} has no tasks to repeat. Pass at least one in iterations.tasks.`);
  if (typeof volume === "number" && (subTasks || iterations)) {
    throw badUserInput(
      `Task ${name} is not a leaf. Omit its volume, which is the sum of the tasks below it.`,
    );
  }
}

function checkedVolume({ description, volume }: TaskSpec): number | null {
  if (volume === null || volume === undefined) return null;
  if (Number.isSafeInteger(volume) && volume >= 0) return volume;
  throw badUserInput(
    `Invalid volume ${volume} of task ${JSON.stringify(description)}: expected a whole number from 0.`,
  );
}

function checkedConcurrency({ description, maxConcurrency }: TaskSpec): number | null {
  if (maxConcurrency === null || maxConcurrency === undefined) return null;
  if (Number.isInteger(maxConcurrency) && maxConcurrency >= 1) return maxConcurrency;
  throw badUserInput(
    `Invalid maxConcurrency ${maxConcurrency} of task ${JSON.stringify(description)}: expected a whole number from 1.`,
  );
}

function checkedMax({ mode, max }: IterationsSpec, description: string): number | null {
  const name = JSON.stringify(description);
  if (mode === "OPEN") {
    if (max === null || max === undefined) return null;
    throw badUserInput(`OPEN iterations have no max, but task ${name} sets one. Omit max, or use DYNAMIC.`);
  }
  if (typeof max === "number" && Number.isInteger(max) && max >= 1) return max;
  throw badUserInput(`${mode} iterations require a max of at least 1. Pass one for task ${name}.`);
}
