import { setImmediate } from "node:timers/promises";
import {
  JournalError,
  type AppendResult,
  type DatabaseJournal,
  type JournalHead,
} from "../journal/journal.js";
import { writeFailureReason } from "../journal/write-failure-reason.js";
import type { Limits } from "../protocol/limits.js";
import type { Position } from "../protocol/position.js";
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
import { assert } from "../util/assert.js";
import type { Log } from "../util/log.js";
import type { SteadyClock } from "../util/steady-clock.js";
import { admitted, WriteBatch, type PendingChange } from "./write-batch.js";
import { SettledResults, PendingCommit, type CommitCallbacks } from "./pending-commit.js";
import { decodeSlice } from "./journal-codec.js";
import { JobTable } from "./job-table.js";
import type { MemoryAccount, MemoryBudget } from "./memory-budget.js";
import { ObservableTaskStore } from "./observable-task-store.js";
import type { JobFilter, PageWindow, TaskStore, UserTaskPage } from "./task-store.js";

export interface TaskStoreOptions extends LeaseTerms {
  readonly clock: SteadyClock;
  readonly memory: MemoryBudget;
  readonly limits: Limits;
  readonly log: Log;
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
 */
export class PerDatabaseTaskStore extends ObservableTaskStore implements TaskStore, AsyncDisposable {
  readonly database: DatabaseName;
  readonly #journal: DatabaseJournal;
  readonly #options: OpenOptions;
  #table: JobTable;
  #epoch: string;
  readonly #healthTimer: DeadlineTimer;
  readonly #elapsedMs: ElapsedMs = (since, until) => this.#options.clock.elapsedMs(since, until);
  readonly #monotonicAt = (time: number): number => this.#options.clock.monotonicAt(time);
  #revision: number;
  #queue: PendingCommit<unknown>[] = [];
  /** Deletions that wait for the batch in progress. */
  #erasures: CommitCallbacks<void>[] = [];
  /** Changes whose append had an unknown outcome. */
  #inDoubt: readonly PendingChange[] | undefined;
  #committing: Promise<void> | undefined;
  /** Why the store is closed, and what to do. */
  #closeReason: string | undefined;

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
      const { removalsKeptMax } = options.limits;
      const loading = JobTable.createLoader({ ...options, removalsKeptMax, memory });
      const head = await journal.load((slice) => {
        loading.add(decodeSlice(database, slice));
        options.memory.checkFits(memory);
      });
      const table = await loading.finish(head.tombstoneHorizon);
      return new PerDatabaseTaskStore(journal, { ...options, memory }, table, head);
    } catch (error) {
      memory.close();
      throw error;
    }
  }

  private constructor(
    journal: DatabaseJournal,
    options: OpenOptions,
    table: JobTable,
    start: { epoch: string; revision: number },
  ) {
    super(options.log);
    this.database = options.memory.database;
    this.#journal = journal;
    this.#options = options;
    this.#table = table;
    this.#epoch = start.epoch;
    this.#revision = start.revision;
    this.#healthTimer = new DeadlineTimer(options.clock, () => this.#onHealthTimer());
    this.#healthTimer.set(table.leased.nextCheckAt);
  }

  get position(): Position {
    return { epoch: this.#epoch, revision: this.#revision };
  }

  get activeAt(): number | null {
    return this.#table.activeAt;
  }

  get tombstoneHorizon(): number {
    return this.#table.tombstoneHorizon;
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
    return this.#table.usernames(first, after);
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
      jobs.push(...batch.jobs());
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
   * new epoch. @throws TidemarkError UNAVAILABLE
   */
  erase(): Promise<void> {
    if (this.#closeReason !== undefined) return Promise.reject(unavailable(this.#closeReason));
    return new Promise((resolve, reject) => {
      this.#erasures.push({ resolve, reject });
      this.#committing ??= this.#drain();
    });
  }

  /**
   * Removes the expired jobs, up to 250 per append. Yields to other requests between appends.
   * Returns the number of removed jobs. @throws TidemarkError UNAVAILABLE
   */
  async expire(retention: Retention): Promise<number> {
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
   * Lowers the health of the jobs that are due, up to 1,000 per append. Yields to other requests between appends.
   * An open store also does this on a timer. Returns the number of changes. @throws TidemarkError UNAVAILABLE
   */
  async updateHealth(): Promise<number> {
    const isDue = (): boolean => this.nextHealthCheckAt <= this.#options.clock.monotonic();
    let count = 0;
    while (isDue()) {
      count += await this.#commit((batch) => this.#degradeHealth(batch));
      if (isDue()) await setImmediate();
    }
    return count;
  }

  /** The monotonic time of the next health check; Infinity if no job can decline. */
  get nextHealthCheckAt(): number {
    return this.#table.leased.nextCheckAt;
  }

  /** When the job ended that ended first; Infinity if none has ended. */
  get oldestEndAt(): number {
    return this.#table.ended.oldestFirst().next().value?.endedAt ?? Infinity;
  }

  /** Evicts up to `count` jobs, those that ended first. @throws TidemarkError UNAVAILABLE */
  evictEnded(count: number): Promise<number> {
    return this.#commit((batch) => batch.evictEnded(count));
  }

  /** The monotonic time at which the next job expires; Infinity if none has ended. Takes constant time. */
  nextExpiresAt(retention: Retention): number {
    return this.#table.ended.nextExpiresAt(retention, this.#monotonicAt);
  }

  /** The users with jobs or remembered removals. */
  get users(): ReadonlySet<Username> {
    return this.#table.users;
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
    await this.#committing;
    this.#options.memory.close();
    await this.#journal.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Usually every checked job has reported in time, so there is nothing to commit. */
  #onHealthTimer(): void {
    const { clock } = this.#options;
    if (this.#table.leased.findDeclining(clock.monotonic(), HEALTH_CHECKS_PER_BATCH_MAX).length > 0)
      void this.#runHealthCheck();
    else this.#setHealthTimer(this.nextHealthCheckAt);
  }

  async #runHealthCheck(): Promise<void> {
    try {
      await this.updateHealth();
      this.#setHealthTimer(this.nextHealthCheckAt);
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
    for (const key of this.#table.leased.findDeclining(
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
    for (const { userTask } of this.#table.ended.expired(retention, now, this.#monotonicAt)) {
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

  /** Commits batches until the queue is empty. Never rejects: errors go to the callers of the batch. */
  async #drain(): Promise<void> {
    await Promise.resolve(); // so that one batch collects the changes of this turn
    while (this.#queue.length > 0 || this.#erasures.length > 0) {
      if (this.#erasures.length > 0) await this.#eraseFor(this.#erasures.splice(0));
      const commits = this.#queue.splice(0, BATCH_MAX);
      try {
        await this.#commitBatch(commits);
      } catch (error) {
        for (const commit of commits) commit.fail(error);
      }
    }
    this.#committing = undefined;
  }

  /** Never rejects: an error goes to the callers. */
  async #eraseFor(callers: readonly CommitCallbacks<void>[]): Promise<void> {
    try {
      await this.#journal.erase();
      this.#beginAgain(await this.#journal.load(() => {}));
      for (const caller of callers) caller.resolve(undefined, 0);
    } catch (error) {
      for (const caller of callers) caller.reject(unavailable(NOT_DELETED, error), 0);
    }
  }

  #beginAgain({ epoch, revision }: JournalHead): void {
    const { memory, limits } = this.#options;
    memory.clear();
    this.#inDoubt = undefined;
    this.#table = new JobTable({ ...this.#options, removalsKeptMax: limits.removalsKeptMax });
    this.#epoch = epoch;
    this.#revision = revision;
    this.#healthTimer.set(Infinity);
    this.notifyOfDeletion();
  }

  async #commitBatch(commits: readonly PendingCommit<unknown>[]): Promise<void> {
    if (this.#inDoubt) await this.#applyIfCommitted(this.#inDoubt);
    const time = { now: this.#options.clock.now(), elapsedMs: this.#elapsedMs };
    const batch = new WriteBatch(this.#table, this.#revision, time, this.#options);
    for (const commit of commits) commit.apply(batch);
    if (batch.pendingChanges.length > 0) await this.#write(batch.pendingChanges);
    for (const commit of commits) commit.settle();
  }

  async #write(changes: readonly PendingChange[]): Promise<void> {
    try {
      this.#apply(changes, await this.#append(changes));
    } finally {
      if (!this.#inDoubt) WriteBatch.returnMemory(changes, this.#options.memory);
    }
  }

  /** Returns the revision of the first change; the others have the next ones. */
  async #append(changes: readonly PendingChange[]): Promise<number> {
    const result = await this.#tryAppend(changes);
    if (result?.kind === "conflict" || result?.kind === "gone") {
      throw unavailable(
        "Another server has written to this database. Only one server may write to this journal.",
      );
    }
    const firstRevision = result ? result.firstRevision : await this.#find(changes);
    if (firstRevision === undefined) throw unavailable(NOT_COMMITTED);
    return firstRevision;
  }

  /** Returns undefined if the outcome is unknown. */
  async #tryAppend(changes: readonly PendingChange[]): Promise<AppendResult | undefined> {
    try {
      return await this.#journal.append(changes.map(({ entry }) => entry));
    } catch (error) {
      const isNothingWritten = error instanceof JournalError && error.outcome === "nothing written";
      if (isNothingWritten) throw notCommittedError(error);
      this.#inDoubt = changes;
      return undefined;
    }
  }

  async #applyIfCommitted(changes: readonly PendingChange[]): Promise<void> {
    const firstRevision = await this.#find(changes);
    if (firstRevision !== undefined) this.#apply(changes, firstRevision);
    WriteBatch.returnMemory(changes, this.#options.memory);
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

  #apply(changes: readonly PendingChange[], firstRevision: number): void {
    assert(firstRevision === this.#revision + 1, "Law 4: revisions have no gap");
    for (const { before, after, heapSize } of changes) {
      this.#revision++;
      after.stamp.set(this.#epoch, this.#revision);
      this.#table.apply(after, heapSize);
      this.notifyListeners(before, after);
    }
    // An overdue check is already running, or its retry is scheduled.
    if (this.nextHealthCheckAt > this.#options.clock.monotonic())
      this.#setHealthTimer(this.nextHealthCheckAt);
  }
}

interface OpenOptions extends Omit<TaskStoreOptions, "memory"> {
  readonly memory: MemoryAccount;
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

const NOT_COMMITTED = "The change could not be written. Nothing has changed. Try again.";

/** Changes per append. */
const BATCH_MAX = 1_000;

/** Purged or expired jobs per append, so that an append needs little space and time. */
const REMOVALS_PER_BATCH_MAX = 250;

/** Health checks per turn and per append. */
const HEALTH_CHECKS_PER_BATCH_MAX = 1_000;

const HEALTH_CHECK_RETRY_MS = 1_000;
