/**
 * The state of the job list. Each job has a signal, so that a change renders only its row. Changes between two frames
 * are coalesced. The jobs are sorted at most once a second, so that rows do not jump away from the pointer.
 *
 *     watch ──event──► pending ──frame──► rows ──second──► order
 */
import { batch, effect, signal, untracked, type Signal } from "@preact/signals";
import type { WatchedJob, WatchEvent } from "../../client/index.js";
import { address } from "../location.js";
import { announce } from "../server/announcements.js";
import { FrameTask } from "../server/frame-task.js";
import { openLiveWatch, type LiveWatch } from "../server/live-watch.js";
import { observeServerTime, peekServerNow } from "../server/server-clock.js";
import { JobCounts } from "./job-counts.js";
import { jobPredicateFor, searchText } from "./list-filter.js";
import { sortJobs } from "./job-order.js";
import { displayStatusOf, DISPLAY_STATUS_LABELS } from "../../format/display-status.js";

/** A job in the list: the same object until the job is removed. */
export class JobRow {
  readonly id: string;
  readonly job: Signal<WatchedJob>;
  #text: string;

  constructor(job: WatchedJob) {
    this.id = job.id;
    this.job = signal(job);
    this.#text = searchText(job);
  }

  current(): WatchedJob {
    return this.job.peek();
  }

  /** The text that a search matches. */
  get text(): string {
    return this.#text;
  }

  replace(job: WatchedJob): void {
    if (job.attempt !== this.current().attempt) this.#text = searchText(job);
    this.job.value = job;
  }
}

export class JobStore {
  readonly database: string;
  readonly #live: LiveWatch;
  readonly #rows = new Map<string, JobRow>();
  readonly #counts = new JobCounts();
  /** The latest change of each job by id, undefined for a removal: bounded even while the page is hidden. */
  readonly #pending = new Map<string, WatchedJob | undefined>();
  readonly #flush = new FrameTask(() => this.#apply());
  readonly #stopEffect: () => void;
  /** All rows as they were last sorted. */
  #sorted: JobRow[] = [];
  /** During a reset, the ids of the jobs received since its start; undefined otherwise. */
  #receivedInReset: Set<string> | undefined;
  #isCaughtUp = false;
  #sortedAt = -Infinity;
  #sortTimer: ReturnType<typeof setTimeout> | undefined;

  /** The listed jobs, filtered and sorted. */
  readonly order = signal<readonly JobRow[]>([]);
  /** A new object after each change. */
  readonly counts = signal({ of: this.#counts });
  /** Whether the initial snapshot is complete. */
  readonly isLoaded = signal(false);

  /** The id of the row that the keyboard acts on. */
  readonly activeId = signal<string | undefined>(undefined);
  /** Restored when the user returns to the list. */
  scrollTop = 0;

  constructor(database: string) {
    this.database = database;
    this.#live = openLiveWatch({ database, minIntervalMs: INTERVAL_MS });
    void this.#follow();
    this.#stopEffect = effect(() => {
      const { user, statuses, search, sort, job } = address();
      if (!job) untracked(() => this.#sortAndFilter({ user, statuses, search }, sort));
    });
  }

  get status(): LiveWatch["status"] {
    return this.#live.status;
  }

  close(): void {
    this.#live.watch.close();
    this.#flush.cancel();
    this.#stopEffect();
    clearTimeout(this.#sortTimer);
  }

  /** Ignores an error, as `status` shows it. */
  async #follow(): Promise<void> {
    try {
      for await (const event of this.#live.watch) this.#take(event);
    } catch {
      return;
    }
  }

  #take(event: WatchEvent): void {
    switch (event.kind) {
      case "Reset":
        this.#receivedInReset = new Set();
        return;
      case "CaughtUp":
        this.#endReset();
        this.#isCaughtUp = true;
        break;
      case "TaskRemoved":
        this.#pending.set(event.job.id, undefined);
        break;
      case "TaskStored":
      case "TaskUpdated":
        this.#receivedInReset?.add(event.job.id);
        this.#pending.set(event.job.id, event.job);
        observeServerTime(event.job.changedAt, this.isLoaded.peek() && !this.#receivedInReset);
    }
    this.#flush.schedule();
  }

  /** Removes the jobs that the server no longer has. They stay visible until the reset has ended. */
  #endReset(): void {
    const received = this.#receivedInReset;
    if (!received) return;
    this.#receivedInReset = undefined;
    for (const id of this.#rows.keys()) if (!received.has(id)) this.#pending.set(id, undefined);
    for (const id of this.#pending.keys()) if (!received.has(id)) this.#pending.set(id, undefined);
  }

  #apply(): void {
    const isFirst = this.#isCaughtUp && !this.isLoaded.peek();
    batch(() => {
      const failed: WatchedJob[] = [];
      for (const [id, job] of this.#pending) {
        const before = this.#rows.get(id)?.current();
        this.#put(id, job);
        this.#counts.change(before, job);
        if (before && job && hasFailed(before, job)) failed.push(job);
      }
      this.#pending.clear();
      this.counts.value = { of: this.#counts };
      if (this.isLoaded.peek()) announceFailures(failed);
      if (this.#isCaughtUp) this.isLoaded.value = true;
    });
    if (isFirst) this.#sortNow();
    else this.#sortSoon();
  }

  #put(id: string, job: WatchedJob | undefined): void {
    const row = this.#rows.get(id);
    if (!job) return void this.#rows.delete(id);
    if (row) return row.replace(job);
    const added = new JobRow(job);
    this.#rows.set(id, added);
    this.#sorted.push(added);
  }

  #sortSoon(): void {
    const waitMs = this.#sortedAt + SORT_INTERVAL_MS - performance.now();
    this.#sortTimer ??= setTimeout(() => this.#sortNow(), Math.max(0, waitMs));
  }

  #sortNow(): void {
    const { user, statuses, search, sort } = address();
    this.#sortAndFilter({ user, statuses, search }, sort);
  }

  #sortAndFilter(filter: Parameters<typeof jobPredicateFor>[0], sort: Parameters<typeof sortJobs>[1]): void {
    clearTimeout(this.#sortTimer);
    this.#sortTimer = undefined;
    this.#sortedAt = performance.now();
    const present = this.#sorted.filter((row) => this.#rows.get(row.id) === row);
    this.#sorted = sortJobs(present, sort, peekServerNow());
    const isListed = jobPredicateFor(filter);
    const listed = this.#sorted.filter((row) => isListed(row.current(), row.text));
    if (!isSame(listed, this.order.peek())) this.order.value = listed;
  }
}

/** The throttle of updates: people can't read faster. */
const INTERVAL_MS = 200;

const SORT_INTERVAL_MS = 1_000;

function isSame(some: readonly JobRow[], others: readonly JobRow[]): boolean {
  return some.length === others.length && some.every((row, index) => row === others[index]);
}

function hasFailed(before: WatchedJob, job: WatchedJob): boolean {
  const status = displayStatusOf(job);
  return (status === "FAILED" || status === "LOST") && displayStatusOf(before) !== status;
}

function announceFailures(jobs: readonly WatchedJob[]): void {
  const [first] = jobs;
  if (!first) return;
  const label = DISPLAY_STATUS_LABELS[displayStatusOf(first)].toLowerCase();
  const others = jobs.length > 1 ? `, and ${jobs.length - 1} more` : "";
  announce(`${first.task.description}, ${first.jobId}, of ${first.username}: ${label}${others}.`);
}
