/** The state of a job's page: the job, its log, and its rate since the page was opened. */
import { batch, signal, type ReadonlySignal } from "@preact/signals";
import type { WatchedJob, WatchStatus } from "../../client/index.js";
import { JobLogDocument, type JobLogQuery } from "../../client/generated/graphql.js";
import type { JobRef } from "../address.js";
import { DISPLAY_STATUS_LABELS, displayStatusOf } from "../../format/display-status.js";
import { fetchServerInfo, pageSizeFor } from "../server/about.js";
import { announce } from "../server/announcements.js";
import { FrameTask } from "../server/frame-task.js";
import { openLiveWatch, type LiveWatch } from "../server/live-watch.js";
import { observeServerTime } from "../server/server-clock.js";
import { isLimitExceeded, request } from "../server/session.js";
import { RateSamples, type RatePoint } from "./rate-samples.js";

export type JobLogEntry = NonNullable<JobLogQuery["task"]>["log"][number];

export interface MeasuredRate {
  /** When the page was opened, milliseconds since 1970. */
  readonly since: number | undefined;
  readonly points: readonly RatePoint[];
}

export class JobWatch {
  readonly #live: LiveWatch;
  readonly #key: JobRef & { readonly database: string };
  readonly #draw = new FrameTask(() => this.#show());
  readonly #job = signal<WatchedJob | undefined>(undefined);
  readonly #log = signal<readonly JobLogEntry[]>([]);
  readonly #isGone = signal(false);
  readonly #rates = signal<MeasuredRate>({ since: undefined, points: [] });
  #samples = new RateSamples();
  #logTimer: ReturnType<typeof setTimeout> | undefined;
  /** The job's version at the latest request for its log. */
  #logVersion: number | undefined;
  #isLogRequested = false;

  constructor(database: string, { username, jobId }: JobRef) {
    this.#key = { database, username, jobId };
    this.#live = openLiveWatch({ database, username, jobId, minIntervalMs: INTERVAL_MS });
    this.#live.watch.onChange(() => this.#draw.schedule());
  }

  get status(): ReadonlySignal<WatchStatus> {
    return this.#live.status;
  }

  /** The job's latest state, even after its removal; undefined until it has loaded. */
  get job(): ReadonlySignal<WatchedJob | undefined> {
    return this.#job;
  }

  /** Whether the server has no such job, or removed it. */
  get isGone(): ReadonlySignal<boolean> {
    return this.#isGone;
  }

  /** Newest first. */
  get log(): ReadonlySignal<readonly JobLogEntry[]> {
    return this.#log;
  }

  /** The rates of this attempt since the page was opened. */
  get rates(): ReadonlySignal<MeasuredRate> {
    return this.#rates;
  }

  close(): void {
    this.#live.watch.close();
    this.#draw.cancel();
    clearTimeout(this.#logTimer);
  }

  #show(): void {
    const job = this.#live.watch.job(this.#key.username, this.#key.jobId);
    const isLive = this.#live.status.peek().kind === "live";
    const before = this.#job.peek();
    batch(() => {
      if (isLive) this.#isGone.value = !job;
      if (job && job !== before) this.#take(job, before, isLive);
    });
    if (isLive && job && job.version !== this.#logVersion) this.#requestLogSoon();
  }

  #take(job: WatchedJob, before: WatchedJob | undefined, isLive: boolean): void {
    this.#job.value = job;
    observeServerTime(job.changedAt, isLive && before !== undefined);
    if (job.attempt !== before?.attempt) this.#samples = new RateSamples();
    this.#samples.add({ at: Date.parse(job.changedAt), done: job.task.progress.done });
    this.#rates.value = { since: this.#samples.since, points: this.#samples.points() };
    const status = displayStatusOf(job);
    if (before && displayStatusOf(before) !== status)
      announce(`${job.task.description}: ${DISPLAY_STATUS_LABELS[status]}.`);
  }

  /** A watch does not include the log, so it is requested after a change, at most once a second. */
  #requestLogSoon(): void {
    if (this.#isLogRequested) return;
    this.#isLogRequested = true;
    const waitMs = this.#logVersion === undefined ? 0 : LOG_INTERVAL_MS;
    this.#logTimer = setTimeout(() => void this.#requestLog(), waitMs);
  }

  async #requestLog(): Promise<void> {
    this.#logVersion = this.#job.peek()?.version;
    try {
      const last = await pageSizeFor(LINES, "logLinesPerJobMax");
      const { task } = await request(JobLogDocument, { ...this.#key, last });
      if (task) this.#log.value = task.log.toReversed();
    } catch (error) {
      this.#logVersion = -1; // retry
      if (isLimitExceeded(error)) await fetchServerInfo(); // the server may have restarted with lower limits
    }
    this.#isLogRequested = false;
    if (!this.#isGone.peek()) this.#draw.schedule();
  }
}

const INTERVAL_MS = 100;
const LOG_INTERVAL_MS = 1_000;

/** The number of lines that a server keeps by default. */
const LINES = 200;
