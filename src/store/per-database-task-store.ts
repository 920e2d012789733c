import { setImmediate } from "node:timers/promises";
import type { DatabaseJournal } from "../journal/journal.js";
import { unavailableReason } from "../journal/unavailable-reason.js";
import { writeFailureReason } from "../journal/write-failure-reason.js";
import type { Limits } from "../protocol/limits.js";
import { newestRevisionIn, type Position } from "../protocol/position.js";
import { unavailable, type TidemarkError } from "../protocol/tidemark-error.js";
import {
  updateHealth,
  removeJob,
  requestCancel,
  type Admit,
  type CancelJobInput,
  type Fence,
  type AddTasksRequest,
  type JobReport,
  type Report,
  type StoreRequest,
} from "../tasks/job-changes.js";
import type { LeaseTerms } from "../tasks/health.js";
import type { DatabaseName, JobKey, Username } from "../tasks/names.js";
import { retentionMsOf, type Retention } from "../tasks/retention.js";
import { endOf, type Removal, type UserTask } from "../tasks/user-task.js";
import { DeadlineTimer } from "../util/deadline-timer.js";
import type { Log } from "../util/log.js";
import type { SteadyClock } from "../util/steady-clock.js";
import { CommitLoop } from "./commit-loop.js";
import type { ReadonlyJobTable } from "./job-table.js";
import type { MemoryAccount, MemoryBudget } from "./memory-budget.js";
import { ObservableTaskStore } from "./observable-task-store.js";
import { SettledResults } from "./pending-commit.js";
import { Replica } from "./replica.js";
import type { JobFilter, PageWindow, TaskStore, UserTaskPage } from "./task-store.js";
import { admitted, type WriteBatch } from "./write-batch.js";

export interface TaskStoreOptions extends LeaseTerms {
  readonly clock: SteadyClock;
  readonly memory: MemoryBudget;
  readonly limits: Limits;
  readonly log: Log;
  /** Whether other servers write to the journal. Default: false. */
  readonly otherWriters?: boolean;
  /** Called once when the store can no longer follow the other servers, and so cannot be used any more. */
  readonly onFailure?: (store: PerDatabaseTaskStore, error: unknown) => void;
}

/** The jobs of one database, over its journal: reads, requests for changes, health and expiry. A `CommitLoop` makes the changes. */
export class PerDatabaseTaskStore extends ObservableTaskStore implements TaskStore, AsyncDisposable {
  readonly database: DatabaseName;
  readonly #journal: DatabaseJournal;
  readonly #options: TaskStoreOptions;
  readonly #memory: MemoryAccount;
  readonly #replica: Replica;
  readonly #commits: CommitLoop;
  readonly #healthTimer: DeadlineTimer;
  readonly #monotonicAt = (time: number): number => this.#options.clock.monotonicAt(time);
  /** Why the jobs can no longer be read: other servers have written what this one cannot read. */
  #failure: TidemarkError | undefined;

  /**
   * Opens the store of `database` with the jobs in `journal`.
   * @throws JournalError; MemoryFullError as soon as the jobs that were read do not fit into the memory.
   */
  static async open(
    database: DatabaseName,
    journal: DatabaseJournal,
    options: TaskStoreOptions,
  ): Promise<PerDatabaseTaskStore> {
    const memory = options.memory.open(database);
    try {
      const replica = await Replica.load(journal, { ...options, memory, budget: options.memory });
      return new PerDatabaseTaskStore(journal, options, memory, replica);
    } catch (error) {
      memory.close();
      throw error;
    }
  }

  private constructor(
    journal: DatabaseJournal,
    options: TaskStoreOptions,
    memory: MemoryAccount,
    replica: Replica,
  ) {
    super(options.log);
    this.database = memory.database;
    this.#journal = journal;
    this.#options = options;
    this.#memory = memory;
    this.#replica = replica;
    replica.onChange = (before, after) => this.notifyListeners(before, after);
    this.#commits = new CommitLoop(journal, replica, {
      ...options,
      memory,
      onAdvance: () => this.#rescheduleHealthCheck(),
      onLoaded: (lost) => this.#onLoaded(lost),
      onUnreadable: (error) => this.#fail(error),
    });
    this.#healthTimer = new DeadlineTimer(options.clock, () => this.#onHealthTimer());
    this.#healthTimer.set(this.nextHealthCheckAt);
    if (options.otherWriters) void this.#commits.follow();
  }

  get position(): Position {
    return this.#replica.position;
  }

  includes(position: Position): boolean {
    return this.#replica.history.includes(position);
  }

  isSameEpoch({ epoch }: Position): boolean {
    return this.#replica.history.isSameEpoch(epoch);
  }

  get activeAt(): number | null {
    return this.#replica.table.activeAt;
  }

  get tombstoneHorizon(): number {
    return this.#replica.table.tombstoneHorizon;
  }

  get(key: JobKey): UserTask | undefined {
    const state = this.#table.get(key);
    return state?.kind === "userTask" ? state : undefined;
  }

  query(filter: JobFilter = {}): UserTask[] {
    return this.#table.query(filter);
  }

  page(filter: JobFilter, window: PageWindow): UserTaskPage {
    return this.#table.page(filter, window);
  }

  taskCount(filter: JobFilter = {}): number {
    return this.#table.count(filter);
  }

  toBeCanceled(filter: JobFilter = {}): UserTask[] {
    return this.#table.toBeCanceled(filter);
  }

  usernames(first: number, after = ""): Username[] {
    return this.#replica.table.usernames(first, after);
  }

  nextChange(revision: number, filter: JobFilter = {}): UserTask | Removal | undefined {
    return this.#table.nextChange(revision, filter);
  }

  store(request: StoreRequest, admit?: Admit): Promise<UserTask> {
    return this.#commits.commit((batch) => batch.store(request, admit));
  }

  update(key: JobKey, report: Report, admit?: Admit): Promise<UserTask> {
    return this.#commits.commit((batch) => batch.report(key, report, admit));
  }

  updateAll(reports: readonly JobReport[], admit?: Admit): Promise<PromiseSettledResult<UserTask>[]> {
    return new Promise((resolve) => {
      const results = new SettledResults<UserTask>(reports.length, resolve);
      for (const [index, { key, report }] of reports.entries()) {
        this.#commits.enqueue((batch) => batch.report(key, report, admit), results, index);
      }
    });
  }

  addTasks(key: JobKey, request: AddTasksRequest, admit?: Admit): Promise<UserTask> {
    return this.#commits.commit((batch) => batch.addTasks(key, request, admit));
  }

  requestCancel(key: JobKey, request: CancelJobInput, admit?: Admit): Promise<UserTask> {
    return this.#commits.commit((batch) =>
      batch.change(key, (state, edit) => admitted(requestCancel(state, key, request, edit), admit)),
    );
  }

  remove(key: JobKey, fence: Fence, admit?: Admit): Promise<UserTask | null> {
    return this.#commits.commit((batch) => {
      const before = batch.get(key);
      batch.change(key, (state, edit) => {
        const after = removeJob(state, fence, "REMOVED", edit);
        if (before?.kind === "userTask") admit?.(before);
        return after;
      });
      return before?.kind === "userTask" ? before : null;
    });
  }

  /**
   * Removes the jobs that exist when the purge begins, up to 250 per append. Yields to other requests between appends. A
   * job that is stored again meanwhile stays. Returns the number of removed jobs.
   * @throws TidemarkError UNAVAILABLE; its message says how many jobs were removed before
   */
  async purge(): Promise<number> {
    const jobs: UserTask[] = [];
    let count = await this.#commits.commit((batch) => {
      jobs.splice(0, jobs.length, ...batch.jobs());
      return batch.purge(jobs.slice(0, REMOVALS_PER_BATCH_MAX));
    });
    for (let from = REMOVALS_PER_BATCH_MAX; from < jobs.length; from += REMOVALS_PER_BATCH_MAX) {
      await setImmediate();
      const slice = jobs.slice(from, from + REMOVALS_PER_BATCH_MAX);
      count += await this.#commits
        .commit((batch) => batch.purge(slice))
        .catch((error: unknown) => {
          const reason = writeFailureReason(error);
          const cause = reason === undefined ? "" : `: ${reason}`;
          throw unavailable(`Only ${count} of ${jobs.length} jobs were removed${cause}. Purge again.`, error);
        });
    }
    return count;
  }

  /**
   * Deletes the database with everything in it, before the queued changes: the store is then empty, at revision 0 of a
   * new epoch.
   * @param onlyIf deletes nothing unless it holds for the newest state.
   * @throws TidemarkError UNAVAILABLE
   */
  erase(onlyIf?: () => boolean): Promise<void> {
    return this.#commits.erase(onlyIf);
  }

  async catchUp(position: Position): Promise<void> {
    const isKnown = newestRevisionIn(position) <= this.#replica.revision && this.includes(position);
    if (this.#options.otherWriters && !isKnown) await this.#commits.catchUp();
  }

  /** Whether this server does the background duties of the database. */
  get holdsLease(): boolean {
    return this.#journal.holdsLease();
  }

  /**
   * Removes the expired jobs, up to 250 per append. Yields to other requests between appends.
   * Returns the number of removed jobs. @throws TidemarkError UNAVAILABLE
   */
  async expire(retention: Retention): Promise<number> {
    if (!this.holdsLease) return 0;
    const isExpired = (userTask: UserTask): boolean => this.#isExpired(userTask, retention);
    for (let count = 0; ;) {
      await setImmediate();
      const due = this.#expiredJobs(retention);
      if (due.length === 0) return count;
      const removed = await this.#commits.commit((batch) => batch.removeAll(due, "EXPIRED", isExpired));
      if (removed === 0) return count;
      count += removed;
    }
  }

  /**
   * Lowers the health of the jobs that are due, up to 1,000 per append. Yields to other requests between appends. Does
   * nothing, like `expire`, without the lease of the database.
   * An open store also does this on a timer. Returns the number of changes. @throws TidemarkError UNAVAILABLE
   */
  async updateHealth(): Promise<number> {
    const isDue = (): boolean =>
      this.nextHealthCheckAt <= this.#options.clock.monotonic() && this.#journal.holdsLease();
    let count = 0;
    while (isDue()) {
      count += await this.#commits.commit((batch) => this.#degradeHealth(batch));
      if (isDue()) await setImmediate();
    }
    return count;
  }

  /** The monotonic time of the next health check; Infinity if no job can decline. */
  get nextHealthCheckAt(): number {
    return this.#replica.table.leased.nextCheckAt;
  }

  /** When the job ended that ended first; Infinity if none has ended. */
  get oldestEndAt(): number {
    return this.#replica.table.ended.oldestFirst().next().value?.endedAt ?? Infinity;
  }

  /** Evicts up to `count` jobs, those that ended first. @throws TidemarkError UNAVAILABLE */
  evictEnded(count: number): Promise<number> {
    return this.#commits.commit((batch) => batch.evictEnded(count));
  }

  /** The monotonic time at which the next job expires; Infinity if none has ended. Takes constant time. */
  nextExpiresAt(retention: Retention): number {
    return this.#replica.table.ended.nextExpiresAt(retention, this.#monotonicAt);
  }

  /** The users with jobs or remembered removals. */
  get users(): ReadonlySet<Username> {
    return this.#replica.table.users;
  }

  /** Whether jobs were stored, and none is left. */
  get isEmptied(): boolean {
    return this.#replica.revision > 0 && this.#replica.table.count({}) === 0;
  }

  /** Whether the store has a listener or a change in progress. */
  get isBusy(): boolean {
    return this.hasListeners || this.#commits.isBusy;
  }

  /** Resolves when no change is being written. */
  get settled(): Promise<void> {
    return this.#commits.settled;
  }

  /**
   * Waits for the queued changes, then closes the journal. Closing twice is harmless.
   * @param reason the message of the error for later changes: why the store is closed, and what to do.
   */
  async close(reason = "The server is stopping. Try again when it is back."): Promise<void> {
    this.#healthTimer.cancel();
    await this.#commits.close(reason);
    this.#memory.close();
    await this.#journal.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For readers. @throws TidemarkError UNAVAILABLE after a failure */
  get #table(): ReadonlyJobTable {
    if (this.#failure) throw this.#failure;
    return this.#replica.table;
  }

  /** Usually every checked job has reported in time, so there is nothing to commit. */
  #onHealthTimer(): void {
    const { clock } = this.#options;
    if (this.#replica.table.leased.findDeclining(clock.monotonic(), HEALTH_CHECKS_PER_BATCH_MAX).length > 0)
      void this.#runHealthCheck();
    else this.#setHealthTimer(this.nextHealthCheckAt);
  }

  async #runHealthCheck(): Promise<void> {
    try {
      await this.updateHealth();
      const { clock } = this.#options;
      this.#setHealthTimer(
        this.holdsLease ? this.nextHealthCheckAt : clock.monotonic() + HEALTH_CHECK_RETRY_MS,
      );
    } catch (error) {
      if (this.#commits.isClosed) return;
      const { log, clock } = this.#options;
      log.warn({ err: error, database: this.database }, "cannot update the health of jobs");
      this.#setHealthTimer(clock.monotonic() + HEALTH_CHECK_RETRY_MS);
    }
  }

  #setHealthTimer(at: number): void {
    if (!this.#commits.isClosed) this.#healthTimer.set(at);
  }

  #degradeHealth(batch: WriteBatch): number {
    const count = batch.pendingChanges.length;
    for (const key of this.#replica.table.leased.findDeclining(
      this.#options.clock.monotonic(),
      HEALTH_CHECKS_PER_BATCH_MAX,
    ))
      batch.change(key, (state, edit) => updateHealth(state, this.#options, edit));
    return batch.pendingChanges.length - count;
  }

  /** The jobs that expire in the next append. */
  #expiredJobs(retention: Retention): JobKey[] {
    const due: JobKey[] = [];
    const now = this.#options.clock.monotonic();
    for (const { userTask } of this.#replica.table.ended.expired(retention, now, this.#monotonicAt)) {
      if (due.push(userTask) === REMOVALS_PER_BATCH_MAX) break;
    }
    return due;
  }

  #isExpired(userTask: UserTask, retention: Retention): boolean {
    const endedAt = endOf(userTask);
    if (endedAt === null) return false;
    const { clock } = this.#options;
    return clock.monotonicAt(endedAt) + retentionMsOf(userTask, retention) <= clock.monotonic();
  }

  #rescheduleHealthCheck(): void {
    // An overdue check is already running, or its retry is scheduled.
    if (this.nextHealthCheckAt > this.#options.clock.monotonic())
      this.#setHealthTimer(this.nextHealthCheckAt);
  }

  /** Ends all streams: their subscribers may find a server that can read the database. */
  #fail(error: unknown): void {
    const name = JSON.stringify(this.database);
    this.#failure = unavailable(`Database ${name} can no longer be read. ${unavailableReason(error)}`, error);
    this.#options.onFailure?.(this, error);
    this.notifyOfReplacedHistory();
  }

  #onLoaded(lost: readonly (UserTask | Removal)[]): void {
    if (this.#replica.history.generations.length > 1 && lost.length > 0) {
      const jobs = lost.map(({ username, jobId, stamp }) => ({ username, jobId, revision: stamp.revision }));
      this.#options.log.error({ database: this.database, jobs }, LOST_CHANGES);
    }
    this.notifyOfReplacedHistory();
  }
}

const LOST_CHANGES =
  "the database server failed, and the one that took over lacks changes that were answered; their jobs follow";

/** Purged or expired jobs per append, so that an append needs little space and time. */
const REMOVALS_PER_BATCH_MAX = 250;

/** Health checks per turn and per append. */
const HEALTH_CHECKS_PER_BATCH_MAX = 1_000;

const HEALTH_CHECK_RETRY_MS = 1_000;
