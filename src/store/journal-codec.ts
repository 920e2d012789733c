import type { JobHeader, JournalEntry, JournalSlice, StoredJob, StoredRemoval } from "../journal/journal.js";
import type { DatabaseName } from "../tasks/names.js";
import { Stamp } from "../tasks/stamp.js";
import { allRows, changedRows, treeOf } from "../tasks/task-rows.js";
import { copyOfJob, type JobState, type LogEntry, type Removal, type UserTask } from "../tasks/user-task.js";

/** The translation between the states of a job and the entries of a journal. */

/** Encodes the change from `before`, at revision `madeFrom`, to `after`. */
export function encodeChange(
  before: JobState,
  after: UserTask | Removal,
  madeFrom: number,
  commitId: string,
): JournalEntry {
  const { username, jobId } = after;
  return { format: 1, commitId, username, jobId, madeFrom, change: changeOf(before, after) };
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

function changeOf(before: JobState, after: UserTask | Removal): JournalEntry["change"] {
  if (after.kind === "removal") {
    const { reason, removedAt, attempt, version } = after;
    return { kind: "removed", reason, removedAt, attempt, version };
  }
  const header = headerOf(after);
  if (before?.kind === "userTask" && before.storedStamp === after.storedStamp) {
    const tasks = changedRows(before.task, after.task);
    return { kind: "updated", header, tasks, log: newLines(before, after) };
  }
  return { kind: "stored", header, tasks: allRows(after.task) };
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
