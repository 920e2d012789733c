import type { TaskStore } from "../../../src/store/task-store.js";
import type { Removal, UserTask } from "../../../src/tasks/user-task.js";
import { assert } from "../../../src/util/assert.js";

/** The changes after `revision`, read one after the other as a subscriber does. */
export function changesAfter(store: Pick<TaskStore, "nextChange">, revision: number): (UserTask | Removal)[] {
  const changes: (UserTask | Removal)[] = [];
  let at = revision;
  for (let change; (change = store.nextChange(at)); at = change.stamp.revision) {
    assert(change.stamp.revision > at, "the next change has a higher revision");
    changes.push(change);
  }
  return changes;
}
