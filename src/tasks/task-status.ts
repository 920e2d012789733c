import { TidemarkError } from "../protocol/tidemark-error.js";

/** The status values of Neo4j GDS. */
export type TaskStatus = "PENDING" | "RUNNING" | "FINISHED" | "CANCELED" | "FAILED";

export const TASK_STATUSES = ["PENDING", "RUNNING", "FINISHED", "CANCELED", "FAILED"] as const;

export type TaskAction = "begin" | "finish" | "cancel" | "fail";

/**
 *                 begin            finish
 *      PENDING ──────────► RUNNING ──────► FINISHED
 *         │                 │   │   fail
 *         │ cancel   cancel │   └────────► FAILED
 *         └───────► CANCELED ◄──┘
 *
 * A task that has ended never changes. GDS allows FINISHED → FAILED and FAILED → CANCELED; both would mislead later
 * readers, so Tidemark rejects them.
 */
export const TRANSITIONS = {
  PENDING: { begin: "RUNNING", finish: null, cancel: "CANCELED", fail: null },
  RUNNING: { begin: null, finish: "FINISHED", cancel: "CANCELED", fail: "FAILED" },
  FINISHED: { begin: null, finish: null, cancel: null, fail: null },
  CANCELED: { begin: null, finish: null, cancel: null, fail: null },
  FAILED: { begin: null, finish: null, cancel: null, fail: null },
} as const satisfies Record<TaskStatus, Record<TaskAction, TaskStatus | null>>;

/** Whether the status is FINISHED, CANCELED or FAILED. */
export function hasEnded(status: TaskStatus): boolean {
  return status !== "PENDING" && status !== "RUNNING";
}

/**
 * The status that `action` leads to.
 * @throws TidemarkError ILLEGAL_TRANSITION, with the task and its status.
 */
export function transition(
  task: { description: string; status: TaskStatus },
  action: TaskAction,
): TaskStatus {
  const next = TRANSITIONS[task.status][action];
  if (next === null) throw illegalTransition(task, PARTICIPLES[action]);
  return next;
}

/** The ILLEGAL_TRANSITION error for `task`, which "cannot be `participle`". */
export function illegalTransition(
  task: { description: string; status: TaskStatus },
  participle: string,
): TidemarkError {
  return new TidemarkError(
    "ILLEGAL_TRANSITION",
    `Task ${JSON.stringify(task.description)} is ${task.status} and cannot be ${participle}.`,
  );
}

const PARTICIPLES = {
  begin: "started",
  finish: "finished",
  cancel: "canceled",
  fail: "failed",
} as const satisfies Record<TaskAction, string>;
