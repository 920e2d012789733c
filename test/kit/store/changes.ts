import type { TaskStore } from "../../../src/store/task-store.js";
import type { Removal, UserTask } from "../../../src/tasks/user-task.js";
import { assert } from "../../../src/util/assert.js";

/** What has changed after `revision`, gone through as a reader does: from one to the next. */
export function changesAfter(store: Pick<TaskStore, "nextChange">, revision: number): (UserTask | Removal)[] {
  const changes: (UserTask | Removal)[] = [];
  let at = revision;
  for (let change; (change = store.nextChange(at)); at = change.stamp.revision) {
    assert(change.stamp.revision > at, "what changed next lies further on");
    changes.push(change);
  }
  return changes;
}
