import { TaskEventCursor } from "../../../src/hub/task-event-cursor.js";
import { TaskEventView } from "../../../src/hub/task-event-view.js";
import type { TaskEvent } from "../../../src/hub/task-event.js";
import type { Position } from "../../../src/protocol/position.js";
import type { JobFilter, TaskStore } from "../../../src/store/task-store.js";
import type { Clock } from "../../../src/util/clock.js";

/** The hub's default. */
export const BOOKMARK_MS = 30_000;

/** Reads a cursor one event at a time. */
export class CursorReader {
  readonly #cursor: TaskEventCursor;
  /** After a `pull` without an event: when to pull again even if nothing changes; undefined if unnecessary. */
  pullAgainInMs: number | undefined;

  constructor(cursor: TaskEventCursor) {
    this.#cursor = cursor;
  }

  merge(other: CursorReader): void {
    this.#cursor.merge(other.#cursor);
  }

  /** The next event; undefined if there is none yet. */
  pull(): TaskEvent | undefined {
    const pulled = this.#cursor.pull();
    this.pullAgainInMs =
      typeof pulled === "object" && "pullAgainInMs" in pulled ? pulled.pullAgainInMs : undefined;
    return typeof pulled === "object" && "value" in pulled ? pulled.value : undefined;
  }
}

/** A cursor with a view of its own. */
export function createCursor(
  store: TaskStore,
  options: { filter: JobFilter; isMerging: boolean; after: Position | undefined; clock: Clock },
): CursorReader {
  return cursorOn(new TaskEventView(store, options), options);
}

/** A cursor on a view that others may share. */
export function cursorOn(
  view: TaskEventView,
  { after, clock }: { after: Position | undefined; clock: Clock },
): CursorReader {
  return new CursorReader(TaskEventCursor.startAfter(after, view, { clock, bookmarkMs: BOOKMARK_MS }));
}
