/** One job as its page shows it: the job, its log, and how fast it was since somebody began to look. */
import { batch, signal, type ReadonlySignal } from "@preact/signals";
import { TidemarkError, type WatchedJob, type WatchStatus } from "../../client/index.js";
import { JobLogDocument, type JobLogQuery } from "../../client/generated/graphql.js";
import type { JobRef } from "../address.js";
import { DISPLAY_STATUS_LABELS, displayStatusOf } from "../jobs/display-status.js";
import { announce } from "../server/announcements.js";
import { FrameTask } from "../server/frame-task.js";
import { openLiveWatch, type LiveWatch } from "../server/live-watch.js";
import { observeServerTime } from "../server/server-clock.js";
import { request } from "../server/session.js";
import { RateSamples, type RatePoint } from "./rate-samples.js";

export type JobLogEntry = NonNullable<JobLogQuery["task"]>["log"][number];

/** How fast the job was. */
export interface MeasuredRate {
  /** When somebody began to look, milliseconds since 1970. */
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
  /** Of the job whose log was asked for last. */
  #logVersion: number | undefined;
  #isAsking = false;
  /** null is as many as the server gives by itself, where it keeps fewer than are asked for. */
  #lines: number | null = LINES;

  constructor(database: string, { username, jobId }: JobRef) {
    this.#key = { database, username, jobId };
    this.#live = openLiveWatch({ database, username, jobId, minIntervalMs: INTERVAL_MS });
    this.#live.watch.onChange(() => this.#draw.schedule());
  }

  get status(): ReadonlySignal<WatchStatus> {
    return this.#live.status;
  }

  /** As it was last, also when it is gone; undefined before it has been told of. */
  get job(): ReadonlySignal<WatchedJob | undefined> {
    return this.#job;
  }

  /** Whether the server has told that there is no such job, or no longer. */
  get isGone(): ReadonlySignal<boolean> {
    return this.#isGone;
  }

  /** Newest first. */
  get log(): ReadonlySignal<readonly JobLogEntry[]> {
    return this.#log;
  }

  /** Of this attempt, as far as it was looked at. */
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
    if (isLive && job && job.version !== this.#logVersion) this.#askSoon();
  }

  #take(job: WatchedJob, before: WatchedJob | undefined, isLive: boolean): void {
    this.#job.value = job;
    observeServerTime(job.changedAt, isLive && before !== undefined);
    if (job.attempt !== before?.attempt) this.#samples = new RateSamples();
    this.#samples.add({ at: Date.parse(job.changedAt), done: job.task.progress.done });
    this.#rates.value = { since: this.#samples.since, points: this.#samples.points() };
    const standing = displayStatusOf(job);
    if (before && displayStatusOf(before) !== standing)
      announce(`${job.task.description}: ${DISPLAY_STATUS_LABELS[standing]}.`);
  }

  /** The log is no part of the watch: after a change it is read, once a second at most. */
  #askSoon(): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const waitMs = this.#logVersion === undefined ? 0 : LOG_INTERVAL_MS;
    this.#logTimer = setTimeout(() => void this.#readLog(), waitMs);
  }

  async #readLog(): Promise<void> {
    this.#logVersion = this.#job.peek()?.version;
    try {
      const { task } = await request(JobLogDocument, { ...this.#key, last: this.#lines });
      if (task) this.#log.value = task.log.toReversed();
    } catch (error) {
      this.#logVersion = -1; // to be read again
      if (error instanceof TidemarkError && error.code === "LIMIT_EXCEEDED") this.#lines = null;
    }
    this.#isAsking = false;
    if (!this.#isGone.peek()) this.#draw.schedule();
  }
}

const INTERVAL_MS = 100;
const LOG_INTERVAL_MS = 1_000;

/** As many as a server keeps unless it is told otherwise. */
const LINES = 200;
