/**
 * Sends the reports of one connection's jobs in rounds, one round at a time.
 *
 *     change ─► interval (250 ms; 20 ms when a task starts or ends) ─► round ─► answered: idle, or the next round
 *                          ▲                                             │
 *                          └──── exponential backoff with jitter ◄───────┴─ no answer
 *
 * The `RoundTimer` schedules the rounds, a `SyncRound` sends the requests of one, and `ReportBatch` limits their size.
 * `Heartbeats` cover jobs without progress: all of them share one request, which is only sent when no report is.
 *
 * Only `PendingEnds` keep the process alive, for `endTimeoutMs`.
 */
import type { ErrorCode } from "../../protocol/error-codes.js";
import { unavailable, type TidemarkError } from "../../protocol/tidemark-error.js";
import { RetryDelay } from "../transport/retry-delay.js";
import { CancelSubscriptions } from "./cancel-subscriptions.js";
import { PENDING_ENDS_MAX, PendingEnds } from "./pending-ends.js";
import { Heartbeats } from "./heartbeats.js";
import { sendFinalReports } from "./final-reports.js";
import type { JobSync } from "./job-sync.js";
import { ReportBatch } from "./report-batch.js";
import { SyncRound } from "./sync-round.js";
import { RoundTimer } from "./round-timer.js";
import { onIdleProcess, onPageHidden, type ClientClock } from "../platform.js";
import { ServerLimits } from "../transport/server-limits.js";
import type { HttpTransport } from "../transport/http-transport.js";

export interface ReporterOptions {
  /** Minimum time between two reports while no task starts or ends, milliseconds. */
  readonly intervalMs: number;
  /** The interval of heartbeats that poll for cancel requests, milliseconds. */
  readonly heartbeatMs: number;
  /** How long an unacknowledged end of a job keeps the process alive, milliseconds. */
  readonly endTimeoutMs: number;
  readonly clock: ClientClock;
  /** The server is unreachable or temporarily rejects reports. Called once per code until a round succeeds. */
  readonly onUnavailable: (error: TidemarkError) => void;
}

/** Limits the request rate when thousands of tasks start and end per second. */
const URGENT_INTERVAL_MS = 20;
/** Limits the backoff while the end of a job keeps the process alive. */
const PAUSE_AT_END_MS = 1_000;

export class Reporter {
  /** Those of the server. */
  readonly limits = new ServerLimits();
  readonly #transport: HttpTransport;
  readonly #options: ReporterOptions;
  readonly #cancelRequests: CancelSubscriptions;
  readonly #heartbeats: Heartbeats;
  readonly #reports: ReportBatch;
  readonly #timer: RoundTimer;
  readonly #retryDelay = new RetryDelay({ longestMs: 15_000, random: Math.random });
  readonly #pendingEnds: PendingEnds;
  /** Codes passed to `onUnavailable` since the last successful round. */
  readonly #reportedCodes = new Set<ErrorCode>();
  /** The jobs that may have something to send. */
  readonly #jobs = new Set<JobSync>();
  /** The running round. */
  #round: SyncRound | undefined;
  #stopListening: (() => void) | undefined;

  constructor(transport: HttpTransport, options: ReporterOptions) {
    const { clock, endTimeoutMs } = options;
    this.#transport = transport;
    this.#options = options;
    this.#cancelRequests = new CancelSubscriptions({
      transport,
      clock,
      onDisconnected: () => this.#resumePolling(),
    });
    this.#heartbeats = new Heartbeats(this.#cancelRequests, options);
    this.#reports = new ReportBatch(this.#heartbeats, clock, this.limits);
    this.#timer = new RoundTimer(clock, () => void this.#run());
    this.#pendingEnds = new PendingEnds(endTimeoutMs, () => this.#round?.abort()); // it would keep the process alive
  }

  onJobChanged(job: JobSync, isUrgent: boolean): void {
    this.#jobs.add(job);
    this.#stopListening ??= this.#listen();
    if (job.hasEnded && !this.#pendingEnds.has(job)) this.#awaitEnd(job);
    if (!this.#round) this.#timer.schedule(isUrgent ? URGENT_INTERVAL_MS : this.#options.intervalMs);
  }

  /** Resolves when the server has stored all ends of jobs, a round fails, or `endTimeoutMs` is over. */
  async waitForEnds(): Promise<void> {
    if (!this.#retryDelay.isFailing) await this.#pendingEnds.waitForRelease();
  }

  #listen(): () => void {
    const unsubscribers = [
      onIdleProcess(() => this.#flushIdle()),
      onPageHidden((isLeft) => this.#flushHiddenPage(isLeft)),
    ];
    return () => unsubscribers.forEach((unsubscribe) => unsubscribe());
  }

  /** The process is about to exit: this is the last chance to send reports. */
  #flushIdle(): void {
    const canSend = !this.#round && !this.#retryDelay.isFailing;
    if (canSend && this.#some(({ hasPending }) => hasPending)) void this.#run();
  }

  #flushHiddenPage(isLeft: boolean): void {
    if (isLeft) this.#cancelRequests.close(); // an open connection keeps the page out of the back/forward cache
    sendFinalReports(this.#jobs, this.#transport, this.limits.current);
  }

  #awaitEnd(job: JobSync): void {
    this.#pendingEnds.add(job);
    this.#dropOverflow();
    this.#timer.shortenPause(pauseAtEnd());
  }

  #dropOverflow(): void {
    const { overflow } = this.#pendingEnds;
    if (!overflow) return;
    this.#forget(overflow);
    const message = `Over ${PENDING_ENDS_MAX} ended jobs wait for the server. The oldest is discarded.`;
    overflow.stop(unavailable(message));
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    this.#timer.onRoundStarted();
    this.#round = new SyncRound({
      transport: this.#transport,
      clock: this.#options.clock,
      reports: this.#reports,
      limits: this.limits,
      jobs: this.#jobs,
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
    this.#retryDelay.reset();
    this.#reportedCodes.clear();
    this.#timer.resume();
  }

  #failed(error: TidemarkError): void {
    this.limits.isStale = true; // it may restart with others
    const pauseMs = this.#retryDelay.nextMs();
    this.#timer.pause(this.#pendingEnds.isKeepingAlive ? pauseAtEnd() : pauseMs);
    this.#pendingEnds.release();
    if (this.#reportedCodes.has(error.code)) return;
    this.#reportedCodes.add(error.code);
    this.#options.onUnavailable(error);
  }

  #next(): void {
    for (const job of this.#jobs) {
      if (job.isInactive || (job.hasEnded && !job.hasPending)) this.#forget(job);
    }
    if (this.#jobs.size > 0) return this.#timer.schedule(this.#intervalMs());
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  #forget(job: JobSync): void {
    this.#jobs.delete(job);
    this.#pendingEnds.delete(job);
    this.#cancelRequests.unsubscribe(job);
  }

  #intervalMs(): number {
    const isUrgent = this.#reports.isTruncated || this.#some((job) => job.isUrgent && job.hasPending);
    if (isUrgent) return URGENT_INTERVAL_MS;
    if (this.#some(({ hasPending }) => hasPending)) return this.#options.intervalMs;
    return [...this.#jobs].reduce(
      (least, job) => Math.min(least, this.#heartbeats.intervalMs(job)),
      Infinity,
    );
  }

  #some(isWanted: (job: JobSync) => boolean): boolean {
    for (const job of this.#jobs) if (isWanted(job)) return true;
    return false;
  }

  /** Polls for cancel requests again, after a random delay so that workers do not all poll at once. */
  #resumePolling(): void {
    if (this.#round || this.#jobs.size === 0) return;
    this.#timer.scheduleIn(this.#options.heartbeatMs * Math.random());
  }
}

function pauseAtEnd(): number {
  return PAUSE_AT_END_MS * Math.random();
}
