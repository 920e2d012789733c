import { isDeepStrictEqual } from "node:util";
import type { ErrorCode } from "../../src/protocol/error-codes.js";
import { TidemarkError } from "../../src/protocol/tidemark-error.js";
import type { Edit } from "../../src/tasks/edit.js";
import {
  addTasksToJob,
  removeJob,
  applyReport,
  requestCancel,
  storeJob,
  type LogLine,
} from "../../src/tasks/job-changes.js";
import { progressOf } from "../../src/tasks/progress.js";
import { currentIteration, type Task } from "../../src/tasks/task.js";
import { preOrder } from "../../src/tasks/traverse.js";
import type { JobState } from "../../src/tasks/user-task.js";
import { EPOCH, unnumberedEditAt } from "../kit/store/edits.js";
import { SAMPLE_JOB_KEY, LEASE_MS, storeRequest } from "./sample-jobs.js";
import {
  ModelJob,
  type ModelAddTasks,
  type ModelOutcome,
  type ModelReport,
  type TaskView,
} from "./model-job.js";
import { TASKS_MAX, type Aim, type Attempt, type Command, type Scenario } from "./model-scenarios.js";

/**
 * Runs a scenario on the code and on the naive model side by side, and records both results after each step.
 * The target of a command is resolved when it runs, so that most commands fit the current tree.
 */
export function play({ spec, commands }: Scenario): Step[] {
  const life = new Comparison();
  const steps = [life.step({ kind: "store", spec, onConflict: "OVERWRITE", waitMs: 0 })];
  for (const next of commands) {
    steps.push(life.step(next));
    // Later steps only repeat the first difference.
    if (life.isAtOdds) break;
  }
  return steps;
}

/** The results of a command in the code and in the model. */
export interface Step {
  readonly command: unknown;
  readonly actual: Snapshot;
  readonly expected: Snapshot;
  readonly job: JobState;
  /** The paths of the tasks that the model wrote. */
  readonly written: readonly string[];
}

export interface Snapshot {
  /** "changed", "unchanged", or "refused" with the error code. */
  readonly outcome: string;
  readonly attempt: number;
  readonly version: number;
  readonly revision: number;
  /** One line of JSON per task, in pre-order, with all readable fields. */
  readonly tasks: readonly string[];
  /** The revision of each task, in pre-order. */
  readonly revisions: readonly number[];
  /** The task count of each task, in pre-order, as the tree limit counts it. */
  readonly taskCounts: readonly number[];
}

const BOUNDS = { tasksMax: TASKS_MAX, messageBytesMax: 8, leaseMs: LEASE_MS };
const LIMITS = { tasksPerTreeMax: BOUNDS.tasksMax, messageTextBytesMax: BOUNDS.messageBytesMax };

/** A command with its attempt and paths resolved. */
type Placed =
  | Extract<Command, { kind: "store" }>
  | PlacedReport
  | ({ readonly kind: "grow" } & ModelAddTasks)
  | { readonly kind: "requestCancel" | "remove"; readonly attempt: number | null };
type PlacedReport = { readonly kind: "report" } & ModelReport;

class Comparison {
  readonly #model = new ModelJob(BOUNDS);
  #job: JobState;
  #revision = 0;
  #now = 0;
  #lastReport: PlacedReport = { kind: "report", attempt: null, updates: [], logLines: 0, requestId: null };

  /** Whether the code and the model differ in the latest step. */
  isAtOdds = false;

  step(command: Command): Step {
    this.#now += command.waitMs;
    const placed = this.#placed(command);
    const expectedOutcome = this.#playToModel(placed);
    const actualOutcome = this.#playToCode(placed);
    const written = expectedOutcome.kind === "changed" ? expectedOutcome.written : [];
    const actual = this.#snapshotOfCode(actualOutcome);
    const expected = this.#snapshotOfModel(outcomeText(expectedOutcome, actualOutcome));
    this.isAtOdds = !isDeepStrictEqual(actual, expected);
    return { command: placed, actual, expected, job: this.#job, written };
  }

  #placed(command: Command): Placed {
    if (command.kind === "repeat") return this.#lastReport;
    if (command.kind === "store") return command;
    const attempt = this.#attemptOf(command.attempt);
    if (command.kind === "grow") return { ...command, attempt, path: this.#pathOf(command.aim) };
    if (command.kind !== "report") return { kind: command.kind, attempt };
    const updates = command.updates.map(({ aim, ...rest }) => ({ ...rest, path: this.#pathOf(aim) }));
    this.#lastReport = { ...command, attempt, updates };
    return this.#lastReport;
  }

  #attemptOf(attempt: Attempt): number | null {
    if (attempt === "left out") return null;
    return attempt === "its own" ? this.#model.attempt : this.#model.attempt - 1;
  }

  #pathOf({ kind, place, bogus }: Aim): string {
    if (bogus !== null) return bogus;
    const all = this.#model.view;
    const fitting = all.filter((task) => kind === "ANY" || task.kind === kind);
    const among = fitting.length > 0 ? fitting : all;
    return among[place % among.length]?.path ?? "";
  }

  #playToModel(command: Placed): ModelOutcome {
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

  #playToCode(command: Placed): string {
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
      taskCounts: tasks.map(({ task }) => task.taskCount),
    };
  }

  #snapshotOfModel(outcome: string): Snapshot {
    const { attempt, version, revision, view, revisions, taskCounts } = this.#model;
    const tasks = view.map((task) => JSON.stringify(task));
    return { outcome, attempt, version, revision, tasks, revisions, taskCounts };
  }
}

function changedBy(command: Placed, job: JobState, edit: Edit): JobState {
  switch (command.kind) {
    case "store":
      return storeJob(job, storeRequest({ spec: command.spec, onConflict: command.onConflict }), edit);
    case "report": {
      const { attempt, updates, requestId, logLines } = command;
      const line: LogLine = { level: "INFO", path: "", message: "x" };
      const log = Array.from({ length: logLines }, () => line);
      return applyReport(job, SAMPLE_JOB_KEY, { attempt, updates, log, requestId }, edit);
    }
    case "grow":
      return addTasksToJob(job, SAMPLE_JOB_KEY, command, edit);
    case "requestCancel":
      return requestCancel(job, SAMPLE_JOB_KEY, { attempt: command.attempt, by: "bob", reason: null }, edit);
    case "remove":
      return removeJob(job, command, "REMOVED", edit);
  }
}

/** The result in the model's format; if several codes fit, the one that the code chose. */
function outcomeText(outcome: ModelOutcome, actual: string): string {
  if (outcome.kind !== "refused") return outcome.kind;
  const texts = outcome.codes.map((code: ErrorCode) => `refused ${code}`);
  return texts.includes(actual) ? actual : texts.join(" or ");
}

/** In the field order of the model, so that the JSON can be compared. */
function viewOf(task: Task, path: string): TaskView {
  const { description, kind, status, startedAt, endedAt, message, maxConcurrency, unknownCount } = task;
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
    finishedSubTasks: task.kind === "ITERATIVE" ? task.finishedSubTasks : null,
    currentIteration: task.kind === "ITERATIVE" ? currentIteration(task) : null,
    done,
    volume,
    knownVolume,
    ratio,
    unknownCount,
  };
}
