import type { IterationsSpec, TaskSpec } from "../../tasks/task-spec.js";
import { builder } from "../builder.js";
import {
  DATABASE_DESCRIPTION,
  JOB_ID_DESCRIPTION,
  OWN_USERNAME_DESCRIPTION,
  PATH_DESCRIPTION,
} from "../operations/job-arguments.js";
import { IterationModeType, LogLevelType, OnConflictType, TaskStatusType } from "./enums.js";

/** What the mutations take. The words are those of the domain, so most values go on as they come. */
const TaskInputType = builder.inputRef<TaskSpec, false>("TaskInput");
const IterationsInputType = builder.inputRef<IterationsSpec, false>("IterationsInput");

TaskInputType.implement({
  description:
    "What a task will be. A leaf has neither subTasks nor iterations; nothing has both. An empty list is refused.",
  fields: (t) => ({
    description: t.string({
      required: true,
      description: 'What the task does, in a few words. For example "Compute degrees".',
    }),
    volume: t.field({
      type: "SafeInt",
      required: false,
      description: "A leaf's work, in units of your own; unknown when left out. Leaves only.",
    }),
    subTasks: t.field({
      type: [TaskInputType],
      required: false,
      description: "The tasks that it is made of, in order.",
    }),
    iterations: t.field({
      type: IterationsInputType,
      required: false,
      description: "The tasks that it repeats.",
    }),
    maxConcurrency: t.int({
      required: false,
      description:
        "How many threads or workers may work on it, from 1; holds also for tasks below that say nothing else.",
    }),
  }),
});

IterationsInputType.implement({
  description: "A task that repeats `tasks`. `max` is needed for FIXED and DYNAMIC and refused for OPEN.",
  fields: (t) => ({
    mode: t.field({
      type: IterationModeType,
      required: true,
      description: "What is known beforehand of the number of iterations.",
    }),
    max: t.int({ required: false, description: "The number of iterations, or the bound of it; from 1." }),
    tasks: t.field({
      type: [TaskInputType],
      required: true,
      description: "The tasks of one iteration, in order.",
    }),
  }),
});

const MemoryRangeInputType = builder.inputType("MemoryRangeInput", {
  description: "The memory that a job is estimated to need.",
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
    "A job to store. Same database, username and job id: the stored tree is overwritten, by design. REJECT refuses instead with ALREADY_EXISTS, unless that job has ended.",
  fields: (t) => ({
    database: t.string({ required: true, description: DATABASE_DESCRIPTION }),
    username: t.string({ description: OWN_USERNAME_DESCRIPTION }),
    jobId: t.id({ description: `${JOB_ID_DESCRIPTION} A new random UUID when left out.` }),
    task: t.field({ type: TaskInputType, required: true, description: "The root of the tree." }),
    onConflict: t.field({
      type: OnConflictType,
      required: true,
      defaultValue: "OVERWRITE",
      description: "What to do where the job is there already.",
    }),
    memory: t.field({ type: MemoryRangeInputType, description: "The memory that it is estimated to need." }),
    leaseSeconds: t.int({
      description:
        "Seconds without a report after which the job is SILENT, 1 to 604800; the server's default when left out.",
    }),
    requestId: t.id({
      description:
        'The same one again, while the tree it stored is there, gives the same answer and changes nothing. Send the jobId with it. For example "c3f1a9d2-store".',
    }),
  }),
});

const TaskUpdateInputType = builder.inputType("TaskUpdateInput", {
  description: `One change to one task of the tree. Left out or null: stays as it is; an empty message clears. Within one input: volume, then done or add (not both), then message, iteration, status; inputs apply in order, all or none.

A path that is not there is NOT_FOUND; \`done\`, \`add\` or \`volume\` for a task that is no leaf is NOT_A_LEAF; asking for PENDING is ILLEGAL_TRANSITION. Beyond that, what asks for nothing new (the status it has, the same volume or message, \`add\` 0, a \`done\` not above what is there, an iteration already begun) changes nothing, takes no revision and is never refused, also after the end: a late or repeated report is safe. Anything else on an ended task, or below one, is ILLEGAL_TRANSITION.

RUNNING, FINISHED, FAILED, \`done\`, \`add\` and \`iteration\` imply that the task and those above it have begun; siblings may run side by side. \`done\` may pass \`volume\`; the ratio stays 1. FINISHED on a leaf completes it: an unknown volume becomes what is done, a known one is reached. FINISHED on any other task finishes what runs below it and cancels what is pending there. FAILED and CANCELED do the same to what runs below; what is pending stays, tasks above are not touched. \`message\` with FAILED is the reason. A cancel request refuses nothing.`,
  fields: (t) => ({
    path: t.string({ required: true, defaultValue: "", description: PATH_DESCRIPTION }),
    status: t.field({
      type: TaskStatusType,
      description: "The status that it has come to; PENDING is refused.",
    }),
    done: t.field({
      type: "SafeInt",
      description:
        "Units done in all: absolute and never going back; a lower one is late and changes nothing.",
    }),
    add: t.field({
      type: "SafeInt",
      description:
        "Units done since: relative, for many reporters on one leaf; a retry is safe with a requestId.",
    }),
    volume: t.field({ type: "SafeInt", description: "A leaf's work, now that it is known or known better." }),
    message: t.string({
      description: 'The latest word on the task; empty clears it. For example "reading relationships".',
    }),
    iteration: t.int({
      description:
        "Iterative tasks: the iteration that has now begun, from 1; asking twice is once; above `max` it is BAD_USER_INPUT. OPEN grows to it. What runs in earlier iterations is then FINISHED, what is pending there CANCELED; its own tasks stay PENDING until they are reported. The tasks of iteration i are the children (i-1)*k to i*k-1, k being the length of `tasks`.",
    }),
  }),
});

const LogInputType = builder.inputType("LogInput", {
  description: "A line for the job's log, which people read.",
  fields: (t) => ({
    level: t.field({
      type: LogLevelType,
      required: true,
      defaultValue: "INFO",
      description: "How important it is.",
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
    "A worker's report on its job. Any report renews the lease; one with neither updates nor log is a heartbeat.",
  fields: (t) => ({
    ...jobFields(t),
    updates: t.field({ type: [TaskUpdateInputType], description: "Changes, made in order, all or none." }),
    log: t.field({ type: [LogInputType], description: "Lines to add to the log, oldest first." }),
    requestId: t.id({ description: REQUEST_ID }),
  }),
});

export const AddTasksInputType = builder.inputType("AddTasksInput", {
  description:
    "Appends tasks below one that is neither a leaf nor iterative and has not ended: a tree may grow while it runs.",
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
  description: "Names one job.",
  fields: jobFields,
});

export const RequestCancelInputType = builder.inputType("RequestCancelInput", {
  description: "Names the job whose worker should stop.",
  fields: (t) => ({
    ...jobFields(t),
    reason: t.string({
      description: 'Why, for the worker and for whoever watches. For example "wrong parameters".',
    }),
  }),
});

/** Which job, and which attempt of it. */
function jobFields(t: InputFields) {
  return {
    database: t.string({ required: true, description: DATABASE_DESCRIPTION }),
    username: t.string({ description: OWN_USERNAME_DESCRIPTION }),
    jobId: t.id({ required: true, description: JOB_ID_DESCRIPTION }),
    attempt: t.int({
      description:
        "Refused with STALE_ATTEMPT unless it is the job's; left out, it is for the attempt that is there. Workers send it always.",
    }),
  };
}

type InputFields = PothosSchemaTypes.InputFieldBuilder<typeof builder.$inferSchemaTypes, "InputObject">;

const REQUEST_ID =
  'One of the newest 64 of this attempt again is answered and changes nothing. For example "c3f1a9d2-17".';
