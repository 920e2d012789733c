import { narrowFilter, type Scope } from "../../auth/rights.js";
import type { Position } from "../../protocol/position.js";
import type { JobFilter, PageWindow, TaskStore, UserTaskPage } from "../../store/task-store.js";
import type { JobKey, Username } from "../../tasks/names.js";
import type { UserTask } from "../../tasks/user-task.js";

/** What a query may ask of a database. */
export type ReadableJobs = Pick<TaskStore, "position" | "get" | "query" | "page" | "taskCount" | "usernames">;

/** A database as somebody sees it who may see one user's jobs, or one job: there are no others. */
export class ScopedJobs implements ReadableJobs {
  readonly #store: TaskStore;
  readonly #scope: Scope;

  constructor(store: TaskStore, scope: Scope) {
    this.#store = store;
    this.#scope = scope;
  }

  /** That of the database: it tells those who may see a part of it that something happens in it. */
  get position(): Position {
    return this.#store.position;
  }

  get(key: JobKey): UserTask | undefined {
    return narrowFilter(key, this.#scope) && this.#store.get(key);
  }

  query(filter: JobFilter = {}): UserTask[] {
    const seen = narrowFilter(filter, this.#scope);
    return seen ? this.#store.query(seen) : [];
  }

  page(filter: JobFilter, window: PageWindow): UserTaskPage {
    const seen = narrowFilter(filter, this.#scope);
    return seen ? this.#store.page(seen, window) : EMPTY_PAGE;
  }

  taskCount(filter: JobFilter = {}): number {
    const seen = narrowFilter(filter, this.#scope);
    return seen ? this.#store.taskCount(seen) : 0;
  }

  usernames(first: number, after = ""): Username[] {
    const { username } = this.#scope;
    const isThere = username !== undefined && username > after && this.taskCount() > 0;
    return isThere ? [username].slice(0, first) : [];
  }
}

export const EMPTY_PAGE: UserTaskPage = { userTasks: [], hasNewer: false, hasOlder: false };
