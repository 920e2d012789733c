import type {
  JobHeader,
  JournalEntry,
  JournalSlice,
  RemovedChange,
  StoredChange,
  StoredJob,
  UpdatedChange,
} from "../journal/journal.js";
import { appendLogLines } from "../journal/stored-job.js";
import type { Limits } from "../protocol/limits.js";
import type { Writable } from "../tasks/edit.js";
import type { DatabaseName, JobKey } from "../tasks/names.js";
import { Stamp } from "../tasks/stamp.js";
import { heapGrowthOf, heapSizeOf } from "../tasks/heap-size.js";
import { allRows, applyRows, changeOfTree, treeOf } from "../tasks/task-rows.js";
import { copyOfJob, type JobState, type LogEntry, type Removal, type UserTask } from "../tasks/user-task.js";
import { assert } from "../util/assert.js";

/** The translation between the states of a job and the entries of a journal. */

export interface EncodedChange {
  readonly change: JournalEntry["change"];
  /** The estimated size of the job after the change, in bytes of the heap. */
  readonly heapSize: number;
}

/** Encodes the change from `before`, whose estimated size is `heapSize`, to `after`. */
export function encodeChange(before: JobState, heapSize: number, after: UserTask | Removal): EncodedChange {
  if (after.kind === "removal") {
    const { reason, removedAt, attempt, version } = after;
    const change = { kind: "removed", reason, removedAt, attempt, version } as const;
    return { change, heapSize: heapSizeOf(after) };
  }
  const header = headerOf(after);
  if (before?.kind === "userTask" && before.storedStamp === after.storedStamp) {
    const { rows, growth } = changeOfTree(before.task, after.task);
    const change = { kind: "updated", header, tasks: rows, log: newLines(before, after) } as const;
    return { change, heapSize: heapSize + growth + heapGrowthOf(before, after) };
  }
  return { change: { kind: "stored", header, tasks: allRows(after.task) }, heapSize: heapSizeOf(after) };
}

/** A state that a journal contains. */
export interface DecodedChange {
  readonly state: UserTask | Removal;
  /** The estimated size of the state, in bytes of the heap: what `encodeChange` returned where the change was made. */
  readonly heapSize: number;
}

/**
 * Decodes the change that `entry` made from `before`, whose estimated size is `heapSize`: the inverse of `encodeChange`.
 * The state is the one that the writer of the entry has, and shares with `before` what has not changed.
 * @param stamp of the change; set, because the journal has numbered it.
 */
export function decodeChange(
  database: DatabaseName,
  before: JobState,
  heapSize: number,
  entry: JournalEntry,
  stamp: Stamp,
  { logLinesPerJobMax }: Pick<Limits, "logLinesPerJobMax">,
): DecodedChange {
  const { change } = entry;
  const { username, jobId } = before ?? entry;
  if (change.kind === "updated") {
    assert(before?.kind === "userTask", `an entry "updated" for a job that is not stored`);
    return updatedJob(before, heapSize, change, stamp, logLinesPerJobMax);
  }
  const key = { username, jobId };
  const state =
    change.kind === "stored" ? storedJob(database, key, change, stamp) : removalOf(key, change, stamp);
  return { state, heapSize: heapSizeOf(state) };
}

/** The entry of a change that was made from revision `madeFrom`. */
export function entryOf(
  { username, jobId }: JobKey,
  change: JournalEntry["change"],
  madeFrom: number,
  commitId: string,
): JournalEntry {
  return { format: 1, commitId, username, jobId, madeFrom, change };
}

/** Decodes the jobs and removals of a slice, in any order. */
export function decodeSlice(
  database: DatabaseName,
  { epoch, jobs, removals }: JournalSlice,
): (UserTask | Removal)[] {
  return [
    ...jobs.map((job) => userTaskOf(database, epoch, job)),
    ...removals.map((removal) => removalOf(removal, removal, Stamp.of(epoch, removal.revision))),
  ];
}

/** Every change builds a header. Listing its fields is ten times faster than copying and deleting the others. */
function headerOf(userTask: UserTask): JobHeader {
  return {
    attempt: userTask.attempt,
    version: userTask.version,
    outcome: userTask.outcome,
    storeRequestId: userTask.storeRequestId,
    memory: userTask.memory,
    storedAt: userTask.storedAt,
    reportedAt: userTask.reportedAt,
    changedAt: userTask.changedAt,
    leaseMs: userTask.leaseMs,
    health: userTask.health,
    cancelRequest: userTask.cancelRequest,
    requestIds: userTask.requestIds,
  } satisfies Required<JobHeader>;
}

/** A log only gains lines at its end and loses the oldest. */
function newLines(before: UserTask, after: UserTask): readonly LogEntry[] {
  if (after.log === before.log) return NO_LINES;
  const newestBefore = before.log.at(-1);
  return newestBefore ? after.log.slice(after.log.lastIndexOf(newestBefore) + 1) : after.log;
}

const NO_LINES: readonly LogEntry[] = [];

function userTaskOf(database: DatabaseName, epoch: string, job: StoredJob): UserTask {
  const { username, jobId, header, revision, storedRevision, tasks, log } = job;
  const stamp = Stamp.of(epoch, revision);
  const storedStamp = revision === storedRevision ? stamp : Stamp.of(epoch, storedRevision);
  const task = treeOf(epoch, tasks);
  return copyOfJob({
    kind: "userTask",
    database,
    username,
    jobId,
    ...header,
    stamp,
    storedStamp,
    task,
    log,
  });
}

function storedJob(
  database: DatabaseName,
  { username, jobId }: JobKey,
  { header, tasks }: StoredChange,
  stamp: Stamp,
): UserTask {
  const { task } = applyRows(undefined, tasks, stamp);
  return copyOfJob({
    kind: "userTask",
    database,
    username,
    jobId,
    ...header,
    stamp,
    storedStamp: stamp,
    task,
    log: NO_LINES,
  });
}

function updatedJob(
  before: UserTask,
  heapSize: number,
  { header, tasks, log }: UpdatedChange,
  stamp: Stamp,
  logLinesPerJobMax: number,
): DecodedChange {
  const { task, growth } = applyRows(before.task, tasks, stamp);
  const after: Writable<UserTask> = copyOfJob(before);
  after.version = header.version;
  after.stamp = stamp;
  after.task = task;
  after.reportedAt = header.reportedAt;
  after.changedAt = header.changedAt;
  after.health = header.health;
  after.cancelRequest = before.cancelRequest ?? header.cancelRequest;
  after.log = appendLogLines(before.log, log, logLinesPerJobMax);
  after.requestIds = newestIds(before.requestIds, header.requestIds);
  return { state: after, heapSize: heapSize + growth + heapGrowthOf(before, after) };
}

/** Returns the ids after an update, and shares what has not changed: ids only join at the end and leave at the start. */
function newestIds(before: readonly string[], after: readonly string[]): readonly string[] {
  const newest = before.at(-1);
  const kept = newest === undefined ? 0 : after.lastIndexOf(newest) + 1;
  if (kept === after.length) return before;
  return [...before.slice(before.length - kept), ...after.slice(kept)];
}

function removalOf(
  { username, jobId }: JobKey,
  { attempt, version, reason, removedAt }: RemovedChange,
  stamp: Stamp,
): Removal {
  return { kind: "removal", username, jobId, attempt, version, stamp, reason, removedAt };
}
