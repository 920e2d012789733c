import { randomBytes } from "node:crypto";
import type { JournalEntry } from "../journal/journal.js";
import type { Limits } from "../protocol/limits.js";
import { limitExceeded, type TidemarkError } from "../protocol/tidemark-error.js";
import type { Edit } from "../tasks/edit.js";
import {
  removeJob,
  applyReport,
  storeJob,
  type Admit,
  type Report,
  type StoreRequest,
} from "../tasks/job-changes.js";
import type { DatabaseName, JobKey } from "../tasks/names.js";
import { Stamp } from "../tasks/stamp.js";
import type { JobState, Removal, RemovalReason, UserTask } from "../tasks/user-task.js";
import { EndedJobs, isBefore, type EndedJob } from "./ended-jobs.js";
import { encodeChange } from "./journal-codec.js";
import type { JobTable } from "./job-table.js";

/** A change that is not durable yet. */
export interface PendingChange {
  readonly before: JobState;
  readonly after: UserTask | Removal;
  readonly entry: JournalEntry;
}

/**
 * The changes of one append. Each starts from the state after the previous one. Until the append is durable, only the
 * batch shows their results.
 */
export class WriteBatch {
  readonly pendingChanges: PendingChange[] = [];
  readonly #table: JobTable;
  readonly #revision: number;
  readonly #now: number;
  readonly #limits: Limits;
  readonly #pendingStates = new Map<string, PendingState>();
  /** The ended jobs of the table that were not considered for eviction yet. */
  #endedInTable: Iterator<EndedJob, undefined> | undefined;
  /** The first of them; the batch may have changed it since. */
  #oldestInTable: EndedJob | undefined;
  readonly #endedInBatch = new EndedJobs();
  #jobCount: number;
  #evictedCount = 0;

  /** @param revision the table's newest revision. @param now the time of all changes in the batch. */
  constructor(table: JobTable, revision: number, now: number, limits: Limits) {
    this.#table = table;
    this.#revision = revision;
    this.#now = now;
    this.#limits = limits;
    this.#jobCount = table.count({});
  }

  get(key: JobKey): JobState {
    return this.#pendingStates.get(keyTextOf(key))?.state ?? this.#table.get(key);
  }

  /** Changes one job. If `reduce` returns `before`, nothing changes. */
  change<T extends JobState>(key: JobKey, reduce: (before: JobState, edit: Edit) => T): T {
    const keyText = keyTextOf(key);
    const pending = this.#pendingStates.get(keyText);
    const before = pending ? pending.state : this.#table.get(key);
    const after = reduce(before, this.#edit());
    if (after && after !== before) this.#record(keyText, pending, before, after);
    return after;
  }

  /** @throws TidemarkError as `applyReport` */
  report(key: JobKey, report: Report, admit?: Admit): UserTask {
    return this.change(key, (before, edit) => admitted(applyReport(before, key, report, edit), admit));
  }

  /**
   * Stores a job. If the database is full, the job that ended first is evicted.
   * @throws TidemarkError as `storeJob`; LIMIT_EXCEEDED if the database is full and no job has ended.
   */
  store(request: StoreRequest, admit?: Admit): UserTask {
    return this.change(request, (before, edit) => {
      const after = admitted(storeJob(before, request, edit), admit);
      if (before?.kind !== "userTask") this.#evictForNewJob(request.database);
      return after;
    });
  }

  /** All jobs after the changes of this batch, those stored first first, because their entries free the most space. */
  jobs(): UserTask[] {
    const unchanged = this.#table
      .query({})
      .filter((userTask) => !this.#pendingStates.has(keyTextOf(userTask)));
    const pending = [...this.#pendingStates.values()].map(({ state }) => state);
    return [...unchanged.toReversed(), ...pending.filter((state) => state.kind === "userTask")];
  }

  /** Removes these jobs, except those that were stored again since. Returns the number of removed jobs. */
  purge(jobs: readonly UserTask[]): number {
    const unchanged = jobs.filter((job) => {
      const state = this.get(job);
      return state?.kind === "userTask" && state.attempt === job.attempt;
    });
    return this.removeAll(unchanged, "PURGED", () => true);
  }

  /** Removes the jobs among `keys` that `isChosen` selects, each with its own change. Returns their number. */
  removeAll(
    keys: readonly JobKey[],
    reason: RemovalReason,
    isChosen: (userTask: UserTask, now: number) => boolean,
  ): number {
    const chosen = keys.filter((key) => {
      const state = this.get(key);
      return state?.kind === "userTask" && isChosen(state, this.#now);
    });
    for (const key of chosen) {
      this.change(key, (before, edit) => removeJob(before, { attempt: null }, reason, edit));
    }
    return chosen.length;
  }

  /**
   * Evicts ended jobs until the new job fits. After the limit was lowered, that may be many: a batch then evicts up to
   * 1,000 jobs, but at least one per stored job, so that the number of jobs never grows.
   */
  #evictForNewJob(database: DatabaseName): void {
    const { jobsPerDatabaseMax } = this.#limits;
    const excess = this.#jobCount + 1 - jobsPerDatabaseMax;
    if (excess <= 0) return;
    if (!this.#oldestEnded()) throw databaseFullError(database, this.#jobCount, jobsPerDatabaseMax);
    for (
      let left = Math.min(excess, Math.max(1, EVICTIONS_PER_BATCH_MAX - this.#evictedCount));
      left > 0;
      left--
    ) {
      const oldest = this.#oldestEnded();
      if (!oldest) return;
      this.change(oldest, (before, edit) => removeJob(before, { attempt: null }, "EXPIRED", edit));
      this.#evictedCount++;
    }
  }

  /** The job that ended first, after the changes of this batch. */
  #oldestEnded(): UserTask | undefined {
    const ended = (this.#endedInTable ??= this.#table.ended.oldestFirst());
    let inTable = (this.#oldestInTable ??= ended.next().value);
    while (inTable && this.#pendingStates.has(keyTextOf(inTable.userTask))) inTable = ended.next().value;
    this.#oldestInTable = inTable;
    const inBatch = this.#endedInBatch.oldestFirst().next().value;
    if (!inTable || !inBatch) return (inTable ?? inBatch)?.userTask;
    return (isBefore(inTable, inBatch) ? inTable : inBatch).userTask;
  }

  #edit(): Edit {
    return { now: this.#now, stamp: new Stamp(), limits: this.#limits };
  }

  #record(
    keyText: string,
    pending: PendingState | undefined,
    before: JobState,
    after: UserTask | Removal,
  ): void {
    const madeFrom = pending?.revision ?? before?.stamp.revision ?? 0;
    this.pendingChanges.push({ before, after, entry: encodeChange(before, after, madeFrom, nextCommitId()) });
    const revision = this.#revision + this.pendingChanges.length;
    const storedRevision = isSameStore(before, after)
      ? (pending?.storedRevision ?? before.storedStamp.revision)
      : revision;
    const ended = this.#endedInBatch.replace(pending?.ended, after, storedRevision);
    this.#pendingStates.set(keyText, { state: after, revision, storedRevision, ended });
    this.#jobCount += Number(after.kind === "userTask") - Number(before?.kind === "userTask");
  }
}

/** Returns the result of a change. @throws TidemarkError as `admit` */
export function admitted(after: UserTask, admit: Admit | undefined): UserTask {
  admit?.(after);
  return after;
}

/** The state of a job after the batch, and its revisions, because its stamps are not set yet. */
interface PendingState {
  readonly state: UserTask | Removal;
  readonly revision: number;
  /** The revision of the latest store; for a removal, that of the removal. */
  readonly storedRevision: number;
  readonly ended: EndedJob | undefined;
}

/** Evictions per batch, unless more jobs are stored in it. */
const EVICTIONS_PER_BATCH_MAX = 1_000;

function isSameStore(before: JobState, after: UserTask | Removal): before is UserTask {
  return before?.kind === "userTask" && after.kind === "userTask" && before.storedStamp === after.storedStamp;
}

function databaseFullError(
  database: DatabaseName,
  jobCount: number,
  jobsPerDatabaseMax: number,
): TidemarkError {
  return limitExceeded(
    "jobsPerDatabaseMax",
    `Database ${JSON.stringify(database)} is full and none of its ${jobCount} jobs has ended, so remove jobs`,
    jobsPerDatabaseMax,
  );
}

/** Unique, because names have no control characters. */
function keyTextOf({ username, jobId }: JobKey): string {
  return `${username}\u0000${jobId}`;
}

const PROCESS_ID = randomBytes(12).toString("base64url");
let commitCount = 0;

/**
 * An id that is unique across processes, so that `Journal.find` can look for it. A process id with a counter is shorter
 * and faster than a UUID.
 */
function nextCommitId(): string {
  return `${PROCESS_ID}.${(++commitCount).toString(36)}`;
}
