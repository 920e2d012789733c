import type { JobHeader, JournalEntry, JournalSlice, StoredJob, StoredRemoval } from "../journal/journal.js";
import type { DatabaseName, JobKey } from "../tasks/names.js";
import { Stamp } from "../tasks/stamp.js";
import { heapGrowthOf, heapSizeOf } from "../tasks/heap-size.js";
import { allRows, changeOfTree, treeOf } from "../tasks/task-rows.js";
import { copyOfJob, type JobState, type LogEntry, type Removal, type UserTask } from "../tasks/user-task.js";

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
    ...removals.map((removal) => removalOf(epoch, removal)),
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

function removalOf(epoch: string, removal: StoredRemoval): Removal {
  const { username, jobId, attempt, version, reason, removedAt, revision } = removal;
  const stamp = Stamp.of(epoch, revision);
  return { kind: "removal", username, jobId, attempt, version, stamp, reason, removedAt };
}

export function decodeChange(..._: unknown[]): { state: UserTask | Removal; heapSize: number } {
  throw new Error("stub");
}
