/**
 * The tree of a job, declared in one expression:
 *
 *     task("PageRank",
 *       leaf("load", { volume: 1_000 }),
 *       iterative("iterate", { mode: "DYNAMIC", max: 50 }, leaf("iteration")),
 *       leaf("write"))
 */
import type { IterationMode, TaskInput } from "../generated/graphql.js";
import { toDescription, toWholeNumber } from "./input-values.js";

/** A task that is declared: make one with `leaf`, `task` or `iterative`. */
export type TaskDeclaration = LeafSpec | ParentSpec | IterativeSpec;

/** Work of its own. */
export interface LeafSpec extends SpecOptions {
  readonly kind: "LEAF";
  /** Its name, of 256 bytes at most. */
  readonly description: string;
  /** How many units of work there are; undefined while that is unknown. */
  readonly volume?: number | undefined;
}

/** Tasks below it, to which more can be added while it runs. */
export interface ParentSpec extends SpecOptions {
  readonly kind: "PARENT";
  /** Its name, of 256 bytes at most. */
  readonly description: string;
  /** In order. */
  readonly subTasks: readonly TaskDeclaration[];
}

/** Tasks that repeat. */
export interface IterativeSpec extends SpecOptions {
  readonly kind: "ITERATIVE";
  /** Its name, of 256 bytes at most. */
  readonly description: string;
  /** How often they do: FIXED exactly `max` times, DYNAMIC at most so often, OPEN any number of times. */
  readonly mode: IterationMode;
  /** How many iterations there may be; undefined where they are OPEN. */
  readonly max?: number | undefined;
  /** What each iteration has, in order. */
  readonly tasks: readonly TaskDeclaration[];
}

/** What any task may be declared with. */
export interface SpecOptions {
  /** How many threads or workers may work on it, from 1. Default: that of the task above, else it is not said. */
  readonly maxConcurrency?: number | undefined;
}

/**
 * A task that does work: `volume` units of your own choice; leave it out while it is unknown.
 *
 *     leaf("load", { volume: 1_000 })
 */
export function leaf(
  description: string,
  options: SpecOptions & { readonly volume?: number | undefined } = {},
): LeafSpec {
  return { kind: "LEAF", description, ...options };
}

/**
 * A task that is made of others. A job's root may have none yet: it is stored once there is one (`Task.add`, `track`).
 *
 *     task("Import", leaf("read"), leaf("write"))
 *
 * @throws TypeError where one below it has none.
 */
export function task(description: string, ...subTasks: readonly TaskDeclaration[]): ParentSpec {
  subTasks.forEach(checkIsWhole);
  return { kind: "PARENT", description, subTasks };
}

/** How often tasks repeat: FIXED exactly `max` times, DYNAMIC at most so often, OPEN any number of times. */
export type IterationOptions = SpecOptions &
  (
    | { readonly mode: "FIXED" | "DYNAMIC"; readonly max: number }
    | { readonly mode: "OPEN"; readonly max?: undefined }
  );

/**
 * A task that repeats `tasks`.
 *
 *     iterative("iterate", { mode: "DYNAMIC", max: 50 }, leaf("iteration"))
 *
 * @throws TypeError when there are none.
 */
export function iterative(
  description: string,
  options: IterationOptions,
  ...tasks: readonly TaskDeclaration[]
): IterativeSpec {
  tasks.forEach(checkIsWhole);
  if (tasks.length === 0) throw nothingBelow(description);
  return { kind: "ITERATIVE", description, ...options, tasks };
}

/** As the server takes it, with the volume and the tasks below that it has by now. */
export function toTaskInput(
  spec: TaskDeclaration,
  volume: number | undefined,
  subTasks: readonly TaskInput[],
): TaskInput {
  const common = {
    description: toDescription(spec.description),
    ...(spec.maxConcurrency === undefined ? {} : { maxConcurrency: spec.maxConcurrency }),
  };
  switch (spec.kind) {
    case "LEAF":
      return volume === undefined ? common : { ...common, volume };
    case "PARENT":
      return subTasks.length === 0 ? common : { ...common, subTasks: [...subTasks] };
    case "ITERATIVE": {
      const tasks = spec.tasks.map(declared);
      const max = spec.max === undefined ? {} : { max: spec.max };
      return { ...common, iterations: { mode: spec.mode, ...max, tasks } };
    }
  }
}

function declared(spec: TaskDeclaration): TaskInput {
  const volume = spec.kind === "LEAF" ? toWholeNumber(spec.volume) : undefined;
  return toTaskInput(spec, volume, spec.kind === "PARENT" ? spec.subTasks.map(declared) : []);
}

function checkIsWhole(spec: TaskDeclaration): void {
  if (spec.kind === "PARENT" && spec.subTasks.length === 0) throw nothingBelow(spec.description);
}

function nothingBelow(description: string): TypeError {
  return new TypeError(
    `Task ${JSON.stringify(description)} has nothing below it: declare it with leaf(), or give it tasks.`,
  );
}
