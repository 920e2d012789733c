import { setImmediate } from "node:timers/promises";
import {
  DamagedJournalError,
  JournalError,
  UnknownFormatError,
  type AppendResult,
  type DatabaseJournal,
  type JournalNews,
  type JournalPoint,
} from "../journal/journal.js";
import { unavailableReason } from "../journal/unavailable-reason.js";
import { writeFailureReason } from "../journal/write-failure-reason.js";
import type { Limits } from "../protocol/limits.js";
import { newestRevisionIn, type Position } from "../protocol/position.js";
import { limitExceeded, unavailable, type TidemarkError } from "../protocol/tidemark-error.js";
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
import type { ElapsedMs } from "../tasks/edit.js";
import type { LeaseTerms } from "../tasks/health.js";
import type { DatabaseName, JobKey, Username } from "../tasks/names.js";
import { retentionMsOf, type Retention } from "../tasks/retention.js";
import { endOf, type Removal, type UserTask } from "../tasks/user-task.js";
import { DeadlineTimer } from "../util/deadline-timer.js";
import type { Log } from "../util/log.js";
import type { SteadyClock } from "../util/steady-clock.js";
import { admitted, WriteBatch, type PendingChange } from "./write-batch.js";
import { SettledResults, PendingCommit, type CommitCallbacks } from "./pending-commit.js";
import type { ReadonlyJobTable } from "./job-table.js";
import type { MemoryAccount, MemoryBudget } from "./memory-budget.js";
import { ObservableTaskStore } from "./observable-task-store.js";
import { Replica } from "./replica.js";
import type { JobFilter, PageWindow, TaskStore, UserTaskPage } from "./task-store.js";

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

/**
 * The jobs of one database, over its journal. A change is committed with others (group commit):
 *
 *     commit ──► queue ──► batch: reduce each ──► journal.append ──► for each: stamp, apply, notify ──► settle
 *                  ▲                                    │
 *                  └── changes that arrive meanwhile ───┘  form the next batch
 *
 * Batches run one at a time, so each change starts from the state after the previous one. No change is applied,
 * delivered or answered before the journal has it (law 11). Applying a revision and notifying its listeners is one
 * synchronous step (laws 3 and 12). Rejections settle with their batch, because they may depend on a change in it.
 *
 * If other servers write to the journal, the store follows it, and applies their changes between its batches. If a job of a
 * batch was changed elsewhere since, nothing of it is written: the store catches up, and reduces all changes of the batch again. A
 * change that is decided without writing, such as a rejection, is decided again if the state was not the newest one.
 */
export class PerDatabaseTaskStore extends ObservableTaskStore implements TaskStore, AsyncDisposable {
  readonly database: DatabaseName;
  readonly #journal: DatabaseJournal;
  readonly #options: TaskStoreOptions;
  readonly #memory: MemoryAccount;
  #replica!: Replica;
  readonly #healthTimer: DeadlineTimer;
  readonly #elapsedMs: ElapsedMs = (since, until) => this.#options.clock.elapsedMs(since, until);
  readonly #monotonicAt = (time: number): number => this.#options.clock.monotonicAt(time);
  #queue: PendingCommit<unknown>[] = [];
  /** Work that waits for the batch in progress. */
  #exclusiveWork: (() => Promise<void>)[] = [];
  /** Changes whose append had an unknown outcome. */
  #inDoubt: readonly PendingChange[] | undefined;
  #committing: Promise<void> | undefined;
  /** Aborts when the store closes. */
  readonly #closing = new AbortController();
  /** Why the store is closed, and what to do. */
  #closeReason: string | undefined;
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
      const store = new PerDatabaseTaskStore(journal, options, memory);
      await store.#load();
      return store;
    } catch (error) {
      memory.close();
      throw error;
    }
  }

  private constructor(journal: DatabaseJournal, options: TaskStoreOptions, memory: MemoryAccount) {
    super(options.log);
    this.database = memory.database;
    this.#journal = journal;
    this.#options = options;
    this.#memory = memory;
    this.#healthTimer = new DeadlineTimer(options.clock, () => this.#onHealthTimer());
  }

  async #load(): Promise<void> {
    const options = { ...this.#options, memory: this.#memory, budget: this.#options.memory };
    this.#replica = await Replica.load(this.#journal, options, (before, after) =>
      this.notifyListeners(before, after),
    );
    this.#healthTimer.set(this.nextHealthCheckAt);
    if (this.#options.otherWriters) void this.#follow();
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
    return this.#commit((batch) => batch.store(request, admit));
  }

  update(key: JobKey, report: Report, admit?: Admit): Promise<UserTask> {
    return this.#commit((batch) => batch.report(key, report, admit));
  }

  updateAll(reports: readonly JobReport[], admit?: Admit): Promise<PromiseSettledResult<UserTask>[]> {
    return new Promise((resolve) => {
      const results = new SettledResults<UserTask>(reports.length, resolve);
      for (const [index, { key, report }] of reports.entries()) {
        this.#enqueue((batch) => batch.report(key, report, admit), results, index);
      }
    });
  }

  addTasks(key: JobKey, request: AddTasksRequest, admit?: Admit): Promise<UserTask> {
    return this.#commit((batch) => batch.addTasks(key, request, admit));
  }

  requestCancel(key: JobKey, request: CancelJobInput, admit?: Admit): Promise<UserTask> {
    return this.#commit((batch) =>
      batch.change(key, (state, edit) => admitted(requestCancel(state, key, request, edit), admit)),
    );
  }

  remove(key: JobKey, fence: Fence, admit?: Admit): Promise<UserTask | null> {
    return this.#commit((batch) => {
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
    let count = await this.#commit((batch) => {
      jobs.splice(0, jobs.length, ...batch.jobs());
      return batch.purge(jobs.slice(0, REMOVALS_PER_BATCH_MAX));
    });
    for (let from = REMOVALS_PER_BATCH_MAX; from < jobs.length; from += REMOVALS_PER_BATCH_MAX) {
      await setImmediate();
      const slice = jobs.slice(from, from + REMOVALS_PER_BATCH_MAX);
      count += await this.#commit((batch) => batch.purge(slice)).catch((error: unknown) => {
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
    return this.#exclusively(async () => {
      if (onlyIf && !onlyIf()) return;
      try {
        if (!(await this.#journal.erase(onlyIf && this.#replica.revision))) return;
        this.#inDoubt = undefined;
        await this.#hear({ kind: "gone" });
      } catch (error) {
        throw unavailable(NOT_DELETED, error);
      }
    });
  }

  async catchUp(position: Position): Promise<void> {
    const isKnown = newestRevisionIn(position) <= this.#replica.revision && this.includes(position);
    if (!this.#options.otherWriters || isKnown) return;
    await this.#exclusively(() => this.#catchUpWithHead());
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
      const removed = await this.#commit((batch) => batch.removeAll(due, "EXPIRED", isExpired));
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
      count += await this.#commit((batch) => this.#degradeHealth(batch));
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
    return this.#commit((batch) => batch.evictEnded(count));
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
    return this.hasListeners || this.#committing !== undefined;
  }

  /** Resolves when no change is being written. */
  get settled(): Promise<void> {
    return this.#committing ?? Promise.resolve();
  }

  /**
   * Waits for the queued changes, then closes the journal. Closing twice is harmless.
   * @param reason the message of the error for later changes: why the store is closed, and what to do.
   */
  async close(reason = "The server is stopping. Try again when it is back."): Promise<void> {
    this.#closeReason ??= reason;
    this.#healthTimer.cancel();
    this.#closing.abort();
    await this.#committing;
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
      if (this.#closeReason !== undefined) return;
      const { log, clock } = this.#options;
      log.warn({ err: error, database: this.database }, "cannot update the health of jobs");
      this.#setHealthTimer(clock.monotonic() + HEALTH_CHECK_RETRY_MS);
    }
  }

  #setHealthTimer(at: number): void {
    if (this.#closeReason === undefined) this.#healthTimer.set(at);
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

  #commit<T>(apply: (batch: WriteBatch) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => this.#enqueue(apply, { resolve, reject }));
  }

  #enqueue<T>(apply: (batch: WriteBatch) => T, callbacks: CommitCallbacks<T>, index = 0): void {
    const error = this.#admissionError();
    if (error) return callbacks.reject(error, index);
    this.#queue.push(new PendingCommit(apply, callbacks, index));
    this.#committing ??= this.#drain();
  }

  #admissionError(): TidemarkError | undefined {
    if (this.#closeReason !== undefined) return unavailable(this.#closeReason);
    const { changesWaitingMax } = this.#options.limits;
    if (this.#queue.length < changesWaitingMax) return undefined;
    return limitExceeded(
      "changesWaitingMax",
      "Too many changes are waiting for this database, so try again later",
      changesWaitingMax,
    );
  }

  /** Calls `work` between two batches. @throws TidemarkError UNAVAILABLE if the store is closed; as `work` */
  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closeReason !== undefined) return Promise.reject(unavailable(this.#closeReason));
    return new Promise((resolve, reject) => {
      this.#exclusiveWork.push(() => work().then(resolve, reject));
      this.#committing ??= this.#drain();
    });
  }

  /** Commits batches until the queue is empty. Never rejects: errors go to the callers of the batch. */
  async #drain(): Promise<void> {
    await Promise.resolve(); // so that one batch collects the changes of this turn
    while (this.#queue.length > 0 || this.#exclusiveWork.length > 0) {
      for (const work of this.#exclusiveWork.splice(0)) await work();
      const commits = this.#queue.splice(0, BATCH_MAX);
      if (commits.length === 0) continue;
      try {
        await this.#commitBatch(commits);
      } catch (error) {
        for (const commit of commits) commit.fail(error);
      }
    }
    this.#committing = undefined;
  }

  async #commitBatch(commits: readonly PendingCommit<unknown>[]): Promise<void> {
    for (let tries = 0; tries < COMMIT_TRIES_MAX; tries++) {
      if (this.#inDoubt) await this.#applyIfCommitted(this.#inDoubt);
      if (await this.#tryCommit(commits)) {
        for (const commit of commits) commit.settle();
        return;
      }
    }
    throw unavailable("Other servers kept changing the same jobs. Nothing has changed. Try again.");
  }

  /** Returns false if nothing was written because the state was not the newest one. It is now newer. */
  async #tryCommit(commits: readonly PendingCommit<unknown>[]): Promise<boolean> {
    const time = { now: this.#options.clock.now(), elapsedMs: this.#elapsedMs };
    const { limits } = this.#options;
    const batch = new WriteBatch(this.#replica.table, this.#replica.revision, time, {
      limits,
      memory: this.#memory,
    });
    for (const commit of commits) commit.apply(batch);
    const { pendingChanges } = batch;
    try {
      if (this.#options.otherWriters && !commits.every(({ hasChanged }) => hasChanged)) {
        if (await this.#catchUpWithHead()) return false;
      }
      return pendingChanges.length === 0 || (await this.#write(pendingChanges));
    } finally {
      if (this.#inDoubt !== pendingChanges) WriteBatch.returnMemory(pendingChanges, this.#memory);
    }
  }

  /** Returns false if the changes were not made from the newest state. */
  async #write(changes: readonly PendingChange[]): Promise<boolean> {
    const result = await this.#tryAppend(changes);
    if (result?.kind === "stale") {
      await this.#catchUpWithHead();
      return false;
    }
    if (result?.kind === "conflict") {
      await this.#catchUpTo(result.head);
      return false;
    }
    const firstRevision = result ? result.firstRevision : await this.#find(changes);
    if (firstRevision === undefined) throw unavailable(NOT_COMMITTED);
    await this.#applyFrom(firstRevision, changes);
    return true;
  }

  /** Returns undefined if the outcome is unknown. */
  async #tryAppend(changes: readonly PendingChange[]): Promise<AppendResult | undefined> {
    const { otherWriters } = this.#options;
    try {
      return await this.#journal.append(
        changes.map(({ entry }) => entry),
        otherWriters ? this.#replica.point : undefined,
      );
    } catch (error) {
      const isNothingWritten = error instanceof JournalError && error.outcome === "nothing written";
      if (isNothingWritten) throw notCommittedError(error);
      this.#inDoubt = changes;
      return undefined;
    }
  }

  async #applyIfCommitted(changes: readonly PendingChange[]): Promise<void> {
    const firstRevision = await this.#find(changes);
    if (firstRevision !== undefined) await this.#applyFrom(firstRevision, changes);
    WriteBatch.returnMemory(changes, this.#memory);
  }

  /**
   * The revision of the first change in doubt, if the changes were written. Looks up the last one: an append is
   * atomic, and a long one may exceed the number of commit ids that a journal remembers. While the outcome is unknown,
   * no other change is written.
   */
  async #find(changes: readonly PendingChange[]): Promise<number | undefined> {
    const last = changes.at(-1)!;
    try {
      const revision = await this.#journal.find(last.entry.commitId);
      this.#inDoubt = undefined;
      return revision === undefined ? undefined : revision - changes.length + 1;
    } catch (error) {
      throw unavailable("The outcome of the last change is unknown. Check its job, and try again.", error);
    }
  }

  /** Applies changes that are in the journal. Those of other servers that are before them come first. */
  async #applyFrom(firstRevision: number, changes: readonly PendingChange[]): Promise<void> {
    try {
      if (this.#replica.revision + 1 < firstRevision) await this.#catchUpTo(firstRevision - 1);
    } catch (error) {
      this.#inDoubt = changes;
      throw error;
    }
    this.#replica.applyOwn(changes, firstRevision);
    this.#rescheduleHealthCheck();
  }

  #rescheduleHealthCheck(): void {
    // An overdue check is already running, or its retry is scheduled.
    if (this.nextHealthCheckAt > this.#options.clock.monotonic())
      this.#setHealthTimer(this.nextHealthCheckAt);
  }

  /** Applies the changes of other servers as they are written, until the store is closed. */
  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    const { log, clock } = this.#options;
    for (let isFailing = false; !signal.aborted;) {
      try {
        let from = this.#replica.point;
        for await (const news of this.#journal.follow(() => (from = this.#replica.point), signal)) {
          await this.#exclusively(() => this.#hearUnlessForked(news, from));
          isFailing = false;
        }
      } catch (error) {
        if (signal.aborted) return;
        if (isUnreadable(error)) return this.#fail(error);
        if (!isFailing) log.warn({ err: error, database: this.database }, "cannot follow the other servers");
        isFailing = true;
        await new Promise<void>((resolve) => void clock.schedule(FOLLOW_RETRY_MS, resolve));
      }
    }
  }

  /** Ends all streams: their subscribers may find a server that can read the database. */
  #fail(error: unknown): void {
    const name = JSON.stringify(this.database);
    this.#failure = unavailable(`Database ${name} can no longer be read. ${unavailableReason(error)}`, error);
    this.#options.onFailure?.(this, error);
    this.notifyOfReplacedHistory();
  }

  /** A batch may have heard of a new generation since the news were read: they may be of changes that are lost. */
  async #hearUnlessForked(news: JournalNews, from: JournalPoint): Promise<void> {
    const { epoch, generation } = this.#replica.point;
    if (epoch === from.epoch && generation === from.generation) await this.#hear(news);
  }

  /** Call it only between two batches. @throws JournalError */
  async #hear(news: JournalNews, upTo = Infinity): Promise<void> {
    const lost = await this.#replica.hear(news, upTo);
    if (lost) this.#onLoaded(lost);
    this.#rescheduleHealthCheck();
  }

  #onLoaded(lost: readonly (UserTask | Removal)[]): void {
    if (this.#replica.history.generations.length > 1 && lost.length > 0) {
      const jobs = lost.map(({ username, jobId, stamp }) => ({ username, jobId, revision: stamp.revision }));
      this.#options.log.error({ database: this.database, jobs }, LOST_CHANGES);
    }
    this.notifyOfReplacedHistory();
  }

  /** Returns whether the state was not the newest one. @throws TidemarkError UNAVAILABLE */
  async #catchUpWithHead(): Promise<boolean> {
    try {
      const head = await this.#journal.head();
      const { epoch, generation, revision } = this.#replica.point;
      if (head.revision === revision && head.generation === generation && head.epoch === epoch) return false;
      await this.#catchUpTo(head.revision);
      return true;
    } catch (error) {
      throw unavailable(NOT_NEWEST, error);
    }
  }

  /**
   * Hears of everything up to `revision`, or that it is no longer in the history. Hears of nothing after it, because the
   * next changes may be this server's own. @throws TidemarkError UNAVAILABLE
   */
  async #catchUpTo(revision: number): Promise<void> {
    let newest = revision;
    const deadline = new AbortController();
    const timer = this.#options.clock.schedule(CATCH_UP_MS, () => deadline.abort());
    try {
      for await (const news of this.#journal.follow(() => this.#replica.point, deadline.signal)) {
        await this.#hear(news, newest);
        if (news.kind === "generation") newest = (await this.#journal.head()).revision;
        if (this.#replica.revision >= newest || news.kind === "gone") return;
      }
    } catch (error) {
      throw unavailable(NOT_NEWEST, error);
    } finally {
      timer.cancel();
    }
    throw unavailable(NOT_NEWEST);
  }
}

const NOT_DELETED = "The database could not be deleted. Check whether it still has jobs, and try again.";

function notCommittedError(error: unknown): TidemarkError {
  const reason = writeFailureReason(error);
  if (reason === undefined) return unavailable(NOT_COMMITTED, error);
  return unavailable(
    `The change could not be written: ${reason}. Nothing has changed. Try again when an operator has mended that.`,
    error,
  );
}

function isUnreadable(error: unknown): boolean {
  return error instanceof UnknownFormatError || error instanceof DamagedJournalError;
}

const NOT_NEWEST = "The newest changes of other servers could not be read. Try again.";

const LOST_CHANGES =
  "the database server failed, and the one that took over lacks changes that were answered; their jobs follow";

const NOT_COMMITTED = "The change could not be written. Nothing has changed. Try again.";

/** Changes per append. */
const BATCH_MAX = 1_000;

/** Purged or expired jobs per append, so that an append needs little space and time. */
const REMOVALS_PER_BATCH_MAX = 250;

/** Health checks per turn and per append. */
const HEALTH_CHECKS_PER_BATCH_MAX = 1_000;

const HEALTH_CHECK_RETRY_MS = 1_000;

const FOLLOW_RETRY_MS = 1_000;

/** How long a change waits for the changes of other servers. */
const CATCH_UP_MS = 10_000;

/** How often changes are reduced when other servers change the same jobs. */
const COMMIT_TRIES_MAX = 10;
