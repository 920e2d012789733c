import type { Position } from "../protocol/position.js";
import type { Clock } from "../util/clock.js";
import type { Pulled, PullSource } from "./pull-source.js";
import type { TaskEventView, Place } from "./task-event-view.js";
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
export class TaskEventCursor implements PullSource<TaskEvent> {
  readonly #view: TaskEventView;
  readonly #options: TaskEventCursorOptions;
  #place: Place;
  /** The revision that the subscriber knows. */
  #told: number;
  /** When it was told that; at first, when it said so itself. */
  #toldAt: number;

  /** One at the place of a subscriber who was told all up to `after`. */
  static after(
    after: Position | undefined,
    view: TaskEventView,
    options: TaskEventCursorOptions,
  ): TaskEventCursor {
    const place = view.placeAfter(after);
    return new TaskEventCursor(view, options, place, place.position.revision, options.clock.now());
  }

  private constructor(
    view: TaskEventView,
    options: TaskEventCursorOptions,
    place: Place,
    told: number,
    toldAt: number,
  ) {
    this.#view = view;
    this.#options = options;
    this.#place = place;
    this.#told = told;
    this.#toldAt = toldAt;
  }

  pull(): Pulled<TaskEvent> {
    const { event, place, isUnfinished } = this.#view.step(this.#place);
    this.#place = place;
    if (event) return this.#tell(event);
    return isUnfinished ? { askAgainInMs: 0 } : this.#bookmark();
  }

  fork(): TaskEventCursor {
    return new TaskEventCursor(this.#view, this.#options, this.#place, this.#told, this.#toldAt);
  }

  passHidden(before: number): void {
    this.#place = this.#view.passed(this.#place, before);
  }

  /** The bookmark of who knows less, or has known it for longer, is due first. */
  absorb(other: TaskEventCursor): void {
    this.#told = Math.min(this.#told, other.#told);
    this.#toldAt = Math.min(this.#toldAt, other.#toldAt);
  }

  #tell(event: TaskEvent): Pulled<TaskEvent> {
    this.#told = event.position.revision;
    this.#toldAt = this.#options.clock.now();
    return {
      value: event,
      endsBatch: event.kind === "CaughtUp",
      isStale: event.position.revision < this.#view.revision,
    };
  }

  #bookmark(): Pulled<TaskEvent> {
    if (this.#place.position.revision === this.#told) return "nothing";
    const { clock, bookmarkMs } = this.#options;
    const now = clock.now();
    this.#toldAt = Math.min(this.#toldAt, now); // the clock may have been set back
    const leftMs = this.#toldAt + bookmarkMs - now;
    if (leftMs > 0) return { askAgainInMs: leftMs };
    return this.#tell(this.#view.bookmark(this.#place));
  }
}
