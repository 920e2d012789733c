/** One line for a task: its position in the tree, its name, its bar, and as many facts as fit. */
import type { WatchedProgress, WatchedTaskStatus } from "../../client/index.js";
import { bar } from "./bar.js";
import { inStatusColor, STATUS_SIGNS, type Style } from "./style.js";
import { truncate, padToWidth, widthOf } from "./width.js";

export interface TaskLine {
  readonly kind: "task";
  readonly status: WatchedTaskStatus;
  /** The tree lines to its left. */
  readonly guide: string;
  readonly name: string;
  readonly progress: WatchedProgress;
  /** The most important first. Facts that do not fit are left out. */
  readonly facts: readonly Fact[];
  /** The worker's latest message, cut if it does not fit. */
  readonly message: string;
}

/** Stands for hidden tasks. */
export interface HiddenTasksLine {
  readonly kind: "more";
  readonly guide: string;
  readonly text: string;
}

export type TreeLine = TaskLine | HiddenTasksLine;

export interface Fact {
  readonly text: string;
  /** A shorter form for narrow terminals. */
  readonly brief?: string;
  /** Cut rather than left out. */
  readonly isWarning?: boolean;
}

/** Aligns rows below each other, none wider than `columns`. */
export function renderLines(rows: readonly TreeLine[], columns: number, style: Style): string[] {
  const layout = layoutOf(rows, columns);
  return rows.map((row) =>
    row.kind === "task" ? taskLine(row, layout, style) : style.dim(truncate(row.guide + row.text, columns)),
  );
}

interface Layout {
  readonly columns: number;
  /** The width of guide, sign and name together. */
  readonly nameWidth: number;
  /** The width between the brackets; 0 for no bar. */
  readonly barWidth: number;
  readonly percentWidth: number;
}

/** Names get at most three fifths of the width that the bars leave. */
function layoutOf(rows: readonly TreeLine[], columns: number): Layout {
  const barWidth = columns >= 100 ? 20 : columns >= 60 ? 10 : 0;
  const percentWidth = columns >= 20 ? "100.00%".length : 0;
  const free = columns - (barWidth ? barWidth + 4 : 0) - (percentWidth ? percentWidth + 1 : 0);
  const longest = Math.max(0, ...rows.map((row) => (row.kind === "task" ? widthOf(nameOf(row)) : 0)));
  const nameWidth = Math.min(longest, percentWidth ? Math.floor(free * 0.6) : columns);
  return { columns, nameWidth, barWidth, percentWidth };
}

function taskLine(
  row: TaskLine,
  { columns, nameWidth, barWidth, percentWidth }: Layout,
  style: Style,
): string {
  const { status, guide, progress } = row;
  const label = padToWidth(nameOf(row), nameWidth);
  const signAt = guide.length; // each character of a guide takes one column
  const drawn = barWidth > 0 ? `  ${bar(progress, barWidth)}` : "";
  const percent = percentWidth > 0 ? ` ${progress.percent.padStart(percentWidth)}` : "";
  const used = nameWidth + drawn.length + percent.length;
  return (
    style.dim(label.slice(0, signAt)) +
    inStatusColor(status, label.slice(signAt, signAt + 1), style) +
    label.slice(signAt + 1) +
    inStatusColor(status, drawn, style) +
    percent +
    tailOf(row, columns - used, style)
  ).trimEnd();
}

function nameOf({ guide, status, name }: TaskLine): string {
  return `${guide}${STATUS_SIGNS[status]} ${name}`;
}

/** The facts that fit, then as much of the message as fits. */
function tailOf({ facts, message }: TaskLine, columns: number, style: Style): string {
  let tail = "";
  let left = columns;
  for (const fact of facts) {
    const text = fittingText(fact, left - GAP.length);
    if (text === "") continue;
    tail += GAP + (fact.isWarning ? style.yellow(text) : text);
    left -= GAP.length + widthOf(text);
  }
  if (message === "" || left < MESSAGE_WIDTH_MIN) return tail;
  return tail + GAP + style.dim(truncate(message, left - GAP.length));
}

function fittingText({ text, brief = text, isWarning }: Fact, columns: number): string {
  const fitting = [text, brief].find((one) => widthOf(one) <= columns);
  return fitting ?? (isWarning ? truncate(brief, columns) : "");
}

const GAP = "  ";
/** A shorter part of a message is not worth showing. */
const MESSAGE_WIDTH_MIN = 12;
