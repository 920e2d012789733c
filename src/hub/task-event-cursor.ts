import type { CatchUp, Position } from "../protocol/position.js";
import type { JobFilter, TaskStore } from "../store/task-store.js";
import type { Removal, UserTask } from "../tasks/user-task.js";
import { unreachable } from "../util/assert.js";
import type { Clock } from "../util/clock.js";
import type { ResetReason, TaskEvent } from "./task-event.js";

/**
 * One subscriber's place in the changes of a database. It holds no queue: it pulls "what has changed since"
 * from the store, one event at a time, when there is somebody to take it.
 *
 *      Reset due ──► catching up ──CaughtUp──► live ─┐
 *          ▲              ▲                      │    │ told every revision, one by one
 *          │              └── changes were merged┘◄───┘
 *          └── what changed since can't be told any more (law 9)
 *
 * *Live*, the cursor has been told of every revision, and is exact at each (law 7). Where changes were merged
 * before it came to them, it catches up: what it is told is told against the revision at which it was last
 * exact (the base), each position says so (law 8), and `CaughtUp` ends it. A snapshot is a catch-up of one
 * who holds nothing: its base is 0.
 */
export class TaskEventCursor {
  readonly #store: TaskStore;
  readonly #filter: JobFilter;
  readonly #clock: Clock;
  readonly #isMerging: boolean;
  #epoch: string;
  /** All up to here was told, or was hidden by the filter. */
  #revision: number;
  #catchUp: CatchUp | undefined;
  #resetDue: ResetReason | undefined;
  /** Whether a catch-up must end with `CaughtUp`: nothing need be said of one that told nothing. */
  #owesCaughtUp = true;

  /** @param isMerging whether every change is told by catching up, as a subscriber with a rate wants it. */
  constructor(
    store: TaskStore,
    options: { filter: JobFilter; after: Position | undefined; isMerging: boolean; clock: Clock },
  ) {
    this.#store = store;
    this.#filter = options.filter;
    this.#isMerging = options.isMerging;
    this.#clock = options.clock;
    const after = options.after ?? { ...store.position, revision: 0 };
    this.#epoch = after.epoch;
    this.#revision = after.revision;
    this.#catchUp = after.catchUp ?? { base: after.revision, began: store.position.revision };
    if (after.revision === 0) this.#resetDue = "INITIAL";
  }

  /** The next event; undefined when there is nothing to tell now. */
  pull(): TaskEvent | undefined {
    const reset = this.#resetDue ?? this.#lostTrack();
    if (reset) return this.#reset(reset);
    for (let change; (change = this.#store.nextChange(this.#revision));) {
      this.#moveTo(change.stamp.revision);
      if (this.#concerns(change)) return this.#tell(change);
    }
    return this.#endCatchUp();
  }

  /** Why what changed since this cursor can't be told (law 9). */
  #lostTrack(): ResetReason | undefined {
    const { epoch, revision } = this.#store.position;
    if (this.#epoch !== epoch) return "EPOCH_CHANGED";
    const isFuture = Math.max(this.#revision, this.#catchUp?.began ?? 0) > revision;
    return isFuture || this.#store.floor > this.#remembered() ? "HISTORY_GONE" : undefined;
  }

  /** Removals up to here need not be told: it was told them, or began to read after them. */
  #remembered(): number {
    return this.#catchUp?.base === 0 ? Math.max(this.#revision, this.#catchUp.began) : this.#revision;
  }

  #reset(cause: ResetReason): TaskEvent {
    const { epoch, revision } = this.#store.position;
    this.#epoch = epoch;
    this.#revision = 0;
    this.#catchUp = { base: 0, began: revision };
    this.#resetDue = undefined;
    this.#owesCaughtUp = true;
    return { kind: "Reset", position: this.#position(), at: this.#clock.now(), cause };
  }

  /** Live, the next revision is the next change; where one is missing it was merged into a later one. */
  #moveTo(revision: number): void {
    const isNext = revision === this.#revision + 1;
    if (!this.#catchUp && (this.#isMerging || !isNext)) {
      this.#catchUp = { base: this.#revision, began: this.#store.position.revision };
    }
    this.#revision = revision;
  }

  #concerns(change: UserTask | Removal): boolean {
    const { username, jobId } = this.#filter;
    if (username !== undefined && change.username !== username) return false;
    if (jobId !== undefined && change.jobId !== jobId) return false;
    return change.kind === "userTask" || change.stamp.revision > this.#removalsFrom();
  }

  /** Who holds nothing need not be told of what was gone before it began to read. */
  #removalsFrom(): number {
    return this.#catchUp?.base === 0 ? this.#catchUp.began : 0;
  }

  #tell(change: UserTask | Removal): TaskEvent {
    const position = this.#position();
    this.#owesCaughtUp = this.#catchUp !== undefined;
    switch (change.kind) {
      case "removal": {
        const { username, jobId, reason, removedAt: at } = change;
        return { kind: "TaskRemoved", position, at, username, jobId, reason };
      }
      case "userTask": {
        const since = this.#catchUp?.base ?? this.#revision - 1;
        const common = { position, at: change.changedAt, userTask: change };
        if (change.storedStamp.revision > since) return { kind: "TaskStored", ...common };
        return { kind: "TaskUpdated", ...common, since };
      }
      default:
        return unreachable(change);
    }
  }

  #endCatchUp(): TaskEvent | undefined {
    this.#revision = this.#store.position.revision;
    if (!this.#catchUp) return undefined;
    this.#catchUp = undefined;
    if (!this.#owesCaughtUp) return undefined;
    this.#owesCaughtUp = false;
    return { kind: "CaughtUp", position: this.#position(), at: this.#clock.now() };
  }

  #position(): Position {
    const position = { epoch: this.#epoch, revision: this.#revision };
    return this.#catchUp ? { ...position, catchUp: this.#catchUp } : position;
  }
}
