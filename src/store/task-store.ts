import type { Position } from "../protocol/position.js";
import type { DatabaseName, JobId, JobKey, Username } from "../tasks/names.js";
import type {
  Admit,
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
 * Reads are synchronous and consistent (law 3): all reads in one turn of the event loop see one revision, and a job
 * that was read never changes. Writes may be concurrent. They are made one at a time, in call order, and resolve when
 * they are durable and applied.
 */
export interface TaskStore {
  readonly database: DatabaseName;
  /** The position of the newest readable change. */
  readonly position: Position;
  /** Whether what was delivered up to `position` is a part of this history: `position` is of this epoch, and nothing below it was lost. */
  includes(position: Position): boolean;
  /** Whether `position` is of this epoch, even if changes below it were lost. */
  isSameEpoch(position: Position): boolean;
  /** The revision of the newest removal that was dropped. A position below it can't be resumed. */
  readonly tombstoneHorizon: number;
  /** When a worker last stored or reported a job, in milliseconds since 1970; null before. Forgets jobs that were removed before the store was opened. */
  readonly activeAt: number | null;

  get(key: JobKey): UserTask | undefined;
  /** The jobs that match the filter, newest store first. */
  query(filter?: JobFilter): UserTask[];
  /** A part of that list. */
  page(filter: JobFilter, window: PageWindow): UserTaskPage;
  taskCount(filter?: JobFilter): number;
  /** The jobs that have a cancel request and have not ended, in any order. */
  toBeCanceled(filter?: JobFilter): UserTask[];
  /** The names of users with jobs, in ascending order, after `after`. */
  usernames(first: number, after?: string): Username[];
  /**
   * The job or removal with the lowest revision above `revision`. Repeated calls, each with the revision of the previous
   * result, visit every changed key once, in order.
   *
   * @param filter a hint: the store skips hidden changes only if that is cheap. Statuses are ignored.
   */
  nextChange(revision: number, filter?: JobFilter): UserTask | Removal | undefined;

  // `admit` may reject a change before it is recorded.

  /**
   * Resolves when the store has the changes up to `position`, which another server may have sent, or knows that they
   * are not in its history. @throws TidemarkError UNAVAILABLE
   */
  catchUp(position: Position): Promise<void>;

  /** @throws TidemarkError as `storeJob`; LIMIT_EXCEEDED for too many jobs; UNAVAILABLE */
  store(request: StoreRequest, admit?: Admit): Promise<UserTask>;
  /** Returns null if tracking is off. @throws TidemarkError as `applyReport`; UNAVAILABLE */
  update(key: JobKey, report: Report, admit?: Admit): Promise<UserTask | null>;
  /** Applies the reports in order, each like `update`, and returns their results. Never rejects. */
  updateAll(
    reports: readonly JobReport[],
    admit?: Admit,
  ): Promise<readonly PromiseSettledResult<UserTask | null>[]>;
  /** Returns null if tracking is off. @throws TidemarkError as `addTasksToJob`; UNAVAILABLE */
  addTasks(key: JobKey, request: AddTasksRequest, admit?: Admit): Promise<UserTask | null>;
  /** Returns null if tracking is off. @throws TidemarkError as `requestCancel`; UNAVAILABLE */
  requestCancel(key: JobKey, request: CancelJobInput, admit?: Admit): Promise<UserTask | null>;
  /** Returns the removed job, or null if there was none. @throws TidemarkError STALE_ATTEMPT; UNAVAILABLE */
  remove(key: JobKey, fence: Fence, admit?: Admit): Promise<UserTask | null>;
  /** Removes all jobs and returns their number. @throws TidemarkError UNAVAILABLE */
  purge(): Promise<number>;

  /** Adding a listener twice has no effect. */
  addListener(listener: TaskStoreListener): void;
  /** Removing an unknown listener is harmless. */
  removeListener(listener: TaskStoreListener): void;
}

/** Selects jobs. A missing field matches all jobs. */
export interface JobFilter {
  readonly username?: Username | undefined;
  readonly jobId?: JobId | undefined;
  /** Statuses of the root task. An empty list matches nothing. */
  readonly statuses?: readonly TaskStatus[] | undefined;
}

/** Selects a part of the list, newest store first. The bounds are store revisions and need not exist. */
export interface PageWindow {
  readonly count: number;
  /** The end of the list to take jobs from. */
  readonly from: "newest" | "oldest";
  /** Only jobs stored before this revision. */
  readonly storedBefore?: number | undefined;
  /** Only jobs stored after this revision. */
  readonly storedAfter?: number | undefined;
}

/** One page of jobs. */
export interface UserTaskPage {
  /** Always newest store first. */
  readonly userTasks: readonly UserTask[];
  /** Whether newer and older jobs match the filter. */
  readonly hasNewer: boolean;
  readonly hasOlder: boolean;
}

/** Whether a job passes the filter. */
export function matches({ username, jobId, statuses }: JobFilter, userTask: UserTask): boolean {
  if (username !== undefined && userTask.username !== username) return false;
  if (jobId !== undefined && userTask.jobId !== jobId) return false;
  return statuses === undefined || statuses.includes(userTask.task.status);
}
