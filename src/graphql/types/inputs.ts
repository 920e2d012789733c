import type { IterationsSpec, TaskSpec } from "../../tasks/task-spec.js";
import { SHARE_LIFE } from "../../protocol/share-life.js";
import { builder } from "../builder.js";
import {
  DATABASE_DESCRIPTION,
  JOB_ID_DESCRIPTION,
  OWN_USERNAME_DESCRIPTION,
  PATH_DESCRIPTION,
} from "../operations/job-arguments.js";
import { IterationModeType, LogLevelType, OnConflictType, TaskStatusType } from "./enums.js";

/** The inputs of mutations. Their fields are named as in the domain, so most values need no conversion. */
const TaskInputType = builder.inputRef<TaskSpec, false>("TaskInput");
const IterationsInputType = builder.inputRef<IterationsSpec, false>("IterationsInput");

TaskInputType.implement({
  description:
    "A task to create. A leaf has neither `subTasks` nor `iterations`; no task has both. Empty lists are rejected.",
  fields: (t) => ({
    description: t.string({
      required: true,
      description: 'What the task does, in a few words. For example "Compute degrees".',
    }),
    volume: t.field({
      type: "SafeInt",
      required: false,
      description: "The work of a leaf, in units of your choice; unknown if omitted. Leaves only.",
    }),
    subTasks: t.field({
      type: [TaskInputType],
      required: false,
      description: "The subtasks, in order.",
    }),
    iterations: t.field({
      type: IterationsInputType,
      required: false,
      description: "The tasks to repeat.",
    }),
    maxConcurrency: t.int({
      required: false,
      description:
        "The maximum number of threads or workers on this task, from 1. Tasks below inherit it unless they set their own.",
    }),
  }),
});

IterationsInputType.implement({
  description: "A task that repeats `tasks`. `max` is required for FIXED and DYNAMIC and rejected for OPEN.",
  fields: (t) => ({
    mode: t.field({
      type: IterationModeType,
      required: true,
      description: "Whether the number of iterations is exact, bounded or open.",
    }),
    max: t.int({
      required: false,
      description: "The number of iterations (FIXED) or their maximum (DYNAMIC), from 1.",
    }),
    tasks: t.field({
      type: [TaskInputType],
      required: true,
      description: "The tasks of one iteration, in order.",
    }),
  }),
});

const MemoryRangeInputType = builder.inputType("MemoryRangeInput", {
  description: "The estimated memory of a job.",
  fields: (t) => ({
    minBytes: t.field({ type: "SafeInt", required: true, description: "At least this many bytes." }),
    maxBytes: t.field({
      type: "SafeInt",
      required: true,
      description: "At most this many bytes; not below `minBytes`.",
    }),
  }),
});

export const StoreTaskInputType = builder.inputType("StoreTaskInput", {
  description:
    "A job to store. If a job with the same database, username and job id exists, its tree is overwritten as a new attempt. REJECT fails with ALREADY_EXISTS instead, unless that job has ended.",
  fields: (t) => ({
    database: t.string({ required: true, description: DATABASE_DESCRIPTION }),
    username: t.string({ description: OWN_USERNAME_DESCRIPTION }),
    jobId: t.id({ description: `${JOB_ID_DESCRIPTION} Defaults to a random UUID.` }),
    task: t.field({ type: TaskInputType, required: true, description: "The root of the tree." }),
    onConflict: t.field({
      type: OnConflictType,
      required: true,
      defaultValue: "OVERWRITE",
      description: "What to do if the job exists.",
    }),
    memory: t.field({ type: MemoryRangeInputType, description: "The estimated memory of the job." }),
    leaseSeconds: t.int({
      description:
        "Seconds without a report before the job is SILENT, 1 to 604800. Defaults to the server's setting.",
    }),
    requestId: t.id({
      description:
        'Makes retries safe: while the stored tree exists, a repeated store with this id returns the same answer and changes nothing. Also send jobId. For example "c3f1a9d2-store".',
    }),
  }),
});

const TaskUpdateInputType = builder.inputType("TaskUpdateInput", {
  description: `One change to one task of the tree. Omitted or null fields do not change; an empty message clears the old one. Within one input the server applies volume, then \`done\` or \`add\` (not both), then message, iteration and status. Inputs apply in order, all or none.

A path that does not exist fails with NOT_FOUND. \`done\`, \`add\` or \`volume\` on a task that is not a leaf fails with NOT_A_LEAF. Setting PENDING fails with ILLEGAL_TRANSITION. Otherwise, a change without effect (the current status, volume or message, \`add\` 0, \`done\` at or below the current value, an iteration that has begun) takes no revision and is never rejected, even after the end, so late and repeated reports are safe. Any other change to an ended task, or to a task below one, fails with ILLEGAL_TRANSITION.

RUNNING, FINISHED, FAILED, \`done\`, \`add\` and \`iteration\` also start the task and the tasks above it. Siblings may run in parallel. \`done\` may exceed \`volume\`; the ratio then stays 1. FINISHED completes a leaf: an unknown volume becomes what is done, and \`done\` rises to a known volume. On any other task, FINISHED finishes the running tasks below it and cancels the pending ones. FAILED and CANCELED also apply to the running tasks below; pending tasks and the tasks above do not change. \`message\` with FAILED is the reason. A cancel request does not block reports.`,
  fields: (t) => ({
    path: t.string({ required: true, defaultValue: "", description: PATH_DESCRIPTION }),
    status: t.field({
      type: TaskStatusType,
      description: "The new status; PENDING is rejected.",
    }),
    done: t.field({
      type: "SafeInt",
      description: "Total units done. It never decreases: a lower value is late and has no effect.",
    }),
    add: t.field({
      type: "SafeInt",
      description:
        "Additional units done, for several reporters on one leaf. A retry is safe with a requestId.",
    }),
    volume: t.field({
      type: "SafeInt",
      description: "The new volume of a leaf, once it is known or known more exactly.",
    }),
    message: t.string({
      description: 'The latest message about the task; empty clears it. For example "reading relationships".',
    }),
    iteration: t.int({
      description:
        "Iterative tasks only: the iteration that has begun, from 1. Repeating it has no effect; a value above `max` fails with BAD_USER_INPUT; an OPEN task grows to that iteration. In earlier iterations, running tasks become FINISHED and pending ones CANCELED. The tasks of the new iteration stay PENDING until they are reported. The tasks of iteration i are the children (i-1)*k to i*k-1, where k is the length of `tasks`.",
    }),
  }),
});

const LogInputType = builder.inputType("LogInput", {
  description: "A line for the job's log.",
  fields: (t) => ({
    level: t.field({
      type: LogLevelType,
      required: true,
      defaultValue: "INFO",
      description: "Its severity.",
    }),
    message: t.string({
      required: true,
      description: 'The text. For example "12 nodes without a label skipped".',
    }),
    path: t.string({ required: true, defaultValue: "", description: PATH_DESCRIPTION }),
  }),
});

export const UpdateTaskInputType = builder.inputType("UpdateTaskInput", {
  description:
    "A worker's report on its job. Every report renews the lease. A report with neither updates nor log lines is a heartbeat.",
  fields: (t) => ({
    ...jobFields(t),
    updates: t.field({ type: [TaskUpdateInputType], description: "Changes, applied in order, all or none." }),
    log: t.field({ type: [LogInputType], description: "Lines to append to the log, oldest first." }),
    requestId: t.id({ description: REQUEST_ID }),
  }),
});

export const AddTasksInputType = builder.inputType("AddTasksInput", {
  description: "Tasks to append below a task that has not ended and is neither a leaf nor iterative.",
  fields: (t) => ({
    ...jobFields(t),
    path: t.string({ required: true, defaultValue: "", description: PATH_DESCRIPTION }),
    tasks: t.field({
      type: [TaskInputType],
      required: true,
      description: "The new tasks, in order; at least one.",
    }),
    requestId: t.id({ description: REQUEST_ID }),
  }),
});

export const JobInputType = builder.inputType("JobInput", {
  description: "Identifies a job.",
  fields: jobFields,
});

export const RequestCancelInputType = builder.inputType("RequestCancelInput", {
  description: "Identifies the job to cancel, and gives the reason.",
  fields: (t) => ({
    ...jobFields(t),
    reason: t.string({
      description: 'The reason, for the worker and for watchers. For example "wrong parameters".',
    }),
  }),
});

export const ShareJobInputType = builder.inputType("ShareJobInput", {
  description: "Identifies the job to share, and says for how long.",
  fields: (t) => ({
    ...jobKeyFields(t),
    expiresInSeconds: t.int({
      description: `How long the link is valid, in seconds from now: ${SHARE_LIFE.minSeconds} to ${SHARE_LIFE.maxSeconds} (30 days). Defaults to ${SHARE_LIFE.defaultSeconds}, a day.`,
    }),
  }),
});

function jobKeyFields(t: InputFields) {
  return {
    database: t.string({ required: true, description: DATABASE_DESCRIPTION }),
    username: t.string({ description: OWN_USERNAME_DESCRIPTION }),
    jobId: t.id({ required: true, description: JOB_ID_DESCRIPTION }),
  };
}

function jobFields(t: InputFields) {
  return {
    ...jobKeyFields(t),
    attempt: t.int({
      description:
        "The attempt that the request is for. If the job has another attempt, the request fails with STALE_ATTEMPT. Defaults to the current attempt; workers should always send it.",
    }),
  };
}

type InputFields = PothosSchemaTypes.InputFieldBuilder<typeof builder.$inferSchemaTypes, "InputObject">;

const REQUEST_ID =
  'Makes retries safe: the server remembers the newest 64 ids of an attempt. It answers a repeated request and changes nothing. For example "c3f1a9d2-17".';
