import type { Position } from "../protocol/position.js";
import type { DatabaseName, JobId, JobKey, Username } from "../tasks/names.js";
import type {
  CancelJobInput,
  Fence,
  AddTasksRequest,
  JobReport,
  Report,
  StoreRequest,
} from "../tasks/job-changes.js";
import type { TaskStatus } from "../tasks/task-status.js";
import type { Removal, UserTask } from "../tasks/user-task.js";
import type { TaskStoreListener } from "./task-store-listener.js";

/**
 * The jobs of one database.
 *
 * Reads are synchronous and whole (law 3): all that is read in one turn of the event loop is at one
 * revision, and a job that was read stays as it was read. Writes may be asked for concurrently; they are
 * made one at a time, in the order they were asked for, and resolve when they are durable and applied.
 */
export interface TaskStore {
  readonly database: DatabaseName;
  /** Of the newest change that can be read. */
  readonly position: Position;
  /** The newest removal that is no longer remembered; what lies before it can't be told any more. */
  readonly tombstoneHorizon: number;

  get(key: JobKey): UserTask | undefined;
  /** All jobs that the filter lets through, newest store first. */
  query(filter?: JobFilter): UserTask[];
  /** Up to `count` of them, from `from` on. */
  page(filter: JobFilter, window: PageWindow): UserTaskPage;
  taskCount(filter?: JobFilter): number;
  /** The jobs that somebody wants to stop and that have not ended, in any order. */
  toBeCanceled(filter?: JobFilter): UserTask[];
  /** Names of users that have jobs, ascending, after `after`. */
  usernames(first: number, after?: string): Username[];
  /**
   * What has changed next after `revision`: the job or removal whose latest change is the first after it.
   * Calling it with the revision it gave goes through all that changed, each key once, in order.
   *
   * @param filter may spare the caller what it hides, where that can be passed over cheaply; the statuses are
   * not looked at.
   */
  nextChange(revision: number, filter?: JobFilter): UserTask | Removal | undefined;

  /** @throws TidemarkError as `storeJob`; LIMIT_EXCEEDED for too many jobs; UNAVAILABLE */
  store(request: StoreRequest): Promise<UserTask>;
  /** null where tracking is off. @throws TidemarkError as `reportOn`; UNAVAILABLE */
  update(key: JobKey, report: Report): Promise<UserTask | null>;
  /** Many reports, in order, as if each were given to `update`: what those come to. Never rejects. */
  updateAll(reports: readonly JobReport[]): Promise<readonly PromiseSettledResult<UserTask | null>[]>;
  /** null where tracking is off. @throws TidemarkError as `addTasksToJob`; UNAVAILABLE */
  addTasks(key: JobKey, growth: AddTasksRequest): Promise<UserTask | null>;
  /** null where tracking is off. @throws TidemarkError as `requestCancel`; UNAVAILABLE */
  requestCancel(key: JobKey, request: CancelJobInput): Promise<UserTask | null>;
  /** The job that was removed; null when there was none. @throws TidemarkError STALE_ATTEMPT; UNAVAILABLE */
  remove(key: JobKey, fence: Fence): Promise<UserTask | null>;
  /** Removes all jobs. Returns how many. @throws TidemarkError UNAVAILABLE */
  purge(): Promise<number>;

  /** Adding twice is once. */
  addListener(listener: TaskStoreListener): void;
  /** Removing one that is not there is harmless. */
  removeListener(listener: TaskStoreListener): void;
}

/** Which jobs; what is left out lets all through. */
export interface JobFilter {
  readonly username?: Username | undefined;
  readonly jobId?: JobId | undefined;
  /** Of the root; empty lets nothing through. */
  readonly statuses?: readonly TaskStatus[] | undefined;
}

/** Which part of the list, newest store first. The bounds are revisions of stores and need not exist. */
export interface PageWindow {
  readonly count: number;
  /** Take from this end. */
  readonly from: "newest" | "oldest";
  /** Only jobs stored before this revision. */
  readonly storedBefore?: number | undefined;
  /** Only jobs stored after this revision. */
  readonly storedAfter?: number | undefined;
}

/** A part of the list, and whether there is more of it. */
export interface UserTaskPage {
  /** Newest store first, whichever end they were taken from. */
  readonly userTasks: readonly UserTask[];
  /** Whether the filter lets through others that are newer, and others that are older. */
  readonly hasNewer: boolean;
  readonly hasOlder: boolean;
}

/** Whether the filter lets `userTask` through. */
export function matches({ username, jobId, statuses }: JobFilter, userTask: UserTask): boolean {
  if (username !== undefined && userTask.username !== username) return false;
  if (jobId !== undefined && userTask.jobId !== jobId) return false;
  return statuses === undefined || statuses.includes(userTask.task.status);
}
