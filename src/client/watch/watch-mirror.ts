import { isCatchingUp } from "../../protocol/position.js";
import type { ErrorExtensions } from "../../protocol/tidemark-error.js";
import type { MirrorSubscription, MirroredJobFragment, MirroredTaskFragment } from "../generated/graphql.js";
import type { WatchRemovalReason, WatchResetCause } from "./watch-event.js";
import type { WatchedJob } from "./watched-job.js";
import { WatchedJobs } from "./watched-jobs.js";
import { OutOfSyncError, watchedTreeOf, withChangedTasks } from "./watched-tree.js";

/** An event as the server sends it. */
export type ReceivedEvent = MirrorSubscription["taskEvents"];

/** The effect of an event on the mirror. */
export type AppliedEvent =
  | { readonly kind: "Reset"; readonly cause: WatchResetCause }
  | { readonly kind: "TaskStored"; readonly job: WatchedJob }
  | { readonly kind: "TaskUpdated"; readonly job: WatchedJob; readonly changedPaths: readonly string[] }
  | { readonly kind: "TaskRemoved"; readonly job: WatchedJob; readonly reason: WatchRemovalReason }
  | { readonly kind: "CaughtUp" };

/**
 * A copy of the server's jobs, by the rules of docs/protocol.md: events are applied in order, and a subscription
 * resumes from the position of the latest one.
 */
export class WatchMirror {
  readonly jobs = new WatchedJobs();
  #position: string | undefined;
  #isExact = false;
  /** Whether the events since a Reset are the full state. */
  #isLoading = false;
  /** The jobs that the server could not send, even with the full state. */
  readonly #unsendable = new Set<string>();

  /** The position of the latest event; undefined before the first one, and after `forgetPosition`. */
  get position(): string | undefined {
    return this.#position;
  }

  /** Whether the jobs are exactly those of the database at the position. False in the middle of a catch-up. */
  get isExact(): boolean {
    return this.#isExact;
  }

  /**
   * Applies an event. Returns undefined if it had no effect.
   * @throws OutOfSyncError if the event does not fit the jobs held.
   */
  apply(event: ReceivedEvent): AppliedEvent | undefined {
    const applied = this.#applied(event);
    this.#position = event.position;
    this.#isExact = !isCatchingUp(event.position);
    return applied;
  }

  /**
   * Skips an event that the server could not build, and drops its job. Returns false if the job may be part of the full
   * state: then the next subscription must start over.
   */
  skip({ position, job }: ErrorExtensions): boolean {
    if (position === undefined || !job) return false;
    if (!this.#isLoading && !this.#unsendable.has(keyOf(job))) return false;
    this.#unsendable.add(keyOf(job));
    const held = this.jobs.find(job.username, job.jobId);
    if (held) this.jobs.remove(held);
    this.#position = position;
    return true;
  }

  /** Makes the next subscription start over with the full state. */
  forgetPosition(): void {
    this.#position = undefined;
    this.#isExact = false;
  }

  /** Ignores kinds that only newer servers know. */
  #applied(event: ReceivedEvent): AppliedEvent | undefined {
    switch (event.kind) {
      case "Reset":
        this.jobs.clear();
        this.#isLoading = true;
        return { kind: "Reset", cause: event.cause };
      case "TaskStored":
        return { kind: "TaskStored", job: this.#stored(event) };
      case "TaskUpdated":
        return this.#isMissing(event)
          ? undefined
          : { kind: "TaskUpdated", job: this.#updated(event), changedPaths: event.changed.map(pathOf) };
      case "TaskRemoved":
        return this.#removed(event);
      case "CaughtUp":
        this.#isLoading = false;
        return { kind: "CaughtUp" };
    }
    return undefined;
  }

  #stored({ at, userTask: { tasks, ...fields } }: EventOf<"TaskStored">): WatchedJob {
    this.#unsendable.delete(keyOf(fields));
    return this.#put(fields, at, watchedTreeOf(tasks));
  }

  /** Whether the tree of the job could not be sent before. The next store sends it again. */
  #isMissing({ userTask }: EventOf<"TaskUpdated">): boolean {
    return this.#unsendable.has(keyOf(userTask));
  }

  #updated({ at, userTask, changed }: EventOf<"TaskUpdated">): WatchedJob {
    const held = this.jobs.get(userTask.id);
    if (held) return this.#put(userTask, at, withChangedTasks(held.task, changed));
    throw new OutOfSyncError(`The server sent an update of an unknown job: ${userTask.jobId}.`);
  }

  #removed({ username, jobId, reason }: EventOf<"TaskRemoved">): AppliedEvent | undefined {
    this.#unsendable.delete(keyOf({ username, jobId }));
    const job = this.jobs.find(username, jobId);
    if (!job) return undefined;
    this.jobs.remove(job);
    return { kind: "TaskRemoved", job, reason };
  }

  #put(fields: MirroredJobFragment, changedAt: string, task: WatchedJob["task"]): WatchedJob {
    const job = { ...fields, changedAt, task };
    this.jobs.put(job);
    return job;
  }
}

type EventOf<Kind extends ReceivedEvent["kind"]> = Extract<ReceivedEvent, { readonly kind: Kind }>;

function keyOf({ username, jobId }: { readonly username: string; readonly jobId: string }): string {
  return JSON.stringify([username, jobId]);
}

function pathOf({ path }: MirroredTaskFragment): string {
  return path;
}
