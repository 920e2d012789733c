/** What a list says of a job, in few characters; `–` where there is nothing to say. */
import type { WatchedJob, WatchedProgress, WatchedTask } from "../../client/index.js";
import { agoText, durationText, rangeText } from "../format/durations.js";
import { exactInstant } from "../format/instants.js";
import { exactCount, rateText, shortCount } from "../format/numbers.js";
import { elapsedMs, treeRate } from "./job-facts.js";

export const NOTHING = "–";

/** What there is to do: `1,500`; `1,500+` where more is to come that nobody knows yet; `?`. */
export function volumeText({ done, volume, knownVolume }: WatchedProgress, count = shortCount): string {
  if (volume !== null) return count(volume);
  return knownVolume > done ? `${count(knownVolume)}+` : "?";
}

/** The same with all digits, in words. */
export function doneTitle(progress: WatchedProgress): string {
  const { done, volume, knownVolume } = progress;
  if (volume !== null) return `${exactCount(done)} of ${exactCount(volume)}`;
  return `${exactCount(done)} of a volume that is not known yet, of which ${exactCount(knownVolume)} is`;
}

/** Of a job, or of a task of it; how fast one is that is not heard of, nobody knows. */
export function treeRateText({ health, task: root }: WatchedJob, task = root): string {
  const rate = health === "OK" ? treeRate(task) : null;
  return rate === null ? NOTHING : rateText(rate);
}

/** When it may end, from `now`: a range, as the server gave it. */
export function etaText({ eta }: WatchedJob, now: number): string {
  if (!eta) return NOTHING;
  const [earliest, latest] = [Date.parse(eta.earliest), Date.parse(eta.latest)];
  return latest <= now ? "overdue" : rangeText(earliest - now, latest - now);
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

/** When the worker was heard of last. */
export function heardText({ reportedAt }: WatchedJob, now: number): string {
  return agoText(Math.max(0, now - Date.parse(reportedAt)));
}
