/** The output of `tidemark list`: one line per job. */
import type { WatchedJob } from "../../client/index.js";
import { displayStatusOf } from "../../format/display-status.js";
import { durationText, timeLeftText } from "../../format/durations.js";
import { progressText } from "../../format/progress.js";
import { sanitizeForTerminal } from "./sanitize.js";
import { inStatusColor, type Style } from "./style.js";
import { padToWidth, widthOf } from "./width.js";

/** A heading and one line per job. Columns that do not fit are left out. */
export function jobTable(jobs: readonly WatchedJob[], now: number, columns: number, style: Style): string[] {
  const fitting = fittingColumns(jobs, now, columns);
  const heading = style.dim(
    fitting
      .map(({ title, width }) => padToWidth(title, width))
      .join(GAP)
      .trimEnd(),
  );
  return [heading, ...jobs.map((job) => lineOf(job, fitting, now, style))];
}

function lineOf(job: WatchedJob, fitting: readonly FittingColumn[], now: number, style: Style): string {
  const cells = fitting.map(({ title, text, width }) => {
    const cell = padToWidth(text(job, now), width);
    return title === "STATUS" ? inStatusColor(displayStatusOf(job), cell, style) : cell;
  });
  return cells.join(GAP).trimEnd();
}

interface Column {
  readonly title: string;
  readonly text: (job: WatchedJob, now: number) => string;
  /** The column with the highest rank is left out first. */
  readonly rank: number;
}

interface FittingColumn extends Column {
  readonly width: number;
}

const COLUMNS: readonly Column[] = [
  { title: "USER", text: ({ username }) => sanitizeForTerminal(username), rank: 2 },
  { title: "JOB", text: ({ jobId }) => sanitizeForTerminal(jobId), rank: 0 },
  { title: "STATUS", text: statusText, rank: 1 },
  { title: "DONE", text: ({ task }) => task.progress.percent, rank: 3 },
  { title: "COUNT", text: ({ task }) => progressText(task.progress), rank: 6 },
  { title: "AGE", text: ({ storedAt }, now) => durationText(now - Date.parse(storedAt)), rank: 5 },
  { title: "LEFT", text: ({ eta }, now) => (eta ? timeLeftText(eta, now) : ""), rank: 7 },
  { title: "DESCRIPTION", text: ({ task }) => sanitizeForTerminal(task.description), rank: 4 },
];
const GAP = "  ";
/** The largest share of the terminal that a name may take. */
const NAME_SHARE = 0.4;

/** Picks columns by rank until the terminal is full, each as wide as its widest cell; keeps the display order. */
function fittingColumns(jobs: readonly WatchedJob[], now: number, columns: number): FittingColumn[] {
  const fitting = new Map<Column, number>();
  let left = columns;
  for (const column of COLUMNS.toSorted((one, other) => one.rank - other.rank)) {
    const wanted = jobs.reduce(
      (widest, job) => Math.max(widest, widthOf(column.text(job, now))),
      column.title.length,
    );
    const width = Math.min(wanted, isName(column) ? Math.floor(columns * NAME_SHARE) : wanted);
    const taken = width + (fitting.size > 0 ? GAP.length : 0);
    if (taken > left) continue;
    fitting.set(column, width);
    left -= taken;
  }
  return COLUMNS.flatMap((column) => {
    const width = fitting.get(column);
    return width === undefined ? [] : [{ ...column, width }];
  });
}

function isName({ title }: Column): boolean {
  return title === "USER" || title === "JOB" || title === "DESCRIPTION";
}

/** "RUNNING", "SILENT", "RUNNING, cancel requested". */
function statusText(job: WatchedJob): string {
  const isCancelRequested = job.cancelRequest !== null && job.endedAt === null;
  return [displayStatusOf(job), ...(isCancelRequested ? ["cancel requested"] : [])].join(", ");
}
