import type { JobKey } from "../tasks/names.js";
import type { TaskRow, WrittenRow } from "../tasks/task-rows.js";
import type { StoredChange, StoredJob, UpdatedChange } from "./journal.js";

/** A job as a driver keeps it: as a `StoredJob`, with the rows by path. */
export type KeptJob = Omit<StoredJob, "tasks"> & { readonly tasks: Map<string, WrittenRow> };

/** No name has a control character in it, so no two keys have one id. */
export function idOf({ username, jobId }: JobKey): string {
  return `${username}\u0000${jobId}`;
}

export function keyOf({ username, jobId }: JobKey): JobKey {
  return { username, jobId };
}

/** The job that a store makes. */
export function storedJob(key: JobKey, { header, tasks }: StoredChange, revision: number): KeptJob {
  const job: KeptJob = {
    ...keyOf(key),
    header,
    revision,
    storedRevision: revision,
    tasks: new Map(),
    log: [],
  };
  writeRows(job.tasks, tasks, revision);
  return job;
}

/** The job after an update. The rows of `job` are changed in place. */
export function updatedJob(
  job: KeptJob,
  { header, tasks, log }: Omit<UpdatedChange, "kind">,
  revision: number,
  logLinesMax: number,
): KeptJob {
  writeRows(job.tasks, tasks, revision);
  const lines = log.length === 0 ? job.log : [...job.log, ...log].slice(-logLinesMax);
  return { ...job, header, revision, log: lines };
}

export function toStored({ tasks, ...job }: KeptJob): StoredJob {
  return { ...job, tasks: [...tasks.values()] };
}

function writeRows(rows: Map<string, WrittenRow>, written: readonly TaskRow[], revision: number): void {
  for (const row of written) rows.set(row.path, { row, revision });
}
