import type { JournalEntry } from "../journal/journal.js";
import type { Limits } from "../protocol/limits.js";
import { limitExceeded, type TidemarkError } from "../protocol/tidemark-error.js";
import type { Edit } from "../tasks/edit.js";
import { removeJob, applyReport, storeJob, type Report, type StoreRequest } from "../tasks/job-changes.js";
import type { DatabaseName, JobKey } from "../tasks/names.js";
import { Stamp } from "../tasks/stamp.js";
import type { JobState, Removal, RemovalReason, UserTask } from "../tasks/user-task.js";
import { nextCommitId } from "./commit-id.js";
import { EndedJobs, isBefore, type EndedJob } from "./ended-jobs.js";
import { encodeChange } from "./journal-codec.js";
import type { JobTable } from "./job-table.js";

/** A change that was made and is not durable yet. */
export interface PendingChange {
  readonly before: JobState;
  readonly after: UserTask | Removal;
  readonly entry: JournalEntry;
}

/**
 * Changes that go into one append, each made from what those before it led to. What they lead to can be read
 * here, and nowhere else until the journal has them.
 */
export class WriteBatch {
  readonly pendingChanges: PendingChange[] = [];
  readonly #table: JobTable;
  readonly #revision: number;
  readonly #now: number;
  readonly #limits: Limits;
  readonly #pendingStates = new Map<string, PendingState>();
  /** What has ended, by what the table has, and by what was drafted. */
  #endedBefore: Iterator<EndedJob, undefined> | undefined;
  readonly #endedHere = new EndedJobs();
  #oldestBefore: EndedJob | undefined;
  #jobCount: number;
  #evictedCount = 0;

  /** @param revision the newest one of the table; `now` is the instant of all changes of the batch. */
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

  /** Makes one change of one job. A reducer that gives back what it was given changes nothing. */
  change<T extends JobState>(key: JobKey, reduce: (before: JobState, edit: Edit) => T): T {
    const text = keyTextOf(key);
    const drafted = this.#pendingStates.get(text);
    const before = drafted ? drafted.state : this.#table.get(key);
    const after = reduce(before, this.#edit());
    if (after && after !== before) this.#record(text, drafted, before, after);
    return after;
  }

  /** Applies a worker's report. @throws TidemarkError as `reportOn` */
  report(key: JobKey, report: Report): UserTask {
    return this.change(key, (before, edit) => applyReport(before, key, report, edit));
  }

  /**
   * Stores a job. Where the database is full, those that ended longest ago go before it.
   * @throws TidemarkError as `storeJob`; LIMIT_EXCEEDED when it is full and nothing in it has ended.
   */
  store(request: StoreRequest): UserTask {
    return this.change(request, (before, edit) => {
      const after = storeJob(before, request, edit);
      if (before?.kind !== "userTask") this.#evictForNewJob(request.database);
      return after;
    });
  }

  /** Removes every job, each by a change of its own. Returns how many. */
  purge(): number {
    return this.removeAll(this.#jobs(), "PURGED", () => true);
  }

  /** Removes those of `keys` that are chosen, each by a change of its own. Returns how many. */
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
   * After the bound was lowered there is more than one to remove: a batch removes up to 1,000, but one for each
   * store at least, so that the jobs never become more.
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

  /** The job that ended longest ago, as it is after the drafts. */
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
    const kept = this.#table.query({}).filter((userTask) => !this.#pendingStates.has(keyTextOf(userTask)));
    const drafted = [...this.#pendingStates.values()].map(({ state }) => state);
    return [...kept, ...drafted.filter((state) => state.kind === "userTask")];
  }

  #record(
    text: string,
    drafted: PendingState | undefined,
    before: JobState,
    after: UserTask | Removal,
  ): void {
    const madeFrom = drafted?.revision ?? before?.stamp.revision ?? 0;
    this.pendingChanges.push({ before, after, entry: encodeChange(before, after, madeFrom, nextCommitId()) });
    const revision = this.#revision + this.pendingChanges.length;
    const storedRevision = isSameStore(before, after)
      ? (drafted?.storedRevision ?? before.storedStamp.revision)
      : revision;
    const ended = this.#endedHere.replace(drafted?.ended, after, storedRevision);
    this.#pendingStates.set(text, { state: after, revision, storedRevision, ended });
    this.#jobCount += Number(after.kind === "userTask") - Number(before?.kind === "userTask");
  }
}

/** What a batch has led a job to. Its stamps are not set yet, so the revisions are here. */
interface PendingState {
  readonly state: UserTask | Removal;
  readonly revision: number;
  /** Of the latest store; of a removal, its own. */
  readonly storedRevision: number;
  readonly ended: EndedJob | undefined;
}

/** Jobs that a batch removes to make room, unless each of its stores needs one more. */
const EVICTIONS_PER_BATCH_MAX = 1_000;

/** Whether `after` is the same store as `before`. */
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
    `Database ${JSON.stringify(database)} holds ${jobCount} jobs, and none of them has ended. Remove some`,
    jobsPerDatabaseMax,
  );
}

/** Names have no control characters, so no two keys have one text. */
function keyTextOf({ username, jobId }: JobKey): string {
  return `${username}\u0000${jobId}`;
}
