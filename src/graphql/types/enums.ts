import type { ResetReason } from "../../hub/task-event.js";
import type { TaskStatus } from "../../tasks/task-status.js";
import type { IterationMode, TaskKind } from "../../tasks/task.js";
import type { StoreRequest } from "../../tasks/job-changes.js";
import type { Health, LogLevel, RemovalReason, StoreOutcome } from "../../tasks/user-task.js";
import { builder } from "../builder.js";

/** The words of the domain, each with its meaning. The compiler sees to it that none is missing. */
type Described<Word extends string> = Record<Word, { readonly description: string }>;

export const TaskStatusType = builder.enumType("TaskStatus", {
  description:
    "How far a task has come: PENDING, RUNNING, then one of the other three. What has ended stays ended.",
  values: {
    PENDING: { description: "Not begun." },
    RUNNING: { description: "Begun and not ended." },
    FINISHED: { description: "Ended as it should." },
    CANCELED: { description: "Stopped, or left out because what it belongs to ended without it." },
    FAILED: { description: "Ended in an error; `message` has the reason, when the worker gave one." },
  } satisfies Described<TaskStatus>,
});

export const TaskKindType = builder.enumType("TaskKind", {
  description: "What a task is made of.",
  values: {
    LEAF: { description: "Work of its own, and no tasks below." },
    INTERMEDIATE: { description: "Tasks below it; its work is the sum of theirs." },
    ITERATIVE: { description: "Tasks below it that repeat; its work is the sum of all iterations." },
  } satisfies Described<TaskKind>,
});

export const IterationModeType = builder.enumType("IterationMode", {
  description: "What is known beforehand of the number of iterations.",
  values: {
    FIXED: { description: "There are exactly `max` iterations." },
    DYNAMIC: { description: "There are at most `max` iterations; the task may end early." },
    OPEN: { description: "No bound is known; the tree grows as iterations begin." },
  } satisfies Described<IterationMode>,
});

export const HealthType = builder.enumType("Health", {
  description:
    "Whether a job's worker is heard of. A late report makes it OK again; the status of the tasks is never touched.",
  values: {
    OK: { description: "Reported within its lease, or ended." },
    SILENT: { description: "The lease has run out without a report." },
    LOST: {
      description: "Silent for longer than the server's patience. The job is forgotten after its retention.",
    },
  } satisfies Described<Health>,
});

export const OnConflictType = builder.enumType("OnConflict", {
  description: "What storing does where a job with the same database, username and job id is.",
  values: {
    OVERWRITE: { description: "Replace its tree, as a new attempt." },
    REJECT: { description: "Refuse with ALREADY_EXISTS, unless that job has ended." },
  } satisfies Described<StoreRequest["onConflict"]>,
});

export const StoreOutcomeType = builder.enumType("StoreOutcome", {
  description: "What storing did.",
  values: {
    CREATED: { description: "There was no such job." },
    OVERWRITTEN: { description: "The tree of an earlier attempt was replaced." },
  } satisfies Described<StoreOutcome>,
});

export const RemovalReasonType = builder.enumType("RemovalReason", {
  description: "Why a job is gone.",
  values: {
    REMOVED: { description: "Somebody removed it." },
    EXPIRED: { description: "It had ended, or was LOST, and its retention is over or its place was needed." },
    PURGED: { description: "All jobs of its database were removed." },
  } satisfies Described<RemovalReason>,
});

export const ResetReasonType = builder.enumType("ResetReason", {
  description: "Why the state is told from the beginning.",
  values: {
    INITIAL: { description: "You gave no position." },
    HISTORY_GONE: { description: "What changed since your position is no longer known." },
    EPOCH_CHANGED: {
      description: "Your position belongs to another history: of before a loss, or of another database.",
    },
  } satisfies Described<ResetReason>,
});

export const LogLevelType = builder.enumType("LogLevel", {
  description: "How important a log line is, the least important first.",
  values: {
    DEBUG: { description: "For whoever looks for a fault." },
    INFO: { description: "For whoever watches." },
    WARNING: { description: "Something is not as it should be; the work goes on." },
    ERROR: { description: "Something went wrong." },
  } satisfies Described<LogLevel>,
});
