/**
 * Sends what the jobs of one connection have to say, in rounds, one at a time.
 *
 *     touched ─► pause (250 ms; 20 ms when a task begins or ends) ─► round ─► answered: rest, or the next round
 *                          ▲                                           │
 *                          └──── longer and longer, scattered ◄────────┴─ no answer
 *
 * When a round begins, the `RoundTimer` says; what is sent in one, the `Round`, and of that the `Reports`. A job that
 * is quiet has `Heartbeats`: all quiet jobs share one request, and there is none while reports go out anyway.
 *
 * Nothing here keeps the process alive but `EndedJobs`, and those for `endTimeoutMs`.
 */
import type { ErrorCode } from "../../protocol/error-codes.js";
import { unavailable, type TidemarkError } from "../../protocol/tidemark-error.js";
import { Backoff } from "./backoff.js";
import { CancelSubscriptions } from "./cancel-subscriptions.js";
import { PENDING_ENDS_MAX, PendingEnds } from "./pending-ends.js";
import { Heartbeats } from "./heartbeats.js";
import { sendFinalReports } from "./final-reports.js";
import type { JobSync } from "./job-sync.js";
import { ReportBatch } from "./report-batch.js";
import { SyncRound } from "./sync-round.js";
import { RoundTimer } from "./round-timer.js";
import { onIdleProcess, onPageHidden, type ClientClock } from "../platform.js";
import type { HttpTransport } from "../transport/http-transport.js";

export interface ReporterOptions {
  /** The shortest time between two reports while nothing begins or ends, milliseconds. */
  readonly intervalMs: number;
  /** How long a job may be quiet before the server is asked whether it is to stop, milliseconds. */
  readonly heartbeatMs: number;
  /** How long the process is kept alive for the end of a job that the server does not know of, milliseconds. */
  readonly endTimeoutMs: number;
  readonly clock: ClientClock;
  /** The server can't be reached, or can't take reports now. Told once for each code, and again only after it took some. */
  readonly onUnavailable: (error: TidemarkError) => void;
}

/** Even when thousands of tasks begin and end a second, the server hears of it this often. */
const URGENT_INTERVAL_MS = 20;
/** While the end of a job keeps the process alive, no pause is longer. */
const PAUSE_AT_END_MS = 1_000;

export class Reporter {
  readonly #transport: HttpTransport;
  readonly #options: ReporterOptions;
  readonly #cancelRequests: CancelSubscriptions;
  readonly #heartbeats: Heartbeats;
  readonly #reports: ReportBatch;
  readonly #timer: RoundTimer;
  readonly #backoff = new Backoff();
  readonly #ended: PendingEnds;
  /** Why nothing is taken, as far as it was told. */
  readonly #reportedCodes = new Set<ErrorCode>();
  /** Jobs that have something to say, or may have. */
  readonly #jobs = new Set<JobSync>();
  /** The one that is under way. */
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
    this.#reports = new ReportBatch(this.#heartbeats, clock);
    this.#timer = new RoundTimer(clock, () => void this.#run());
    this.#ended = new PendingEnds(endTimeoutMs, () => this.#round?.abort()); // it would keep the process alive
  }

  /** The job has something to say. */
  onJobChanged(outbox: JobSync, isUrgent: boolean): void {
    this.#jobs.add(outbox);
    this.#stopListening ??= this.#listen();
    if (outbox.hasEnded && !this.#ended.has(outbox)) this.#awaitEnd(outbox);
    if (!this.#round) this.#timer.schedule(isUrgent ? URGENT_INTERVAL_MS : this.#options.intervalMs);
  }

  /** Resolves when all ends are known to the server, it turns out to be away, or the time for ends is over. */
  async waitForEnds(): Promise<void> {
    if (!this.#backoff.isFailing) await this.#ended.waitForRelease();
  }

  #listen(): () => void {
    const ends = [
      onIdleProcess(() => this.#flushIdle()),
      onPageHidden((isLeft) => this.#flushHiddenPage(isLeft)),
    ];
    return () => ends.forEach((end) => end());
  }

  /** The process is about to end: what was said goes out now, or not at all. */
  #flushIdle(): void {
    const canSend = !this.#round && !this.#backoff.isFailing;
    if (canSend && this.#some(({ hasPending }) => hasPending)) void this.#run();
  }

  #flushHiddenPage(isLeft: boolean): void {
    if (isLeft) this.#cancelRequests.close(); // a page with an open connection is not kept for the way back
    sendFinalReports(this.#jobs, this.#transport);
  }

  /** An end that the server does not know hurries. */
  #awaitEnd(outbox: JobSync): void {
    this.#ended.add(outbox);
    this.#dropOverflow();
    this.#timer.shortenPause(pauseAtEnd());
  }

  #dropOverflow(): void {
    const { overflow } = this.#ended;
    if (!overflow) return;
    this.#forget(overflow);
    overflow.stop(unavailable(`No server took the end of ${PENDING_ENDS_MAX} jobs; the oldest is given up.`));
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    this.#timer.onRoundStarted();
    this.#round = new SyncRound({
      transport: this.#transport,
      clock: this.#options.clock,
      reports: this.#reports,
      outboxes: this.#jobs,
    });
    try {
      await this.#round.run();
      this.#succeeded();
    } catch (error) {
      this.#failed(error as TidemarkError); // a round throws nothing else
    }
    this.#round = undefined;
    this.#next();
  }

  #succeeded(): void {
    this.#backoff.succeeded();
    this.#reportedCodes.clear();
    this.#timer.resume();
  }

  #failed(error: TidemarkError): void {
    const pauseMs = this.#backoff.failed();
    this.#timer.pause(this.#ended.isKeepingAlive ? pauseAtEnd() : pauseMs);
    this.#ended.release();
    if (this.#reportedCodes.has(error.code)) return;
    this.#reportedCodes.add(error.code);
    this.#options.onUnavailable(error);
  }

  #next(): void {
    for (const outbox of this.#jobs) {
      if (outbox.isInactive || (outbox.hasEnded && !outbox.hasPending)) this.#forget(outbox);
    }
    if (this.#jobs.size > 0) return this.#timer.schedule(this.#intervalMs());
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  #forget(outbox: JobSync): void {
    this.#jobs.delete(outbox);
    this.#ended.delete(outbox);
    this.#cancelRequests.unsubscribe(outbox);
  }

  #intervalMs(): number {
    const isUrgent =
      this.#reports.isTruncated || this.#some((outbox) => outbox.isUrgent && outbox.hasPending);
    if (isUrgent) return URGENT_INTERVAL_MS;
    if (this.#some(({ hasPending }) => hasPending)) return this.#options.intervalMs;
    return [...this.#jobs].reduce(
      (least, outbox) => Math.min(least, this.#heartbeats.intervalMs(outbox)),
      Infinity,
    );
  }

  #some(isWanted: (outbox: JobSync) => boolean): boolean {
    for (const outbox of this.#jobs) if (isWanted(outbox)) return true;
    return false;
  }

  /** From now on cancel requests have to be asked for; not by all workers at the same moment. */
  #resumePolling(): void {
    if (this.#round || this.#jobs.size === 0) return;
    this.#timer.scheduleIn(this.#options.heartbeatMs * Math.random());
  }
}

function pauseAtEnd(): number {
  return PAUSE_AT_END_MS * Math.random();
}
