import { TaskEventCursor } from "../../../src/hub/task-event-cursor.js";
import { TaskEventView } from "../../../src/hub/task-event-view.js";
import type { TaskEvent } from "../../../src/hub/task-event.js";
import type { Position } from "../../../src/protocol/position.js";
import type { JobFilter, TaskStore } from "../../../src/store/task-store.js";
import type { Clock } from "../../../src/util/clock.js";

/** What the hub is told by default. */
export const BOOKMARK_MS = 30_000;

/** A cursor, read by a test. */
export class CursorReader {
  readonly #cursor: TaskEventCursor;
  /** Where the latest `pull` told nothing: when to pull again though nothing changes; undefined: need not. */
  pullAgainInMs: number | undefined;

  constructor(cursor: TaskEventCursor) {
    this.#cursor = cursor;
  }

  merge(other: CursorReader): void {
    this.#cursor.merge(other.#cursor);
  }

  /** The next event; undefined when there is nothing to tell now. */
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
