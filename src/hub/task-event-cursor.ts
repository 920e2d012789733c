import type { Position } from "../protocol/position.js";
import type { Clock } from "../util/clock.js";
import type { TaskEventView, Place } from "./task-event-view.js";
import type { TaskEvent } from "./task-event.js";

/**
 * One subscriber's place in the changes of a database. It holds no queue: it pulls "what has changed since"
 * from its view, one event at a time, when there is somebody to take it.
 *
 * Where the filter hides all that happens, the position that the subscriber knows stays behind; so that it can
 * still be resumed, a `CaughtUp` comes as a bookmark.
 */
export class TaskEventCursor {
  readonly #view: TaskEventView;
  readonly #clock: Clock;
  readonly #bookmarkMs: number;
  #place: Place;
  /** The revision that the subscriber knows. */
  #told: number;
  /** When it was told that; at first, when it said so itself. */
  #toldAt: number;
  #askAgainInMs: number | undefined;

  /** @param options.bookmarkMs after so long without an event what the subscriber knows does not lie behind. */
  constructor(
    view: TaskEventView,
    options: { after: Position | undefined; bookmarkMs: number; clock: Clock },
  ) {
    this.#view = view;
    this.#clock = options.clock;
    this.#bookmarkMs = options.bookmarkMs;
    this.#place = view.placeAfter(options.after);
    this.#told = this.#place.position.revision;
    this.#toldAt = options.clock.now();
  }

  /** The next event; undefined when there is nothing to tell now. */
  pull(): TaskEvent | undefined {
    const { event, place, isUnfinished } = this.#view.step(this.#place);
    this.#place = place;
    this.#askAgainInMs = isUnfinished ? 0 : undefined;
    return event || isUnfinished ? this.#tell(event) : this.#bookmark();
  }

  /** Where the latest `pull` told nothing: when to pull again though nothing changes; undefined: need not. */
  get askAgainInMs(): number | undefined {
    return this.#askAgainInMs;
  }

  #tell(event: TaskEvent | undefined): TaskEvent | undefined {
    if (!event) return undefined;
    this.#told = event.position.revision;
    this.#toldAt = this.#clock.now();
    return event;
  }

  #bookmark(): TaskEvent | undefined {
    if (this.#place.position.revision === this.#told) return undefined;
    const now = this.#clock.now();
    this.#toldAt = Math.min(this.#toldAt, now); // the clock may have been set back
    const leftMs = this.#toldAt + this.#bookmarkMs - now;
    if (leftMs <= 0) return this.#tell(this.#view.bookmark(this.#place).event);
    this.#askAgainInMs = leftMs;
    return undefined;
  }
}
