import type { ErrorCode } from "../../protocol/error-codes.js";
import type { JobShare } from "../../auth/authenticator.js";
import { builder } from "../builder.js";
import type { UserTaskView } from "../context.js";
import { StoreOutcomeType } from "./enums.js";
import { UserTaskType } from "./user-task.js";

/** The result of a mutation of one job. */
export interface JobPayload {
  readonly userTask: UserTaskView;
}

/** One result of `updateTasks`; both fields are null if tracking is off. */
export interface UpdateTaskResult {
  readonly userTask: UserTaskView | null;
  readonly error: UpdateError | null;
}

export interface UpdateError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly limit: string | null;
}

export const StoreTaskPayloadType = builder.objectRef<JobPayload>("StoreTaskPayload").implement({
  description: "The result of storeTask.",
  fields: (t) => ({
    userTask: t.expose("userTask", { type: UserTaskType, description: "The job that was stored." }),
    outcome: t.field({
      type: StoreOutcomeType,
      description: "Whether the job is new or replaced an earlier attempt.",
      resolve: ({ userTask: { userTask } }) => userTask.outcome,
    }),
  }),
});

export const UpdateTaskPayloadType = builder.objectRef<JobPayload>("UpdateTaskPayload").implement({
  description: "The result of updateTask.",
  fields: (t) => ({
    userTask: t.expose("userTask", { type: UserTaskType, description: "The job after the report." }),
  }),
});

export const AddTasksPayloadType = builder.objectRef<JobPayload>("AddTasksPayload").implement({
  description: "The result of addTasks.",
  fields: (t) => ({
    userTask: t.expose("userTask", { type: UserTaskType, description: "The job with the new tasks." }),
  }),
});

export const RequestCancelPayloadType = builder.objectRef<JobPayload>("RequestCancelPayload").implement({
  description: "The result of requestCancel.",
  fields: (t) => ({
    userTask: t.expose("userTask", { type: UserTaskType, description: "The job with the cancel request." }),
  }),
});

const UpdateErrorType = builder.objectRef<UpdateError>("UpdateError").implement({
  description: "Why an input of updateTasks was rejected.",
  fields: (t) => ({
    code: t.exposeString("code", {
      description: "For programs: one of the codes in `extensions.code` of errors.",
    }),
    message: t.exposeString("message", { description: "For people: what is wrong, and what to do." }),
    limit: t.exposeString("limit", {
      nullable: true,
      description:
        "The limit that the input exceeds, as in `extensions.limit` of errors; null for other errors.",
    }),
  }),
});

export const UpdateTaskResultType = builder.objectRef<UpdateTaskResult>("UpdateTaskResult").implement({
  description:
    "The result of one input of updateTasks. The report was applied if `error` is null, and was not applied otherwise. (An UNAVAILABLE may say that the outcome is unknown.)",
  fields: (t) => ({
    userTask: t.expose("userTask", {
      type: UserTaskType,
      nullable: true,
      description:
        "The job after the report; null if the report was rejected, if tracking is off, or if a defect prevents the result: then an error has `extensions.applied`.",
    }),
    error: t.expose("error", {
      type: UpdateErrorType,
      nullable: true,
      description: "Why the report was rejected and not applied; null if it was accepted.",
    }),
  }),
});

export const RemoveTaskPayloadType = builder
  .objectRef<{ readonly userTask: UserTaskView | null }>("RemoveTaskPayload")
  .implement({
    description: "The result of removeTask.",
    fields: (t) => ({
      userTask: t.expose("userTask", {
        type: UserTaskType,
        nullable: true,
        description: "The job before its removal; null if it did not exist.",
      }),
    }),
  });

export const ShareJobPayloadType = builder
  .objectRef<JobShare & { readonly url: string }>("ShareJobPayload")
  .implement({
    description: "The result of shareJob.",
    fields: (t) => ({
      url: t.exposeString("url", {
        description:
          'The link to the job\'s page. Its fragment has the token. For example "https://tools.example/?database=neo4j&owner=alice&job=pagerank#token=tm_…".',
      }),
      token: t.exposeString("token", {
        description:
          "The token, which permits reading this job and nothing else; empty on a server without authentication.",
      }),
      expiresAt: t.expose("expiresAt", {
        type: "DateTime",
        description:
          "When the link ends; the last instant of the year 9999 on a server without authentication.",
      }),
    }),
  });

export const PurgeDatabasePayloadType = builder
  .objectRef<{ readonly removed: number }>("PurgeDatabasePayload")
  .implement({
    description: "The result of purgeDatabase.",
    fields: (t) => ({ removed: t.exposeInt("removed", { description: "The number of removed jobs." }) }),
  });

export const DeleteDatabasePayloadType = builder
  .objectRef<{ readonly deleted: boolean }>("DeleteDatabasePayload")
  .implement({
    description: "The result of deleteDatabase.",
    fields: (t) => ({
      deleted: t.exposeBoolean("deleted", { description: "Whether the database existed." }),
    }),
  });
