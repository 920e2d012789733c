/** Events as the server tells them, of jobs of the user `u` whose tasks are at the paths given. */
import type { MirroredJobFragment, MirroredTaskFragment } from "../../src/client/generated/graphql.js";
import type { ToldEvent } from "../../src/client/watch-mirror.js";

const POSITION = "epochOfTests.1";
const INSTANT = "2024-06-01T00:00:00.000Z";

export function stored(jobId: string, ...paths: readonly string[]): ToldEvent {
  const userTask = { ...job(jobId), tasks: paths.map(task) };
  return { kind: "TaskStored", position: POSITION, at: INSTANT, userTask };
}

export function updated(jobId: string, ...paths: readonly string[]): ToldEvent {
  return {
    kind: "TaskUpdated",
    position: POSITION,
    at: INSTANT,
    userTask: job(jobId),
    changed: paths.map(task),
  };
}

export function removed(jobId: string): ToldEvent {
  return { kind: "TaskRemoved", position: POSITION, username: "u", jobId, reason: "REMOVED" };
}

function job(jobId: string): MirroredJobFragment {
  return {
    id: jobId,
    database: "d",
    username: "u",
    jobId,
    attempt: 1,
    version: 1,
    storedAt: INSTANT,
    reportedAt: INSTANT,
    endedAt: null,
    expiresAt: null,
    health: "OK",
    memory: null,
    eta: null,
    cancelRequest: null,
  };
}

function task(path: string): MirroredTaskFragment {
  return {
    path,
    description: path,
    kind: "INTERMEDIATE",
    status: "PENDING",
    message: null,
    startedAt: null,
    endedAt: null,
    currentIteration: null,
    maxIterations: null,
    maxConcurrency: null,
    rate: null,
    progress: { done: 0, volume: null, knownVolume: 0, percent: "n/a" },
  };
}
