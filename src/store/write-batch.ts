import { randomBytes } from "node:crypto";
import type { JournalEntry } from "../journal/journal.js";
import type { Limits } from "../protocol/limits.js";
import { limitExceeded, type TidemarkError } from "../protocol/tidemark-error.js";
import type { Edit } from "../tasks/edit.js";
import { removeJob, applyReport, storeJob, type Report, type StoreRequest } from "../tasks/job-changes.js";
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
 * The changes of one append. Each starts from the state after the previous one. Only the batch shows their results
 * until the journal has them.
 */
export class WriteBatch {
  readonly pendingChanges: PendingChange[] = [];
  readonly #table: JobTable;
  readonly #revision: number;
  readonly #now: number;
  readonly #limits: Limits;
  readonly #pendingStates = new Map<string, PendingState>();
  /** The ended jobs of the table, and those that ended in this batch. */
  #endedBefore: Iterator<EndedJob, undefined> | undefined;
  readonly #endedHere = new EndedJobs();
  #oldestBefore: EndedJob | undefined;
  #jobCount: number;
  #evictedCount = 0;

  /** @param revision the newest of the table. @param now the instant of all changes of the batch. */
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

  /** Makes one change of one job. A reducer that returns `before` changes nothing. */
  change<T extends JobState>(key: JobKey, reduce: (before: JobState, edit: Edit) => T): T {
    const text = keyTextOf(key);
    const pending = this.#pendingStates.get(text);
    const before = pending ? pending.state : this.#table.get(key);
    const after = reduce(before, this.#edit());
    if (after && after !== before) this.#record(text, pending, before, after);
    return after;
  }

  /** @throws TidemarkError as `applyReport` */
  report(key: JobKey, report: Report): UserTask {
    return this.change(key, (before, edit) => applyReport(before, key, report, edit));
  }

  /**
   * Stores a job. If the database is full, the job that ended first is evicted.
   * @throws TidemarkError as `storeJob`; LIMIT_EXCEEDED if the database is full and no job has ended.
   */
  store(request: StoreRequest): UserTask {
    return this.change(request, (before, edit) => {
      const after = storeJob(before, request, edit);
      if (before?.kind !== "userTask") this.#evictForNewJob(request.database);
      return after;
    });
  }

  /** Removes every job, each with its own change. Returns their number. */
  purge(): number {
    return this.removeAll(this.#jobs(), "PURGED", () => true);
  }

  /** Removes the jobs of `keys` that are chosen, each with its own change. Returns their number. */
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
   * After the bound was lowered, the database holds more jobs than allowed. A batch then evicts up to 1,000 jobs, but
   * at least one per store, so that the number of jobs never grows.
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
    const endedBefore = (this.#endedBefore ??= this.#table.ended.oldestFirst());
    let before = (this.#oldestBefore ??= endedBefore.next().value);
    while (before && this.#pendingStates.has(keyTextOf(before.userTask))) before = endedBefore.next().value;
    this.#oldestBefore = before;
    const here = this.#endedHere.oldestFirst().next().value;
    const oldest = before && here ? (isBefore(before, here) ? before : here) : (before ?? here);
    return oldest?.userTask;
  }

  #edit(): Edit {
    return { now: this.#now, stamp: new Stamp(), limits: this.#limits };
  }

  #jobs(): UserTask[] {
    const unchanged = this.#table
      .query({})
      .filter((userTask) => !this.#pendingStates.has(keyTextOf(userTask)));
    const pending = [...this.#pendingStates.values()].map(({ state }) => state);
    return [...unchanged, ...pending.filter((state) => state.kind === "userTask")];
  }

  #record(
    text: string,
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
    const ended = this.#endedHere.replace(pending?.ended, after, storedRevision);
    this.#pendingStates.set(text, { state: after, revision, storedRevision, ended });
    this.#jobCount += Number(after.kind === "userTask") - Number(before?.kind === "userTask");
  }
}

/** The state of a job after the batch. Its stamps are not set yet, so the revisions are kept here. */
interface PendingState {
  readonly state: UserTask | Removal;
  readonly revision: number;
  /** The revision of the latest store; for a removal, its own. */
  readonly storedRevision: number;
  readonly ended: EndedJob | undefined;
}

/** Evictions per batch, unless its stores need more. */
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
