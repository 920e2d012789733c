/** Events as the server tells them, of jobs of the user `u` whose tasks are at the paths given. */
import type { MirroredJobFragment, MirroredTaskFragment } from "../../src/client/generated/graphql.js";
import type { ToldEvent } from "../../src/client/watch-mirror.js";
import { aJob, aTask } from "../kit/watched-jobs.js";

const POSITION = "epochOfTests.1";
const INSTANT = "2024-06-01T00:00:00.000Z";

export function stored(jobId: string, ...paths: readonly string[]): ToldEvent {
  const userTask = { ...job(jobId), tasks: paths.map(task) };
  return { kind: "TaskStored", position: POSITION, at: INSTANT, userTask };
}

export function updated(jobId: string, ...paths: readonly string[]): ToldEvent {
  const [userTask, changed] = [job(jobId), paths.map(task)];
  return { kind: "TaskUpdated", position: POSITION, at: INSTANT, userTask, changed };
}

export function removed(jobId: string): ToldEvent {
  return { kind: "TaskRemoved", position: POSITION, username: "u", jobId, reason: "REMOVED" };
}

function job(jobId: string): MirroredJobFragment {
  const { task: _, changedAt, ...fields } = aJob({ id: jobId, jobId });
  return fields;
}

function task(path: string): MirroredTaskFragment {
  const { subTasks, ...fields } = aTask({ path, description: path });
  return fields;
}
