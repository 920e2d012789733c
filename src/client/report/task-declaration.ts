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
import { quoted, toDescription, toWholeNumber } from "./input-values.js";

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
 * @throws TypeError if the description is not a text, or an option is not a number as described.
 */
export function leaf(
  description: string,
  options: SpecOptions & { readonly volume?: number | undefined } = {},
): LeafSpec {
  checkDescription(description);
  checkOptions(`leaf(${quoted(description)})`, options, { volume: 0, maxConcurrency: 1 });
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
  checkDescription(description);
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
  checkDescription(description);
  const call = `iterative(${quoted(description)})`;
  checkOptions(call, options, { mode: ["FIXED", "DYNAMIC", "OPEN"], max: 1, maxConcurrency: 1 });
  const { mode, max } = options;
  if ((mode === "OPEN") === (max !== undefined)) {
    throw new TypeError(`Invalid max ${max} of ${call}: expected a whole number from 1, or none with OPEN.`);
  }
  tasks.forEach(rejectEmpty);
  if (tasks.length === 0) throw withoutSubTasks(description);
  return { kind: "ITERATIVE", description, ...options, tasks };
}

/** The server's input for a task, with its current volume, without the subtasks of a `task()`. */
export function toTaskInput(
  spec: TaskDeclaration,
  volume: number | undefined,
  limits: ClientLimits,
): TaskInput {
  const description = toDescription(spec.description, limits.descriptionBytesMax);
  const input = { description, volume, maxConcurrency: spec.maxConcurrency }; // undefined is not sent
  if (spec.kind !== "ITERATIVE") return input;
  const tasks = spec.tasks.map((repeated) => declaredInput(repeated, limits));
  return { ...input, iterations: { mode: spec.mode, max: spec.max, tasks } };
}

function declaredInput(spec: TaskDeclaration, limits: ClientLimits): TaskInput {
  const input = toTaskInput(spec, spec.kind === "LEAF" ? toWholeNumber(spec.volume) : undefined, limits);
  if (spec.kind !== "PARENT") return input;
  return { ...input, subTasks: spec.subTasks.map((subTask) => declaredInput(subTask, limits)) };
}

/** @throws TypeError for a value that `leaf()`, `task()` or `iterative()` did not make. */
export function checkDeclaration(spec: unknown): void {
  if (propertyOf(spec, "kind")) return;
  const remedy = Array.isArray(spec) ? ' Spread the array: task("…", ...tasks).' : "";
  throw new TypeError(
    `Invalid task ${quoted(spec)}: expected one of leaf(), task() or iterative().${remedy}`,
  );
}

function checkDescription(description: unknown): void {
  if (typeof description === "string") return;
  throw new TypeError(`Invalid description ${quoted(description)}: expected a text, such as leaf("read").`);
}

function rejectEmpty(spec: TaskDeclaration): void {
  checkDeclaration(spec);
  if (spec.kind === "PARENT" && spec.subTasks.length === 0) throw withoutSubTasks(spec.description);
}

function withoutSubTasks(description: string): TypeError {
  return new TypeError(`Task ${quoted(description)} has no subtasks. Declare one, or use leaf().`);
}
