import type { ResetReason } from "../../hub/task-event.js";
import type { TaskStatus } from "../../tasks/task-status.js";
import type { IterationMode, TaskKind } from "../../tasks/task.js";
import type { StoreRequest } from "../../tasks/job-changes.js";
import type { Health, LogLevel, RemovalReason, StoreOutcome } from "../../tasks/user-task.js";
import { builder } from "../builder.js";

/** A description for each value; the compiler rejects a missing one. */
type Described<Word extends string> = Record<Word, { readonly description: string }>;

export const TaskStatusType = builder.enumType("TaskStatus", {
  description:
    "The state of a task: PENDING, then RUNNING, then one of the other three. A task that has ended stays ended.",
  values: {
    PENDING: { description: "Not started." },
    RUNNING: { description: "Started and not ended." },
    FINISHED: { description: "Completed." },
    CANCELED: { description: "Stopped, or skipped because a task above it ended first." },
    FAILED: { description: "Ended with an error. `message` is the reason, if the worker gave one." },
  } satisfies Described<TaskStatus>,
});

export const TaskKindType = builder.enumType("TaskKind", {
  description: "How a task is composed.",
  values: {
    LEAF: { description: "Does work itself and has no subtasks." },
    INTERMEDIATE: { description: "Has subtasks; its work is the sum of theirs." },
    ITERATIVE: { description: "Repeats its subtasks; its work is the sum of all iterations." },
  } satisfies Described<TaskKind>,
});

export const IterationModeType = builder.enumType("IterationMode", {
  description: "Whether the number of iterations is exact, bounded or open.",
  values: {
    FIXED: { description: "Exactly `max` iterations." },
    DYNAMIC: { description: "At most `max` iterations; the task may end earlier." },
    OPEN: { description: "No known maximum; the tree grows as iterations begin." },
  } satisfies Described<IterationMode>,
});

export const HealthType = builder.enumType("Health", {
  description:
    "Whether a job's worker still reports. A late report makes the job OK again. Health never changes the status of a task.",
  values: {
    OK: { description: "Reported within its lease, or ended." },
    SILENT: { description: "The lease ran out without a report." },
    LOST: {
      description: "SILENT for longer than the server allows. The job expires after its retention.",
    },
  } satisfies Described<Health>,
});

export const OnConflictType = builder.enumType("OnConflict", {
  description: "How to store a job if its database, username and job id are already in use.",
  values: {
    OVERWRITE: { description: "Replace its tree, as a new attempt." },
    REJECT: { description: "Reject with ALREADY_EXISTS, unless that job has ended." },
  } satisfies Described<StoreRequest["onConflict"]>,
});

export const StoreOutcomeType = builder.enumType("StoreOutcome", {
  description: "Whether storing a job created or overwrote it.",
  values: {
    CREATED: { description: "No such job existed." },
    OVERWRITTEN: { description: "The tree of an earlier attempt was replaced." },
  } satisfies Described<StoreOutcome>,
});

export const RemovalReasonType = builder.enumType("RemovalReason", {
  description: "Why a job was removed.",
  values: {
    REMOVED: { description: "A client removed it." },
    EXPIRED: {
      description:
        "It had ended or was LOST, and its retention was over or the full database needed room for a new job.",
    },
    PURGED: { description: "All jobs of its database were removed." },
  } satisfies Described<RemovalReason>,
});

export const ResetReasonType = builder.enumType("ResetReason", {
  description: "Why a subscription begins with the whole state.",
  values: {
    INITIAL: { description: "The subscription gave no position." },
    HISTORY_GONE: { description: "The server no longer knows what changed since the position." },
    HISTORY_LOST: {
      description:
        "The database server failed, and the one that took over does not have the latest changes that the position covers. Only with several Tidemark servers on PostgreSQL without a synchronous standby.",
    },
    EPOCH_CHANGED: {
      description:
        "The position belongs to another epoch: it is from before a data loss, or from another database.",
    },
  } satisfies Described<ResetReason>,
});

export const LogLevelType = builder.enumType("LogLevel", {
  description: "The severity of a log line, lowest first.",
  values: {
    DEBUG: { description: "Details for troubleshooting." },
    INFO: { description: "Information for watchers." },
    WARNING: { description: "A problem that does not stop the work." },
    ERROR: { description: "A failure." },
  } satisfies Described<LogLevel>,
});
