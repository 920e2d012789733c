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
import { traits } from "../field-traits.js";
import { RemovalReasonType, ResetReasonType, StoreOutcomeType } from "./enums.js";
import { TaskType, taskViews } from "./task.js";
import { UserTaskType } from "./user-task.js";

/**
 * The events of a subscription. A job in an event is shown as of the event's `at`, so a result depends only on
 * the event, and all subscribers with the same selection receive the same bytes.
 */
export const TaskEventType = builder.interfaceRef<TaskEvent>("TaskEvent").implement({
  description:
    "An event of a subscription to a database. More types may be added: ignore the ones you do not know, but keep their position.",
  resolveType: ({ kind }) => kind,
  fields: (t) => ({
    position: t.expose("position", {
      type: "Position",
      description: "Your position once you have this event; pass it as `after` to resume.",
    }),
    at: t.expose("at", {
      type: "DateTime",
      description: "When the event happened; for an event about a job, the time of the job's latest change.",
    }),
  }),
});

builder.objectRef<Reset>("Reset").implement({
  description: "Discard all jobs that you have received: the current state follows, then CaughtUp.",
  interfaces: [TaskEventType],
  fields: (t) => ({
    cause: t.expose("cause", { type: ResetReasonType, description: "The reason." }),
  }),
});

builder.objectRef<TaskStored>("TaskStored").implement({
  description:
    "A whole tree that is new to you: it was stored after your position. A snapshot sends every job this way.",
  interfaces: [TaskEventType],
  fields: (t) => ({
    userTask: t.field({ type: UserTaskType, description: "The job.", resolve: viewOf }),
    outcome: t.field({
      type: StoreOutcomeType,
      description: "The outcome of the latest store. Later changes may be merged into the event.",
      resolve: ({ userTask }) => userTask.outcome,
    }),
  }),
});

builder.objectRef<TaskUpdated>("TaskUpdated").implement({
  description: "A job that you have received has changed.",
  interfaces: [TaskEventType],
  fields: (t) => ({
    userTask: t.field({ type: UserTaskType, description: "The job.", resolve: viewOf }),
    changed: t.field({
      type: [TaskType],
      description:
        "The tasks whose state or sums changed, parents first; empty if only the job changed (health, cancel request, log).",
      ...traits({ answerSize: (below) => below.ofTree() }),
      resolve: (event) => taskViews(viewOf(event), changedTasksSince(event.userTask.task, event.since)),
    }),
  }),
});

builder.objectRef<TaskRemoved>("TaskRemoved").implement({
  description: "A job was removed. You may not have received it before.",
  interfaces: [TaskEventType],
  fields: (t) => ({
    username: t.exposeString("username", { description: "The owner of the job." }),
    jobId: t.exposeID("jobId", { description: "The job id." }),
    reason: t.expose("reason", { type: RemovalReasonType, description: "Why it was removed." }),
  }),
});

builder.objectRef<CaughtUp>("CaughtUp").implement({
  description:
    "You have received everything up to this position. It ends each snapshot and each resume. If your filter hides changes, it is also sent within 30 s of them, so that your position keeps up.",
  interfaces: [TaskEventType],
});

function viewOf({ userTask, at }: TaskStored | TaskUpdated): UserTaskView {
  return { userTask, now: at };
}
