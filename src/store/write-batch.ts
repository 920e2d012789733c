import type { JournalEntry } from "../journal/journal.js";
import type { Limits } from "../protocol/limits.js";
import { limitExceeded, type TidemarkError } from "../protocol/tidemark-error.js";
import type { Edit, ElapsedMs } from "../tasks/edit.js";
import {
  addTasksToJob,
  removeJob,
  applyReport,
  storeJob,
  type AddTasksRequest,
  type Admit,
  type Report,
  type StoreRequest,
} from "../tasks/job-changes.js";
import type { DatabaseName, JobKey } from "../tasks/names.js";
import { Stamp } from "../tasks/stamp.js";
import type { JobState, Removal, RemovalReason, UserTask } from "../tasks/user-task.js";
import { nextCommitId } from "./commit-id.js";
import { EndedJobs, mergedEnds, type EndedJob } from "./ended-jobs.js";
import { chooseEvictions } from "./evictions.js";
import { encodeChange, entryOf, type EncodedChange } from "./journal-codec.js";
import type { ReadonlyJobTable } from "./job-table.js";
import type { MemoryAccount, MemoryShortage } from "./memory-budget.js";

/** A change that is not durable yet. */
export interface PendingChange {
  readonly before: JobState;
  readonly after: UserTask | Removal;
  readonly entry: JournalEntry;
  /** The estimated size of `after`, in bytes of the heap. */
  readonly heapSize: number;
  /** The bytes that are charged until the change is applied. */
  readonly reserved: number;
}

/**
 * The changes of one append. Each starts from the state after the previous one. Until the append is durable, only the
 * batch shows their results.
 */
export class WriteBatch {
  readonly pendingChanges: PendingChange[] = [];
  readonly #table: ReadonlyJobTable;
  readonly #revision: number;
  readonly #time: BatchTime;
  readonly #limits: Limits;
  readonly #memory: MemoryAccount;
  readonly #pendingStates = new Map<string, PendingState>();
  /** The ended jobs of the table, oldest first, that are not in `#endedInTable` yet. */
  #moreEndedInTable: Iterator<EndedJob, undefined> | undefined;
  /** The batch may have changed them since. */
  readonly #endedInTable: EndedJob[] = [];
  readonly #endedInBatch = new EndedJobs();
  #jobCount: number;
  #evictedCount = 0;

  /** @param revision the table's newest revision. @param time of all changes in the batch. */
  constructor(
    table: ReadonlyJobTable,
    revision: number,
    time: BatchTime,
    { limits, memory }: { limits: Limits; memory: MemoryAccount },
  ) {
    this.#table = table;
    this.#revision = revision;
    this.#time = time;
    this.#limits = limits;
    this.#memory = memory;
    this.#jobCount = table.count({});
  }

  get(key: JobKey): JobState {
    return this.#pendingStates.get(keyTextOf(key))?.state ?? this.#table.get(key);
  }

  /**
   * Changes one job. If `reduce` returns `before`, nothing changes. If the memory is full, the jobs that ended first are
   * evicted.
   * @param memoryShare the part of the memory that the change may fill.
   * @throws TidemarkError LIMIT_EXCEEDED if too few jobs have ended.
   */
  change<T extends JobState>(key: JobKey, reduce: (before: JobState, edit: Edit) => T, memoryShare = 1): T {
    const keyText = keyTextOf(key);
    const pending = this.#pendingStates.get(keyText);
    const before = pending ? pending.state : this.#table.get(key);
    const after = reduce(before, this.#edit());
    if (!after || after === before) return after;
    const heapSize = pending ? pending.heapSize : this.#table.heapSizeOf(key);
    const encoded = encodeChange(before, heapSize, after);
    const growth = encoded.heapSize - heapSize;
    if (growth > 0) this.#makeRoom(before, after, growth, memoryShare);
    this.#record(keyText, pending, before, after, encoded, growth);
    return after;
  }

  /** Returns the reserved memory, after the changes were applied or could not be written. */
  static returnMemory(changes: readonly PendingChange[], memory: MemoryAccount): void {
    for (const { after, reserved } of changes) if (reserved !== 0) memory.charge(after.username, -reserved);
  }

  /** @throws TidemarkError as `applyReport` */
  report(key: JobKey, report: Report, admit?: Admit): UserTask {
    return this.change(key, (before, edit) => admitted(applyReport(before, key, report, edit), admit));
  }

  /**
   * Stores a job. If the database is full, the job that ended first is evicted.
   * @throws TidemarkError as `storeJob`; LIMIT_EXCEEDED if the database or the memory is full and too few jobs have ended.
   */
  store(request: StoreRequest, admit?: Admit): UserTask {
    return this.change(
      request,
      (before, edit) => admitted(storeJob(before, request, edit), admit),
      NEW_TASKS_SHARE,
    );
  }

  /** @throws TidemarkError as `addTasksToJob`; LIMIT_EXCEEDED if the memory is full. */
  addTasks(key: JobKey, request: AddTasksRequest, admit?: Admit): UserTask {
    return this.change(
      key,
      (before, edit) => admitted(addTasksToJob(before, key, request, edit), admit),
      NEW_TASKS_SHARE,
    );
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
    isChosen: (userTask: UserTask) => boolean,
  ): number {
    const chosen = keys.filter((key) => {
      const state = this.get(key);
      return state?.kind === "userTask" && isChosen(state);
    });
    for (const key of chosen) {
      this.change(key, (before, edit) => removeJob(before, { attempt: null }, reason, edit));
    }
    return chosen.length;
  }

  /** Evicts ended jobs, so that a change fits. @throws TidemarkError LIMIT_EXCEEDED if they are too few. */
  #makeRoom(before: JobState, after: UserTask | Removal, growth: number, share: number): void {
    const isNewJob = before?.kind !== "userTask";
    const excess = isNewJob ? this.#jobCount + 1 - this.#limits.jobsPerDatabaseMax : 0;
    const shortages = this.#memory.shortages(after.username, growth, share);
    if (excess <= 0 && shortages.length === 0) return;
    const need = { jobs: Math.min(excess, this.#evictionsLeft), shortages };
    const others = this.#endedOldestFirst(after);
    const { jobs, unmet } = chooseEvictions(need, others, (job) => this.#heapSizeOf(job));
    if (excess > 0 && jobs.length === 0)
      throw databaseFullError(this.#memory.database, this.#jobCount, this.#limits.jobsPerDatabaseMax);
    if (unmet) {
      this.#memory.reportShortage(unmet);
      throw memoryFullError(unmet, share);
    }
    for (const job of jobs) this.#evict(job);
  }

  /**
   * After the number of jobs was lowered, many may be in excess: a batch then evicts up to 1,000 jobs, but at least one
   * per stored job, so that their number never grows.
   */
  get #evictionsLeft(): number {
    return Math.max(1, EVICTIONS_PER_BATCH_MAX - this.#evictedCount);
  }

  #evict(job: UserTask): void {
    this.change(job, (before, edit) => removeJob(before, { attempt: null }, "EXPIRED", edit));
    this.#evictedCount++;
  }

  #heapSizeOf(key: JobKey): number {
    return this.#pendingStates.get(keyTextOf(key))?.heapSize ?? this.#table.heapSizeOf(key);
  }

  /** Evicts up to `count` ended jobs and returns their number. */
  evictEnded(count: number): number {
    const { jobs } = chooseEvictions({ jobs: count, shortages: [] }, this.#endedOldestFirst(), () => 0);
    for (const job of jobs) this.#evict(job);
    return jobs.length;
  }

  /** The ended jobs after the changes of this batch, except that with this key. Do not hold it across a change. */
  *#endedOldestFirst(key?: JobKey): Generator<UserTask, undefined> {
    const inBatch = this.#endedInBatch.oldestFirst();
    for (const { userTask } of mergedEnds(this.#unchangedEnded(), inBatch))
      if (!key || !isSameKey(userTask, key)) yield userTask;
    return undefined;
  }

  *#unchangedEnded(): Generator<EndedJob, undefined> {
    const known = this.#endedInTable;
    const isChanged = ({ userTask }: EndedJob): boolean => this.#pendingStates.has(keyTextOf(userTask));
    const unchangedFrom = known.findIndex((ended) => !isChanged(ended));
    known.splice(0, unchangedFrom === -1 ? known.length : unchangedFrom);
    const more = (this.#moreEndedInTable ??= this.#table.ended.oldestFirst());
    for (let index = 0; ; index++) {
      const ended = known[index] ?? more.next().value;
      if (!ended) return undefined;
      if (index === known.length) known.push(ended);
      if (!isChanged(ended)) yield ended;
    }
  }

  #edit(): Edit {
    return { ...this.#time, stamp: new Stamp(), limits: this.#limits };
  }

  #record(
    keyText: string,
    pending: PendingState | undefined,
    before: JobState,
    after: UserTask | Removal,
    { change, heapSize }: EncodedChange,
    reserved: number,
  ): void {
    const madeFrom = pending?.revision ?? before?.stamp.revision ?? 0;
    const entry = entryOf(after, change, madeFrom, nextCommitId());
    this.pendingChanges.push({ before, after, entry, heapSize, reserved });
    if (reserved !== 0) this.#memory.charge(after.username, reserved);
    const revision = this.#revision + this.pendingChanges.length;
    const storedRevision = isSameStore(before, after)
      ? (pending?.storedRevision ?? before.storedStamp.revision)
      : revision;
    const ended = this.#endedInBatch.replace(pending?.ended, after, storedRevision);
    this.#pendingStates.set(keyText, { state: after, heapSize, revision, storedRevision, ended });
    this.#jobCount += Number(after.kind === "userTask") - Number(before?.kind === "userTask");
  }
}

/** Milliseconds since 1970, and how to measure intervals. */
interface BatchTime {
  readonly now: number;
  readonly elapsedMs: ElapsedMs;
}

/** Returns the result of a change. @throws TidemarkError as `admit` */
export function admitted(after: UserTask, admit: Admit | undefined): UserTask {
  admit?.(after);
  return after;
}

/** The state of a job after the batch, and its revisions, because its stamps are not set yet. */
interface PendingState {
  readonly state: UserTask | Removal;
  readonly heapSize: number;
  readonly revision: number;
  /** The revision of the latest store; for a removal, that of the removal. */
  readonly storedRevision: number;
  readonly ended: EndedJob | undefined;
}

/** The part of the memory that new tasks may fill. The rest is for reports on the tasks that exist. */
const NEW_TASKS_SHARE = 0.9;

/** Evictions per batch, unless more jobs are stored in it. */
const EVICTIONS_PER_BATCH_MAX = 1_000;

function isSameStore(before: JobState, after: UserTask | Removal): before is UserTask {
  return before?.kind === "userTask" && after.kind === "userTask" && before.storedStamp === after.storedStamp;
}

function isSameKey(a: JobKey, b: JobKey): boolean {
  return a.username === b.username && a.jobId === b.jobId;
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

function memoryFullError(shortage: MemoryShortage, share: number): TidemarkError {
  const { limit, needed, used, bound, username } = shortage;
  const holders = {
    memoryMax: "of the server",
    memoryPerDatabaseMax: "of this database",
    memoryPerUserMax: `of user ${JSON.stringify(username)}`,
  };
  const reserve = share < 1 ? ", whose last tenth is kept for reports on the jobs that exist" : "";
  return limitExceeded(
    limit,
    `The change needs ${needed} bytes of memory, but the jobs ${holders[limit]} take ${used} of ${bound}${reserve}, and too few of them have ended. Remove jobs, or try again after others have ended`,
    bound,
  );
}

/** Unique, because names have no control characters. */
function keyTextOf({ username, jobId }: JobKey): string {
  return `${username}\u0000${jobId}`;
}
