import type { Position } from "../protocol/position.js";
import type { Clock } from "../util/clock.js";
import type { PullResult, PullCursor } from "./pull-cursor.js";
import type { TaskEventView, CursorState } from "./task-event-view.js";
import type { TaskEvent } from "./task-event.js";

export interface TaskEventCursorOptions {
  readonly clock: Clock;
  /** How long a subscriber's position may stay behind while its filter hides all changes. Milliseconds. */
  readonly bookmarkMs: number;
}

/**
 * A cursor over the changes of a database, for one subscriber or for a live group. It has no queue: each pull reads
 * the next change from its view.
 *
 * While the filter hides all changes, the subscriber's position falls behind. The cursor then delivers a `CaughtUp` as
 * a bookmark, so that the position does not expire.
 */
export class TaskEventCursor implements PullCursor<TaskEvent> {
  readonly #view: TaskEventView;
  readonly #options: TaskEventCursorOptions;
  #state: CursorState;
  /** The latest revision that the subscriber has received. */
  #deliveredRevision: number;
  /** The monotonic time at which the subscriber received that revision, or subscribed with it. */
  #deliveredAt: number;

  /** A cursor for a subscriber that has received everything up to `after`. */
  static startAfter(
    after: Position | undefined,
    view: TaskEventView,
    options: TaskEventCursorOptions,
  ): TaskEventCursor {
    const state = view.stateAfter(after);
    return new TaskEventCursor(view, options, state, state.position.revision, options.clock.monotonic());
  }

  private constructor(
    view: TaskEventView,
    options: TaskEventCursorOptions,
    state: CursorState,
    deliveredRevision: number,
    deliveredAt: number,
  ) {
    this.#view = view;
    this.#options = options;
    this.#state = state;
    this.#deliveredRevision = deliveredRevision;
    this.#deliveredAt = deliveredAt;
  }

  pull(): PullResult<TaskEvent> {
    const { event, state, isUnfinished } = this.#view.step(this.#state);
    this.#state = state;
    if (event) return this.#deliver(event);
    return isUnfinished ? { pullAgainInMs: 0 } : this.#bookmark();
  }

  get behind(): number {
    return this.#view.changesAfter(this.#state);
  }

  fork(): TaskEventCursor {
    return new TaskEventCursor(
      this.#view,
      this.#options,
      this.#state,
      this.#deliveredRevision,
      this.#deliveredAt,
    );
  }

  skipHidden(before: number): void {
    this.#state = this.#view.skippedTo(this.#state, before);
  }

  /** Keeps the earlier delivery, so that no bookmark is late. */
  merge(other: TaskEventCursor): void {
    this.#deliveredRevision = Math.min(this.#deliveredRevision, other.#deliveredRevision);
    this.#deliveredAt = Math.min(this.#deliveredAt, other.#deliveredAt);
  }

  #deliver(event: TaskEvent): PullResult<TaskEvent> {
    this.#deliveredRevision = event.position.revision;
    this.#deliveredAt = this.#options.clock.monotonic();
    return {
      value: event,
      endsBatch: event.kind === "CaughtUp",
      hasMore: event.position.revision < this.#view.revision,
    };
  }

  #bookmark(): PullResult<TaskEvent> {
    if (this.#state.position.revision === this.#deliveredRevision) return "nothing";
    const { clock, bookmarkMs } = this.#options;
    const remainingMs = this.#deliveredAt + bookmarkMs - clock.monotonic();
    if (remainingMs > 0) return { pullAgainInMs: remainingMs };
    return this.#deliver(this.#view.bookmark(this.#state));
  }
}
