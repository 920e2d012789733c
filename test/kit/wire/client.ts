import { parsePosition, type Position } from "../../../src/protocol/position.js";
import { wireKey, type WireEvent, type WireJob, type WireTask, type WireUpdated } from "./event.js";

/** A job as a client holds it: its tasks by path. */
export interface HeldJob {
  readonly own: Omit<WireJob, "tasks">;
  readonly tasks: ReadonlyMap<string, WireTask>;
}

export type HeldJobs = ReadonlyMap<string, HeldJob>;

/** Of which change of a job somebody was told last. */
type DeliveredVersions = ReadonlyMap<string, string>;

/**
 * A client that does what the contract says and no more: it forgets at a Reset, puts what is stored, puts the
 * changed tasks of what is updated into the tree that it holds, deletes what is removed. A value: it can go
 * back to what it held at any event that it received.
 */
export class WireClient {
  readonly held: HeldJobs;
  /** Of the latest event; undefined before the first. */
  readonly position: Position | undefined;
  /** Where it last held exactly what the store had; 0 when it held nothing. */
  readonly exactAt: number;
  readonly deliveredVersions: DeliveredVersions;

  private constructor(
    held: HeldJobs,
    position: Position | undefined,
    exactAt: number,
    told: DeliveredVersions = new Map(),
  ) {
    this.held = held;
    this.position = position;
    this.exactAt = exactAt;
    this.deliveredVersions = told;
  }

  static new(): WireClient {
    return new WireClient(new Map(), undefined, 0);
  }

  /** One that has asked for the state instead of being told it. */
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

  /** Of a job that it does not hold it has the changed tasks alone, which the laws will not let pass. */
  #updated({ userTask, changed }: WireUpdated): HeldJob {
    const before = this.held.get(wireKey(userTask))?.tasks ?? [];
    const tasks = changed.map((task) => [task.path, task] as const);
    return { own: heldJob(userTask).own, tasks: new Map([...before, ...tasks]) };
  }

  #toldAfter(event: WireEvent): DeliveredVersions {
    const told = new Map(this.deliveredVersions);
    if (event.kind === "Reset") return new Map();
    if (event.kind === "TaskRemoved") told.delete(wireKey(event));
    if (event.kind === "TaskStored" || event.kind === "TaskUpdated") {
      told.set(wireKey(event.userTask), versionKey(event.userTask));
    }
    return told;
  }
}

export function heldJob({ tasks, ...own }: WireJob): HeldJob {
  return { own, tasks: new Map(tasks.map((task) => [task.path, task])) };
}

/** Names one change of a job. */
export function versionKey({ attempt, version }: WireJob): string {
  return `attempt ${attempt}, version ${version}`;
}
