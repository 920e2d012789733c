import type { TaskEvent } from "../../../src/hub/task-event.js";
import type { Position } from "../../../src/protocol/position.js";

/**
 * An event in one line, so that what a watcher is told can be read: its kind, whom it is about, what it is
 * told against, and its position without the epoch, as `5` or inside a catch-up `5.3.9` (revision, base,
 * revision when it began).
 *
 *     ["Reset INITIAL 0.0.2", "TaskStored alice 2.0.2", "CaughtUp 2", "TaskUpdated alice since 2 3"]
 */
export function eventTexts(events: readonly TaskEvent[]): string[] {
  return events.map((event) => [event.kind, ...detailsOf(event), placeOf(event.position)].join(" "));
}

function detailsOf(event: TaskEvent): string[] {
  switch (event.kind) {
    case "Reset":
      return [event.cause];
    case "TaskStored":
      return [event.userTask.username];
    case "TaskUpdated":
      return [event.userTask.username, "since", String(event.since)];
    case "TaskRemoved":
      return [event.username];
    case "CaughtUp":
      return [];
  }
}

function placeOf({ revision, catchUp }: Position): string {
  return catchUp ? `${revision}.${catchUp.base}.${catchUp.began}` : String(revision);
}
