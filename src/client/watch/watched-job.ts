/**
 * A watched job, as immutable data. A change creates new objects for the job, the changed tasks and the tasks above
 * them; unchanged tasks stay the same objects. All timestamps are RFC 3339 texts in UTC.
 */
export interface WatchedJob {
  /** The key in `watch.jobs`: opaque, and the same for all attempts. */
  readonly id: string;
  /** The name of the database, in lower case. */
  readonly database: string;
  /** The owner of the job. */
  readonly username: string;
  /** The id of the job, unique within its database and user. */
  readonly jobId: string;
  /** The number of the attempt, from 1. It increases each time the job is stored again. */
  readonly attempt: number;
  /** Increases by one with each change, so a gap counts the changes that were merged. */
  readonly version: number;
  /** When the job last changed. `eta` and the `rate` of tasks refer to this time. */
  readonly changedAt: string;
  /** When this attempt was stored. */
  readonly storedAt: string;
  /** When the worker last reported. */
  readonly reportedAt: string;
  /** When the root task ended; null before. */
  readonly endedAt: string | null;
  /** When the job will be removed; null until it has ended or is LOST. */
  readonly expiresAt: string | null;
  /** Whether the worker still reports. */
  readonly health: WatchedHealth;
  /** The estimated time of the job's end; null while unknown, and for a LOST job. */
  readonly eta: WatchedEta | null;
  /** The estimated memory of the job; null without an estimate. */
  readonly memory: WatchedMemory | null;
  /** The request to cancel the job; null without one. */
  readonly cancelRequest: WatchedCancelRequest | null;
  /** The root of the task tree. */
  readonly task: WatchedTask;
}

/** A task of a watched job, with its subtasks. */
export interface WatchedTask {
  /** The position in the tree: child indexes from 0, such as `0`, `0.2` or `0.2.1`. Empty for the root. */
  readonly path: string;
  /** The name of the task. */
  readonly description: string;
  /** Whether the task does work, consists of subtasks, or repeats them. */
  readonly kind: WatchedKind;
  /** The state of the task. */
  readonly status: WatchedTaskStatus;
  /** The worker's latest message; the reason if the task FAILED; null without one. */
  readonly message: string | null;
  /** When the task started; null before. */
  readonly startedAt: string | null;
  /** When the task ended; null before, and if it never started. */
  readonly endedAt: string | null;
  /** The number of finished iterations; null unless ITERATIVE. */
  readonly currentIteration: number | null;
  /** The maximum number of iterations; null unless ITERATIVE, and if there is no limit. */
  readonly maxIterations: number | null;
  /** How many threads or workers may run the task, declared for it or a task above; null if not declared. */
  readonly maxConcurrency: number | null;
  /** Units per second of a running leaf; null for other tasks, and until there are enough reports. */
  readonly rate: number | null;
  /** The progress of the task, including its subtasks. */
  readonly progress: WatchedProgress;
  /** The subtasks, in order; empty for a leaf. */
  readonly subTasks: readonly WatchedTask[];
}

/** Progress in units of work. The worker chooses the unit. */
export interface WatchedProgress {
  /** Completed units. */
  readonly done: number;
  /** Total units; null while the volume of any leaf is unknown. */
  readonly volume: number | null;
  /** The sum of the known volumes. Never null. */
  readonly knownVolume: number;
  /** `done` divided by `volume`, 0 to 1; null while the volume is unknown. */
  readonly ratio: number | null;
  /** The percentage as text, such as `42.86%` or `100%`; `n/a` while the volume is unknown. */
  readonly percent: string;
}

/** The estimated time of a job's end, as a range with a best estimate. */
export interface WatchedEta {
  /** The job is unlikely to end before. */
  readonly earliest: string;
  /** The best estimate. */
  readonly likely: string;
  /** The job is unlikely to end later. */
  readonly latest: string;
}

/** The estimated memory of a job, bytes. */
export interface WatchedMemory {
  /** The lower bound. */
  readonly minBytes: number;
  /** The upper bound. */
  readonly maxBytes: number;
}

/** A request to cancel a job. */
export interface WatchedCancelRequest {
  /** When the request was made. */
  readonly at: string;
  /** The user who made the request. */
  readonly by: string;
  /** The reason that was given; null without one. */
  readonly reason: string | null;
}

/** OK: the worker reported within its lease. SILENT: the lease expired. LOST: several leases expired. */
export type WatchedHealth = "OK" | "SILENT" | "LOST";
/** LEAF: does work. INTERMEDIATE: consists of subtasks. ITERATIVE: repeats its subtasks. */
export type WatchedKind = "LEAF" | "INTERMEDIATE" | "ITERATIVE";
/** A task is PENDING, then RUNNING, then FINISHED, CANCELED or FAILED. */
export type WatchedTaskStatus = "PENDING" | "RUNNING" | "FINISHED" | "CANCELED" | "FAILED";
