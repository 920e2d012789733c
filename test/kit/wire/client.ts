import { parsePosition, type Position } from "../../../src/protocol/position.js";
import { wireKey, type WireEvent, type WireJob, type WireTask, type WireUpdated } from "./event.js";

/** A job as a client holds it: its tasks by path. */
export interface HeldJob {
  readonly own: Omit<WireJob, "tasks">;
  readonly tasks: ReadonlyMap<string, WireTask>;
}

export type HeldJobs = ReadonlyMap<string, HeldJob>;

/** The latest change of each job that was received. */
type DeliveredVersions = ReadonlyMap<string, string>;

/**
 * A client that follows the contract literally: it clears its state at a Reset, adds stored jobs, applies
 * changed tasks to the trees it holds, and deletes removed jobs. Immutable, so that a test can return to its
 * state at any event.
 */
export class WireClient {
  readonly held: HeldJobs;
  /** Of the latest event; undefined before the first. */
  readonly position: Position | undefined;
  /** The latest revision at which it held exactly the store's state; 0 when it held nothing. */
  readonly exactAt: number;
  readonly deliveredVersions: DeliveredVersions;

  private constructor(
    held: HeldJobs,
    position: Position | undefined,
    exactAt: number,
    delivered: DeliveredVersions = new Map(),
  ) {
    this.held = held;
    this.position = position;
    this.exactAt = exactAt;
    this.deliveredVersions = delivered;
  }

  static new(): WireClient {
    return new WireClient(new Map(), undefined, 0);
  }

  /** A client that read the state by a query. */
  static holding(jobs: readonly WireJob[], at: string): WireClient {
    const position = parsePosition(at);
    const held = new Map(jobs.map((job) => [wireKey(job), heldJob(job)]));
    return new WireClient(held, position, position.revision);
  }

  receive(event: WireEvent): WireClient {
    const position = parsePosition(event.position);
    const isExact = event.kind === "Reset" || position.catchUp === undefined;
    const exactAt = isExact ? position.revision : this.exactAt;
    return new WireClient(this.#heldAfter(event), position, exactAt, this.#toldAfter(event));
  }

  #heldAfter(event: WireEvent): HeldJobs {
    const held = new Map(this.held);
    switch (event.kind) {
      case "Reset":
        return new Map();
      case "TaskStored":
        return held.set(wireKey(event.userTask), heldJob(event.userTask));
      case "TaskUpdated":
        return held.set(wireKey(event.userTask), this.#updated(event));
      case "TaskRemoved":
        held.delete(wireKey(event));
        return held;
      case "CaughtUp":
        return held;
    }
  }

  /** For a job that it does not hold, only the changed tasks; the laws reject that. */
  #updated({ userTask, changed }: WireUpdated): HeldJob {
    const before = this.held.get(wireKey(userTask))?.tasks ?? [];
    const tasks = changed.map((task) => [task.path, task] as const);
    return { own: heldJob(userTask).own, tasks: new Map([...before, ...tasks]) };
  }

  #toldAfter(event: WireEvent): DeliveredVersions {
    const delivered = new Map(this.deliveredVersions);
    if (event.kind === "Reset") return new Map();
    if (event.kind === "TaskRemoved") delivered.delete(wireKey(event));
    if (event.kind === "TaskStored" || event.kind === "TaskUpdated") {
      delivered.set(wireKey(event.userTask), versionKey(event.userTask));
    }
    return delivered;
  }
}

export function heldJob({ tasks, ...own }: WireJob): HeldJob {
  return { own, tasks: new Map(tasks.map((task) => [task.path, task])) };
}

/** Names one change of a job. */
export function versionKey({ attempt, version }: WireJob): string {
  return `attempt ${attempt}, version ${version}`;
}
