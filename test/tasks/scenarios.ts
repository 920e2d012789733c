import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import type { ErrorCode } from "../../src/protocol/error-codes.js";
import { TidemarkError } from "../../src/protocol/tidemark-error.js";
import type { Edit } from "../../src/tasks/edit.js";
import {
  growJob,
  removeJob,
  reportOn,
  requestCancel,
  storeJob,
  type LogLine,
} from "../../src/tasks/job-changes.js";
import { progressOf } from "../../src/tasks/progress.js";
import type { TaskSpec } from "../../src/tasks/task-spec.js";
import { TASK_STATUSES } from "../../src/tasks/task-status.js";
import type { TaskUpdate } from "../../src/tasks/task-update.js";
import { currentIteration, type Task, type TaskKind } from "../../src/tasks/task.js";
import { preOrder } from "../../src/tasks/traverse.js";
import type { JobState } from "../../src/tasks/user-task.js";
import { EPOCH, unnumberedEditAt } from "../kit/edits.js";
import { KEY, LEASE_MS, storeRequest } from "./jobs.js";
import { NaiveJob, type Fence, type Outcome, type TaskView } from "./naive-model.js";

/**
 * Random lives of a job, played to the code and to the naive model side by side. What a command aims at is
 * resolved while playing, so that most commands mean something in the tree that is there by then.
 */
export interface Scenario {
  readonly spec: TaskSpec;
  readonly commands: readonly Command[];
}

/** After a command: what came of it, as the code has it and as the model has it. */
export interface Step {
  readonly command: unknown;
  readonly actual: Snapshot;
  readonly expected: Snapshot;
  readonly job: JobState;
  /** The paths of the tasks that were written to, by the model. */
  readonly written: readonly string[];
}

export interface Snapshot {
  /** "changed", "unchanged", or "refused" and the code. */
  readonly outcome: string;
  readonly attempt: number;
  readonly version: number;
  readonly revision: number;
  /** A line a task, in pre-order: all that can be read of it, as JSON. */
  readonly tasks: readonly string[];
  /** The revision of each task, in pre-order. */
  readonly revisions: readonly number[];
}

const BOUNDS = { tasksMax: 60, messageBytesMax: 8, leaseMs: LEASE_MS };
const LIMITS = { tasksPerTreeMax: BOUNDS.tasksMax, messageTextBytesMax: BOUNDS.messageBytesMax };
const { MAX_SAFE_INTEGER } = Number;

/** Lives of up to `commandsMax` commands, each report of up to `updatesMax` updates. */
export function scenarios({ commandsMax = 40, updatesMax = 3 } = {}): fc.Arbitrary<Scenario> {
  return fc.record({
    spec: tree(3),
    commands: fc.array(command(updatesMax), { minLength: 1, maxLength: commandsMax, size: "max" }),
  });
}

/**
 * Plays a scenario; the first step is the storing of its tree. Stops after the first step in which code and
 * model differ: what comes after it says nothing more.
 */
export function play({ spec, commands }: Scenario): Step[] {
  const life = new Life();
  const steps = [life.step({ kind: "store", spec, onConflict: "OVERWRITE", waitMs: 0 })];
  for (const next of commands) {
    steps.push(life.step(next));
    if (life.isAtOdds) break;
  }
  return steps;
}

class Life {
  readonly #model = new NaiveJob(BOUNDS);
  #job: JobState;
  #revision = 0;
  #now = 0;
  #lastReport: Resolved | undefined;

  /** Whether code and model have said different things of the latest step. */
  isAtOdds = false;

  step(command: Command): Step {
    this.#now += command.waitMs;
    const resolved = this.#resolve(command);
    const expectedOutcome = this.#playToModel(resolved);
    const actualOutcome = this.#playToCode(resolved);
    const written = expectedOutcome.kind === "changed" ? expectedOutcome.written : [];
    const actual = this.#snapshotOfCode(actualOutcome);
    const expected = this.#snapshotOfModel(outcomeText(expectedOutcome, actualOutcome));
    this.isAtOdds = !isDeepStrictEqual(actual, expected);
    return { command: resolved, actual, expected, job: this.#job, written };
  }

  #resolve(command: Command): Resolved {
    if (command.kind === "repeat") return this.#lastReport ?? { kind: "remove", attempt: -1 };
    if (command.kind === "store") return command;
    const attempt = this.#attemptOf(command.fence);
    if (command.kind === "grow") return { ...command, attempt, path: this.#pathOf(command.target) };
    if (command.kind !== "report") return { kind: command.kind, attempt };
    const updates = command.updates.map(({ target, ...rest }) => ({ ...rest, path: this.#pathOf(target) }));
    this.#lastReport = { ...command, attempt, updates };
    return this.#lastReport;
  }

  #attemptOf(fence: FenceKind): number | null {
    if (fence === "none") return null;
    return fence === "its own" ? this.#model.attempt : this.#model.attempt - 1;
  }

  #pathOf({ kind, place, bogus }: Target): string {
    if (bogus !== null) return bogus;
    const all = this.#model.view;
    const fitting = all.filter((task) => kind === "ANY" || task.kind === kind);
    const among = fitting.length > 0 ? fitting : all;
    return among[place % among.length]?.path ?? "";
  }

  #playToModel(command: Resolved): Outcome {
    switch (command.kind) {
      case "store":
        return this.#model.store(command.spec, command.onConflict, this.#now);
      case "report":
        return this.#model.report(command, this.#now);
      case "grow":
        return this.#model.grow(command, this.#now);
      case "requestCancel":
        return this.#model.requestCancel(command);
      case "remove":
        return this.#model.remove(command);
    }
  }

  #playToCode(command: Resolved): string {
    const edit = unnumberedEditAt(this.#now, LIMITS);
    try {
      const after = changedBy(command, this.#job, edit);
      if (after === this.#job) return "unchanged";
      this.#revision += 1;
      edit.stamp.set(EPOCH, this.#revision);
      this.#job = after;
      return "changed";
    } catch (error) {
      if (error instanceof TidemarkError) return `refused ${error.code}`;
      throw error;
    }
  }

  #snapshotOfCode(outcome: string): Snapshot {
    const tasks = this.#job?.kind === "userTask" ? preOrder(this.#job.task) : [];
    return {
      outcome,
      attempt: this.#job?.attempt ?? 0,
      version: this.#job?.version ?? 0,
      revision: this.#job?.stamp.revision ?? 0,
      tasks: tasks.map(({ task, path }) => JSON.stringify(viewOf(task, path))),
      revisions: tasks.map(({ task }) => task.stamp.revision),
    };
  }

  #snapshotOfModel(outcome: string): Snapshot {
    const { attempt, version, revision, view, revisions } = this.#model;
    const tasks = view.map((task) => JSON.stringify(task));
    return { outcome, attempt, version, revision, tasks, revisions: [...revisions.values()] };
  }
}

function changedBy(command: Resolved, job: JobState, edit: Edit): JobState {
  switch (command.kind) {
    case "store":
      return storeJob(job, storeRequest({ spec: command.spec, onConflict: command.onConflict }), edit);
    case "report": {
      const { attempt, updates, requestId, logLines } = command;
      const line: LogLine = { level: "INFO", path: "", message: "x" };
      const log = Array.from({ length: logLines }, () => line);
      return reportOn(job, KEY, { attempt, updates, log, requestId }, edit);
    }
    case "grow":
      return growJob(job, KEY, command, edit);
    case "requestCancel":
      return requestCancel(job, KEY, { attempt: command.attempt, by: "bob", reason: null }, edit);
    case "remove":
      return removeJob(job, command, "REMOVED", edit);
  }
}

/** As the model's words have it; of several codes that fit, the one that the code chose. */
function outcomeText(outcome: Outcome, actual: string): string {
  if (outcome.kind !== "refused") return outcome.kind;
  const texts = outcome.codes.map((code: ErrorCode) => `refused ${code}`);
  return texts.includes(actual) ? actual : texts.join(" or ");
}

/** In the order of the model's view, so that their JSON can be compared. */
function viewOf(task: Task, path: string): TaskView {
  const { description, kind, status, startedAt, endedAt, message, maxConcurrency, unknownCount, taskCount } =
    task;
  const { done, volume, knownVolume, ratio } = progressOf(task);
  const begunIterations = task.kind === "ITERATIVE" ? task.begunIterations : null;
  return {
    path,
    description,
    kind,
    status,
    startedAt,
    endedAt,
    message,
    maxConcurrency,
    begunIterations,
    currentIteration: task.kind === "ITERATIVE" ? currentIteration(task) : null,
    done,
    volume,
    knownVolume,
    ratio,
    unknownCount,
    taskCount,
  };
}

type Command = { readonly waitMs: number } & (
  | { readonly kind: "store"; readonly spec: TaskSpec; readonly onConflict: "OVERWRITE" | "REJECT" }
  | ({ readonly kind: "report"; readonly fence: FenceKind } & ReportFields)
  | ({ readonly kind: "grow"; readonly fence: FenceKind; readonly target: Target } & GrowFields)
  | { readonly kind: "requestCancel" | "remove"; readonly fence: FenceKind }
  | { readonly kind: "repeat" }
);

type Resolved =
  | { readonly kind: "store"; readonly spec: TaskSpec; readonly onConflict: "OVERWRITE" | "REJECT" }
  | ({ readonly kind: "report"; readonly updates: readonly TaskUpdate[] } & Fence &
      Omit<ReportFields, "updates">)
  | ({ readonly kind: "grow"; readonly path: string } & Fence & GrowFields)
  | ({ readonly kind: "requestCancel" | "remove" } & Fence);

interface ReportFields {
  readonly updates: readonly AimedUpdate[];
  readonly logLines: number;
  readonly requestId: string | null;
}

interface GrowFields {
  readonly specs: readonly TaskSpec[];
  readonly requestId: string | null;
}

type AimedUpdate = Omit<TaskUpdate, "path"> & { readonly target: Target };
type FenceKind = "none" | "its own" | "the one before";

/** The `place`-th task of this kind, or the `bogus` path. */
interface Target {
  readonly kind: TaskKind | "ANY";
  readonly place: number;
  readonly bogus: string | null;
}

function command(updatesMax: number): fc.Arbitrary<Command> {
  const waitMs = fc.constantFrom(0, 1, 5_000, 20_000);
  const fence = rarely<FenceKind>("none", fc.constantFrom<FenceKind>("its own", "the one before"), 5);
  const requestId = rarely<string | null>(null, fc.constantFrom("r", "s", "t"), 5);
  const updates = fc.array(aimedUpdate, { maxLength: updatesMax, size: "max" });
  const logLines = rarely(0, fc.constant(1), 10);
  const specs = fc.array(leafSpec, { maxLength: 2 });
  const onConflict = fc.constantFrom("OVERWRITE" as const, "REJECT" as const);
  return fc.oneof(
    {
      weight: 60,
      arbitrary: fc.record({
        kind: fc.constant("report" as const),
        waitMs,
        fence,
        updates,
        logLines,
        requestId,
      }),
    },
    { weight: 8, arbitrary: fc.record({ kind: fc.constant("repeat" as const), waitMs }) },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant("grow" as const),
        waitMs,
        fence,
        target: aim("INTERMEDIATE"),
        specs,
        requestId,
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant("store" as const), waitMs, spec: tree(3), onConflict }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom("requestCancel" as const, "remove" as const),
        waitMs,
        fence,
      }),
    },
  );
}

function rarely<T>(usual: T, other: fc.Arbitrary<T>, timesUsual: number): fc.Arbitrary<T> {
  return fc.oneof({ weight: timesUsual, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });
}

function aim(kind: TaskKind | "ANY"): fc.Arbitrary<Target> {
  return fc.record({
    kind: rarely(kind, fc.constant<"ANY">("ANY"), 6),
    place: fc.nat(59),
    bogus: rarely<string | null>(null, fc.constantFrom("99", "0.0.0.0.0.0", "x", "00", "0."), 40),
  });
}

const amount = rarely(0, fc.constantFrom(MAX_SAFE_INTEGER, MAX_SAFE_INTEGER - 2), 40).chain((huge) =>
  huge > 0 ? fc.constant(huge) : fc.nat(12),
);
const message = fc.constantFrom("", "a", "b", "too long a word");
const status = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("RUNNING" as const, "FINISHED" as const) },
  { weight: 1, arbitrary: fc.constantFrom(...TASK_STATUSES) },
);
const iteration = fc.integer({ min: -1, max: 6 });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null, freq: 2 });

const aimedUpdate: fc.Arbitrary<AimedUpdate> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ target: aim("LEAF"), status }) },
  { weight: 2, arbitrary: fc.record({ target: aim("INTERMEDIATE"), status }) },
  { weight: 3, arbitrary: fc.record({ target: aim("LEAF"), done: amount }) },
  { weight: 2, arbitrary: fc.record({ target: aim("LEAF"), add: amount }) },
  { weight: 2, arbitrary: fc.record({ target: aim("LEAF"), volume: amount }) },
  { weight: 1, arbitrary: fc.record({ target: aim("ANY"), message }) },
  { weight: 4, arbitrary: fc.record({ target: aim("ITERATIVE"), iteration }) },
  {
    weight: 2,
    arbitrary: fc.record({
      target: aim("LEAF"),
      volume: maybe(amount),
      done: maybe(amount),
      message: maybe(message),
      status: maybe(status),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      target: aim("ITERATIVE"),
      message: maybe(message),
      iteration: maybe(iteration),
      status: maybe(status),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      target: aim("ANY"),
      volume: maybe(amount),
      done: maybe(amount),
      add: maybe(amount),
      message: maybe(message),
      iteration: maybe(iteration),
      status: maybe(status),
    }),
  },
);

const maxConcurrency = rarely<number | null>(null, fc.integer({ min: 1, max: 4 }), 5);
const leafSpec: fc.Arbitrary<TaskSpec> = fc.record({
  description: fc.constant("leaf"),
  volume: rarely<number | null>(null, fc.nat(12), 0).chain((volume) => rarely(volume, fc.constant(null), 3)),
  maxConcurrency,
});

/** Trees of up to 30 tasks, mostly more than a leaf. */
function tree(levels: number): fc.Arbitrary<TaskSpec> {
  return fc
    .oneof({ weight: 9, arbitrary: parentSpec(levels) }, { weight: 1, arbitrary: leafSpec })
    .filter((spec) => sizeOf(spec) <= 30);
}

function parentSpec(levels: number): fc.Arbitrary<TaskSpec> {
  const below =
    levels <= 1
      ? leafSpec
      : fc.oneof(
          { weight: 2, arbitrary: leafSpec },
          { weight: 2, arbitrary: fc.constant(null).chain(() => parentSpec(levels - 1)) },
        );
  const tasks = fc.array(below, { minLength: 1, maxLength: 2 });
  const iterations = fc.oneof(
    fc.record({
      mode: fc.constantFrom("FIXED" as const, "DYNAMIC" as const),
      max: fc.integer({ min: 1, max: 4 }),
      tasks,
    }),
    fc.record({ mode: fc.constant("OPEN" as const), tasks }),
  );
  return fc.oneof(
    fc.record({
      description: fc.constant("branch"),
      subTasks: fc.array(below, { minLength: 1, maxLength: 3 }),
      maxConcurrency,
    }),
    fc.record({ description: fc.constant("rounds"), iterations, maxConcurrency }),
  );
}

function sizeOf({ subTasks, iterations }: TaskSpec): number {
  const sizes = (specs: readonly TaskSpec[]): number => specs.reduce((sum, spec) => sum + sizeOf(spec), 0);
  if (subTasks) return 1 + sizes(subTasks);
  return iterations ? 1 + (iterations.max ?? 0) * sizes(iterations.tasks) : 1;
}
