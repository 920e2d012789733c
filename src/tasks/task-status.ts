import { TidemarkError } from "../protocol/tidemark-error.js";

/** PENDING → RUNNING → FINISHED, CANCELED or FAILED. The words are those of Neo4j GDS. */
export type TaskStatus = "PENDING" | "RUNNING" | "FINISHED" | "CANCELED" | "FAILED";

export const TASK_STATUSES = ["PENDING", "RUNNING", "FINISHED", "CANCELED", "FAILED"] as const;

/** What can be done to a task. */
export type TaskAction = "begin" | "finish" | "cancel" | "fail";

/**
 *                 begin            finish
 *      PENDING ──────────► RUNNING ──────► FINISHED
 *         │                 │   │   fail
 *         │ cancel   cancel │   └────────► FAILED
 *         └───────► CANCELED ◄──┘
 *
 * What has ended stays ended. GDS lets a FINISHED task fail and a FAILED one be cancelled; both mislead
 * whoever looks later, so here neither is possible.
 */
export const TRANSITIONS = {
  PENDING: { begin: "RUNNING", finish: null, cancel: "CANCELED", fail: null },
  RUNNING: { begin: null, finish: "FINISHED", cancel: "CANCELED", fail: "FAILED" },
  FINISHED: { begin: null, finish: null, cancel: null, fail: null },
  CANCELED: { begin: null, finish: null, cancel: null, fail: null },
  FAILED: { begin: null, finish: null, cancel: null, fail: null },
} as const satisfies Record<TaskStatus, Record<TaskAction, TaskStatus | null>>;

/** FINISHED, CANCELED or FAILED. */
export function hasEnded(status: TaskStatus): boolean {
  return status !== "PENDING" && status !== "RUNNING";
}

/**
 * The status that `action` leads to.
 * @throws TidemarkError ILLEGAL_TRANSITION, naming the task and its status.
 */
export function transition(
  task: { description: string; status: TaskStatus },
  action: TaskAction,
): TaskStatus {
  const next = TRANSITIONS[task.status][action];
  if (next === null) throw illegalTransition(task, PARTICIPLES[action]);
  return next;
}

/** ILLEGAL_TRANSITION for `task`: it "cannot be" `participle`. */
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
