import type { WatchEvent, WatchedJob, WatchedTask } from "../../client/index.js";
import { watchedTaskAt } from "../../client/watch/watched-tree.js";
import { durationText } from "../../format/durations.js";
import { exactCount } from "../../format/numbers.js";
import { progressText } from "../../format/progress.js";
import { sanitizeForTerminal } from "./sanitize.js";
import { leftText, reasonOf, userAndJob } from "./job-lines.js";

/**
 * The output of `tidemark watch` without a terminal, one line per event: a job appeared or disappeared, a task began or
 * ended, the health changed, a user requested a cancel, or another tenth of the work is done.
 */
export class EventLines {
  /** The latest state of each job, by id. */
  readonly #lastPrinted = new Map<string, WatchedJob>();
  /** Jobs from before a Reset that the server has not sent again yet. */
  #unconfirmed = new Set<string>();

  /** The lines for an event, without line breaks. Most events have none. */
  linesOf(event: WatchEvent): string[] {
    switch (event.kind) {
      case "Reset":
        this.#unconfirmed = new Set(this.#lastPrinted.keys());
        return [];
      case "TaskStored":
      case "TaskUpdated":
        return this.#jobLines(event.job, event.kind === "TaskUpdated" ? event.changed : undefined);
      case "TaskRemoved":
        return this.#goneLines(event.job, `removed (${event.reason})`);
      case "CaughtUp":
        return [...this.#unconfirmed].flatMap((id) => this.#goneLines(this.#lastPrinted.get(id)!, "gone"));
    }
  }

  #jobLines(job: WatchedJob, changed: readonly WatchedTask[] | undefined): string[] {
    const before = this.#lastPrinted.get(job.id);
    this.#lastPrinted.set(job.id, job);
    this.#unconfirmed.delete(job.id);
    const texts =
      before?.attempt === job.attempt
        ? changesSince(before, job, changed ?? [...tasksOf(job.task)])
        : [newJob(job)];
    return texts.map((text) => lineOf(job, job.changedAt, text));
  }

  #goneLines(job: WatchedJob, text: string): string[] {
    this.#lastPrinted.delete(job.id);
    this.#unconfirmed.delete(job.id);
    return [lineOf(job, job.changedAt, text)];
  }
}

/** "2026-11-23T17:03:12.000Z  alice/import-1  28%  420/1,500". */
function lineOf(job: WatchedJob, at: string, text: string): string {
  return `${at}  ${userAndJob(job)}  ${text}`;
}

function newJob(job: WatchedJob): string {
  const { attempt, task, health, cancelRequest } = job;
  const { status, progress, description } = task;
  const reason = status === "FAILED" ? reasonOf(task) : "";
  return joined(
    `${status}${reason && `: ${sanitizeForTerminal(reason)}`}`,
    progress.percent,
    progressText(progress, exactCount),
    sanitizeForTerminal(description),
    attempt > 1 ? `attempt ${attempt}` : "",
    health === "OK" ? "" : health,
    cancelRequest ? cancelText(cancelRequest) : "",
  );
}

function changesSince(before: WatchedJob, job: WatchedJob, changed: readonly WatchedTask[]): string[] {
  const { task, health, cancelRequest } = job;
  const tasks = changed
    .filter(({ path }) => path !== "")
    .flatMap((one) => taskChange(before.task, job.task, one));
  const isNewRequest = cancelRequest !== null && cancelRequest.at !== before.cancelRequest?.at;
  const texts = [
    ...tasks,
    ...(health === before.health ? [] : [`health ${health}`]),
    ...(isNewRequest ? [cancelText(cancelRequest)] : []),
    ...(task.status === before.task.status ? [] : [ended(job)]),
  ];
  return texts.length === 0 && tenthOf(task) !== tenthOf(before.task) ? [tenthText(job)] : texts;
}

/** An iteration has a line only if it fails: a job may have thousands. */
function taskChange(
  rootBefore: WatchedTask,
  root: WatchedTask,
  { path, status, ...task }: WatchedTask,
): string[] {
  const isSame = watchedTaskAt(rootBefore, path)?.status === status || status === "PENDING";
  const tasks = tasksDownTo(root, path);
  const isRepeated = tasks.slice(0, -1).some(({ kind }) => kind === "ITERATIVE");
  if (isSame || (isRepeated && status !== "FAILED")) return [];
  const name = tasks
    .slice(1)
    .map(({ description }) => sanitizeForTerminal(description))
    .join(" / ");
  const reason = status === "FAILED" && task.message ? `: ${sanitizeForTerminal(task.message)}` : "";
  return [`${name} ${status}${reason}`];
}

function ended({ task }: WatchedJob): string {
  const { status, progress, startedAt, endedAt } = task;
  const reason = status === "FAILED" || status === "CANCELED" ? reasonOf(task) : "";
  const took = startedAt && endedAt ? `in ${durationText(Date.parse(endedAt) - Date.parse(startedAt))}` : "";
  return joined(
    `${status}${reason && `: ${sanitizeForTerminal(reason)}`}`,
    progress.percent,
    progressText(progress, exactCount),
    took,
  );
}

function tenthText({ task, eta, changedAt }: WatchedJob): string {
  return joined(
    task.progress.percent,
    progressText(task.progress, exactCount),
    eta ? leftText(eta, Date.parse(changedAt)) : "",
  );
}

function cancelText({ by, reason }: NonNullable<WatchedJob["cancelRequest"]>): string {
  return `cancel requested by ${sanitizeForTerminal(by)}${reason ? `: ${sanitizeForTerminal(reason)}` : ""}`;
}

function joined(...texts: readonly string[]): string {
  return texts.filter((text) => text !== "").join("  ");
}

/** The number of completed tenths; undefined while the volume is unknown. */
function tenthOf({ progress: { done, volume } }: WatchedTask): number | undefined {
  return volume ? Math.floor(Math.min(1, done / volume) * 10) : undefined;
}

/** The existing tasks from the root down to a path. */
function tasksDownTo(root: WatchedTask, path: string): WatchedTask[] {
  const tasks = [root];
  for (const index of path.split(".")) {
    const next = tasks.at(-1)!.subTasks[Number(index)];
    if (!next) break;
    tasks.push(next);
  }
  return tasks;
}

function* tasksOf(task: WatchedTask): Generator<WatchedTask, void> {
  yield task;
  for (const subTask of task.subTasks) yield* tasksOf(subTask);
}
