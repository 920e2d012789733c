import type { Limits } from "../protocol/limits.js";
import { TidemarkError } from "../protocol/tidemark-error.js";
import type { Creation, Edit, Writable } from "./edit.js";
import { healthDeclinesAt, type LeaseTerms } from "./health.js";
import { parseMessage, type DatabaseName, type JobKey } from "./names.js";
import { resolvePath } from "./task-path.js";
import { createTask, type TaskSpec } from "./task-spec.js";
import { hasEnded, illegalTransition } from "./task-status.js";
import { addTasks, updateTask, type TaskUpdate } from "./task-update.js";
import type { Task } from "./task.js";
import {
  copyOfJob,
  type JobState,
  type LogEntry,
  type LogLevel,
  type MemoryRange,
  type Removal,
  type RemovalReason,
  type UserTask,
} from "./user-task.js";

/**
 * Every change of a job, as a pure function from its state before to its state after. If a function returns the same
 * object that it received, nothing changed, and no revision is used.
 */

/** Law 2: the key is (username, jobId), and overwriting is the design. */
export interface StoreRequest extends JobKey {
  readonly database: DatabaseName;
  readonly spec: TaskSpec;
  readonly onConflict: "OVERWRITE" | "REJECT";
  readonly memory: MemoryRange | null;
  readonly leaseMs: number;
  /** A repeated request with the same id changes nothing while the job has the tree that it stored. */
  readonly requestId: string | null;
}

/** A worker's report on its job. Every report renews the lease. */
export interface Report extends Fence {
  readonly updates: readonly TaskUpdate[];
  readonly log: readonly LogLine[];
  readonly requestId: string | null;
}

export interface JobReport {
  readonly key: JobKey;
  readonly report: Report;
}

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly path: string;
}

export interface AddTasksRequest extends Fence {
  readonly path: string;
  readonly specs: readonly TaskSpec[];
  readonly requestId: string | null;
}

export interface CancelJobInput extends Fence {
  /** The user who requests it. */
  readonly by: string;
  readonly reason: string | null;
}

/**
 * Decides on the result of a change before it is recorded. It also receives a job that did not change, and for a removal
 * the job that is removed. @throws TidemarkError to reject the change.
 */
export type Admit = (userTask: UserTask) => void;

/** The attempt that a change is meant for; null for the current one. */
export interface Fence {
  readonly attempt: number | null;
}

/**
 * Stores a tree, and replaces the current one if there is one.
 * @throws TidemarkError ALREADY_EXISTS for REJECT while the job runs; BAD_USER_INPUT or LIMIT_EXCEEDED for the
 * tree.
 */
export function storeJob(before: JobState, request: StoreRequest, edit: Creation): UserTask {
  if (before?.kind === "userTask") {
    if (request.requestId !== null && request.requestId === before.storeRequestId) return before;
    if (request.onConflict === "REJECT" && !hasEnded(before.task.status)) throw alreadyExists(before);
  }
  const { database, username, jobId, memory, leaseMs, requestId } = request;
  return {
    kind: "userTask",
    database,
    username,
    jobId,
    attempt: (before?.attempt ?? 0) + 1,
    version: (before?.version ?? 0) + 1,
    stamp: edit.stamp,
    storedStamp: edit.stamp,
    outcome: before?.kind === "userTask" ? "OVERWRITTEN" : "CREATED",
    storeRequestId: requestId,
    task: createTask(request.spec, edit),
    memory: checkedMemory(memory),
    storedAt: edit.now,
    reportedAt: edit.now,
    changedAt: edit.now,
    leaseMs,
    health: "OK",
    cancelRequest: null,
    log: [],
    requestIds: [],
  };
}

/** Applies a worker's report: all of its updates in order, or none (law 5). */
export function applyReport(before: JobState, key: JobKey, report: Report, edit: Edit): UserTask {
  const userTask = requireJob(before, key, report);
  if (isRepeated(userTask, report.requestId)) return userTask;
  let { task } = userTask;
  for (const update of report.updates) task = updateTask(task, update, edit);
  const log = appendLog(userTask, report.log, task, edit);
  if (task === userTask.task && log === userTask.log) return heartbeat(userTask, report.requestId, edit);
  return changed(userTask, { task, log, reportedAt: edit.now, health: "OK" }, edit, report.requestId);
}

/** Appends tasks below the one at `path`. */
export function addTasksToJob(before: JobState, key: JobKey, request: AddTasksRequest, edit: Edit): UserTask {
  const userTask = requireJob(before, key, request);
  if (isRepeated(userTask, request.requestId)) return userTask;
  const task = addTasks(userTask.task, request.path, request.specs, edit);
  return changed(userTask, { task, reportedAt: edit.now, health: "OK" }, edit, request.requestId);
}

/** Asks the worker to stop. A second request keeps the first one. @throws ILLEGAL_TRANSITION if the job has ended. */
export function requestCancel(before: JobState, key: JobKey, request: CancelJobInput, edit: Edit): UserTask {
  const userTask = requireJob(before, key, request);
  if (hasEnded(userTask.task.status)) throw illegalTransition(userTask.task, "canceled");
  if (userTask.cancelRequest) return userTask;
  const reason = parseMessage(request.reason ?? "", edit.limits) || null;
  return changed(userTask, { cancelRequest: { at: edit.now, by: request.by, reason } }, edit, null);
}

/** Removes the job. If there is no such job, nothing changes: removing twice is not an error. */
export function removeJob(
  before: JobState,
  fence: Fence,
  reason: RemovalReason,
  edit: Pick<Edit, "now" | "stamp">,
): JobState {
  if (before?.kind !== "userTask") return before;
  checkAttempt(before, fence);
  const { username, jobId, attempt } = before;
  const version = before.version + 1;
  return {
    kind: "removal",
    username,
    jobId,
    attempt,
    version,
    stamp: edit.stamp,
    reason,
    removedAt: edit.now,
  } satisfies Removal;
}

/** Moves the health of a job that was silent for too long by one step: OK, SILENT, LOST. */
export function updateHealth(before: JobState, terms: LeaseTerms, edit: Edit): JobState {
  if (before?.kind !== "userTask" || !isDue(before, terms, edit)) return before;
  return changed(before, { health: before.health === "OK" ? "SILENT" : "LOST" }, edit, null);
}

function isDue(userTask: UserTask, terms: LeaseTerms, { now }: Edit): boolean {
  return healthDeclinesAt(userTask, terms) <= terms.clock.monotonicAt(now);
}

/**
 * A report without changes still proves that the worker is alive. It counts as a change only if it restores the job's
 * health or a quarter of the lease has passed, so that a heartbeat per second does not cost a write per second.
 */
function heartbeat(userTask: UserTask, requestId: string | null, edit: Edit): UserTask {
  const sinceMs = edit.elapsedMs(userTask.reportedAt, edit.now);
  const isNeeded = sinceMs >= userTask.leaseMs / 4 || userTask.health !== "OK";
  if (!isNeeded || hasEnded(userTask.task.status)) return userTask;
  return changed(userTask, { reportedAt: edit.now, health: "OK" }, edit, requestId);
}

function changed(job: UserTask, fields: Partial<UserTask>, edit: Edit, requestId: string | null): UserTask {
  const after: Writable<UserTask> = copyOfJob(job);
  Object.assign(after, fields);
  after.version++;
  after.requestIds = withRequestId(job.requestIds, requestId, edit.limits);
  after.changedAt = edit.now;
  after.stamp = edit.stamp;
  return after;
}

function withRequestId(
  known: readonly string[],
  requestId: string | null,
  { requestIdsPerAttemptMax }: Limits,
): readonly string[] {
  return requestId === null ? known : appended(known, [requestId], requestIdsPerAttemptMax);
}

function requireJob(before: JobState, { username, jobId }: JobKey, fence: Fence): UserTask {
  if (before?.kind !== "userTask") {
    throw new TidemarkError(
      "NOT_FOUND",
      `User ${JSON.stringify(username)} has no job ${JSON.stringify(jobId)} in this database. Store it first.`,
    );
  }
  checkAttempt(before, fence);
  return before;
}

function checkAttempt(userTask: UserTask, { attempt }: Fence): void {
  if (attempt === null || attempt === userTask.attempt) return;
  const reason =
    attempt < userTask.attempt
      ? "Another worker has stored the job since. Stop, or store it again."
      : "There is no such attempt yet. Stop, or pass the attempt that storeTask returned.";
  throw new TidemarkError(
    "STALE_ATTEMPT",
    `Job ${JSON.stringify(userTask.jobId)} is at attempt ${userTask.attempt}, but the request is for attempt ${attempt}. ${reason}`,
  );
}

function isRepeated(userTask: UserTask, requestId: string | null): boolean {
  return requestId !== null && userTask.requestIds.includes(requestId);
}

function alreadyExists({ jobId, username, attempt, task }: UserTask): TidemarkError {
  return new TidemarkError(
    "ALREADY_EXISTS",
    `User ${JSON.stringify(username)} already has a job ${JSON.stringify(jobId)}: attempt ${attempt} is ${task.status}. Wait until it ends, choose another jobId, or store with onConflict: OVERWRITE.`,
  );
}

function appendLog(
  userTask: UserTask,
  lines: readonly LogLine[],
  task: Task,
  edit: Edit,
): readonly LogEntry[] {
  if (lines.length === 0) return userTask.log;
  const entries = lines.map(({ level, message, path }): LogEntry => {
    resolvePath(task, path);
    return { at: edit.now, level, path, message: parseMessage(message, edit.limits) };
  });
  return appended(userTask.log, entries, edit.limits.logLinesPerJobMax);
}

/** The newest `max` items of `known` followed by `more`. */
function appended<T>(known: readonly T[], more: readonly T[], max: number): readonly T[] {
  return known.concat(more).slice(-max);
}

function checkedMemory(memory: MemoryRange | null): MemoryRange | null {
  if (memory === null || memory.minBytes <= memory.maxBytes) return memory;
  throw new TidemarkError(
    "BAD_USER_INPUT",
    `Invalid memory range ${memory.minBytes} to ${memory.maxBytes} bytes: minBytes must not be larger than maxBytes.`,
  );
}
