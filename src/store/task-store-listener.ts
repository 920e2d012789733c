import type { Removal, UserTask } from "../tasks/user-task.js";

/**
 * Hears of every change of one database, in the process that serves it.
 *
 * Law 12: each committed change is told exactly once, in order of revision, after it can be read. A listener
 * is called synchronously in the turn of the change, so it does little; one that throws is logged and harms
 * nobody. What came before it was added it does not hear of.
 */
export interface TaskStoreListener {
  /** A tree was stored; `replaced` is the job that it replaced. */
  onTaskAdded(userTask: UserTask, replaced: UserTask | undefined): void;
  onTaskUpdated(userTask: UserTask, before: UserTask): void;
  onTaskRemoved(userTask: UserTask, removal: Removal): void;
}
