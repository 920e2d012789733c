/**
 * How long a task has run. A task may lack an end of its own: it runs, its worker went silent, or an ancestor ended
 * without it. All instants are milliseconds since 1970, by the server's clock.
 */
interface OpenJob {
  readonly health: "OK" | "SILENT" | "LOST";
  readonly changedAt: string;
  readonly reportedAt: string;
  readonly endedAt: string | null;
}

interface TimedTask {
  readonly startedAt: string | null;
  readonly endedAt: string | null;
}

/**
 * Until when the unfinished tasks of a job count as running: the end of the job, the latest report of a silent or lost
 * job, because its worker may have stopped, or else `now`. A clock that is behind does not shorten a time below the
 * latest change.
 */
export function runningUntil({ health, changedAt, reportedAt, endedAt }: OpenJob, now: number): number {
  if (endedAt !== null) return Date.parse(endedAt);
  return health === "OK" ? Math.max(now, Date.parse(changedAt)) : Date.parse(reportedAt);
}

/** The task's own end, or that of its parent. Applied from the root down, it is the end of the nearest ended ancestor. */
export function taskUntil({ endedAt }: Pick<TimedTask, "endedAt">, parentUntil: number): number {
  return endedAt === null ? parentUntil : Date.parse(endedAt);
}

/** Milliseconds from the start to the end of a task; null before the start. @param parentUntil as of `taskUntil` */
export function taskElapsedMs(task: TimedTask, parentUntil: number): number | null {
  if (task.startedAt === null) return null;
  return Math.max(0, taskUntil(task, parentUntil) - Date.parse(task.startedAt));
}
