/** How many jobs there are, by standing and by user, kept by difference. */
import type { WatchedJob } from "../../client/index.js";
import type { DisplayStatus } from "./display-status.js";

export class JobCounts {
  readonly #byStanding = new Map<DisplayStatus, number>();
  readonly #byUser = new Map<string, number>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  countOf(standing: DisplayStatus): number {
    return this.#byStanding.get(standing) ?? 0;
  }

  /** In order. */
  users(): string[] {
    return [...this.#byUser.keys()].toSorted();
  }

  /** A job has come into the place of another, or has come, or has gone. */
  change(before: WatchedJob | undefined, after: WatchedJob | undefined): void {
    if (before) this.#count(before, -1);
    if (after) this.#count(after, 1);
  }

  #count({ task, health, username }: WatchedJob, by: 1 | -1): void {
    this.#total += by;
    add(this.#byStanding, task.status, by);
    if (health !== "OK") add(this.#byStanding, health, by);
    add(this.#byUser, username, by);
  }
}

function add<Key>(counts: Map<Key, number>, key: Key, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
