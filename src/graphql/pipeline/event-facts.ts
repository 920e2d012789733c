import type { TaskEvent } from "../../hub/task-event.js";
import { formatPosition } from "../../protocol/position.js";
import type { ErrorExtensions } from "../../protocol/tidemark-error.js";
import { hasEnded } from "../../tasks/task-status.js";
import type { UserTask } from "../../tasks/user-task.js";

/**
 * The facts about an event that could not be rendered, sent as `extensions` of its errors: the position to resume from,
 * the job, and the end of the job, which no later event may repeat.
 */
export type EventFacts = Pick<ErrorExtensions, "position" | "job" | "ended">;

/** @param event of any subscription. */
export function factsOf(event: unknown): EventFacts {
  return {
    ...(isTaskEvent(event) && { position: formatPosition(event.position) }),
    ...jobFacts(jobOf(event)),
  };
}

/** Only the events of a database have a position. */
export function isTaskEvent(event: unknown): event is TaskEvent {
  return typeof event === "object" && event !== null && "position" in event;
}

function jobFacts(userTask: UserTask | undefined): EventFacts {
  if (!userTask) return {};
  const { username, jobId, attempt, task } = userTask;
  const ended = hasEnded(task.status) && { ended: { username, jobId, attempt, status: task.status } };
  return { job: { username, jobId }, ...ended };
}

/** The job of a TaskStored or TaskUpdated, or of the subscription `task`. */
function jobOf(event: unknown): UserTask | undefined {
  if (typeof event !== "object" || event === null) return undefined;
  const { userTask = event } = event as { readonly userTask?: unknown };
  return isUserTask(userTask) ? userTask : undefined;
}

function isUserTask(value: unknown): value is UserTask {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "userTask";
}
