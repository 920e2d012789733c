/**
 * What `tidemark watch` shows on a terminal: how the connection is, the jobs that have not ended with their trees,
 * then those that have, a line each. Never more lines than the screen has: what is left out is counted.
 */
import type { WatchedJob, WatchStatus } from "../../client/index.js";
import { harmless } from "./harmless.js";
import { countedByStatus, fittingRows, jobRow, openCount } from "./job-rows.js";
import { many } from "./quantity.js";
import { linesOf, type Row } from "./row.js";
import type { Style } from "./style.js";
import { causeText, statusWord } from "./status-text.js";
import { clockTime } from "./time.js";
import { cut } from "./width.js";

export interface Frame {
  /** What is watched, in a word or two. */
  readonly title: string;
  readonly status: OpenStatus;
  /** Nothing follows it: it is no longer live. */
  readonly isLast: boolean;
  /** In the order of the list. */
  readonly jobs: Iterable<WatchedJob>;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly columns: number;
  readonly rows: number;
}

/** How a connection is that has not been closed. */
export type OpenStatus = Exclude<WatchStatus, { readonly kind: "closed" }>;

/** The lines, each of at most `columns`; at most `rows`. What was told last is shown as of then. */
export function frameLines(frame: Frame, style: Style): string[] {
  const { status, columns, rows } = frame;
  const jobs = [...frame.jobs];
  const now = status.kind === "stale" ? Math.min(frame.now, status.since.getTime()) : frame.now;
  const shown = rowsOf(jobs, rows - 1, now);
  return [headerLine(frame, jobs, style), ...linesOf(shown, columns, style)].slice(0, Math.max(1, rows));
}

function rowsOf(jobs: readonly WatchedJob[], max: number, now: number): Row[] {
  const inOrder = ORDER.flatMap((isNext) => jobs.filter(isNext));
  const shown = inOrder.length <= max ? inOrder : inOrder.slice(0, Math.max(0, max - 1));
  const hidden = inOrder.slice(shown.length);
  const trees = treesOf(shown, max - shown.length - (hidden.length > 0 ? 1 : 0), now);
  const rows = shown.flatMap((job) => [jobRow(job, now), ...(trees.get(job) ?? [])]);
  if (hidden.length === 0) return rows;
  const text = `… ${many(hidden.length, "more job")}: ${countedByStatus(hidden.map(({ task }) => task))}`;
  return [...rows, { kind: "more", guide: "", text }];
}

/** What is below the roots. Each gets its share of the lines; what a small tree leaves is for the larger ones. */
function treesOf(jobs: readonly WatchedJob[], max: number, now: number): ReadonlyMap<WatchedJob, Row[]> {
  const trees = new Map<WatchedJob, Row[]>();
  const running = jobs.filter(({ task }) => task.status === "RUNNING");
  const sizes = new Map(running.map((job) => [job, openCount(job.task)]));
  let left = max;
  for (const [index, job] of running
    .toSorted((one, other) => sizes.get(one)! - sizes.get(other)!)
    .entries()) {
    const rows = fittingRows(job.task, Math.floor(left / (running.length - index)), now);
    trees.set(job, rows);
    left -= rows.length;
  }
  return trees;
}

function headerLine(
  { title, status, isLast, now, columns }: Frame,
  jobs: readonly WatchedJob[],
  style: Style,
): string {
  const name = harmless(title);
  const word = isLast && status.kind === "live" ? `as of ${clockTime(new Date(now))}` : statusWord(status);
  const roots = jobs.map(({ task }) => task);
  const counts = roots.length > 0 ? countedByStatus(roots) : status.kind === "connecting" ? "" : "no jobs";
  const rest = [causeText(status), counts].filter((text) => text !== "");
  const line = cut([`${name}  ${word}`, ...rest].join("  "), columns);
  if (!line.startsWith(`${name}  ${word}`)) return style.bold(line);
  return `${style.bold(name)}  ${TONES[status.kind](word, style)}${line.slice(name.length + word.length + 2)}`;
}

const TONES: Readonly<Record<OpenStatus["kind"], (text: string, style: Style) => string>> = {
  connecting: (text, style) => style.yellow(text),
  live: (text, style) => style.green(text),
  stale: (text, style) => style.red(text),
};

/** What runs, what waits, and what has ended. */
const ORDER: readonly ((job: WatchedJob) => boolean)[] = [
  ({ task }) => task.status === "RUNNING",
  ({ task }) => task.status === "PENDING",
  ({ endedAt }) => endedAt !== null,
];
