/**
 * The tree of a job, declared in one expression:
 *
 *     task("PageRank",
 *       leaf("load", { volume: 1_000 }),
 *       iterative("iterate", { mode: "DYNAMIC", max: 50 }, leaf("iteration")),
 *       leaf("write"))
 */
import type { ClientLimits } from "../../protocol/client-limits.js";
import { checkOptions } from "../check-options.js";
import type { IterationMode, TaskInput } from "../generated/graphql.js";
import { propertyOf } from "./failure-reason.js";
import { isUnits, quoted, toDescription, toWholeNumber } from "./input-values.js";

/** The declaration of a task, created with `leaf`, `task` or `iterative`. */
export type TaskDeclaration = LeafSpec | ParentSpec | IterativeSpec;

/** The declaration of a task that does work itself. */
export interface LeafSpec extends SpecOptions {
  readonly kind: "LEAF";
  /** The name of the task, shortened to the limit of the server, by default 256 bytes. */
  readonly description: string;
  /** The number of units of work; undefined while unknown. */
  readonly volume?: number | undefined;
}

/** The declaration of a task that consists of subtasks. More can be added while it runs. */
export interface ParentSpec extends SpecOptions {
  readonly kind: "PARENT";
  /** The name of the task, shortened to the limit of the server, by default 256 bytes. */
  readonly description: string;
  /** The subtasks, in order. */
  readonly subTasks: readonly TaskDeclaration[];
}

/** The declaration of a task that repeats its subtasks. */
export interface IterativeSpec extends SpecOptions {
  readonly kind: "ITERATIVE";
  /** The name of the task, shortened to the limit of the server, by default 256 bytes. */
  readonly description: string;
  /** How often the subtasks repeat: FIXED exactly `max` times, DYNAMIC at most `max` times, OPEN without a limit. */
  readonly mode: IterationMode;
  /** The maximum number of iterations; undefined if OPEN. */
  readonly max?: number | undefined;
  /** The subtasks of each iteration, in order. */
  readonly tasks: readonly TaskDeclaration[];
}

/** Options of every declaration. */
export interface SpecOptions {
  /** How many threads or workers may run the task, from 1. Default: inherited from the task above, or not shown. */
  readonly maxConcurrency?: number | undefined;
}

/**
 * Declares a task that does work. `volume` is the number of units, in a unit of your choice; omit it while unknown.
 *
 *     leaf("load", { volume: 1_000 })
 *
 * @throws TypeError if an option is not a number as described.
 */
export function leaf(
  description: string,
  options: SpecOptions & { readonly volume?: number | undefined } = {},
): LeafSpec {
  checkOptions("leaf", options, { volume: 1, maxConcurrency: 1 });
  checkConcurrency(description, options);
  if (options.volume !== undefined && !isUnits(options.volume)) {
    throw invalid(description, "volume", options.volume, "a number from 0");
  }
  return { kind: "LEAF", description, ...options };
}

/**
 * Declares a task that consists of subtasks. Only the root of a job may start without any: the server stores that job
 * once `Task.add` or `track` adds the first.
 *
 *     task("Import", leaf("read"), leaf("write"))
 *
 * @throws TypeError if a subtask was not declared, or was declared with `task()` but has no subtasks.
 */
export function task(description: string, ...subTasks: readonly TaskDeclaration[]): ParentSpec {
  subTasks.forEach(rejectEmpty);
  return { kind: "PARENT", description, subTasks };
}

/** How often subtasks repeat: FIXED exactly `max` times, DYNAMIC at most `max` times, OPEN without a limit. */
export type IterationOptions = SpecOptions &
  (
    | { readonly mode: "FIXED" | "DYNAMIC"; readonly max: number }
    | { readonly mode: "OPEN"; readonly max?: undefined }
  );

/**
 * Declares a task that repeats `tasks` in each iteration.
 *
 *     iterative("iterate", { mode: "DYNAMIC", max: 50 }, leaf("iteration"))
 *
 * @throws TypeError if `tasks` is empty, or one of them was not declared, or was declared with `task()` but has no
 * subtasks; and if an option is invalid.
 */
export function iterative(
  description: string,
  options: IterationOptions,
  ...tasks: readonly TaskDeclaration[]
): IterativeSpec {
  checkOptions("iterative", options, { mode: 1, max: 1, maxConcurrency: 1 });
  checkConcurrency(description, options);
  const { mode, max } = options;
  if (mode === "OPEN" ? max !== undefined : !isCount(max)) {
    throw invalid(description, "max", max, "a whole number from 1, or none with OPEN");
  }
  tasks.forEach(rejectEmpty);
  if (tasks.length === 0) throw withoutSubTasks(description);
  return { kind: "ITERATIVE", description, ...options, tasks };
}

/** The server's input for a task, with its current volume and subtasks. */
export function toTaskInput(
  spec: TaskDeclaration,
  volume: number | undefined,
  subTasks: readonly TaskInput[],
  limits: ClientLimits,
): TaskInput {
  const common = {
    description: toDescription(spec.description, limits.descriptionBytesMax),
    ...(spec.maxConcurrency === undefined ? {} : { maxConcurrency: spec.maxConcurrency }),
  };
  switch (spec.kind) {
    case "LEAF":
      return volume === undefined ? common : { ...common, volume };
    case "PARENT":
      return subTasks.length === 0 ? common : { ...common, subTasks: [...subTasks] };
    case "ITERATIVE": {
      const tasks = spec.tasks.map((repeated) => declaredInput(repeated, limits));
      const max = spec.max === undefined ? {} : { max: spec.max };
      return { ...common, iterations: { mode: spec.mode, ...max, tasks } };
    }
  }
}

function declaredInput(spec: TaskDeclaration, limits: ClientLimits): TaskInput {
  const volume = spec.kind === "LEAF" ? toWholeNumber(spec.volume) : undefined;
  const subTasks = spec.kind === "PARENT" ? spec.subTasks : [];
  return toTaskInput(
    spec,
    volume,
    subTasks.map((subTask) => declaredInput(subTask, limits)),
    limits,
  );
}

/** @throws TypeError for a value that `leaf()`, `task()` or `iterative()` did not make. */
export function checkDeclaration(spec: unknown): void {
  if (propertyOf(spec, "kind")) return;
  throw new TypeError(`Invalid task ${quoted(spec)}: expected one of leaf(), task() or iterative().`);
}

function checkConcurrency(description: string, { maxConcurrency }: SpecOptions): void {
  if (maxConcurrency === undefined || isCount(maxConcurrency)) return;
  throw invalid(description, "maxConcurrency", maxConcurrency, "a whole number from 1");
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 1;
}

function invalid(description: string, name: string, value: unknown, expected: string): TypeError {
  return new TypeError(
    `Invalid ${name} ${quoted(value)} of task ${quoted(description)}: expected ${expected}.`,
  );
}

function rejectEmpty(spec: TaskDeclaration): void {
  checkDeclaration(spec);
  if (spec.kind === "PARENT" && spec.subTasks.length === 0) throw withoutSubTasks(spec.description);
}

function withoutSubTasks(description: string): TypeError {
  return new TypeError(
    `Task ${quoted(description)} has no subtasks. Declare one, use leaf(), or add the whole task later with add().`,
  );
}
