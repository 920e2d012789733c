/** Short texts about a job for the list and the page; `–` stands for an unknown value. */
import type { WatchedJob, WatchedTask } from "../../client/index.js";
import { agoText, durationText, timeLeftText } from "../../format/durations.js";
import { exactInstant } from "../../format/instants.js";
import { rateText } from "../../format/numbers.js";
import { elapsedMs, treeRate } from "./job-facts.js";

export const NOTHING = "–";

/** The rate of a job or of one of its tasks. It is unknown while the worker is silent. */
export function treeRateText({ health, task: root }: WatchedJob, task = root): string {
  const rate = health === "OK" ? treeRate(task) : null;
  return rate === null ? NOTHING : rateText(rate);
}

export function etaText({ eta }: WatchedJob, now: number): string {
  return eta ? timeLeftText(eta, now) : NOTHING;
}

export function etaTitle({ eta, changedAt }: WatchedJob): string | undefined {
  if (!eta) return undefined;
  const [earliest, likely, latest] = [eta.earliest, eta.likely, eta.latest].map(exactInstant);
  return `Likely ${likely}; hardly before ${earliest}, hardly after ${latest}. As of ${exactInstant(changedAt)}.`;
}

export function elapsedText(job: WatchedJob, now: number, task?: WatchedTask): string {
  const ms = elapsedMs(job, now, task);
  return ms === null ? NOTHING : durationText(ms);
}

/** The age of the latest report. */
export function reportAgeText({ reportedAt }: WatchedJob, now: number): string {
  return agoText(now - Date.parse(reportedAt));
}
