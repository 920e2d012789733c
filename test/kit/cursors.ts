import { TaskEventCursor } from "../../src/hub/task-event-cursor.js";
import { TaskEventView } from "../../src/hub/task-event-view.js";
import type { Position } from "../../src/protocol/position.js";
import type { JobFilter, TaskStore } from "../../src/store/task-store.js";
import type { Clock } from "../../src/util/clock.js";

/** What the hub is told by default. */
export const BOOKMARK_MS = 30_000;

/** A cursor with a view of its own. */
export function createCursor(
  store: TaskStore,
  options: { filter: JobFilter; isMerging: boolean; after: Position | undefined; clock: Clock },
): TaskEventCursor {
  return new TaskEventCursor(new TaskEventView(store, options), { ...options, bookmarkMs: BOOKMARK_MS });
}
