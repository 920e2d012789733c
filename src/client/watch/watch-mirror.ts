import { parsePosition } from "../../protocol/position.js";
import type { MirrorSubscription, MirroredJobFragment, MirroredTaskFragment } from "../generated/graphql.js";
import { OutOfSyncError } from "./out-of-sync-error.js";
import type { WatchRemovalReason, WatchResetCause } from "./watch-event.js";
import type { WatchedJob } from "./watched-job.js";
import { WatchedJobs } from "./watched-jobs.js";
import { watchedTreeOf, withChangedTasks } from "./watched-tree.js";

/** An event as the server tells it. */
export type ReceivedEvent = MirrorSubscription["taskEvents"];

/** What an event came to. */
export type AppliedEvent =
  | { readonly kind: "Reset"; readonly cause: WatchResetCause }
  | { readonly kind: "TaskStored"; readonly job: WatchedJob }
  | { readonly kind: "TaskUpdated"; readonly job: WatchedJob; readonly changedPaths: readonly string[] }
  | { readonly kind: "TaskRemoved"; readonly job: WatchedJob; readonly reason: WatchRemovalReason }
  | { readonly kind: "CaughtUp" };

/**
 * Holds what the server has, by the rules of "What a subscriber is promised": events are applied in the order in
 * which they come, and the position of the latest one is where to resume.
 */
export class WatchMirror {
  readonly jobs = new WatchedJobs();
  #position: string | undefined;
  #isExact = false;

  /** undefined before the first event, and after `forgetPosition`. */
  get position(): string | undefined {
    return this.#position;
  }

  /** Whether all jobs together are as the database had them at the position, and not each for itself. */
  get isExact(): boolean {
    return this.#isExact;
  }

  /**
   * Returns what it came to; undefined where that is nothing.
   * @throws OutOfSyncError for an event that means nothing to one who holds what this one does.
   */
  apply(event: ReceivedEvent): AppliedEvent | undefined {
    const mirrored = this.#applied(event);
    this.#position = event.position;
    this.#isExact = parsePosition(event.position).catchUp === undefined;
    return mirrored;
  }

  /** To be told the state anew. */
  forgetPosition(): void {
    this.#position = undefined;
    this.#isExact = false;
  }

  /** A kind that came with a newer server means nothing here. */
  #applied(event: ReceivedEvent): AppliedEvent | undefined {
    switch (event.kind) {
      case "Reset":
        this.jobs.clear();
        return { kind: "Reset", cause: event.cause };
      case "TaskStored":
        return { kind: "TaskStored", job: this.#stored(event) };
      case "TaskUpdated":
        return { kind: "TaskUpdated", job: this.#updated(event), changedPaths: event.changed.map(pathOf) };
      case "TaskRemoved":
        return this.#removed(event);
      case "CaughtUp":
        return { kind: "CaughtUp" };
    }
    return undefined;
  }

  #stored({ at, userTask: { tasks, ...fields } }: Told<"TaskStored">): WatchedJob {
    return this.#put(fields, at, watchedTreeOf(tasks));
  }

  #updated({ at, userTask, changed }: Told<"TaskUpdated">): WatchedJob {
    const held = this.jobs.get(userTask.id);
    if (held) return this.#put(userTask, at, withChangedTasks(held.task, changed));
    throw new OutOfSyncError(`The server told of a change in a job that is not held: ${userTask.jobId}.`);
  }

  #removed({ username, jobId, reason }: Told<"TaskRemoved">): AppliedEvent | undefined {
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

type Told<Kind extends ReceivedEvent["kind"]> = Extract<ReceivedEvent, { readonly kind: Kind }>;

function pathOf({ path }: MirroredTaskFragment): string {
  return path;
}
