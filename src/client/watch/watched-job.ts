/** A job as a watcher holds it: plain data. What changes is a new object, what did not is the old one. */
export interface WatchedJob {
  /** Opaque, stable over attempts, and the key in `watch.jobs`. */
  readonly id: string;
  /** Lower-cased. */
  readonly database: string;
  /** Whose job it is. */
  readonly username: string;
  /** Unique below its database and user. */
  readonly jobId: string;
  /** 1 when first stored, one more each time it is stored again. */
  readonly attempt: number;
  /** One more with every change: the difference to one seen before is how many changes lie between. */
  readonly version: number;
  /** When its latest change was made: `eta` and the `rate` of its tasks are as of then. RFC 3339, as all instants. */
  readonly changedAt: string;
  /** When this attempt was stored. */
  readonly storedAt: string;
  /** When its worker reported last. */
  readonly reportedAt: string;
  /** When the root ended; null before. */
  readonly endedAt: string | null;
  /** When it will be forgotten: set once it has ended or is LOST. */
  readonly expiresAt: string | null;
  /** Whether its worker is heard of: SILENT when the lease has run out, LOST after several. */
  readonly health: WatchedHealth;
  /** When it may end; null while that is unknown, and for a job that is LOST. */
  readonly eta: WatchedEta | null;
  /** What it was estimated to need; null when that was not said. */
  readonly memory: WatchedMemory | null;
  /** Who asked it to stop, and why; null when nobody did. */
  readonly cancelRequest: WatchedCancelRequest | null;
  /** The root of its tree. */
  readonly task: WatchedTask;
}

/** A task of a watched job, with those below it. */
export interface WatchedTask {
  /** Empty for the root, then child indexes from 0: `0`, `0.2`, `0.2.1`. */
  readonly path: string;
  /** Its name, for people. */
  readonly description: string;
  /** Whether it does work, is made of others, or repeats them. */
  readonly kind: WatchedKind;
  /** How far it has come. */
  readonly status: WatchedTaskStatus;
  /** The worker's latest word on it; the reason, where it FAILED. */
  readonly message: string | null;
  /** When it began; null before. */
  readonly startedAt: string | null;
  /** When it ended; null before, and where it never began. */
  readonly endedAt: string | null;
  /** Iterations finished; null unless it is ITERATIVE. */
  readonly currentIteration: number | null;
  /** How many iterations there may be; null unless it is ITERATIVE, and where that is open. */
  readonly maxIterations: number | null;
  /** How many threads or workers may work on it, when that was said of it or of a task above. */
  readonly maxConcurrency: number | null;
  /** Units a second of a running leaf; null elsewhere, and before there is enough to say. */
  readonly rate: number | null;
  /** Its work, and that of all tasks below it. */
  readonly progress: WatchedProgress;
  /** In order; empty for a leaf. */
  readonly subTasks: readonly WatchedTask[];
}

/** Work done against work known, in the worker's units. */
export interface WatchedProgress {
  /** Units that are done. */
  readonly done: number;
  /** Units that there are; null while those of any leaf below are unknown. */
  readonly volume: number | null;
  /** The sum of the units that are known: never null. */
  readonly knownVolume: number;
  /** `42.86%`, `100%`; `n/a` while the volume is unknown. */
  readonly percent: string;
}

/** When a job may end: a range, and the best guess. */
export interface WatchedEta {
  /** Hardly before. */
  readonly earliest: string;
  /** The best guess. */
  readonly likely: string;
  /** Hardly after. */
  readonly latest: string;
}

/** The memory that a job was estimated to need, bytes. */
export interface WatchedMemory {
  /** At least so many. */
  readonly minBytes: number;
  /** At most so many. */
  readonly maxBytes: number;
}

/** Somebody wants the job to stop. */
export interface WatchedCancelRequest {
  /** When that was said. */
  readonly at: string;
  /** The user who asked. */
  readonly by: string;
  /** Why; null when that was not said. */
  readonly reason: string | null;
}

/** OK: heard of within its lease. SILENT: the lease has run out. LOST: several have. */
export type WatchedHealth = "OK" | "SILENT" | "LOST";
/** LEAF: does work. INTERMEDIATE: is made of others. ITERATIVE: repeats others. */
export type WatchedKind = "LEAF" | "INTERMEDIATE" | "ITERATIVE";
/** PENDING, then RUNNING, then one of the other three. */
export type WatchedTaskStatus = "PENDING" | "RUNNING" | "FINISHED" | "CANCELED" | "FAILED";
