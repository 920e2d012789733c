import type { DatabaseSummary } from "../journal/journal.js";
import type { Limits } from "../protocol/limits.js";
import { ORIGIN, type Position } from "../protocol/position.js";
import { storeJob, type Admit, type JobReport, type StoreRequest } from "../tasks/job-changes.js";
import type { DatabaseName, Username } from "../tasks/names.js";
import { Stamp } from "../tasks/stamp.js";
import type { UserTask } from "../tasks/user-task.js";
import type { Clock } from "../util/clock.js";
import type { TaskStoreLease, TaskStoreProvider } from "./task-store-provider.js";
import type { TaskStore, UserTaskPage } from "./task-store.js";

/**
 * The store used when tracking is off, like `gds.progress_tracking_enabled` in GDS. It accepts every valid request of a
 * worker, keeps nothing and returns empty results. Only `store` returns the job that a real store would keep.
 */
class EmptyTaskStore implements TaskStore {
  readonly database: DatabaseName;
  readonly position: Position = ORIGIN;
  readonly tombstoneHorizon = 0;
  readonly activeAt = null;
  readonly #clock: Clock;
  readonly #limits: Limits;

  constructor(database: DatabaseName, { clock, limits }: { clock: Clock; limits: Limits }) {
    this.database = database;
    this.#clock = clock;
    this.#limits = limits;
  }

  includes({ epoch }: Position): boolean {
    return epoch === this.position.epoch;
  }

  isSameEpoch(position: Position): boolean {
    return this.includes(position);
  }

  async catchUp(): Promise<void> {}

  get(): undefined {
    return undefined;
  }

  query(): UserTask[] {
    return [];
  }

  page(): UserTaskPage {
    return { userTasks: [], hasNewer: false, hasOlder: false };
  }

  taskCount(): number {
    return 0;
  }

  toBeCanceled(): UserTask[] {
    return [];
  }

  usernames(): Username[] {
    return [];
  }

  nextChange(): undefined {
    return undefined;
  }

  async store(request: StoreRequest, admit?: Admit): Promise<UserTask> {
    const stamp = Stamp.of(this.position.epoch, this.position.revision);
    const userTask = storeJob(undefined, request, { now: this.#clock.now(), stamp, limits: this.#limits });
    admit?.(userTask);
    return userTask;
  }

  async update(): Promise<null> {
    return null;
  }

  async updateAll(reports: readonly JobReport[]): Promise<PromiseSettledResult<null>[]> {
    return reports.map(() => ({ status: "fulfilled", value: null }));
  }

  async addTasks(): Promise<null> {
    return null;
  }

  async requestCancel(): Promise<null> {
    return null;
  }

  async remove(): Promise<null> {
    return null;
  }

  async purge(): Promise<number> {
    return 0;
  }

  addListener(): void {}

  removeListener(): void {}
}

export class EmptyTaskStoreProvider implements TaskStoreProvider {
  readonly #options: { clock: Clock; limits: Limits };

  constructor(options: { clock: Clock; limits: Limits }) {
    this.#options = options;
  }

  async getTaskStore(database: DatabaseName): Promise<TaskStore> {
    return this.peek(database);
  }

  peek(database: DatabaseName): TaskStore {
    return new EmptyTaskStore(database, this.#options);
  }

  async find(database: DatabaseName): Promise<TaskStore> {
    return this.peek(database);
  }

  async retain(database: DatabaseName): Promise<TaskStoreLease> {
    return { store: this.peek(database), release() {} };
  }

  async databases(): Promise<readonly DatabaseSummary[]> {
    return [];
  }

  openStores(): readonly TaskStore[] {
    return [];
  }

  async purge(): Promise<number> {
    return 0;
  }

  async delete(): Promise<boolean> {
    return false;
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}
