import type { JobKey } from "./names.js";
import type { Task } from "./task.js";
import type { LogEntry, Removal, UserTask } from "./user-task.js";

/**
 * Estimates how many bytes of the heap a job takes, so that a server can refuse what would not fit. The sizes are those of
 * 64-bit Node.js, measured by `test/store/heap-size.test.ts`.
 *
 * A task counts as if it shared nothing: iterations that share their tasks until they differ count in full, because they
 * share nothing once the job was reported or loaded again. A report that changes only numbers changes no size, and ending
 * a task adds nothing to it, so an end always fits.
 */
export function heapSizeOf(state: UserTask | Removal): number {
  if (state.kind === "removal") return heapSizeOfRemoval(state);
  return (
    JOB +
    NAME_COPIES * (textBytes(state.username) + textBytes(state.jobId)) +
    textBytes(state.database) +
    textBytes(state.storeRequestId) +
    cancelBytes(state) +
    sum(state.log, lineBytes) +
    sum(state.requestIds, idBytes) +
    treeBytes(state.task)
  );
}

/** The bytes that remain of a job after its removal, while the removal is remembered. */
export function heapSizeOfRemoval({ username, jobId }: JobKey): number {
  return REMOVAL + NAME_COPIES * (textBytes(username) + textBytes(jobId));
}

/**
 * The bytes that an update adds to a job, without those of its tree. Takes constant time: a log and the request ids only
 * gain items at their ends and lose the oldest.
 */
export function heapGrowthOf(before: UserTask, after: UserTask): number {
  return (
    cancelBytes(after) -
    cancelBytes(before) +
    windowGrowth(before.log, after.log, lineBytes) +
    windowGrowth(before.requestIds, after.requestIds, idBytes)
  );
}

/** The bytes that a changed task adds to its tree, without those of other changed tasks below it. */
export function taskGrowth(before: Task | undefined, after: Task): number {
  return before ? varyingBytes(after) - varyingBytes(before) : taskBytes(after);
}

function treeBytes(task: Task): number {
  let bytes = taskBytes(task);
  if (task.kind !== "LEAF") task.subTasks.forEach(ALL, (subTask) => (bytes += treeBytes(subTask)));
  return bytes;
}

/** The bytes of a task alone, and of its place in its parent. */
function taskBytes(task: Task): number {
  const bytes = TASK[task.kind] + textBytes(task.description) + varyingBytes(task);
  return task.kind === "ITERATIVE" ? bytes + sum(task.template, templateBytes) : bytes;
}

/**
 * The bytes of a task of a template and of the tasks below it. Iterations within it are not counted: they share the tasks of
 * their own template, so each further level would double the size.
 */
function templateBytes(task: Task): number {
  let bytes = taskBytes(task);
  if (task.kind === "INTERMEDIATE")
    task.subTasks.forEach(ALL, (subTask) => (bytes += templateBytes(subTask)));
  return bytes;
}

/** The bytes that a report can change. */
function varyingBytes(task: Task): number {
  let bytes = textBytes(task.message);
  if (task.startedAt !== null) bytes += BEGUN;
  if (task.kind === "LEAF" && task.rateEstimate) bytes += RATE_ESTIMATE;
  return bytes;
}

function cancelBytes({ cancelRequest }: UserTask): number {
  return cancelRequest ? CANCEL_REQUEST + textBytes(cancelRequest.by) + textBytes(cancelRequest.reason) : 0;
}

function lineBytes({ path, message }: LogEntry): number {
  return LOG_LINE + textBytes(path) + textBytes(message);
}

function idBytes(id: string): number {
  return SLOT + textBytes(id);
}

/** V8 takes one byte a character, or two if one of them is beyond Latin-1. */
function textBytes(text: string | null): number {
  if (text === null) return 0;
  return TEXT + (BEYOND_LATIN_1.test(text) ? 2 : 1) * text.length;
}

function windowGrowth<T>(before: readonly T[], after: readonly T[], bytesOf: (item: T) => number): number {
  if (after === before) return 0;
  const newest = before.at(-1);
  const kept = newest === undefined ? 0 : after.lastIndexOf(newest) + 1;
  return sum(after.slice(kept), bytesOf) - sum(before.slice(0, before.length - kept), bytesOf);
}

function sum<T>(items: readonly T[], bytesOf: (item: T) => number): number {
  return items.reduce((bytes, item) => bytes + bytesOf(item), 0);
}

const ALL = (): boolean => true;
// eslint-disable-next-line no-control-regex -- Latin-1 begins there
const BEYOND_LATIN_1 = /[^\u0000-\u00ff]/;

/** The objects of a job in the store, its indexes and its journal. */
const JOB = 800;
/** The job's names are kept by the store, and in the keys of the journal. */
const NAME_COPIES = 2;
const REMOVAL = 600;
/** With the slot in its parent and the time of its end; for a parent, with its list. */
const TASK: Readonly<Record<Task["kind"], number>> = { LEAF: 172, INTERMEDIATE: 270, ITERATIVE: 340 };
/** The time at which a task began, and the stamp of a change of its own. */
const BEGUN = 56;
const RATE_ESTIMATE = 72;
const CANCEL_REQUEST = 64;
const LOG_LINE = 72;
const SLOT = 8;
/** The header of a text, and on average half a word to fill its last one. */
const TEXT = 20;
