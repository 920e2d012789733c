import fc from "fast-check";
import type { TaskSpec } from "../../src/tasks/task-spec.js";
import { TASK_STATUSES } from "../../src/tasks/task-status.js";
import type { TaskUpdate } from "../../src/tasks/task-update.js";
import type { TaskKind } from "../../src/tasks/task.js";

/**
 * Random histories of one job, for fast-check to generate and shrink. Commands do not name tasks but select
 * them ("the third leaf"), and amounts are small, so that many commands meet, repeat and contradict each other.
 * About two in five steps change something, two in five are rejected, and one in five changes nothing.
 */
export interface Scenario {
  readonly spec: TaskSpec;
  readonly commands: readonly Command[];
}

/** A command after a wait of `waitMs`. */
export type Command = { readonly waitMs: number } & (
  | { readonly kind: "store"; readonly spec: TaskSpec; readonly onConflict: "OVERWRITE" | "REJECT" }
  | {
      readonly kind: "report";
      readonly attempt: Attempt;
      readonly updates: readonly AimedUpdate[];
      readonly logLines: number;
      readonly requestId: string | null;
    }
  /** Repeats the latest report. */
  | { readonly kind: "repeat" }
  | {
      readonly kind: "grow";
      readonly attempt: Attempt;
      readonly aim: Aim;
      readonly specs: readonly TaskSpec[];
      readonly requestId: string | null;
    }
  | { readonly kind: "requestCancel" | "remove"; readonly attempt: Attempt }
);

export type AimedUpdate = Omit<TaskUpdate, "path"> & { readonly aim: Aim };
export type Attempt = "left out" | "its own" | "the one before";

/** Selects the `place`-th task of this kind, or a path that does not exist. */
export interface Aim {
  readonly kind: TaskKind | "ANY";
  readonly place: number;
  readonly bogus: string | null;
}

/** The tree limit in scenarios: low enough to be exceeded. */
export const TASKS_MAX = 60;

/** Histories of up to `commandsMax` commands, with up to `updatesMax` updates per report. */
export function scenarios({ commandsMax = 40, updatesMax = 3 } = {}): fc.Arbitrary<Scenario> {
  return fc.record({
    spec: tree,
    commands: fc.array(command(updatesMax), { minLength: 1, maxLength: commandsMax, size: "max" }),
  });
}

/** Chooses one of these by weight. */
function mixed<T>(
  ...weighted: readonly (readonly [weight: number, arbitrary: fc.Arbitrary<T>])[]
): fc.Arbitrary<T> {
  return fc.oneof(...weighted.map(([weight, arbitrary]) => ({ weight, arbitrary })));
}

function mostly<T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> {
  return mixed([12, fc.constant(usual)], [1, fc.constantFrom(...others)]);
}

const largeAmount = fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 2);
const amount = mixed([40, fc.nat(12)], [1, largeAmount]);

// Trees of up to half the limit, mostly larger than a leaf.

const maxConcurrency = mixed<number | null>([4, fc.constant(null)], [1, fc.integer({ min: 1, max: 4 })]);
const leafSpec: fc.Arbitrary<TaskSpec> = fc.record({
  description: fc.constant("leaf"),
  volume: mixed<number | null>([3, fc.nat(12)], [1, fc.constant(null)]),
  maxConcurrency,
});
/** Counts only once an OPEN iteration begins, because any of these trees can be stored. */
const largeLeafSpec: fc.Arbitrary<TaskSpec> = fc.record({
  description: fc.constant("large leaf"),
  volume: largeAmount,
});
const tree = mixed([1, leafSpec], [12, parentSpec(3)]).filter((spec) => sizeOf(spec) <= TASKS_MAX / 2);

function parentSpec(levels: number): fc.Arbitrary<TaskSpec> {
  const below = levels === 1 ? leafSpec : mixed([1, leafSpec], [1, parentSpec(levels - 1)]);
  const tasks = (maxLength: number) => fc.array(below, { minLength: 1, maxLength, size: "max" });
  const bounded = fc.record({
    mode: fc.constantFrom("FIXED" as const, "DYNAMIC" as const),
    max: fc.integer({ min: 1, max: 4 }),
    tasks: tasks(2),
  });
  const open = fc.record({
    mode: fc.constant("OPEN" as const),
    tasks: mixed([12, tasks(2)], [1, fc.array(largeLeafSpec, { minLength: 1, maxLength: 2 })]),
  });
  return mixed<TaskSpec>(
    [3, fc.record({ description: fc.constant("branch"), subTasks: tasks(4), maxConcurrency })],
    [1, fc.record({ description: fc.constant("rounds"), iterations: bounded, maxConcurrency })],
    [1, fc.record({ description: fc.constant("rounds"), iterations: open, maxConcurrency })],
  );
}

/** The number of tasks, with OPEN iterations counted once. */
function sizeOf({ subTasks, iterations }: TaskSpec): number {
  const sizes = (specs: readonly TaskSpec[]): number => specs.reduce((sum, spec) => sum + sizeOf(spec), 0);
  if (subTasks) return 1 + sizes(subTasks);
  return iterations ? 1 + (iterations.max ?? 1) * sizes(iterations.tasks) : 1;
}

// Updates of a task.

const message = mixed([12, fc.constantFrom("", "a", "b")], [1, fc.constant("too long a word")]);
const status = mixed(
  [6, fc.constantFrom("RUNNING" as const, "FINISHED" as const)],
  [2, fc.constantFrom("FAILED" as const, "CANCELED" as const)],
  [1, fc.constantFrom(...TASK_STATUSES)],
);
const iteration = mixed([10, fc.integer({ min: 1, max: 4 })], [1, fc.integer({ min: -1, max: 7 })]);

function aimAt(kind: TaskKind | "ANY"): fc.Arbitrary<Aim> {
  return fc.record({
    kind: mostly<TaskKind | "ANY">(kind, "ANY"),
    place: fc.nat(TASKS_MAX),
    bogus: mixed<string | null>(
      [60, fc.constant(null)],
      [1, fc.constantFrom("99", "0.0.0.0.0.0", "x", "00", "0.")],
    ),
  });
}

function maybe<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.option(arbitrary, { nil: null, freq: 2 });
}

const aimedUpdate = mixed<AimedUpdate>(
  [5, fc.record({ aim: aimAt("LEAF"), status })],
  [3, fc.record({ aim: aimAt("INTERMEDIATE"), status })],
  [3, fc.record({ aim: aimAt("LEAF"), done: amount })],
  [3, fc.record({ aim: aimAt("LEAF"), add: amount })],
  [3, fc.record({ aim: aimAt("LEAF"), volume: amount })],
  [2, fc.record({ aim: aimAt("ANY"), message })],
  [5, fc.record({ aim: aimAt("ITERATIVE"), iteration })],
  [3, fc.record({ aim: aimAt("LEAF"), volume: maybe(amount), done: maybe(amount), status: maybe(status) })],
  [
    2,
    fc.record({
      aim: aimAt("ITERATIVE"),
      message: maybe(message),
      iteration: maybe(iteration),
      status: maybe(status),
    }),
  ],
  [
    1,
    fc.record({
      aim: aimAt("ANY"),
      done: maybe(amount),
      add: maybe(amount),
      message: maybe(message),
      iteration: maybe(iteration),
    }),
  ],
);

// Commands on a job.

function command(updatesMax: number): fc.Arbitrary<Command> {
  const waitMs = fc.constantFrom(0, 1, 5_000, 20_000);
  const attempt = mixed<Attempt>(
    [20, fc.constantFrom("left out", "its own")],
    [1, fc.constant("the one before")],
  );
  const requestId = mixed<string | null>([6, fc.constant(null)], [1, fc.constantFrom("r", "s", "t")]);
  const updates = mixed(
    [3, fc.array(aimedUpdate, { minLength: 1, maxLength: 1 })],
    [2, fc.array(aimedUpdate, { maxLength: updatesMax, size: "max" })],
  );
  const specs = mixed(
    [12, fc.array(leafSpec, { minLength: 1, maxLength: 2 })],
    [1, fc.constant<TaskSpec[]>([])],
  );
  const onConflict = mostly<"OVERWRITE" | "REJECT">("OVERWRITE", "REJECT");
  return mixed<Command>(
    [
      160,
      fc.record({ kind: fc.constant("report"), waitMs, attempt, updates, logLines: mostly(0, 1), requestId }),
    ],
    [16, fc.record({ kind: fc.constant("repeat"), waitMs })],
    [
      10,
      fc.record({ kind: fc.constant("grow"), waitMs, attempt, aim: aimAt("INTERMEDIATE"), specs, requestId }),
    ],
    [5, fc.record({ kind: fc.constant("store"), waitMs, spec: tree, onConflict })],
    [2, fc.record({ kind: fc.constant("requestCancel"), waitMs, attempt })],
    [1, fc.record({ kind: fc.constant("remove"), waitMs, attempt })],
  );
}
