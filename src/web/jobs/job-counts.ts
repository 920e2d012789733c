import type { WatchedJob } from "../../client/index.js";
import { displayStatusOf, type DisplayStatus } from "../../format/display-status.js";

/** The number of jobs by display status and by user, updated incrementally. Each job counts once in both. */
export class JobCounts {
  readonly #byStatus = new Map<DisplayStatus, number>();
  readonly #byUser = new Map<string, number>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  countOf(status: DisplayStatus): number {
    return this.#byStatus.get(status) ?? 0;
  }

  /** Sorted. */
  users(): string[] {
    return [...this.#byUser.keys()].toSorted();
  }

  /** Replaces a job; undefined `before` adds it, undefined `after` removes it. */
  change(before: WatchedJob | undefined, after: WatchedJob | undefined): void {
    if (before) this.#count(before, -1);
    if (after) this.#count(after, 1);
  }

  #count(job: WatchedJob, by: 1 | -1): void {
    this.#total += by;
    add(this.#byStatus, displayStatusOf(job), by);
    add(this.#byUser, job.username, by);
  }
}

function add<Key>(counts: Map<Key, number>, key: Key, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
