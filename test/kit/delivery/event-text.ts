import type { TaskEvent } from "../../../src/hub/task-event.js";
import type { Position } from "../../../src/protocol/position.js";

/**
 * An event as one readable line: its kind, its subject, its base, and its position without the epoch, as `5`,
 * or inside a catch-up as `5.3.9` (revision, base, revision at the start of the catch-up).
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
