/**
 * The output of `tidemark watch` on a terminal: the state of the connection, the open jobs as trees, then the ended
 * jobs, one line each. A frame never exceeds the screen; hidden jobs and tasks are counted.
 */
import type { WatchedJob, WatchStatus } from "../../client/index.js";
import type { ClockOffset } from "../../format/clock-offset.js";
import { displayStatusOf } from "../../format/display-status.js";
import { instantText } from "../../format/instants.js";
import { plural } from "../../format/numbers.js";
import { sanitizeForTerminal } from "./sanitize.js";
import { countedByStatus, fittingTaskLines, jobLine, openLineCount } from "./job-lines.js";
import { renderLines, type TreeLine } from "./tree-lines.js";
import type { Style } from "./style.js";
import { connectionCauseText, connectionWord } from "./connection-text.js";
import { truncate } from "./width.js";

export interface Frame {
  /** The database, and the user and job if given. */
  readonly title: string;
  readonly status: OpenStatus;
  /** Whether the watch is over, so that the view is no longer live. */
  readonly isLast: boolean;
  /** In list order. */
  readonly jobs: Iterable<WatchedJob>;
  /** Milliseconds since 1970, by the viewer's clock. */
  readonly now: number;
  /** Addresses and what to do, in ASCII. Shown below the jobs as far as there is room. */
  readonly hints: readonly string[];
  /** Gives the server's time, which the times of jobs follow. */
  readonly clock: ClockOffset;
  readonly columns: number;
  readonly rows: number;
}

/** The status of a connection that is not closed. */
export type OpenStatus = Exclude<WatchStatus, { readonly kind: "closed" }>;

/** At most `rows` lines of at most `columns`. While the connection is stale, elapsed times stop. */
export function frameLines(frame: Frame, style: Style): string[] {
  const { status, columns, rows } = frame;
  const jobs = [...frame.jobs];
  const seenAt = status.kind === "stale" ? Math.min(frame.now, status.since.getTime()) : frame.now;
  const shown = rowsOf(jobs, rows - 1, frame.clock.serverTime(seenAt));
  const hints = frame.hints.flatMap((hint) => wrapped(sanitizeForTerminal(hint), columns));
  const lines = [headerLine(frame, jobs, style), ...renderLines(shown, columns, style)];
  return [...lines, ...hints.map((hint) => style.dim(hint))].slice(0, Math.max(1, rows));
}

/** Not truncated: an address is of use only as a whole. */
function wrapped(text: string, columns: number): string[] {
  return Array.from({ length: Math.ceil(text.length / columns) }, (_, row) =>
    text.slice(row * columns, (row + 1) * columns),
  );
}

function rowsOf(jobs: readonly WatchedJob[], max: number, now: number): TreeLine[] {
  const inOrder = ORDER.flatMap((isNext) => jobs.filter(isNext));
  const shown = inOrder.length <= max ? inOrder : inOrder.slice(0, Math.max(0, max - 1));
  const hidden = inOrder.slice(shown.length);
  const trees = treesOf(shown, max - shown.length - (hidden.length > 0 ? 1 : 0), now);
  const rows = shown.flatMap((job) => [jobLine(job, now), ...(trees.get(job) ?? [])]);
  if (hidden.length === 0) return rows;
  const text = `… ${plural(hidden.length, "more job")}: ${countedByStatus(hidden.map(displayStatusOf))}`;
  return [...rows, { kind: "more", guide: "", text }];
}

/** The rows below each root. Trees share the lines equally; lines that small trees do not need go to larger ones. */
function treesOf(jobs: readonly WatchedJob[], max: number, now: number): ReadonlyMap<WatchedJob, TreeLine[]> {
  const trees = new Map<WatchedJob, TreeLine[]>();
  const running = jobs.filter(({ task }) => task.status === "RUNNING");
  const sizes = new Map(running.map((job) => [job, openLineCount(job.task)]));
  let left = max;
  for (const [index, job] of running
    .toSorted((one, other) => sizes.get(one)! - sizes.get(other)!)
    .entries()) {
    const rows = fittingTaskLines(job, Math.floor(left / (running.length - index)), now);
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
  const name = sanitizeForTerminal(title);
  const word =
    isLast && status.kind === "live" ? `as of ${instantText(now, now)}` : connectionWord(status, now);
  const counts =
    jobs.length > 0
      ? countedByStatus(jobs.map(displayStatusOf))
      : status.kind === "connecting"
        ? ""
        : "no jobs";
  const rest = [connectionCauseText(status), counts].filter((text) => text !== "");
  const line = truncate([`${name}  ${word}`, ...rest].join("  "), columns);
  if (!line.startsWith(`${name}  ${word}`)) return style.bold(line);
  return `${style.bold(name)}  ${TONES[status.kind](word, style)}${line.slice(name.length + word.length + 2)}`;
}

const TONES: Readonly<Record<OpenStatus["kind"], (text: string, style: Style) => string>> = {
  connecting: (text, style) => style.yellow(text),
  live: (text, style) => style.green(text),
  stale: (text, style) => style.red(text),
};

/** Running, pending, ended. */
const ORDER: readonly ((job: WatchedJob) => boolean)[] = [
  ({ task }) => task.status === "RUNNING",
  ({ task }) => task.status === "PENDING",
  ({ endedAt }) => endedAt !== null,
];
