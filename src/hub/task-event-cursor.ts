import type { Position } from "../protocol/position.js";
import type { Clock } from "../util/clock.js";
import type { PullResult, PullCursor } from "./pull-cursor.js";
import type { TaskEventView, CursorState } from "./task-event-view.js";
import type { TaskEvent } from "./task-event.js";

export interface TaskEventCursorOptions {
  readonly clock: Clock;
  /** After so long without an event what the subscriber knows does not lie behind. Milliseconds. */
  readonly bookmarkMs: number;
}

/**
 * A place in the changes of a database: one subscriber's, or that of all who have been told all. It holds no
 * queue: it pulls "what has changed since" from its view, one event at a time, when there is somebody to take
 * it.
 *
 * Where the filter hides all that happens, the position that the subscriber knows stays behind; so that it can
 * still be resumed, a `CaughtUp` comes as a bookmark.
 */
export class TaskEventCursor implements PullCursor<TaskEvent> {
  readonly #view: TaskEventView;
  readonly #options: TaskEventCursorOptions;
  #state: CursorState;
  /** The revision that the subscriber knows. */
  #deliveredRevision: number;
  /** When it was told that; at first, when it said so itself. */
  #deliveredAt: number;

  /** One at the place of a subscriber who was told all up to `after`. */
  static startAfter(
    after: Position | undefined,
    view: TaskEventView,
    options: TaskEventCursorOptions,
  ): TaskEventCursor {
    const place = view.stateAfter(after);
    return new TaskEventCursor(view, options, place, place.position.revision, options.clock.now());
  }

  private constructor(
    view: TaskEventView,
    options: TaskEventCursorOptions,
    place: CursorState,
    told: number,
    toldAt: number,
  ) {
    this.#view = view;
    this.#options = options;
    this.#state = place;
    this.#deliveredRevision = told;
    this.#deliveredAt = toldAt;
  }

  pull(): PullResult<TaskEvent> {
    const { event, state, isUnfinished } = this.#view.step(this.#state);
    this.#state = state;
    if (event) return this.#deliver(event);
    return isUnfinished ? { pullAgainInMs: 0 } : this.#bookmark();
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

  /** The bookmark of who knows less, or has known it for longer, is due first. */
  merge(other: TaskEventCursor): void {
    this.#deliveredRevision = Math.min(this.#deliveredRevision, other.#deliveredRevision);
    this.#deliveredAt = Math.min(this.#deliveredAt, other.#deliveredAt);
  }

  #deliver(event: TaskEvent): PullResult<TaskEvent> {
    this.#deliveredRevision = event.position.revision;
    this.#deliveredAt = this.#options.clock.now();
    return {
      value: event,
      endsBatch: event.kind === "CaughtUp",
      hasMore: event.position.revision < this.#view.revision,
    };
  }

  #bookmark(): PullResult<TaskEvent> {
    if (this.#state.position.revision === this.#deliveredRevision) return "nothing";
    const { clock, bookmarkMs } = this.#options;
    const now = clock.now();
    this.#deliveredAt = Math.min(this.#deliveredAt, now); // the clock may have been set back
    const leftMs = this.#deliveredAt + bookmarkMs - now;
    if (leftMs > 0) return { pullAgainInMs: leftMs };
    return this.#deliver(this.#view.bookmark(this.#state));
  }
}
