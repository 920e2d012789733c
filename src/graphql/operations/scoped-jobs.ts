import { narrowFilter, type Scope } from "../../auth/rights.js";
import type { Position } from "../../protocol/position.js";
import type { JobFilter, PageWindow, TaskStore, UserTaskPage } from "../../store/task-store.js";
import type { JobKey, Username } from "../../tasks/names.js";
import type { UserTask } from "../../tasks/user-task.js";

/** The part of a store that queries read. */
export type ReadableJobs = Pick<
  TaskStore,
  "position" | "activeAt" | "get" | "query" | "page" | "taskCount" | "usernames"
>;

/** The view of a caller who may see only one user's jobs, or one job: no other jobs exist in it. */
export class ScopedJobs implements ReadableJobs {
  readonly #store: TaskStore;
  readonly #scope: Scope;

  constructor(store: TaskStore, scope: Scope) {
    this.#store = store;
    this.#scope = scope;
  }

  /** The position of the whole database, so callers can notice changes to jobs that they may not see. */
  get position(): Position {
    return this.#store.position;
  }

  /** That of the newest visible job, because the time of others may not be seen. */
  get activeAt(): number | null {
    return this.page({}, { count: 1, from: "newest" }).userTasks[0]?.reportedAt ?? null;
  }

  get(key: JobKey): UserTask | undefined {
    return narrowFilter(key, this.#scope) && this.#store.get(key);
  }

  query(filter: JobFilter = {}): UserTask[] {
    const visible = narrowFilter(filter, this.#scope);
    return visible ? this.#store.query(visible) : [];
  }

  page(filter: JobFilter, window: PageWindow): UserTaskPage {
    const visible = narrowFilter(filter, this.#scope);
    return visible ? this.#store.page(visible, window) : EMPTY_PAGE;
  }

  taskCount(filter: JobFilter = {}): number {
    const visible = narrowFilter(filter, this.#scope);
    return visible ? this.#store.taskCount(visible) : 0;
  }

  usernames(first: number, after = ""): Username[] {
    const { username } = this.#scope;
    const isVisible = username !== undefined && username > after && this.taskCount() > 0;
    return isVisible ? [username].slice(0, first) : [];
  }
}

export const EMPTY_PAGE: UserTaskPage = { userTasks: [], hasNewer: false, hasOlder: false };
