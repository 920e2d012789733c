/** A job as rows: the root with the facts of the job, and below it the most relevant tasks. */
import type { WatchedEta, WatchedJob, WatchedTask } from "../../client/index.js";
import { durationText, timeLeftText } from "../../format/durations.js";
import type { DisplayStatus } from "../../format/display-status.js";
import { taskElapsedMs, runningUntil, taskUntil } from "../../format/elapsed.js";
import { exactCount, plural, rateText } from "../../format/numbers.js";
import { progressText } from "../../format/progress.js";
import { sanitizeForTerminal } from "./sanitize.js";
import type { Fact, HiddenTasksLine, TreeLine, TaskLine } from "./tree-lines.js";

/** @param now milliseconds since 1970, for elapsed time and time left. */
export function jobLine(job: WatchedJob, now: number): TaskLine {
  const { task, eta, attempt } = job;
  const until = runningUntil(job, now);
  return {
    ...rowOf(task, "", until),
    name: `${userAndJob(job)}  ${sanitizeForTerminal(task.description)}`,
    facts: [
      ...warnings(job, now),
      ...countFacts(task),
      ...(eta ? [{ text: leftText(eta, now) }] : []),
      ...taskFacts(task, until),
      ...(attempt > 1 ? [{ text: `attempt ${attempt}` }] : []),
    ],
    message: sanitizeForTerminal(reasonOf(task)),
  };
}

/** The rows of all tasks below the root. */
export function allTaskLines(job: WatchedJob, now: number): TreeLine[] {
  return [...tasksBelow(job.task, "all", runningUntil(job, now))].map(rowAt);
}

/**
 * At most `max` rows below the root of a running job: the running tasks and their direct subtasks. If these do not fit,
 * only the running tasks; if even these do not fit, the first of them. A last row counts the hidden tasks.
 */
export function fittingTaskLines(job: WatchedJob, max: number, now: number): TreeLine[] {
  if (!isRunning(job.task) || max < 1) return [];
  const until = runningUntil(job, now);
  const extents = ["open", "running"] as const;
  const [open, running] = extents.map((extent) => [...tasksBelow(job.task, extent, until)]);
  const fitting = [open!, running!].find(({ length }) => length <= max);
  if (fitting) return fitting.map(rowAt);
  const shown = running!.slice(0, max - 1).map(rowAt);
  return [
    ...shown,
    { kind: "more", guide: "", text: `… ${plural(running!.length - shown.length, "more task")}` },
  ];
}

/** The number of rows below the root that the running tasks and their direct subtasks need. */
export function openLineCount(root: WatchedTask): number {
  return isRunning(root) ? [...tasksBelow(root, "open", 0)].length : 0;
}

/** "alice/import-1". */
export function userAndJob({ username, jobId }: Pick<WatchedJob, "username" | "jobId">): string {
  return `${sanitizeForTerminal(username)}/${sanitizeForTerminal(jobId)}`;
}

/** Why the task ended: its own message, else that of the first failed task below it. */
export function reasonOf(task: WatchedTask): string {
  if (task.message !== null || task.status !== "FAILED") return task.message ?? "";
  const failed = task.subTasks.find(({ status }) => status === "FAILED");
  const reason = failed && reasonOf(failed);
  return reason ? `${failed.description}: ${reason}` : "";
}

/** "2–5m left", "overdue". */
export function leftText(eta: WatchedEta, now: number): string {
  const text = timeLeftText(eta, now);
  return text === "overdue" ? text : `${text} left`;
}

/** "3 FINISHED, 7 PENDING": the numbers add up to that of the statuses. */
export function countedByStatus(statuses: readonly DisplayStatus[]): string {
  return COUNTED_STATUSES.flatMap((status) => {
    const found = statuses.filter((one) => one === status).length;
    return found > 0 ? [`${exactCount(found)} ${status}`] : [];
  }).join(", ");
}

/** A task and the tree lines to its left. */
interface PlacedTask {
  readonly task: WatchedTask;
  readonly guide: string;
  /** Until when it counts as running if it has no end. */
  readonly parentUntil: number;
}

/** `open` shows only the running iterations, because the row of the iterative task has their number. */
type Extent = "all" | "open" | "running";

function* tasksBelow(
  root: WatchedTask,
  extent: Extent,
  parentUntil: number,
  guide = "",
): Generator<PlacedTask | HiddenTasksLine, void> {
  const until = taskUntil(root, parentUntil);
  const isWhole = extent === "all" || (extent === "open" && root.kind !== "ITERATIVE");
  const shown = isWhole ? root.subTasks : root.subTasks.filter(isRunning);
  const hidden = isWhole || root.kind === "ITERATIVE" ? [] : root.subTasks.filter((task) => !isRunning(task));
  for (const [index, task] of shown.entries()) {
    const isLast = index === shown.length - 1 && hidden.length === 0;
    yield { task, guide: guide + (isLast ? "└─ " : "├─ "), parentUntil: until };
    if (extent === "all" || isRunning(task))
      yield* tasksBelow(task, extent, until, guide + (isLast ? "   " : "│  "));
  }
  if (hidden.length > 0)
    yield {
      kind: "more",
      guide: `${guide}└─ `,
      text: `… ${countedByStatus(hidden.map(({ status }) => status))}`,
    };
}

function isRunning({ status }: WatchedTask): boolean {
  return status === "RUNNING";
}

function rowAt(placed: PlacedTask | HiddenTasksLine): TreeLine {
  return "task" in placed ? rowOf(placed.task, placed.guide, placed.parentUntil) : placed;
}

function rowOf(task: WatchedTask, guide: string, parentUntil: number): TaskLine {
  const { status, progress, description, message } = task;
  const facts = [
    ...(status === "FAILED" || status === "CANCELED" ? [{ text: status, isWarning: true }] : []),
    ...countFacts(task),
    ...taskFacts(task, parentUntil),
  ];
  return {
    kind: "task",
    status,
    guide,
    name: sanitizeForTerminal(description),
    progress,
    facts,
    message: sanitizeForTerminal(message ?? ""),
  };
}

function warnings({ task, health, reportedAt, cancelRequest }: WatchedJob, now: number): Fact[] {
  const { status } = task;
  const silence = `${health} for ${durationText(now - Date.parse(reportedAt))}`;
  const facts = [
    ...(status === "FAILED" || status === "CANCELED" ? [{ text: status }] : []),
    ...(health === "OK" ? [] : [{ text: silence, brief: health }]),
    ...(cancelRequest && task.endedAt === null
      ? [{ text: `cancel requested by ${sanitizeForTerminal(cancelRequest.by)}`, brief: "cancel requested" }]
      : []),
  ];
  return facts.map((fact) => ({ ...fact, isWarning: true }));
}

/** A FAILED task shows no count, to leave space for the reason. */
function countFacts({ status, progress }: WatchedTask): Fact[] {
  return status === "FAILED" ? [] : [{ text: progressText(progress) }];
}

function taskFacts(task: WatchedTask, parentUntil: number): Fact[] {
  const { currentIteration, maxIterations, rate } = task;
  const elapsed = taskElapsedMs(task, parentUntil);
  const texts = [
    ...(currentIteration === null ? [] : [iterations(currentIteration, maxIterations)]),
    ...(elapsed === null ? [] : [durationText(elapsed)]),
    ...(rate === null ? [] : [rateText(rate)]),
  ];
  return texts.map((text) => ({ text }));
}

function iterations(current: number, max: number | null): string {
  return max === null ? plural(current, "iteration") : `${exactCount(current)}/${plural(max, "iteration")}`;
}

/** In the order of their counts. */
const COUNTED_STATUSES: readonly DisplayStatus[] = [
  "RUNNING",
  "SILENT",
  "LOST",
  "PENDING",
  "FINISHED",
  "FAILED",
  "CANCELED",
];
