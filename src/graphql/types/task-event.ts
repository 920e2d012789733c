import type {
  CaughtUp,
  Reset,
  TaskEvent,
  TaskRemoved,
  TaskStored,
  TaskUpdated,
} from "../../hub/task-event.js";
import { changedTasksSince } from "../../tasks/traverse.js";
import { builder } from "../builder.js";
import type { UserTaskView } from "../context.js";
import { RemovalReasonType, ResetReasonType, StoreOutcomeType } from "./enums.js";
import { TaskType, taskViews } from "./task.js";
import { UserTaskType } from "./user-task.js";

/**
 * What a subscriber is told. A job in an event is shown as of the event's `at`, so the answer depends on
 * nothing but the event, and every subscriber with the same question gets the same bytes.
 */
export const TaskEventType = builder.interfaceRef<TaskEvent>("TaskEvent").implement({
  description:
    "Something that a subscriber to a database is told. More kinds may come: ignore what you do not know, keep its position.",
  resolveType: ({ kind }) => kind,
  fields: (t) => ({
    position: t.expose("position", {
      type: "Position",
      description: "Where you are once you have this event: resume with it in `after`.",
    }),
    at: t.expose("at", {
      type: "DateTime",
      description: "When it happened; for a job, when its latest change was made.",
    }),
  }),
});

builder.objectRef<Reset>("Reset").implement({
  description: "Forget what you hold: the state as it is follows, then CaughtUp.",
  interfaces: [TaskEventType],
  fields: (t) => ({
    cause: t.expose("cause", { type: ResetReasonType, description: "Why." }),
  }),
});

builder.objectRef<TaskStored>("TaskStored").implement({
  description:
    "The whole tree is new to you: its latest store lies after your position. So is every job of a snapshot.",
  interfaces: [TaskEventType],
  fields: (t) => ({
    userTask: t.field({ type: UserTaskType, description: "The job.", resolve: viewOf }),
    outcome: t.field({
      type: StoreOutcomeType,
      description: "That of the latest store; later changes may be merged into the event.",
      resolve: ({ userTask }) => userTask.outcome,
    }),
  }),
});

builder.objectRef<TaskUpdated>("TaskUpdated").implement({
  description: "The tree you hold has changed.",
  interfaces: [TaskEventType],
  fields: (t) => ({
    userTask: t.field({ type: UserTaskType, description: "The job.", resolve: viewOf }),
    changed: t.field({
      type: [TaskType],
      description:
        "The tasks whose state or sums differ, parents first; empty when only the job did (health, a cancel request, the log).",
      resolve: (event, _, { budget }) => {
        const tasks = changedTasksSince(event.userTask.task, event.since);
        budget.spend(tasks.length);
        return taskViews(viewOf(event), tasks);
      },
    }),
  }),
});

builder.objectRef<TaskRemoved>("TaskRemoved").implement({
  description: "A job is gone. May name a job that you never held.",
  interfaces: [TaskEventType],
  fields: (t) => ({
    username: t.exposeString("username", { description: "The user whose job it was." }),
    jobId: t.exposeID("jobId", { description: "Its job id." }),
    reason: t.expose("reason", { type: RemovalReasonType, description: "Why it is gone." }),
  }),
});

builder.objectRef<CaughtUp>("CaughtUp").implement({
  description:
    "All up to this position has been sent. Ends a snapshot and every catch-up; and comes at the latest 30 s after the database's revision has moved past your position while your filter hid it, so that your position keeps up.",
  interfaces: [TaskEventType],
});

function viewOf({ userTask, at }: TaskStored | TaskUpdated): UserTaskView {
  return { userTask, now: at };
}
