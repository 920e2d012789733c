/**
 * Sends the reports of one connection's jobs in rounds, one round at a time.
 *
 *     change ─► interval (250 ms; 20 ms when a task starts or ends) ─► round ─► answered: idle, or the next round
 *                          ▲                                             │
 *                          ├──── exponential backoff with jitter ◄───────┼─ no answer
 *                          └──── the time that the server asks for ◄─────┴─ the server is busy
 *
 * The `RoundTimer` schedules the rounds, a `SyncRound` sends the requests of one, and `ReportBatch` limits their size.
 * `Heartbeats` cover jobs without progress: all of them share one request, which is only sent when no report is.
 *
 * Only `PendingEnds` keep the process alive, until the server has not answered for `endTimeoutMs`.
 */
import type { ErrorCode } from "../../protocol/error-codes.js";
import { unavailable, type TidemarkError } from "../../protocol/tidemark-error.js";
import { isBusy } from "../transport/response-error.js";
import { RetryDelay } from "../transport/retry-delay.js";
import { CancelSubscriptions } from "./cancel-subscriptions.js";
import { ENDS_WHILE_ABSENT_MAX, PendingEnds } from "./pending-ends.js";
import { Heartbeats } from "./heartbeats.js";
import { sendFinalReports } from "./final-reports.js";
import type { JobSync } from "./job-sync.js";
import { ReportBatch } from "./report-batch.js";
import { SyncRound } from "./sync-round.js";
import { RoundTimer } from "./round-timer.js";
import { isNodeLike, onPageHidden, type ClientClock } from "../platform.js";
import { ServerLimits } from "../transport/server-limits.js";
import type { HttpTransport } from "../transport/http-transport.js";

export interface ReporterOptions {
  /** Minimum time between two reports while no task starts or ends, milliseconds. */
  readonly intervalMs: number;
  /** The interval of heartbeats that poll for cancel requests, milliseconds. */
  readonly heartbeatMs: number;
  /** How long an unacknowledged end of a job keeps the process alive without any answer, milliseconds. */
  readonly endTimeoutMs: number;
  /** Whether open jobs end when the process does. */
  readonly endsJobsOnExit: boolean;
  readonly clock: ClientClock;
  /** The server is unreachable or temporarily rejects reports. Called once per code until a round succeeds. */
  readonly onUnavailable: (error: TidemarkError) => void;
}

/** Limits the request rate when thousands of tasks start and end per second. */
const URGENT_INTERVAL_MS = 20;
/** Limits the backoff while the end of a job keeps the process alive. */
const PAUSE_AT_END_MS = 1_000;

export class Reporter {
  readonly transport: HttpTransport;
  /** The jobs that may have something to send. */
  readonly jobs = new Set<JobSync>();
  /** Those of the server. */
  readonly limits = new ServerLimits();
  /** Whether the latest round found no server that takes reports. A busy server is not absent. */
  isAbsent = false;
  /** When the server last took a report or was busy, in the time of `performance.now()`; 0 before. */
  answeredAt = 0;
  readonly #options: ReporterOptions;
  readonly #cancelRequests: CancelSubscriptions;
  readonly #heartbeats: Heartbeats;
  readonly #reports: ReportBatch;
  readonly #timer: RoundTimer;
  readonly #retryDelay = new RetryDelay({ longestMs: 15_000 });
  readonly #pendingEnds: PendingEnds;
  /** Codes passed to `onUnavailable` since the last successful round. */
  readonly #reportedCodes = new Set<ErrorCode>();
  /** The running round. */
  #round: SyncRound | undefined;
  #stopListening: (() => void) | undefined;

  constructor(transport: HttpTransport, options: ReporterOptions) {
    const { clock, endTimeoutMs } = options;
    this.transport = transport;
    this.#options = options;
    this.#cancelRequests = new CancelSubscriptions({
      transport,
      clock,
      onDisconnected: () => this.#resumePolling(),
    });
    this.#heartbeats = new Heartbeats(this.#cancelRequests, options);
    this.#reports = new ReportBatch(this.#heartbeats, clock, this.limits);
    this.#timer = new RoundTimer(clock, () => void this.#run());
    this.#pendingEnds = new PendingEnds(endTimeoutMs, clock, () => this.#round?.abort()); // it would keep the process alive
  }

  onJobChanged(job: JobSync, isUrgent: boolean): void {
    this.jobs.add(job);
    this.#stopListening ??= this.#listen();
    if (job.hasEnded && !this.#pendingEnds.has(job)) this.#awaitEnd(job);
    if (!this.#round) this.#timer.schedule(isUrgent ? URGENT_INTERVAL_MS : this.#options.intervalMs);
  }

  /** Whether open jobs end when the process does. */
  get endsJobs(): boolean {
    return this.#options.endsJobsOnExit;
  }

  /** The process is about to exit: this is the last chance to send reports. */
  flushIdle(): void {
    const canSend = !this.#round && !this.isAbsent;
    if (canSend && this.#some(({ hasPending }) => hasPending)) void this.#run();
  }

  /** Resolves when the server has stored the job's end, is absent, or has not answered for `endTimeoutMs`. */
  async waitForEnd(job: JobSync): Promise<void> {
    if (!this.isAbsent) await this.#pendingEnds.waitFor(job);
  }

  #listen(): () => void {
    const unsubscribers = [onPageHidden((isLeft) => this.#flushHiddenPage(isLeft)), this.#watchExit()];
    return () => unsubscribers.forEach((unsubscribe) => unsubscribe());
  }

  #watchExit(): () => void {
    if (!isNodeLike) return () => {};
    const unwatch = import("../node-only.js").then(({ watchExit }) => watchExit(this)).catch(() => () => {}); // the file is missing in a bundle: the lease reveals the exit
    return () => void unwatch.then((stop) => stop());
  }

  #flushHiddenPage(isLeft: boolean): void {
    if (isLeft) this.#cancelRequests.close(); // an open connection keeps the page out of the back/forward cache
    sendFinalReports(this.jobs, this.transport, this.limits.current);
  }

  #awaitEnd(job: JobSync): void {
    if (!this.#pendingEnds.isKeepingAlive && this.isAbsent) this.#timer.shortenPause(pauseAtEnd());
    this.#pendingEnds.add(job);
    this.#dropOverflow();
  }

  #dropOverflow(): void {
    for (let job = this.#pendingEnds.overflow; job; job = this.#pendingEnds.overflow) {
      this.#forget(job);
      const message = `Over ${ENDS_WHILE_ABSENT_MAX} ended jobs wait. The oldest is discarded.`;
      job.stop(unavailable(message));
    }
  }

  #onProgress(): void {
    this.answeredAt = performance.now();
    this.#pendingEnds.onProgress();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    this.#timer.onRoundStarted();
    this.#round = new SyncRound({
      transport: this.transport,
      clock: this.#options.clock,
      reports: this.#reports,
      limits: this.limits,
      jobs: this.jobs,
      isServerBusy: this.#retryDelay.isFailing && !this.isAbsent,
      onProgress: () => this.#onProgress(),
    });
    try {
      await this.#round.run();
      this.#succeeded();
    } catch (error) {
      this.#failed(error as TidemarkError); // safe: a round throws nothing else
    }
    this.#round = undefined;
    this.#next();
  }

  #succeeded(): void {
    this.isAbsent = false;
    this.#retryDelay.reset();
    this.#reportedCodes.clear();
    this.#timer.resume();
  }

  #failed(error: TidemarkError): void {
    this.limits.isStale = true; // it may restart with others
    const pauseMs = this.#retryDelay.nextMs();
    const { retryAfterMs = 0 } = error.extensions;
    this.#timer.pause(retryAfterMs + (this.#pendingEnds.isKeepingAlive ? pauseAtEnd() : pauseMs));
    this.isAbsent = !isBusy(error);
    if (this.isAbsent) this.#pendingEnds.release();
    if (this.#reportedCodes.has(error.code)) return;
    this.#reportedCodes.add(error.code);
    this.#options.onUnavailable(error);
  }

  #next(): void {
    for (const job of this.jobs) {
      if (job.isInactive || (job.hasEnded && !job.hasPending)) this.#forget(job);
    }
    if (this.jobs.size > 0) return this.#timer.schedule(this.#intervalMs());
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  #forget(job: JobSync): void {
    this.jobs.delete(job);
    this.#pendingEnds.delete(job);
    this.#cancelRequests.unsubscribe(job);
  }

  #intervalMs(): number {
    const isUrgent = this.#reports.isTruncated || this.#some((job) => job.isUrgent && job.hasPending);
    if (isUrgent) return URGENT_INTERVAL_MS;
    if (this.#some(({ hasPending }) => hasPending)) return this.#options.intervalMs;
    return [...this.jobs].reduce((least, job) => Math.min(least, this.#heartbeats.intervalMs(job)), Infinity);
  }

  #some(isWanted: (job: JobSync) => boolean): boolean {
    for (const job of this.jobs) if (isWanted(job)) return true;
    return false;
  }

  /** Polls for cancel requests again, after a random delay so that workers do not all poll at once. */
  #resumePolling(): void {
    if (this.#round || this.jobs.size === 0) return;
    this.#timer.scheduleIn(this.#options.heartbeatMs * Math.random());
  }
}

function pauseAtEnd(): number {
  return PAUSE_AT_END_MS * Math.random();
}
