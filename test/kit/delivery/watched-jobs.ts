/** Jobs as a watch holds them, with defaults for the fields that a test does not set. */
import type { WatchedJob, WatchedProgress, WatchedTask } from "../../../src/client/index.js";

export const WATCHED_NOW = Date.parse("2024-06-01T12:00:00.000Z");

export function secondsAgo(seconds: number): string {
  return new Date(WATCHED_NOW - seconds * 1_000).toISOString();
}

export function createWatchedTask(fields: Partial<WatchedTask> = {}): WatchedTask {
  return {
    path: "",
    description: "Import",
    kind: fields.subTasks ? "INTERMEDIATE" : "LEAF",
    status: "RUNNING",
    message: null,
    startedAt: secondsAgo(60),
    endedAt: null,
    currentIteration: null,
    maxIterations: null,
    maxConcurrency: null,
    rate: null,
    progress: progressOf(0, 10),
    subTasks: [],
    ...fields,
  };
}

export function createWatchedJob(fields: Partial<WatchedJob> = {}): WatchedJob {
  const { username = "u", jobId = "j" } = fields;
  return {
    id: `${username}/${jobId}`,
    database: "d",
    username,
    jobId,
    attempt: 1,
    version: 1,
    changedAt: secondsAgo(5),
    storedAt: secondsAgo(60),
    reportedAt: secondsAgo(5),
    endedAt: null,
    expiresAt: null,
    health: "OK",
    memory: null,
    eta: null,
    cancelRequest: null,
    task: createWatchedTask(),
    ...fields,
  };
}

export function progressOf(done: number, volume: number | null, knownVolume = volume ?? 0): WatchedProgress {
  const ratio = volume === null ? null : done / volume;
  return { done, volume, knownVolume, ratio, percent: ratio === null ? "n/a" : `${100 * ratio}%` };
}
