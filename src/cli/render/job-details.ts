/** What `tidemark show` prints: all that is known of one job. */
import type { WatchedJob } from "../../client/index.js";
import { taskAt } from "../../client/watched-tree.js";
import { harmless } from "./harmless.js";
import { allRows, jobRow, reasonOf, userAndJob } from "./job-rows.js";
import { bytes } from "./quantity.js";
import { linesOf } from "./row.js";
import { inStatus, type Style } from "./style.js";
import { elapsed, left } from "./time.js";

/** A line of a job's log, which is told only on request. */
export interface LogLine {
  readonly at: string;
  readonly level: string;
  /** Of the task that it is about. */
  readonly path: string;
  readonly message: string;
}

/**
 * The lines. The tree is as wide as the terminal; reasons and the log are whole.
 * @param log oldest first
 */
export function jobDetails(
  job: WatchedJob,
  log: readonly LogLine[],
  now: number,
  { columns, style }: { readonly columns: number; readonly style: Style },
): string[] {
  const rows = [{ ...jobRow(job, now), name: harmless(job.task.description) }, ...allRows(job.task, now)];
  return [
    style.bold(`${userAndJob(job)} in ${harmless(job.database)}`),
    ...facts(job, now, style).map(([name, text]) => `  ${style.dim(name.padEnd(NAME_WIDTH))}${text}`),
    "",
    ...linesOf(rows, columns, style),
    ...(log.length > 0 ? ["", style.dim("Log"), ...log.map((line) => logLine(line, job))] : []),
  ];
}

const NAME_WIDTH = 10;

function facts(job: WatchedJob, now: number, style: Style): [string, string][] {
  const { task, attempt, health, eta, cancelRequest, memory, expiresAt } = job;
  const reason = reasonOf(task);
  const ago = (at: string): string => `${at} (${elapsed(now - Date.parse(at))} ago)`;
  const known: [string, string][] = [
    ["Status", `${inStatus(task.status, task.status, style)}, attempt ${attempt}`],
  ];
  if (reason) known.push([task.status === "FAILED" ? "Reason" : "Message", harmless(reason)]);
  if (health !== "OK") known.push(["Health", health]);
  if (cancelRequest) known.push(["Cancel", cancelText(cancelRequest)]);
  known.push(["Stored", ago(job.storedAt)], ["Reported", ago(job.reportedAt)]);
  if (job.endedAt) known.push(["Ended", ago(job.endedAt)]);
  if (eta) known.push(["Left", `${left(eta, now)} (${eta.earliest} to ${eta.latest})`]);
  if (memory) known.push(["Memory", `${bytes(memory.minBytes)} to ${bytes(memory.maxBytes)}`]);
  if (expiresAt) known.push(["Expires", expiresAt]);
  return known;
}

function cancelText({ at, by, reason }: NonNullable<WatchedJob["cancelRequest"]>): string {
  return `asked by ${harmless(by)} at ${at}${reason ? `: ${harmless(reason)}` : ""}`;
}

function logLine({ at, level, path, message }: LogLine, { task }: WatchedJob): string {
  const name = path === "" ? "" : `${harmless(taskAt(task, path)?.description ?? path)}: `;
  return `  ${at}  ${level.padEnd(7)}  ${name}${harmless(message)}`;
}
