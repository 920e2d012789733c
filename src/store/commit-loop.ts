import {
  DamagedJournalError,
  JournalError,
  UnknownFormatError,
  type AppendResult,
  type DatabaseJournal,
  type JournalNews,
  type JournalPoint,
} from "../journal/journal.js";
import { writeFailureReason } from "../journal/write-failure-reason.js";
import type { Limits } from "../protocol/limits.js";
import { limitExceeded, unavailable, type TidemarkError } from "../protocol/tidemark-error.js";
import type { ElapsedMs } from "../tasks/edit.js";
import type { Removal, UserTask } from "../tasks/user-task.js";
import type { Timer } from "../util/clock.js";
import type { Log } from "../util/log.js";
import type { SteadyClock } from "../util/steady-clock.js";
import type { MemoryAccount } from "./memory-budget.js";
import { PendingCommit, type CommitCallbacks } from "./pending-commit.js";
import type { Replica } from "./replica.js";
import { WriteBatch, type PendingChange } from "./write-batch.js";

export interface CommitLoopOptions {
  readonly clock: SteadyClock;
  readonly memory: MemoryAccount;
  readonly limits: Limits;
  readonly log: Log;
  /** Whether other servers write to the journal. Default: false. */
  readonly otherWriters?: boolean;
  /** Called after the replica has changed. */
  readonly onAdvance: () => void;
  /** Called after the state was loaded again, with the jobs whose changes are lost. */
  readonly onLoaded: (lost: readonly (UserTask | Removal)[]) => void;
  /** Called once when the loop cannot follow the other servers any more. */
  readonly onUnreadable: (error: unknown) => void;
}

/**
 * Changes the jobs of one database, over its journal. A change is committed with others (group commit):
 *
 *     commit ──► queue ──► batch: reduce each ──► journal.append ──► for each: stamp, apply, notify ──► settle
 *                  ▲                                    │
 *                  └── changes that arrive meanwhile ───┘  form the next batch
 *
 * Batches run one at a time, so each change starts from the state after the previous one. No change is applied,
 * delivered or answered before the journal has it (law 11). Applying a revision and notifying its listeners is one
 * synchronous step (laws 3 and 12). Rejections settle with their batch, because they may depend on a change in it.
 *
 * If other servers write to the journal, the loop follows it, and applies their changes between its batches. If a job of a
 * batch was changed elsewhere since, nothing of it is written: the loop catches up, and reduces all changes of the batch again. A
 * change that is decided without writing, such as a rejection, is decided again if the state was not the newest one.
 */
export class CommitLoop {
  readonly #journal: DatabaseJournal;
  readonly #replica: Replica;
  readonly #options: CommitLoopOptions;
  readonly #elapsedMs: ElapsedMs = (since, until) => this.#options.clock.elapsedMs(since, until);
  #queue: PendingCommit<unknown>[] = [];
  /** Work that waits for the batch in progress. */
  #exclusiveWork: (() => Promise<void>)[] = [];
  /** Changes whose append had an unknown outcome. */
  #inDoubt: readonly PendingChange[] | undefined;
  #committing: Promise<void> | undefined;
  /** Whether a batch takes so long that its changes were answered without it. */
  #isLate = false;
  /** Aborts when the loop closes. */
  readonly #closing = new AbortController();
  /** Why the loop is closed, and what to do. */
  #closeReason: string | undefined;

  constructor(journal: DatabaseJournal, replica: Replica, options: CommitLoopOptions) {
    this.#journal = journal;
    this.#replica = replica;
    this.#options = options;
  }

  get isClosed(): boolean {
    return this.#closeReason !== undefined;
  }

  /** Whether a change is in progress. */
  get isBusy(): boolean {
    return this.#committing !== undefined;
  }

  /** Resolves when no change is being written. */
  get settled(): Promise<void> {
    return this.#committing ?? Promise.resolve();
  }

  /** Waits for the queued changes. @param reason the message of the error for later ones */
  async close(reason: string): Promise<void> {
    this.#closeReason ??= reason;
    this.#closing.abort();
    await this.#committing;
  }

  /** See `PerDatabaseTaskStore.erase`. */
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

  /** Brings the state up to the newest one. @throws TidemarkError UNAVAILABLE */
  async catchUp(): Promise<void> {
    await this.#exclusively(() => this.#catchUpWithHead());
  }

  /** Applies a change to the next batch. @throws TidemarkError UNAVAILABLE, LIMIT_EXCEEDED; as `apply` */
  commit<T>(apply: (batch: WriteBatch) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => this.enqueue(apply, { resolve, reject }));
  }

  /** The same, with callbacks instead of a promise. @param index is passed to them */
  enqueue<T>(apply: (batch: WriteBatch) => T, callbacks: CommitCallbacks<T>, index = 0): void {
    const error = this.#admissionError();
    if (error) return callbacks.reject(error, index);
    this.#queue.push(new PendingCommit(apply, callbacks, index));
    this.#committing ??= this.#drain();
  }

  #admissionError(): TidemarkError | undefined {
    if (this.#closeReason !== undefined) return unavailable(this.#closeReason);
    if (this.#isLate) return unavailable(BEHIND_LATE);
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
      const timer = this.#options.otherWriters ? this.#answerIfLate(commits) : undefined;
      try {
        await this.#commitBatch(commits);
      } catch (error) {
        for (const commit of commits) commit.fail(error);
      }
      timer?.cancel();
      this.#isLate = false;
    }
    this.#committing = undefined;
  }

  /**
   * An engine may wait long for a standby. The loop answers before workers give up, so that the error names the cause. The batch goes
   * on, and is applied if it is written after all; a report that is repeated with its request id then counts once.
   */
  #answerIfLate(commits: readonly PendingCommit<unknown>[]): Timer {
    return this.#options.clock.schedule(ANSWER_MS, () => {
      this.#isLate = true;
      for (const commit of commits) commit.fail(unavailable(LATE));
      for (const commit of this.#queue.splice(0)) commit.fail(unavailable(BEHIND_LATE));
    });
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
    const batch = new WriteBatch(this.#replica.table, this.#replica.revision, time, this.#options);
    for (const commit of commits) commit.apply(batch);
    const { pendingChanges } = batch;
    try {
      if (this.#options.otherWriters && !commits.every(({ hasChanged }) => hasChanged)) {
        if (await this.#catchUpWithHead()) return false;
      }
      return pendingChanges.length === 0 || (await this.#write(pendingChanges));
    } finally {
      if (this.#inDoubt !== pendingChanges) WriteBatch.returnMemory(pendingChanges, this.#options.memory);
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

  /** Applies changes that are in the journal. Those of other servers that are before them come first. */
  async #applyFrom(firstRevision: number, changes: readonly PendingChange[]): Promise<void> {
    try {
      if (this.#options.otherWriters && this.#replica.revision + 1 < firstRevision)
        await this.#catchUpTo(firstRevision - 1);
    } catch (error) {
      this.#inDoubt = changes;
      throw error;
    }
    this.#replica.applyOwn(changes, firstRevision);
    this.#options.onAdvance();
  }

  /** Applies the changes of other servers as they are written, until the store is closed. */
  async follow(): Promise<void> {
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
        if (isUnreadable(error)) return this.#options.onUnreadable(error);
        if (!isFailing)
          log.warn(
            { err: error, database: this.#options.memory.database },
            "cannot follow the other servers",
          );
        isFailing = true;
        await new Promise<void>((resolve) => void clock.schedule(FOLLOW_RETRY_MS, resolve));
      }
    }
  }

  /** A new generation may have begun since the news was read: it may be about changes that are lost. */
  async #hearUnlessForked(news: JournalNews, from: JournalPoint): Promise<void> {
    const { epoch, generation } = this.#replica.point;
    if (epoch === from.epoch && generation === from.generation) await this.#hear(news);
  }

  /** Call it only between two batches. @throws JournalError */
  async #hear(news: JournalNews, upTo = Infinity): Promise<void> {
    const lost = await this.#replica.hear(news, upTo);
    if (lost) this.#options.onLoaded(lost);
    this.#options.onAdvance();
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
   * Applies everything up to `revision`, unless it is no longer in the history. Applies nothing after it, because the
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

const LATE =
  "The database server has not confirmed the change in time, perhaps because it waits for a standby. Whether it will be written is unknown. Repeat it with the same requestId.";

const BEHIND_LATE =
  "The database server has not confirmed earlier changes in time, perhaps because it waits for a standby. Nothing has changed. Try again later.";

const NOT_COMMITTED = "The change could not be written. Nothing has changed. Try again.";

/** Changes per append. */
const BATCH_MAX = 1_000;

const FOLLOW_RETRY_MS = 1_000;

/** How long a change waits for its append before it is answered: less than the timeout of a request in the SDK, which is 5 s. */
const ANSWER_MS = 4_000;

/** How long a change waits for the changes of other servers. */
const CATCH_UP_MS = 10_000;

/** How often changes are reduced when other servers change the same jobs. */
const COMMIT_TRIES_MAX = 10;
