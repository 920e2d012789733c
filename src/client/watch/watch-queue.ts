import type { WatchEvent, WatchResetCause } from "./watch-event.js";
import type { AppliedEvent, WatchMirror } from "./watch-mirror.js";
import type { WatchedJob, WatchedTask } from "./watched-job.js";
import { watchedTaskAt } from "./watched-tree.js";

/**
 * What one who iterates is still to be told. Of each job that is at most one event, in the order of their latest
 * changes; so what waits is bounded by the jobs that there are and those that were told of, however slow somebody
 * is, and what they hold after each CaughtUp is what the mirror holds.
 */
export class WatchQueue {
  readonly #mirror: WatchMirror;
  #reset: WatchResetCause | undefined;
  /** By job id, the latest change last. */
  readonly #waiting = new Map<string, Waiting>();
  /** Ids of the jobs that were told of and not told to be gone. */
  readonly #told = new Set<string>();
  #isCaughtUpDue: boolean;

  /** For one who holds nothing. @param isCaughtUp whether the mirror holds all. */
  constructor(mirror: WatchMirror, isCaughtUp: boolean) {
    this.#mirror = mirror;
    this.#isCaughtUpDue = isCaughtUp;
    if (mirror.position === undefined) return;
    this.#reset = "INITIAL";
    for (const job of mirror.jobs.values()) this.#waiting.set(job.id, { kind: "TaskStored", job });
  }

  add(event: AppliedEvent): void {
    switch (event.kind) {
      case "Reset":
        return this.#resetTo(event.cause);
      case "CaughtUp":
        this.#isCaughtUpDue = true;
        return;
      case "TaskStored":
        return this.#put(event);
      case "TaskUpdated":
        return this.#put(merged(this.#waiting.get(event.job.id), event));
      case "TaskRemoved":
        if (this.#told.has(event.job.id)) return this.#put(event);
        return void this.#waiting.delete(event.job.id);
    }
  }

  /** The next event; undefined while there is none. */
  shift(): WatchEvent | undefined {
    if (this.#reset !== undefined) return this.#takeReset(this.#reset);
    for (const [id, waiting] of this.#waiting) return this.#take(id, waiting);
    if (!this.#isCaughtUpDue || !this.#mirror.isExact) return undefined;
    this.#isCaughtUpDue = false;
    return { kind: "CaughtUp" };
  }

  #resetTo(cause: WatchResetCause): void {
    this.#reset = cause;
    this.#waiting.clear();
    this.#told.clear();
    this.#isCaughtUpDue = false;
  }

  #put(waiting: Waiting): void {
    this.#waiting.delete(waiting.job.id);
    this.#waiting.set(waiting.job.id, waiting);
  }

  #takeReset(cause: WatchResetCause): WatchEvent {
    this.#reset = undefined;
    return { kind: "Reset", cause };
  }

  #take(id: string, waiting: Waiting): WatchEvent {
    this.#waiting.delete(id);
    if (waiting.kind === "TaskRemoved") this.#told.delete(id);
    else this.#told.add(id);
    if (waiting.kind !== "TaskUpdated") return waiting;
    const { kind, job, paths } = waiting;
    return { kind, job, changed: tasksAt(job, [...paths]) };
  }
}

type Waiting = Exclude<AppliedEvent, { readonly kind: "Reset" | "CaughtUp" | "TaskUpdated" }> | WaitingUpdate;
type Updated = Extract<AppliedEvent, { readonly kind: "TaskUpdated" }>;

interface WaitingUpdate {
  readonly kind: "TaskUpdated";
  readonly job: WatchedJob;
  /** Of all changes that were merged. */
  readonly paths: Set<string>;
}

/** What was stored and then updated is stored as it is now; changes of one tree are changes of all their paths. */
function merged(before: Waiting | undefined, { kind, job, changedPaths }: Updated): Waiting {
  if (before?.kind === "TaskStored") return { kind: "TaskStored", job };
  const paths = before?.kind === "TaskUpdated" ? before.paths : new Set<string>();
  for (const path of changedPaths) paths.add(path);
  return { kind, job, paths };
}

/** Parents first, as their paths are told in the order of the tree. */
function tasksAt({ task }: WatchedJob, paths: readonly string[]): WatchedTask[] {
  return paths.toSorted(inTreeOrder).flatMap((path) => watchedTaskAt(task, path) ?? []);
}

function inTreeOrder(one: string, other: string): number {
  const [ones, others] = [one, other].map((path) => (path === "" ? [] : path.split(".").map(Number)));
  const at = ones!.findIndex((index, place) => index !== others![place]);
  if (at < 0) return ones!.length - others!.length;
  return ones![at]! - (others![at] ?? -1);
}
