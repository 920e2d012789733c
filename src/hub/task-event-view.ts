import { formatPosition, type CatchUp, type Position } from "../protocol/position.js";
import type { JobFilter, TaskStore } from "../store/task-store.js";
import type { Removal, UserTask } from "../tasks/user-task.js";
import { assert, unreachable } from "../util/assert.js";
import type { Clock } from "../util/clock.js";
import { BoundedCache } from "../util/bounded-cache.js";
import type { ResetReason, TaskEvent } from "./task-event.js";

/** Where a subscriber stands in the changes of a database. */
export interface CursorState {
  /** All up to here was told, or was hidden by the filter. */
  readonly position: Position;
  readonly pendingReset: ResetReason | undefined;
  /** Whether a catch-up must end with `CaughtUp`: nothing need be said of one that told nothing. */
  readonly needsCaughtUp: boolean;
  /** The store's revision when all up to here was told, or hidden: what had changed by then was passed over. */
  readonly observedRevision: number;
}

/** What a subscriber is told next, and where it stands then. */
export interface CursorStep {
  /** undefined when there is nothing to tell. */
  readonly event: TaskEvent | undefined;
  readonly state: CursorState;
  /** Whether there may be more to tell, though so much was hidden that others should have their turn. */
  readonly isUnfinished?: boolean;
}

/**
 * One way of watching a database: through a filter, each change or merged. It says what comes after a place,
 * and knows no subscriber: those who stand at the same place are told the very same event, made once, so that
 * it can be executed once too.
 *
 *      Reset due ──► catching up ──CaughtUp──► live ─┐
 *          ▲              ▲                      │    │ told every revision, one by one
 *          │              └── changes were merged┘◄───┘
 *          └── what changed since can't be told any more (law 9)
 *
 * At a *live* place every revision has been told, and each was exact (law 7). Where changes were merged before
 * they could be told, one catches up: what is told is told against the revision at which all was exact (the
 * base), each position says so (law 8), and `CaughtUp` ends it. A snapshot is a catch-up of one who holds
 * nothing: its base is 0.
 */
export class TaskEventView {
  readonly #store: TaskStore;
  readonly #filter: JobFilter;
  readonly #isMerging: boolean;
  readonly #clock: Clock;
  /** The latest steps, by the place that they are from. */
  readonly #steps = new BoundedCache<string, CachedStep>(CACHED_STEPS_MAX);

  /** @param isMerging whether every change is told by catching up, as a subscriber with a rate wants it. */
  constructor(store: TaskStore, options: { filter: JobFilter; isMerging: boolean; clock: Clock }) {
    this.#store = store;
    this.#filter = options.filter;
    this.#isMerging = options.isMerging;
    this.#clock = options.clock;
  }

  /** Of the newest change. */
  get revision(): number {
    return this.#store.position.revision;
  }

  /** Where one stands who was told all up to `after`. */
  stateAfter(after: Position | undefined): CursorState {
    const position = after ?? { ...this.#store.position, revision: 0 };
    return {
      position: position.catchUp ? position : this.#catchingUp(position),
      pendingReset: position.revision === 0 ? "INITIAL" : undefined,
      needsCaughtUp: true,
      observedRevision: this.#store.position.revision,
    };
  }

  /**
   * What comes after `place`. Who comes a moment later is told what others were told, though more has happened
   * meanwhile: that comes next. Not so who has passed over something because it had changed again since.
   */
  step(place: CursorState): CursorStep {
    return this.#cached(keyOf(place), place.observedRevision, () => this.#makeStep(place));
  }

  /** Where one stands to whom nothing was told at `place`, as all before revision `before` is hidden. */
  skippedTo(place: CursorState, before: number): CursorState {
    const asOf = this.revision;
    const revision = Math.min(before - 1, asOf);
    assert(!place.position.catchUp && revision >= place.position.revision, "passes what was not told");
    return { ...place, position: { ...place.position, revision }, observedRevision: asOf };
  }

  /** That all was told up to `place`, though it need not be said yet. */
  bookmark(place: CursorState): TaskEvent {
    const make = (): CursorStep => ({ event: this.#caughtUp(place.position), state: place });
    return this.#cached(`${keyOf(place)} bookmark`, place.observedRevision, make).event!;
  }

  #cached(key: string, asOf: number, make: () => CursorStep): CursorStep {
    const known = this.#steps.get(key);
    const now = this.#clock.now();
    if (known && known.step.state.observedRevision >= asOf && Math.abs(now - known.at) < STEP_CACHE_MS)
      return known.step;
    const step = make();
    if (step.event) this.#steps.set(key, { step, at: now });
    return step;
  }

  #makeStep(from: CursorState): CursorStep {
    const reset = from.pendingReset ?? this.#resetReason(from.position);
    if (reset) return this.#reset(reset);
    let position = this.#isFarBehind(from.position) ? this.#catchingUp(from.position) : from.position;
    for (let passed = 0; passed < HIDDEN_PER_STEP_MAX; passed++) {
      const change = this.#store.nextChange(position.revision, position.catchUp ? this.#filter : {});
      if (!change) return this.#endCatchUp({ ...from, position });
      position = this.#advancedTo(change.stamp.revision, position);
      if (this.#matches(change, position)) return this.#stepFor(eventOf(change, position));
    }
    const place = { ...from, position, asOf: this.#store.position.revision };
    return { event: undefined, state: place, isUnfinished: true };
  }

  /** Why what changed since can't be told (law 9). */
  #resetReason(position: Position): ResetReason | undefined {
    const { epoch, revision } = this.#store.position;
    if (position.epoch !== epoch) return "EPOCH_CHANGED";
    const isFuture = Math.max(position.revision, position.catchUp?.began ?? 0) > revision;
    return isFuture || this.#store.tombstoneHorizon > tombstonesNeededAfter(position)
      ? "HISTORY_GONE"
      : undefined;
  }

  #reset(cause: ResetReason): CursorStep {
    const position = this.#catchingUp({ ...this.#store.position, revision: 0 });
    return this.#stepFor({ kind: "Reset", position, at: this.#clock.now(), cause });
  }

  #stepFor(event: TaskEvent): CursorStep {
    const { position } = event;
    const owesCaughtUp = position.catchUp !== undefined;
    return {
      event,
      state: {
        position,
        pendingReset: undefined,
        needsCaughtUp: owesCaughtUp,
        observedRevision: this.#store.position.revision,
      },
    };
  }

  /** One by one, it would take long to pass what the filter hides; catching up, the store may skip it. */
  #isFarBehind({ revision, catchUp }: Position): boolean {
    return !catchUp && this.#store.position.revision - revision > HIDDEN_PER_STEP_MAX;
  }

  /** Live, the next revision is the next change; where one is missing it was merged into a later one. */
  #advancedTo(revision: number, from: Position): Position {
    const isNext = revision === from.revision + 1;
    const position = from.catchUp || (isNext && !this.#isMerging) ? from : this.#catchingUp(from);
    return { ...position, revision };
  }

  #catchingUp({ epoch, revision }: Position): Position {
    return { epoch, revision, catchUp: { base: revision, began: this.#store.position.revision } };
  }

  #matches(change: UserTask | Removal, { catchUp }: Position): boolean {
    const { username, jobId } = this.#filter;
    if (username !== undefined && change.username !== username) return false;
    if (jobId !== undefined && change.jobId !== jobId) return false;
    return change.kind === "userTask" || change.stamp.revision > removalsFrom(catchUp);
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
  readonly at: number;
}

/** Those who stand together go on together, so few are kept. */
const CACHED_STEPS_MAX = 4;

/** For so long others are told the same, milliseconds. */
const STEP_CACHE_MS = 1_000;

/** So many changes that the filter hides are passed in one step. */
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

/** Removals up to here need not be told: one was told them, or began to read after them. */
function tombstonesNeededAfter({ revision, catchUp }: Position): number {
  return catchUp?.base === 0 ? Math.max(revision, catchUp.began) : revision;
}

/** Who holds nothing need not be told of what was gone before it began to read. */
function removalsFrom(catchUp: CatchUp | undefined): number {
  return catchUp?.base === 0 ? catchUp.began : 0;
}

function keyOf({ position, pendingReset, needsCaughtUp }: CursorState): string {
  return `${formatPosition(position)} ${pendingReset ?? ""} ${needsCaughtUp}`;
}
