import type { Removal, UserTask } from "../tasks/user-task.js";

/**
 * Receives every change of one database, in the process that serves the database.
 *
 * Law 12: each listener receives each committed change exactly once, in order of revision, after the change can be
 * read, and receives no change from before it was added. It is called synchronously in the turn of the change, so it
 * must be quick. If it throws, the error is logged and the others are still called.
 */
export interface TaskStoreListener {
  /** @param replaced the job that the new tree replaced. */
  onTaskAdded(userTask: UserTask, replaced: UserTask | undefined): void;
  onTaskUpdated(userTask: UserTask, before: UserTask): void;
  onTaskRemoved(userTask: UserTask, removal: Removal): void;
  /**
   * The jobs were loaded again, as after a restart of this server: the database was deleted, a failover of the database
   * server has lost changes that this listener has received, or this server had fallen so far behind the others that it
   * cannot tell each change. Listeners read what they need again.
   */
  onHistoryReplaced?(): void;
}
