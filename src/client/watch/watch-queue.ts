import type { WatchEvent, WatchResetCause } from "./watch-event.js";
import type { AppliedEvent, WatchMirror } from "./watch-mirror.js";
import type { WatchedJob, WatchedTask } from "./watched-job.js";
import { watchedTaskAt } from "./watched-tree.js";

/**
 * The pending events of an iteration. Each job has at most one, ordered by its latest change. However slow the consumer
 * is, the queue is bounded by the jobs that exist and those already delivered. After each CaughtUp, the consumer's
 * state equals the mirror's.
 */
export class WatchQueue {
  readonly #mirror: WatchMirror;
  #reset: WatchResetCause | undefined;
  /** By job id, the latest change last. */
  readonly #pending = new Map<string, PendingEvent>();
  /** Ids of the jobs that the consumer knows. */
  readonly #delivered = new Set<string>();
  #isCaughtUpDue: boolean;

  /** Starts with the mirror's state. @param isCaughtUp whether that state is complete. */
  constructor(mirror: WatchMirror, isCaughtUp: boolean) {
    this.#mirror = mirror;
    this.#isCaughtUpDue = isCaughtUp;
    if (mirror.position === undefined) return;
    this.#reset = "INITIAL";
    for (const job of mirror.jobs.values()) this.#pending.set(job.id, { kind: "TaskStored", job });
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
        return this.#put(merged(this.#pending.get(event.job.id), event));
      case "TaskRemoved":
        if (this.#delivered.has(event.job.id)) return this.#put(event);
        return void this.#pending.delete(event.job.id);
    }
  }

  /** Takes the next event; undefined if there is none. */
  shift(): WatchEvent | undefined {
    if (this.#reset !== undefined) return this.#takeReset(this.#reset);
    for (const [id, pending] of this.#pending) return this.#take(id, pending);
    if (!this.#isCaughtUpDue || !this.#mirror.isExact) return undefined;
    this.#isCaughtUpDue = false;
    return { kind: "CaughtUp" };
  }

  #resetTo(cause: WatchResetCause): void {
    this.#reset = cause;
    this.#pending.clear();
    this.#delivered.clear();
    this.#isCaughtUpDue = false;
  }

  #put(pending: PendingEvent): void {
    this.#pending.delete(pending.job.id);
    this.#pending.set(pending.job.id, pending);
  }

  #takeReset(cause: WatchResetCause): WatchEvent {
    this.#reset = undefined;
    return { kind: "Reset", cause };
  }

  #take(id: string, pending: PendingEvent): WatchEvent {
    this.#pending.delete(id);
    if (pending.kind === "TaskRemoved") this.#delivered.delete(id);
    else this.#delivered.add(id);
    if (pending.kind !== "TaskUpdated") return pending;
    const { kind, job, paths } = pending;
    return { kind, job, changed: tasksAt(job, [...paths]) };
  }
}

type PendingEvent =
  | Exclude<AppliedEvent, { readonly kind: "Reset" | "CaughtUp" | "TaskUpdated" }>
  | PendingUpdate;
type Updated = Extract<AppliedEvent, { readonly kind: "TaskUpdated" }>;

interface PendingUpdate {
  readonly kind: "TaskUpdated";
  readonly job: WatchedJob;
  /** The changed paths of all merged updates. */
  readonly paths: Set<string>;
}

/** An update after a store becomes a store of the new state. Updates unite their paths. */
function merged(before: PendingEvent | undefined, { kind, job, changedPaths }: Updated): PendingEvent {
  if (before?.kind === "TaskStored") return { kind: "TaskStored", job };
  const paths = before?.kind === "TaskUpdated" ? before.paths : new Set<string>();
  for (const path of changedPaths) paths.add(path);
  return { kind, job, paths };
}

/** Parents first. */
function tasksAt({ task }: WatchedJob, paths: readonly string[]): WatchedTask[] {
  return paths.toSorted(inTreeOrder).flatMap((path) => watchedTaskAt(task, path) ?? []);
}

function inTreeOrder(one: string, other: string): number {
  const [ones, others] = [one, other].map((path) => (path === "" ? [] : path.split(".").map(Number)));
  const at = ones!.findIndex((index, level) => index !== others![level]);
  if (at < 0) return ones!.length - others!.length;
  return ones![at]! - (others![at] ?? -1);
}
