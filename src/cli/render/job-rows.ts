/** A job as rows: the root with what is known of the job, and below it those tasks that somebody would look for. */
import type { WatchedJob, WatchedTask, WatchedTaskStatus } from "../../client/index.js";
import { harmless } from "./harmless.js";
import { count } from "./progress.js";
import { many, perSecond, whole } from "./quantity.js";
import type { Fact, MoreRow, Row, TaskRow } from "./row.js";
import { elapsed, left } from "./time.js";

/** @param now milliseconds since 1970, for what is elapsed and left. */
export function jobRow(job: WatchedJob, now: number): TaskRow {
  const { task, eta, attempt } = job;
  return {
    ...rowOf(task, "", now),
    name: `${userAndJob(job)}  ${harmless(task.description)}`,
    facts: [
      ...warnings(job, now),
      ...countFacts(task),
      ...(eta ? [{ text: left(eta, now) }] : []),
      ...taskFacts(task, now),
      ...(attempt > 1 ? [{ text: `attempt ${attempt}` }] : []),
    ],
    message: harmless(reasonOf(task)),
  };
}

/** The rows of all tasks below the root. */
export function allRows(root: WatchedTask, now: number): Row[] {
  return [...placesBelow(root, "all")].map((place) => rowAt(place, now));
}

/**
 * At most `max` rows below the root of a job that runs: what runs and what is directly below that; where that is too
 * much, only what runs; and where that is, the first of it. What is left out is counted.
 */
export function fittingRows(root: WatchedTask, max: number, now: number): Row[] {
  if (root.status !== "RUNNING" || max < 1) return [];
  const places = ["open", "running"] as const;
  const [open, running] = places.map((extent) => [...placesBelow(root, extent)]);
  const fitting = [open!, running!].find(({ length }) => length <= max);
  if (fitting) return fitting.map((place) => rowAt(place, now));
  const kept = running!.slice(0, max - 1).map((place) => rowAt(place, now));
  return [
    ...kept,
    { kind: "more", guide: "", text: `… ${many(running!.length - kept.length, "more task")}` },
  ];
}

/** How many rows it would take below the root to show what runs and what is directly below that. */
export function openCount(root: WatchedTask): number {
  return root.status === "RUNNING" ? [...placesBelow(root, "open")].length : 0;
}

/** "alice/import-1". */
export function userAndJob({ username, jobId }: Pick<WatchedJob, "username" | "jobId">): string {
  return `${harmless(username)}/${harmless(jobId)}`;
}

/** Why it ended as it did: what was said of the root, else of the first task below it that failed too. */
export function reasonOf(task: WatchedTask): string {
  if (task.message !== null || task.status !== "FAILED") return task.message ?? "";
  const failed = task.subTasks.find(({ status }) => status === "FAILED");
  const reason = failed && reasonOf(failed);
  return reason ? `${failed.description}: ${reason}` : "";
}

/** "3 FINISHED, 7 PENDING". */
export function countedByStatus(tasks: Iterable<Pick<WatchedTask, "status">>): string {
  const counts = new Map<WatchedTaskStatus, number>();
  for (const { status } of tasks) counts.set(status, (counts.get(status) ?? 0) + 1);
  return STATUSES.flatMap((status) => {
    const found = counts.get(status);
    return found ? [`${whole(found)} ${status}`] : [];
  }).join(", ");
}

/** A task in the tree that is drawn. */
interface Place {
  readonly task: WatchedTask;
  readonly guide: string;
}

/** Of iterations only those are `open` that run: how many there are is told where they repeat. */
type Extent = "all" | "open" | "running";

function* placesBelow(root: WatchedTask, extent: Extent, guide = ""): Generator<Place | MoreRow, void> {
  const isWhole = extent === "all" || (extent === "open" && root.kind !== "ITERATIVE");
  const shown = isWhole ? root.subTasks : root.subTasks.filter(isRunning);
  const hidden = isWhole || root.kind === "ITERATIVE" ? [] : root.subTasks.filter((task) => !isRunning(task));
  for (const [index, task] of shown.entries()) {
    const isLast = index === shown.length - 1 && hidden.length === 0;
    yield { task, guide: guide + (isLast ? "└─ " : "├─ ") };
    if (extent === "all" || isRunning(task))
      yield* placesBelow(task, extent, guide + (isLast ? "   " : "│  "));
  }
  if (hidden.length > 0) yield { kind: "more", guide: `${guide}└─ `, text: `… ${countedByStatus(hidden)}` };
}

function isRunning({ status }: WatchedTask): boolean {
  return status === "RUNNING";
}

function rowAt(place: Place | MoreRow, now: number): Row {
  return "task" in place ? rowOf(place.task, place.guide, now) : place;
}

function rowOf(task: WatchedTask, guide: string, now: number): TaskRow {
  const { status, progress, description, message } = task;
  const facts = [
    ...(status === "FAILED" || status === "CANCELED" ? [{ text: status, isWarning: true }] : []),
    ...countFacts(task),
    ...taskFacts(task, now),
  ];
  return {
    kind: "task",
    status,
    guide,
    name: harmless(description),
    progress,
    facts,
    message: harmless(message ?? ""),
  };
}

function warnings({ task, health, reportedAt, cancelRequest }: WatchedJob, now: number): Fact[] {
  const { status } = task;
  const silence = `${health} for ${elapsed(now - Date.parse(reportedAt))}`;
  const facts = [
    ...(status === "FAILED" || status === "CANCELED" ? [{ text: status }] : []),
    ...(health === "OK" ? [] : [{ text: silence, brief: health }]),
    ...(cancelRequest && task.endedAt === null
      ? [{ text: `cancel asked by ${harmless(cancelRequest.by)}`, brief: "cancel asked" }]
      : []),
  ];
  return facts.map((fact) => ({ ...fact, isWarning: true }));
}

/** Of what FAILED the reason counts, and needs the room. */
function countFacts({ status, progress }: WatchedTask): Fact[] {
  return status === "FAILED" ? [] : [{ text: count(progress) }];
}

function taskFacts({ startedAt, endedAt, rate, ...task }: WatchedTask, now: number): Fact[] {
  const { currentIteration, maxIterations } = task;
  const until = endedAt === null ? now : Date.parse(endedAt);
  const texts = [
    ...(currentIteration === null ? [] : [iterations(currentIteration, maxIterations)]),
    ...(startedAt === null ? [] : [elapsed(until - Date.parse(startedAt))]),
    ...(rate === null ? [] : [perSecond(rate)]),
  ];
  return texts.map((text) => ({ text }));
}

function iterations(current: number, max: number | null): string {
  return max === null ? many(current, "iteration") : `${whole(current)}/${many(max, "iteration")}`;
}

const STATUSES = ["RUNNING", "PENDING", "FINISHED", "FAILED", "CANCELED"] as const;
