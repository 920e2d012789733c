/**
 * The jobs of a database as the list shows them. A signal a job, so that a change draws its row and nothing else; what
 * happens between two frames is drawn once; and the order is made anew once a second at most, so that no row runs
 * away from under a pointer.
 *
 *     watch ──events──► waiting ──frame──► rows ──a second──► order
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
import { displayStatusOf, DISPLAY_STATUS_LABELS } from "./display-status.js";

/** A job in the list: the same object for as long as the job is there. */
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

  /** What a search looks in. */
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
  readonly #tally = new JobCounts();
  /** By id; undefined is one that is gone. At most one a job, so what waits while nobody looks is bounded. */
  readonly #waiting = new Map<string, WatchedJob | undefined>();
  readonly #flush = new FrameTask(() => this.#apply());
  readonly #stopEffect: () => void;
  /** All rows in the order that was made last. */
  #sorted: JobRow[] = [];
  /** After a Reset, ids of the jobs that were told of since: the others are gone. Undefined otherwise. */
  #toldAgain: Set<string> | undefined;
  #isCaughtUp = false;
  #orderedAt = -Infinity;
  #orderTimer: ReturnType<typeof setTimeout> | undefined;

  /** The jobs to be listed, in order. */
  readonly order = signal<readonly JobRow[]>([]);
  /** Another object after each change. */
  readonly counts = signal({ of: this.#tally });
  /** Whether all jobs have been told of once. */
  readonly isLoaded = signal(false);

  /** Of the row that the keys are at. */
  readonly activeId = signal<string | undefined>(undefined);
  /** How far the list is scrolled, for who comes back to it. */
  scrollTop = 0;

  constructor(database: string) {
    this.database = database;
    this.#live = openLiveWatch({ database, minIntervalMs: INTERVAL_MS });
    void this.#follow();
    this.#stopEffect = effect(() => {
      const { user, statuses, search, sort, job } = address();
      if (!job) untracked(() => this.#makeOrder({ user, statuses, search }, sort));
    });
  }

  get status(): LiveWatch["status"] {
    return this.#live.status;
  }

  close(): void {
    this.#live.watch.close();
    this.#flush.cancel();
    this.#stopEffect();
    clearTimeout(this.#orderTimer);
  }

  /** Its end is in the status. */
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
        this.#toldAgain = new Set();
        return;
      case "CaughtUp":
        this.#endReset();
        this.#isCaughtUp = true;
        break;
      case "TaskRemoved":
        this.#waiting.set(event.job.id, undefined);
        break;
      case "TaskStored":
      case "TaskUpdated":
        this.#toldAgain?.add(event.job.id);
        this.#waiting.set(event.job.id, event.job);
        observeServerTime(event.job.changedAt, this.isLoaded.peek() && !this.#toldAgain);
    }
    this.#flush.schedule();
  }

  /** What a Reset made unknown is shown until it is known better. */
  #endReset(): void {
    const told = this.#toldAgain;
    if (!told) return;
    this.#toldAgain = undefined;
    for (const id of this.#rows.keys()) if (!told.has(id)) this.#waiting.set(id, undefined);
    for (const id of this.#waiting.keys()) if (!told.has(id)) this.#waiting.set(id, undefined);
  }

  #apply(): void {
    const isFirst = this.#isCaughtUp && !this.isLoaded.peek();
    batch(() => {
      const fallen: WatchedJob[] = [];
      for (const [id, job] of this.#waiting) {
        const before = this.#rows.get(id)?.current();
        this.#put(id, job);
        this.#tally.change(before, job);
        if (before && job && hasFallen(before, job)) fallen.push(job);
      }
      this.#waiting.clear();
      this.counts.value = { of: this.#tally };
      if (this.isLoaded.peek()) announceFallen(fallen);
      if (this.#isCaughtUp) this.isLoaded.value = true;
    });
    if (isFirst) this.#orderNow();
    else this.#orderSoon();
  }

  #put(id: string, job: WatchedJob | undefined): void {
    const row = this.#rows.get(id);
    if (!job) return void this.#rows.delete(id);
    if (row) return row.replace(job);
    const added = new JobRow(job);
    this.#rows.set(id, added);
    this.#sorted.push(added);
  }

  #orderSoon(): void {
    const waitMs = this.#orderedAt + ORDER_MS - performance.now();
    this.#orderTimer ??= setTimeout(() => this.#orderNow(), Math.max(0, waitMs));
  }

  #orderNow(): void {
    const { user, statuses, search, sort } = address();
    this.#makeOrder({ user, statuses, search }, sort);
  }

  #makeOrder(filter: Parameters<typeof jobPredicateFor>[0], sort: Parameters<typeof sortJobs>[1]): void {
    clearTimeout(this.#orderTimer);
    this.#orderTimer = undefined;
    this.#orderedAt = performance.now();
    const present = this.#sorted.filter((row) => this.#rows.get(row.id) === row);
    this.#sorted = sortJobs(present, sort, peekServerNow());
    const isListed = jobPredicateFor(filter);
    const listed = this.#sorted.filter((row) => isListed(row.current(), row.text));
    if (!isSame(listed, this.order.peek())) this.order.value = listed;
  }
}

/** What happens to one job in between is drawn once: nobody reads faster. */
const INTERVAL_MS = 200;

const ORDER_MS = 1_000;

function isSame(some: readonly JobRow[], others: readonly JobRow[]): boolean {
  return some.length === others.length && some.every((row, index) => row === others[index]);
}

function hasFallen(before: WatchedJob, job: WatchedJob): boolean {
  const standing = displayStatusOf(job);
  return (standing === "FAILED" || standing === "LOST") && displayStatusOf(before) !== standing;
}

function announceFallen(jobs: readonly WatchedJob[]): void {
  const [first] = jobs;
  if (!first) return;
  const words = DISPLAY_STATUS_LABELS[displayStatusOf(first)].toLowerCase();
  const others = jobs.length > 1 ? `, and ${jobs.length - 1} more` : "";
  announce(`${first.task.description}, ${first.jobId}, of ${first.username}: ${words}${others}.`);
}
