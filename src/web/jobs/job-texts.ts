/** Short texts about a job for the list and the page; `–` stands for an unknown value. */
import type { WatchedJob, WatchedTask } from "../../client/index.js";
import { agoText, durationText, timeLeftText } from "../../format/durations.js";
import { taskElapsedMs, runningUntil, taskUntil } from "../../format/elapsed.js";
import { exactInstant } from "../../format/instants.js";
import { rateText } from "../../format/numbers.js";
import { treeRate } from "./job-facts.js";

export const NO_VALUE = "–";

/** The rate of a job or of one of its tasks; unknown while the worker is silent. */
export function treeRateText({ health, task: root }: WatchedJob, task = root): string {
  const rate = health === "OK" ? treeRate(task) : null;
  return rate === null ? NO_VALUE : rateText(rate);
}

export function etaText({ eta }: WatchedJob, now: number): string {
  return eta ? timeLeftText(eta, now) : NO_VALUE;
}

export function etaTitle({ eta, changedAt }: WatchedJob): string | undefined {
  if (!eta) return undefined;
  const [earliest, likely, latest] = [eta.earliest, eta.likely, eta.latest].map(exactInstant);
  return `Expected end: ${likely}, between ${earliest} and ${latest}. As of ${exactInstant(changedAt)}.`;
}

export function jobElapsedText(job: WatchedJob, now: number): string {
  return taskElapsedText(job, { task: job.task, parentEndedAt: null }, now);
}

/** @param placed a task of the job, and when its nearest ended ancestor ended, or null */
export function taskElapsedText(
  job: WatchedJob,
  { task, parentEndedAt }: { readonly task: WatchedTask; readonly parentEndedAt: string | null },
  now: number,
): string {
  const ms = taskElapsedMs(task, taskUntil({ endedAt: parentEndedAt }, runningUntil(job, now)));
  return ms === null ? NO_VALUE : durationText(ms);
}

/** The age of the latest report. */
export function reportAgeText({ reportedAt }: WatchedJob, now: number): string {
  return agoText(now - Date.parse(reportedAt));
}
