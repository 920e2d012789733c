import { setImmediate } from "node:timers/promises";
import { JournalError, type AppendResult, type DatabaseJournal } from "../journal/journal.js";
import type { Limits } from "../protocol/limits.js";
import type { Position } from "../protocol/position.js";
import { limitExceeded, unavailable, type TidemarkError } from "../protocol/tidemark-error.js";
import {
  addTasksToJob,
  updateHealth,
  removeJob,
  requestCancel,
  type CancelJobInput,
  type Fence,
  type AddTasksRequest,
  type JobReport,
  type Report,
  type StoreRequest,
} from "../tasks/job-changes.js";
import type { LeaseTerms } from "../tasks/health.js";
import type { DatabaseName, JobKey, Username } from "../tasks/names.js";
import { expiresAt, type Retention } from "../tasks/retention.js";
import type { Removal, UserTask } from "../tasks/user-task.js";
import { DeadlineTimer } from "../util/deadline-timer.js";
import { assert } from "../util/assert.js";
import type { Clock } from "../util/clock.js";
import type { Log } from "../util/log.js";
import { WriteBatch, type PendingChange } from "./write-batch.js";
import { SettledResults, PendingCommit, type CommitCallbacks } from "./pending-commit.js";
import { decodeSlice } from "./journal-codec.js";
import { JobTable } from "./job-table.js";
import { ObservableTaskStore } from "./observable-task-store.js";
import type { JobFilter, PageWindow, TaskStore, UserTaskPage } from "./task-store.js";

/** What a store needs from outside. */
export interface TaskStoreOptions extends LeaseTerms {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
}

/**
 * The jobs of one database, over its journal. The road of a change:
 *
 *     commit ──► waiting ──► batch: reduce each ──► journal.append ──► for each: stamp, apply, announce ──► answer
 *                   ▲                                    │
 *                   └── what arrives meanwhile ──────────┘  goes into the next batch together
 *
 * One batch at a time, so a change is always made from the state that the one before it led to. Nothing is
 * applied, told or answered before the journal has it (law 11); apply and announce of one revision are one
 * synchronous step (law 3, law 12). Refusals are answered with their batch, as they may rest on a change in it.
 */
export class PerDatabaseTaskStore extends ObservableTaskStore implements TaskStore, AsyncDisposable {
  readonly database: DatabaseName;
  readonly #journal: DatabaseJournal;
  readonly #options: TaskStoreOptions;
  readonly #table: JobTable;
  readonly #epoch: string;
  /** Rings when the health of jobs must be looked at. */
  readonly #healthTimer: DeadlineTimer;
  #revision: number;
  #queue: PendingCommit<unknown>[] = [];
  /** What was appended without it being known whether it was written. */
  #inDoubt: readonly PendingChange[] | undefined;
  #committing: Promise<void> | undefined;
  /** Why nothing is taken any more, and what to do. */
  #closeReason: string | undefined;

  /** Opens the store of `database` with what `journal` has kept. @throws JournalError */
  static async open(
    database: DatabaseName,
    journal: DatabaseJournal,
    options: TaskStoreOptions,
  ): Promise<PerDatabaseTaskStore> {
    const { removalsKeptMax } = options.limits;
    const loading = JobTable.createLoader({ ...options, removalsKeptMax });
    const head = await journal.load((slice) => loading.add(decodeSlice(database, slice)));
    return new PerDatabaseTaskStore(
      database,
      journal,
      options,
      await loading.finish(head.tombstoneHorizon),
      head,
    );
  }

  private constructor(
    database: DatabaseName,
    journal: DatabaseJournal,
    options: TaskStoreOptions,
    table: JobTable,
    start: { epoch: string; revision: number },
  ) {
    super(options.log);
    this.database = database;
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

  store(request: StoreRequest): Promise<UserTask> {
    return this.#commit((batch) => batch.store(request));
  }

  update(key: JobKey, report: Report): Promise<UserTask> {
    return this.#commit((batch) => batch.report(key, report));
  }

  updateAll(reports: readonly JobReport[]): Promise<PromiseSettledResult<UserTask>[]> {
    return new Promise((resolve) => {
      const answers = new SettledResults<UserTask>(reports.length, resolve);
      for (const [place, { key, report }] of reports.entries()) {
        this.#enqueue((batch) => batch.report(key, report), answers, place);
      }
    });
  }

  addTasks(key: JobKey, growth: AddTasksRequest): Promise<UserTask> {
    return this.#commit((batch) =>
      batch.change(key, (state, edit) => addTasksToJob(state, key, growth, edit)),
    );
  }

  requestCancel(key: JobKey, request: CancelJobInput): Promise<UserTask> {
    return this.#commit((batch) =>
      batch.change(key, (state, edit) => requestCancel(state, key, request, edit)),
    );
  }

  remove(key: JobKey, fence: Fence): Promise<UserTask | null> {
    return this.#commit((batch) => {
      const before = batch.get(key);
      batch.change(key, (state, edit) => removeJob(state, fence, "REMOVED", edit));
      return before?.kind === "userTask" ? before : null;
    });
  }

  purge(): Promise<number> {
    return this.#commit((batch) => batch.purge());
  }

  /**
   * Removes the jobs whose retention is over, up to 1,000 in one append and one turn of the event loop: what
   * others ask for has its turn in between. Returns how many. @throws TidemarkError UNAVAILABLE
   */
  async expire(retention: Retention): Promise<number> {
    const isOver = (userTask: UserTask, now: number): boolean =>
      (expiresAt(userTask, retention) ?? Infinity) <= now;
    for (let count = 0; ;) {
      await setImmediate();
      const due = this.#expiredJobs(retention);
      if (due.length === 0) return count;
      const removed = await this.#commit((batch) => batch.removeAll(due, "EXPIRED", isOver));
      if (removed === 0) return count;
      count += removed;
    }
  }

  /**
   * Lets the health of jobs decline that were silent for too long, up to 1,000 in one append and one turn of the
   * event loop. It does so by itself while the store is open. Returns how many changes that was.
   * @throws TidemarkError UNAVAILABLE
   */
  async updateHealth(): Promise<number> {
    const isDue = (): boolean => this.nextHealthCheckAt <= this.#options.clock.now();
    let count = 0;
    while (isDue()) {
      count += await this.#commit((batch) => this.#degradeHealth(batch));
      if (isDue()) await setImmediate();
    }
    return count;
  }

  /** When the health of the next job is to be judged, milliseconds since 1970; Infinity when none may decline. */
  get nextHealthCheckAt(): number {
    return this.#table.leased.nextCheckAt;
  }

  /** When the next job expires, milliseconds since 1970; Infinity when none has ended. Takes constant time. */
  nextExpiresAt(retention: Retention): number {
    return this.#table.ended.nextExpiresAt(retention);
  }

  /** Whether somebody listens, or a change is under way. */
  get isBusy(): boolean {
    return this.hasListeners || this.#committing !== undefined;
  }

  /**
   * Waits for the changes that were asked for, then gives up the journal. Closing twice is harmless.
   * @param because what is told to who asks for a change from now on: why not, and what to do.
   */
  async close(because = "The server is stopping. Try again when it is back."): Promise<void> {
    this.#closeReason ??= because;
    this.#healthTimer.cancel();
    await this.#committing;
    await this.#journal.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Nearly always, all jobs that are looked at have reported since, and nothing is to be committed. */
  #onHealthTimer(): void {
    const { clock } = this.#options;
    if (this.#table.leased.findDeclining(clock.now(), HEALTH_CHECKS_PER_BATCH_MAX).length > 0)
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
      log.warn({ err: error, database: this.database }, "the health of jobs could not be judged");
      this.#setHealthTimer(clock.now() + HEALTH_CHECK_RETRY_MS);
    }
  }

  #setHealthTimer(at: number): void {
    if (this.#closeReason === undefined) this.#healthTimer.set(at);
  }

  #degradeHealth(batch: WriteBatch): number {
    const count = batch.pendingChanges.length;
    for (const key of this.#table.leased.findDeclining(
      this.#options.clock.now(),
      HEALTH_CHECKS_PER_BATCH_MAX,
    ))
      batch.change(key, (state, edit) => updateHealth(state, this.#options, edit));
    return batch.pendingChanges.length - count;
  }

  /** The first of those whose retention is over. */
  #expiredJobs(retention: Retention): JobKey[] {
    const due: JobKey[] = [];
    for (const { userTask } of this.#table.ended.expired(retention, this.#options.clock.now())) {
      if (due.push(userTask) === EXPIRIES_PER_BATCH_MAX) break;
    }
    return due;
  }

  #commit<T>(make: (batch: WriteBatch) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => this.#enqueue(make, { resolve, reject }));
  }

  #enqueue<T>(make: (batch: WriteBatch) => T, asker: CommitCallbacks<T>, place = 0): void {
    const refusal = this.#admissionError();
    if (refusal) return asker.reject(refusal, place);
    this.#queue.push(new PendingCommit(make, asker, place));
    this.#committing ??= this.#drain();
  }

  /** Why a change can't be asked for now. */
  #admissionError(): TidemarkError | undefined {
    if (this.#closeReason !== undefined) return unavailable(this.#closeReason);
    const { changesWaitingMax } = this.#options.limits;
    if (this.#queue.length < changesWaitingMax) return undefined;
    return limitExceeded(
      "changesWaitingMax",
      "Too many changes wait for this database. Try again",
      changesWaitingMax,
    );
  }

  /** Makes batches until nothing waits. Never rejects: whoever waits is told. */
  async #drain(): Promise<void> {
    await Promise.resolve(); // what is asked for in this turn goes together
    while (this.#queue.length > 0) {
      const commits = this.#queue.splice(0, BATCH_MAX);
      try {
        await this.#commitBatch(commits);
      } catch (error) {
        for (const commit of commits) commit.fail(error);
      }
    }
    this.#committing = undefined;
  }

  async #commitBatch(commits: readonly PendingCommit<unknown>[]): Promise<void> {
    if (this.#inDoubt) await this.#applyIfCommitted(this.#inDoubt);
    const { clock, limits } = this.#options;
    const batch = new WriteBatch(this.#table, this.#revision, clock.now(), limits);
    for (const commit of commits) commit.apply(batch);
    if (batch.pendingChanges.length > 0)
      this.#apply(batch.pendingChanges, await this.#append(batch.pendingChanges));
    for (const commit of commits) commit.settle();
  }

  /** Returns the revision of the first draft; the others follow on. */
  async #append(drafts: readonly PendingChange[]): Promise<number> {
    const result = await this.#tryAppend(drafts);
    if (result?.kind === "conflict") {
      throw unavailable(
        "Another server has written to this database. One server writes to a journal of this kind.",
      );
    }
    const firstRevision = result ? result.firstRevision : await this.#find(drafts);
    if (firstRevision === undefined) throw unavailable(NOT_COMMITTED);
    return firstRevision;
  }

  /** undefined when it is not known whether it was written. */
  async #tryAppend(drafts: readonly PendingChange[]): Promise<AppendResult | undefined> {
    try {
      return await this.#journal.append(drafts.map(({ entry }) => entry));
    } catch (error) {
      const isCertain = error instanceof JournalError && error.outcome === "nothing written";
      if (isCertain) throw unavailable(NOT_COMMITTED, error);
      this.#inDoubt = drafts;
      return undefined;
    }
  }

  /** Changes that nobody knew were kept are like any others once they are found. */
  async #applyIfCommitted(drafts: readonly PendingChange[]): Promise<void> {
    const firstRevision = await this.#find(drafts);
    if (firstRevision !== undefined) this.#apply(drafts, firstRevision);
  }

  /**
   * The revision of the first of the drafts in doubt, if they were written. They are looked for by the last
   * one: an append is all or none, and a long one outgrows what a journal remembers. Until that is known
   * nothing else is written.
   */
  async #find(drafts: readonly PendingChange[]): Promise<number | undefined> {
    const last = drafts.at(-1)!;
    try {
      const revision = await this.#journal.find(last.entry.commitId);
      this.#inDoubt = undefined;
      return revision === undefined ? undefined : revision - drafts.length + 1;
    } catch (error) {
      throw unavailable("It is not known yet whether the last change was kept. Look, and try again.", error);
    }
  }

  #apply(drafts: readonly PendingChange[], firstRevision: number): void {
    assert(firstRevision === this.#revision + 1, "Law 4: revisions have no gap");
    for (const { before, after } of drafts) {
      this.#revision++;
      after.stamp.set(this.#epoch, this.#revision);
      this.#table.apply(after);
      this.notifyListeners(before, after);
    }
    // What is overdue is being judged, or will be tried again.
    if (this.nextHealthCheckAt > this.#options.clock.now()) this.#setHealthTimer(this.nextHealthCheckAt);
  }
}

const NOT_COMMITTED = "The change could not be made durable, and nothing of it was kept. Try again.";

/** Changes that go into one append; more wait for the next. */
const BATCH_MAX = 1_000;

/** Jobs that expire in one append. */
const EXPIRIES_PER_BATCH_MAX = 1_000;

/** Jobs whose health is judged in one turn, and in one append. */
const HEALTH_CHECKS_PER_BATCH_MAX = 1_000;

/** How long after a failure it is tried again. */
const HEALTH_CHECK_RETRY_MS = 1_000;
