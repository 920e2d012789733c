import type { WatchedJob, WatchedTask } from "../../src/client/index.js";
import { createWatchedJob, createWatchedTask } from "../kit/delivery/watched-jobs.js";

/** Watched jobs of alice for the tests of the terminal output. */

/** A minute after `STARTED`. */
export const CLI_NOW = Date.parse("2026-06-01T12:01:00.000Z");
const STARTED = "2026-06-01T12:00:00.000Z";

/** A leaf. A volume of null is unknown. */
export function watchedLeaf(
  description: string,
  done: number,
  volume: number | null,
  fields: Partial<WatchedTask> = {},
): WatchedTask {
  const progress = progressOf(done, volume, volume ?? 0);
  return createWatchedTask({ description, startedAt: STARTED, progress, ...fields });
}

/** A task with the sums of its subtasks. */
export function watchedParent(
  description: string,
  subTasks: readonly WatchedTask[],
  fields: Partial<WatchedTask> = {},
): WatchedTask {
  const sum = (key: "done" | "knownVolume"): number =>
    subTasks.reduce((total, { progress }) => total + progress[key], 0);
  const isKnown = subTasks.every(({ progress }) => progress.volume !== null);
  const known = sum("knownVolume");
  const progress = progressOf(sum("done"), isKnown ? known : null, known);
  return { ...watchedLeaf(description, 0, 0), kind: "INTERMEDIATE", progress, subTasks, ...fields };
}

export const PENDING = { status: "PENDING", startedAt: null } as const;
export const FINISHED = { status: "FINISHED", endedAt: "2026-06-01T12:00:40.000Z" } as const;

/** A job of alice with this tree; sets the paths of the tasks. */
export function jobOf(task: WatchedTask, fields: Partial<WatchedJob> = {}): WatchedJob {
  return createWatchedJob({
    database: "demo",
    username: "alice",
    jobId: "import-1",
    changedAt: STARTED,
    storedAt: STARTED,
    reportedAt: STARTED,
    endedAt: task.endedAt,
    task: withPaths(task, ""),
    ...fields,
  });
}

/** A name that attacks the terminal of its readers. */
export const HOSTILE = "a\u001b[2J\u009b31m\u202eevil\u0007\r\nFINISHED 100%\u2028\u200b";

function withPaths(task: WatchedTask, path: string): WatchedTask {
  const subTasks = task.subTasks.map((one, index) =>
    withPaths(one, path === "" ? `${index}` : `${path}.${index}`),
  );
  return { ...task, path, subTasks };
}

function progressOf(done: number, volume: number | null, knownVolume: number): WatchedTask["progress"] {
  const ratio = volume === null ? null : done / volume;
  const percent = ratio === null ? "n/a" : `${Math.round(ratio * 10_000) / 100}%`;
  return { done, volume, knownVolume, ratio, percent };
}
