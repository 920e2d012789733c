import { formatPosition, type CatchUp, type Position } from "../protocol/position.js";
import type { JobFilter, TaskStore } from "../store/task-store.js";
import type { Removal, UserTask } from "../tasks/user-task.js";
import { assert, unreachable } from "../util/assert.js";
import type { Clock } from "../util/clock.js";
import { RecentValues } from "../util/recent-values.js";
import type { ResetReason, TaskEvent } from "./task-event.js";

/** Where a subscriber stands in the changes of a database. */
export interface Place {
  /** All up to here was told, or was hidden by the filter. */
  readonly position: Position;
  readonly resetDue: ResetReason | undefined;
  /** Whether a catch-up must end with `CaughtUp`: nothing need be said of one that told nothing. */
  readonly owesCaughtUp: boolean;
  /** The store's revision when all up to here was told, or hidden: what had changed by then was passed over. */
  readonly asOf: number;
}

/** What a subscriber is told next, and where it stands then. */
export interface Step {
  /** undefined when there is nothing to tell. */
  readonly event: TaskEvent | undefined;
  readonly place: Place;
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
  readonly #steps = new RecentValues<string, MadeStep>(STEPS_KEPT);

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
  placeAfter(after: Position | undefined): Place {
    const position = after ?? { ...this.#store.position, revision: 0 };
    return {
      position: position.catchUp ? position : this.#catchingUp(position),
      resetDue: position.revision === 0 ? "INITIAL" : undefined,
      owesCaughtUp: true,
      asOf: this.#store.position.revision,
    };
  }

  /**
   * What comes after `place`. Who comes a moment later is told what others were told, though more has happened
   * meanwhile: that comes next. Not so who has passed over something because it had changed again since.
   */
  step(place: Place): Step {
    return this.#shared(keyOf(place), place.asOf, () => this.#makeStep(place));
  }

  /** Where one stands to whom nothing was told at `place`, as all before revision `before` is hidden. */
  passed(place: Place, before: number): Place {
    const asOf = this.revision;
    const revision = Math.min(before - 1, asOf);
    assert(!place.position.catchUp && revision >= place.position.revision, "passes what was not told");
    return { ...place, position: { ...place.position, revision }, asOf };
  }

  /** That all was told up to `place`, though it need not be said yet. */
  bookmark(place: Place): TaskEvent {
    const make = (): Step => ({ event: this.#caughtUp(place.position), place });
    return this.#shared(`${keyOf(place)} bookmark`, place.asOf, make).event!;
  }

  #shared(key: string, asOf: number, make: () => Step): Step {
    const known = this.#steps.get(key);
    const now = this.#clock.now();
    if (known && known.step.place.asOf >= asOf && Math.abs(now - known.at) < MOMENT_MS) return known.step;
    const step = make();
    if (step.event) this.#steps.set(key, { step, at: now });
    return step;
  }

  #makeStep(from: Place): Step {
    const reset = from.resetDue ?? this.#lostTrack(from.position);
    if (reset) return this.#reset(reset);
    let position = this.#isFarBehind(from.position) ? this.#catchingUp(from.position) : from.position;
    for (let passed = 0; passed < HIDDEN_A_STEP; passed++) {
      const change = this.#store.nextChange(position.revision, position.catchUp ? this.#filter : {});
      if (!change) return this.#endCatchUp({ ...from, position });
      position = this.#movedTo(change.stamp.revision, position);
      if (this.#concerns(change, position)) return this.#told(eventOf(change, position));
    }
    const place = { ...from, position, asOf: this.#store.position.revision };
    return { event: undefined, place, isUnfinished: true };
  }

  /** Why what changed since can't be told (law 9). */
  #lostTrack(position: Position): ResetReason | undefined {
    const { epoch, revision } = this.#store.position;
    if (position.epoch !== epoch) return "EPOCH_CHANGED";
    const isFuture = Math.max(position.revision, position.catchUp?.began ?? 0) > revision;
    return isFuture || this.#store.floor > remembered(position) ? "HISTORY_GONE" : undefined;
  }

  #reset(cause: ResetReason): Step {
    const position = this.#catchingUp({ ...this.#store.position, revision: 0 });
    return this.#told({ kind: "Reset", position, at: this.#clock.now(), cause });
  }

  #told(event: TaskEvent): Step {
    const { position } = event;
    const owesCaughtUp = position.catchUp !== undefined;
    return {
      event,
      place: { position, resetDue: undefined, owesCaughtUp, asOf: this.#store.position.revision },
    };
  }

  /** One by one, it would take long to pass what the filter hides; catching up, the store may skip it. */
  #isFarBehind({ revision, catchUp }: Position): boolean {
    return !catchUp && this.#store.position.revision - revision > HIDDEN_A_STEP;
  }

  /** Live, the next revision is the next change; where one is missing it was merged into a later one. */
  #movedTo(revision: number, from: Position): Position {
    const isNext = revision === from.revision + 1;
    const position = from.catchUp || (isNext && !this.#isMerging) ? from : this.#catchingUp(from);
    return { ...position, revision };
  }

  #catchingUp({ epoch, revision }: Position): Position {
    return { epoch, revision, catchUp: { base: revision, began: this.#store.position.revision } };
  }

  #concerns(change: UserTask | Removal, { catchUp }: Position): boolean {
    const { username, jobId } = this.#filter;
    if (username !== undefined && change.username !== username) return false;
    if (jobId !== undefined && change.jobId !== jobId) return false;
    return change.kind === "userTask" || change.stamp.revision > removalsFrom(catchUp);
  }

  #endCatchUp({ position: { epoch, catchUp }, owesCaughtUp }: Place): Step {
    const { revision } = this.#store.position;
    const position = { epoch, revision };
    const place = { position, resetDue: undefined, owesCaughtUp: false, asOf: revision };
    return { event: owesCaughtUp && catchUp ? this.#caughtUp(position) : undefined, place };
  }

  #caughtUp(position: Position): TaskEvent {
    return { kind: "CaughtUp", position, at: this.#clock.now() };
  }
}

interface MadeStep {
  readonly step: Step;
  readonly at: number;
}

/** Those who stand together go on together, so few are kept. */
const STEPS_KEPT = 4;

/** For so long others are told the same, milliseconds. */
const MOMENT_MS = 1_000;

/** So many changes that the filter hides are passed in one step. */
const HIDDEN_A_STEP = 1_000;

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
function remembered({ revision, catchUp }: Position): number {
  return catchUp?.base === 0 ? Math.max(revision, catchUp.began) : revision;
}

/** Who holds nothing need not be told of what was gone before it began to read. */
function removalsFrom(catchUp: CatchUp | undefined): number {
  return catchUp?.base === 0 ? catchUp.began : 0;
}

function keyOf({ position, resetDue, owesCaughtUp }: Place): string {
  return `${formatPosition(position)} ${resetDue ?? ""} ${owesCaughtUp}`;
}
