import type { TaskEvent, TaskUpdated } from "../../../src/hub/task-event.js";
import type { Position } from "../../../src/protocol/position.js";
import { changedTasksSince } from "../../../src/tasks/traverse.js";
import { assert } from "../../../src/util/assert.js";
import { jobViewOf, taskViewOf, type JobView } from "./job-view.js";
import { keyText, type Jobs } from "../store/store-history.js";

/**
 * A client that follows the contract literally: it clears its state at a Reset, adds stored jobs, applies
 * changed tasks to the trees it holds, and deletes removed jobs. Immutable, so that a test can return to its
 * state at any position.
 */
export class ModelWatcher {
  readonly held: ReadonlyMap<string, JobView>;
  /** The latest position; undefined before the first. */
  readonly position: Position | undefined;
  /** The latest revision at which it held exactly the store's state; 0 when it held nothing. */
  readonly exactAt: number;

  private constructor(held: ReadonlyMap<string, JobView>, position: Position | undefined, exactAt: number) {
    this.held = held;
    this.position = position;
    this.exactAt = exactAt;
  }

  static new(): ModelWatcher {
    return new ModelWatcher(new Map(), undefined, 0);
  }

  /** A watcher that read the state by a query. */
  static holding(jobs: Jobs, position: Position): ModelWatcher {
    const held = new Map([...jobs].map(([key, job]) => [key, jobViewOf(job)]));
    return new ModelWatcher(held, position, position.revision);
  }

  /** @throws AssertionError for an event that does not apply to what the watcher holds */
  receive(event: TaskEvent): ModelWatcher {
    const { position } = event;
    const isExact = event.kind === "Reset" || position.catchUp === undefined;
    return new ModelWatcher(this.#heldAfter(event), position, isExact ? position.revision : this.exactAt);
  }

  #heldAfter(event: TaskEvent): ReadonlyMap<string, JobView> {
    const held = new Map(this.held);
    switch (event.kind) {
      case "Reset":
        return new Map();
      case "TaskStored":
        return held.set(keyText(event.userTask), jobViewOf(event.userTask));
      case "TaskUpdated":
        return held.set(keyText(event.userTask), this.#updated(event));
      case "TaskRemoved":
        held.delete(keyText(event));
        return held;
      case "CaughtUp":
        return held;
    }
  }

  #updated({ userTask, since }: TaskUpdated): JobView {
    const before = this.held.get(keyText(userTask));
    assert(before, `update of a job that the watcher does not hold: ${keyText(userTask)}`);
    const changed = changedTasksSince(userTask.task, since).map(
      ({ path, task }) => [path, taskViewOf(task)] as const,
    );
    return { own: jobViewOf(userTask).own, tasks: new Map([...before.tasks, ...changed]) };
  }
}
