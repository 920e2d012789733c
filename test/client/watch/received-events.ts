/** Events as the server sends them, about jobs of the user `u` with tasks at the given paths. */
import type { MirroredJobFragment, MirroredTaskFragment } from "../../../src/client/generated/graphql.js";
import type { ReceivedEvent } from "../../../src/client/watch/watch-mirror.js";
import { createWatchedJob, createWatchedTask } from "../../kit/delivery/watched-jobs.js";

const POSITION = "epochOfTests.1";
const INSTANT = "2024-06-01T00:00:00.000Z";

export function storedEvent(jobId: string, ...paths: readonly string[]): ReceivedEvent {
  const userTask = { ...job(jobId), tasks: paths.map(task) };
  return { kind: "TaskStored", position: POSITION, at: INSTANT, userTask };
}

export function updatedEvent(jobId: string, ...paths: readonly string[]): ReceivedEvent {
  const [userTask, changed] = [job(jobId), paths.map(task)];
  return { kind: "TaskUpdated", position: POSITION, at: INSTANT, userTask, changed };
}

export function removedEvent(jobId: string): ReceivedEvent {
  return { kind: "TaskRemoved", position: POSITION, username: "u", jobId, reason: "REMOVED" };
}

function job(jobId: string): MirroredJobFragment {
  const { task: _, changedAt, ...fields } = createWatchedJob({ id: jobId, jobId });
  return fields;
}

function task(path: string): MirroredTaskFragment {
  const { subTasks, ...fields } = createWatchedTask({ path, description: path });
  return fields;
}
