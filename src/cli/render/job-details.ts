/** The output of `tidemark show`: everything the server knows about one job. */
import type { WatchedJob } from "../../client/index.js";
import { watchedTaskAt } from "../../client/watch/watched-tree.js";
import { agoText, timeLeftText } from "../../format/durations.js";
import { bytesText } from "../../format/numbers.js";
import { doneText } from "../../format/progress.js";
import { sanitizeForTerminal } from "./sanitize.js";
import { allTaskLines, jobLine, reasonOf, userAndJob } from "./job-lines.js";
import { renderLines } from "./tree-lines.js";
import { inStatusColor, type Style } from "./style.js";

/** A line of a job's log. The server sends logs only on request. */
export interface ShownLogLine {
  readonly at: string;
  readonly level: string;
  /** The path of the task that it is about; empty for the root. */
  readonly path: string;
  readonly message: string;
}

/**
 * The tree is cut to the terminal's width; reasons and the log are not.
 * @param log oldest first
 */
export function jobDetails(
  job: WatchedJob,
  log: readonly ShownLogLine[],
  now: number,
  { columns, style }: { readonly columns: number; readonly style: Style },
): string[] {
  const rows = [
    { ...jobLine(job, now), name: sanitizeForTerminal(job.task.description) },
    ...allTaskLines(job, now),
  ];
  return [
    style.bold(`${userAndJob(job)} in ${sanitizeForTerminal(job.database)}`),
    ...facts(job, now, style).map(([name, text]) => `  ${style.dim(name.padEnd(NAME_WIDTH))}${text}`),
    "",
    ...renderLines(rows, columns, style),
    ...(log.length > 0 ? ["", style.dim("Log"), ...log.map((line) => logLine(line, job))] : []),
  ];
}

const NAME_WIDTH = 10;

function facts(job: WatchedJob, now: number, style: Style): [string, string][] {
  const { task, attempt, health, eta, cancelRequest, memory, expiresAt } = job;
  const reason = reasonOf(task);
  const ago = (at: string): string => `${at} (${agoText(now - Date.parse(at))})`;
  const known: [string, string][] = [
    ["Status", `${inStatusColor(task.status, task.status, style)}, attempt ${attempt}`],
    ["Done", doneText(task.progress)],
  ];
  if (reason) known.push([task.status === "FAILED" ? "Reason" : "Message", sanitizeForTerminal(reason)]);
  if (health !== "OK") known.push(["Health", health]);
  if (cancelRequest) known.push(["Cancel", cancelText(cancelRequest)]);
  known.push(["Stored", ago(job.storedAt)], ["Reported", ago(job.reportedAt)]);
  if (job.endedAt) known.push(["Ended", ago(job.endedAt)]);
  if (eta) known.push(["Left", `${timeLeftText(eta, now)} (${eta.earliest} to ${eta.latest})`]);
  if (memory) known.push(["Memory", `${bytesText(memory.minBytes)} to ${bytesText(memory.maxBytes)}`]);
  if (expiresAt) known.push(["Expires", expiresAt]);
  return known;
}

function cancelText({ at, by, reason }: NonNullable<WatchedJob["cancelRequest"]>): string {
  return `requested by ${sanitizeForTerminal(by)} at ${at}${reason ? `: ${sanitizeForTerminal(reason)}` : ""}`;
}

function logLine({ at, level, path, message }: ShownLogLine, { task }: WatchedJob): string {
  const name = path === "" ? "" : `${sanitizeForTerminal(watchedTaskAt(task, path)?.description ?? path)}: `;
  return `  ${at}  ${level.padEnd(7)}  ${name}${sanitizeForTerminal(message)}`;
}
