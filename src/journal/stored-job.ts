import type { JobKey } from "../tasks/names.js";
import type { VersionedRow } from "../tasks/task-rows.js";
import type { LogEntry } from "../tasks/user-task.js";
import type { JobHeader, StoredChange, StoredJob } from "./journal.js";

/** Unique for each key, because names contain no control characters. */
export function jobKeyText({ username, jobId }: JobKey): string {
  return `${username}\u0000${jobId}`;
}

export function pickJobKey({ username, jobId }: JobKey): JobKey {
  return { username, jobId };
}

/** Creates the job that a store writes. */
export function createStoredJob(key: JobKey, { header, tasks }: StoredChange, revision: number): StoredJob {
  const rows = tasks.map((row): VersionedRow => ({ row, revision }));
  return { ...pickJobKey(key), header, revision, storedRevision: revision, tasks: rows, log: [] };
}

/** The updates of a job since it was stored, together. */
export interface JobUpdates {
  /** Undefined if there was no update. */
  readonly header: JobHeader | undefined;
  /** The revision of the latest one. */
  readonly revision: number;
  readonly rows: ReadonlyMap<string, VersionedRow>;
  readonly log: readonly LogEntry[];
}

/** Applies updates to a job: existing rows keep their places, new rows come last. */
export function updatedJob(
  job: StoredJob,
  { header, revision, rows, log }: JobUpdates,
  logLinesMax: number,
): StoredJob {
  if (!header) return job;
  const rest = new Map(rows);
  const tasks = job.tasks.map((written) => {
    const newer = rest.get(written.row.path);
    rest.delete(written.row.path);
    return newer ?? written;
  });
  return {
    ...job,
    header,
    revision,
    tasks: [...tasks, ...rest.values()],
    log: appendLogLines(job.log, log, logLinesMax),
  };
}

/** Appends lines to a job's log and keeps the newest. */
export function appendLogLines(
  log: readonly LogEntry[],
  lines: readonly LogEntry[],
  linesMax: number,
): readonly LogEntry[] {
  return lines.length === 0 ? log : log.concat(lines).slice(-linesMax);
}

/** Drops the oldest lines of a log that was written with a higher limit. */
export function withBoundedLog(job: StoredJob, linesMax: number): StoredJob {
  return job.log.length <= linesMax ? job : { ...job, log: job.log.slice(-linesMax) };
}
