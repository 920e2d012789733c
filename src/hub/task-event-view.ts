import { formatPosition, newestRevisionIn, type CatchUp, type Position } from "../protocol/position.js";
import type { JobFilter, TaskStore } from "../store/task-store.js";
import type { Removal, UserTask } from "../tasks/user-task.js";
import { assert, unreachable } from "../util/assert.js";
import type { Clock } from "../util/clock.js";
import { BoundedCache } from "../util/bounded-cache.js";
import type { ResetReason, TaskEvent } from "./task-event.js";

/** The state of a cursor over the changes of a database. */
export interface CursorState {
  /** Everything up to here was delivered or hidden by the filter. */
  readonly position: Position;
  readonly pendingReset: ResetReason | undefined;
  /** Whether the catch-up must end with `CaughtUp`; not if it delivered nothing. */
  readonly needsCaughtUp: boolean;
  /** The store's revision at the latest step. Changes that were merged by then will not be delivered one by one. */
  readonly observedRevision: number;
}

export interface CursorStep {
  /** undefined if there is nothing to deliver. */
  readonly event: TaskEvent | undefined;
  readonly state: CursorState;
  /** Whether the step stopped early, after many hidden changes. */
  readonly isUnfinished?: boolean;
}

/**
 * A database seen through a filter, change by change or merged. The view computes the event that follows a cursor
 * state. Subscribers with the same state receive the same event object, so its GraphQL selection is executed once.
 *
 *      Reset due ──► catching up ──CaughtUp──► live ─┐
 *          ▲              ▲                      │    │ every revision was delivered
 *          │              └── changes were merged┘◄───┘
 *          └── the changes since the position are no longer known (law 9)
 *
 * A *live* subscriber has received every revision, and each was exact (law 7). If changes were merged before delivery,
 * the subscriber catches up: each event covers the changes since the last exact revision (the base), each position
 * names that base (law 8), and `CaughtUp` ends the catch-up. A snapshot is a catch-up from base 0.
 */
export class TaskEventView {
  readonly #store: TaskStore;
  readonly #filter: JobFilter;
  readonly #isMerging: boolean;
  readonly #clock: Clock;
  /** The latest steps, by the state before the step. */
  readonly #steps = new BoundedCache<string, CachedStep>(CACHED_STEPS_MAX);

  /** @param isMerging whether to merge all changes by catching up, for subscribers with an interval. */
  constructor(store: TaskStore, options: { filter: JobFilter; isMerging: boolean; clock: Clock }) {
    this.#store = store;
    this.#filter = options.filter;
    this.#isMerging = options.isMerging;
    this.#clock = options.clock;
  }

  /** The revision of the newest change. */
  get revision(): number {
    return this.#store.position.revision;
  }

  /** The most events that can follow `state` now: each job is delivered once. An estimate, as removals are not counted. */
  changesAfter({ position, pendingReset }: CursorState): number {
    const jobs = this.#filter.jobId === undefined ? this.#store.taskCount(this.#filter) : 1;
    const changes = this.revision - position.revision;
    return pendingReset || changes < 0 ? jobs : Math.min(changes, jobs);
  }

  /** The state of a subscriber that has received everything up to `after`. */
  stateAfter(after: Position | undefined): CursorState {
    const position = this.#inNewestGeneration(after ?? { ...this.#store.position, revision: 0 });
    return {
      position: position.catchUp ? position : this.#catchingUp(position),
      pendingReset: position.revision === 0 ? "INITIAL" : undefined,
      needsCaughtUp: true,
      observedRevision: this.#store.position.revision,
    };
  }

  /**
   * The step after `state`. A subscriber that arrives a moment later gets the cached step, and newer changes in its
   * next one. A subscriber that has observed a newer revision gets a new step, because it may have skipped a change
   * that the cached step merges.
   */
  step(state: CursorState): CursorStep {
    return this.#cached(keyOf(state), state.observedRevision, () => this.#makeStep(state));
  }

  /** The state after skipping the changes before revision `before`, which the filter hides. */
  skippedTo(state: CursorState, before: number): CursorState {
    if (state.position.epoch !== this.#store.position.epoch) return state; // a Reset follows
    const observedRevision = this.revision;
    const revision = Math.min(before - 1, observedRevision);
    assert(!state.position.catchUp && revision >= state.position.revision, "skips an undelivered change");
    return { ...state, position: { ...state.position, revision }, observedRevision };
  }

  /** A `CaughtUp` that advances the subscriber's position to that of `state`. */
  bookmark(state: CursorState): TaskEvent {
    const make = (): CursorStep => ({ event: this.#caughtUp(state.position), state });
    return this.#cached(`${keyOf(state)} bookmark`, state.observedRevision, make).event!;
  }

  #cached(key: string, observedRevision: number, make: () => CursorStep): CursorStep {
    const cached = this.#steps.get(key);
    const now = this.#clock.now();
    const { epoch } = this.#store.position;
    if (
      cached &&
      cached.step.state.observedRevision >= observedRevision &&
      cached.epoch === epoch &&
      Math.abs(now - cached.at) < STEP_CACHE_MS
    )
      return cached.step;
    const step = make();
    if (step.event) this.#steps.set(key, { step, epoch, at: now });
    return step;
  }

  #makeStep(from: CursorState): CursorStep {
    const reset = from.pendingReset ?? this.#resetReason(from.position);
    if (reset) return this.#reset(reset);
    let position = this.#inNewestGeneration(from.position);
    if (this.#isFarBehind(position)) position = this.#catchingUp(position);
    for (let hidden = 0; hidden < HIDDEN_PER_STEP_MAX; hidden++) {
      const change = this.#store.nextChange(position.revision, position.catchUp ? this.#filter : {});
      if (!change) return this.#endCatchUp({ ...from, position });
      position = this.#advancedTo(change.stamp.revision, position);
      if (this.#matches(change, position)) return this.#stepFor(eventOf(change, position));
    }
    const observedRevision = this.#store.position.revision;
    return { event: undefined, state: { ...from, position, observedRevision }, isUnfinished: true };
  }

  /** Why the changes since `position` can't be delivered (law 9). */
  #resetReason(position: Position): ResetReason | undefined {
    const newest = newestRevisionIn(position);
    if (newest === 0) return undefined; // nothing was received that could be lost
    if (!this.#store.isSameEpoch(position)) return "EPOCH_CHANGED";
    if (!this.#store.includes(position)) return "HISTORY_LOST";
    const isFuture = newest > this.#store.position.revision;
    return isFuture || this.#store.tombstoneHorizon > tombstonesNeededAfter(position)
      ? "HISTORY_GONE"
      : undefined;
  }

  /** The same position as one of the newest generation, if the history includes it. */
  #inNewestGeneration(position: Position): Position {
    const { epoch } = this.#store.position;
    const { revision, catchUp } = position;
    if (position.epoch === epoch || !(this.#store.includes(position) || revision === 0)) return position;
    return catchUp?.base === revision ? this.#catchingUp({ epoch, revision }) : { ...position, epoch };
  }

  #reset(cause: ResetReason): CursorStep {
    const position = this.#catchingUp({ ...this.#store.position, revision: 0 });
    return this.#stepFor({ kind: "Reset", position, at: this.#clock.now(), cause });
  }

  #stepFor(event: TaskEvent): CursorStep {
    const { position } = event;
    return {
      event,
      state: {
        position,
        pendingReset: undefined,
        needsCaughtUp: position.catchUp !== undefined,
        observedRevision: this.#store.position.revision,
      },
    };
  }

  /** Too far to step over each hidden change. In a catch-up, the store can skip them. */
  #isFarBehind({ revision, catchUp }: Position): boolean {
    return !catchUp && this.#store.position.revision - revision > HIDDEN_PER_STEP_MAX;
  }

  /** A gap after `from` means that changes were merged, so the subscriber must catch up. */
  #advancedTo(revision: number, from: Position): Position {
    const isNext = revision === from.revision + 1;
    const position = from.catchUp || (isNext && !this.#isMerging) ? from : this.#catchingUp(from);
    return position.catchUp
      ? { ...position, revision, catchUp: this.#seeingNewest(position.catchUp) }
      : { ...position, revision };
  }

  #catchingUp({ epoch, revision }: Position): Position {
    return { epoch, revision, catchUp: { base: revision, began: this.#store.position.revision } };
  }

  #seeingNewest(catchUp: CatchUp): CatchUp {
    const seen = this.#store.position.revision;
    return seen > (catchUp.seen ?? catchUp.began) ? { ...catchUp, seen } : catchUp;
  }

  #matches(change: UserTask | Removal, { catchUp }: Position): boolean {
    const { username, jobId } = this.#filter;
    if (username !== undefined && change.username !== username) return false;
    if (jobId !== undefined && change.jobId !== jobId) return false;
    return change.kind === "userTask" || change.stamp.revision > removalsShownAfter(catchUp);
  }

  #endCatchUp({ position: { epoch, catchUp }, needsCaughtUp }: CursorState): CursorStep {
    const { revision } = this.#store.position;
    const position = { epoch, revision };
    const state = { position, pendingReset: undefined, needsCaughtUp: false, observedRevision: revision };
    return { event: needsCaughtUp && catchUp ? this.#caughtUp(position) : undefined, state };
  }

  #caughtUp(position: Position): TaskEvent {
    return { kind: "CaughtUp", position, at: this.#clock.now() };
  }
}

interface CachedStep {
  readonly step: CursorStep;
  /** That of the store. */
  readonly epoch: string;
  readonly at: number;
}

/** Few steps suffice, because subscribers with the same state advance together. */
const CACHED_STEPS_MAX = 4;

const STEP_CACHE_MS = 1_000;

/** Bounds the time of one step. */
const HIDDEN_PER_STEP_MAX = 1_000;

function eventOf(change: UserTask | Removal, position: Position): TaskEvent {
  switch (change.kind) {
    case "removal": {
      const { username, jobId, reason, removedAt: at } = change;
      return { kind: "TaskRemoved", position, at, username, jobId, reason };
    }
    case "userTask": {
      const since = position.catchUp?.base ?? position.revision - 1;
      const common = { position, at: change.changedAt, userTask: change };
      if (change.storedStamp.revision > since) return { kind: "TaskStored", ...common };
      return { kind: "TaskUpdated", ...common, since };
    }
    default:
      return unreachable(change);
  }
}

/** The subscriber received the earlier removals, or its snapshot omits them. */
function tombstonesNeededAfter({ revision, catchUp }: Position): number {
  return catchUp?.base === 0 ? Math.max(revision, catchUp.began) : revision;
}

/** A snapshot omits the jobs that were removed by the time it began. */
function removalsShownAfter(catchUp: CatchUp | undefined): number {
  return catchUp?.base === 0 ? catchUp.began : 0;
}

/** Leaves out what the subscriber has seen: `observedRevision` is never below it. */
function keyOf({ position, pendingReset, needsCaughtUp }: CursorState): string {
  const { catchUp } = position;
  const shared = catchUp?.seen ? { ...position, catchUp: { ...catchUp, seen: undefined } } : position;
  return `${formatPosition(shared)} ${pendingReset ?? ""} ${needsCaughtUp}`;
}
