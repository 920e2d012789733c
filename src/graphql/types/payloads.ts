import type { ErrorCode } from "../../protocol/error-codes.js";
import { builder } from "../builder.js";
import type { UserTaskView } from "../context.js";
import { StoreOutcomeType } from "./enums.js";
import { UserTaskType } from "./user-task.js";

/** What the mutations answer. */
export interface JobPayload {
  readonly userTask: UserTaskView;
}

/** One of the answers of `updateTasks`; both are null where nothing is tracked. */
export interface UpdateTaskResult {
  readonly userTask: UserTaskView | null;
  readonly error: UpdateError | null;
}

export interface UpdateError {
  readonly code: ErrorCode;
  readonly message: string;
}

export const StoreTaskPayloadType = builder.objectRef<JobPayload>("StoreTaskPayload").implement({
  description: "The answer of storeTask.",
  fields: (t) => ({
    userTask: t.expose("userTask", { type: UserTaskType, description: "The job that was stored." }),
    outcome: t.field({
      type: StoreOutcomeType,
      description: "Whether it is new, or has replaced an earlier attempt.",
      resolve: ({ userTask: { userTask } }) => userTask.outcome,
    }),
  }),
});

export const UpdateTaskPayloadType = builder.objectRef<JobPayload>("UpdateTaskPayload").implement({
  description: "The answer of updateTask.",
  fields: (t) => ({
    userTask: t.expose("userTask", { type: UserTaskType, description: "The job after the report." }),
  }),
});

export const AddTasksPayloadType = builder.objectRef<JobPayload>("AddTasksPayload").implement({
  description: "The answer of addTasks.",
  fields: (t) => ({
    userTask: t.expose("userTask", { type: UserTaskType, description: "The job with the new tasks." }),
  }),
});

export const RequestCancelPayloadType = builder.objectRef<JobPayload>("RequestCancelPayload").implement({
  description: "The answer of requestCancel.",
  fields: (t) => ({
    userTask: t.expose("userTask", { type: UserTaskType, description: "The job with the request on it." }),
  }),
});

const UpdateErrorType = builder.objectRef<UpdateError>("UpdateError").implement({
  description: "Why one input of updateTasks was refused.",
  fields: (t) => ({
    code: t.exposeString("code", {
      description: "For programs: a code as in `extensions.code` of an error.",
    }),
    message: t.exposeString("message", { description: "For people: what was wrong, and what to do." }),
  }),
});

export const UpdateTaskResultType = builder.objectRef<UpdateTaskResult>("UpdateTaskResult").implement({
  description: "The answer to one input of updateTasks.",
  fields: (t) => ({
    userTask: t.expose("userTask", {
      type: UserTaskType,
      nullable: true,
      description: "The job after the report; null when it was refused.",
    }),
    error: t.expose("error", {
      type: UpdateErrorType,
      nullable: true,
      description: "Why it was refused; null when it was not.",
    }),
  }),
});

export const RemoveTaskPayloadType = builder
  .objectRef<{ readonly userTask: UserTaskView | null }>("RemoveTaskPayload")
  .implement({
    description: "The answer of removeTask.",
    fields: (t) => ({
      userTask: t.expose("userTask", {
        type: UserTaskType,
        nullable: true,
        description: "The job as it was; null when there was nothing: removing twice is no error.",
      }),
    }),
  });

export const PurgeDatabasePayloadType = builder
  .objectRef<{ readonly removed: number }>("PurgeDatabasePayload")
  .implement({
    description: "The answer of purgeDatabase.",
    fields: (t) => ({ removed: t.exposeInt("removed", { description: "How many jobs were removed." }) }),
  });
