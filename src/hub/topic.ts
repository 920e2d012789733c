import type { TaskStoreListener } from "../store/task-store-listener.js";
import type { JobFilter, TaskStore } from "../store/task-store.js";
import type { JobId, JobKey, Username } from "../tasks/names.js";
import type { Removal, UserTask } from "../tasks/user-task.js";
import type { Clock, Timer } from "../util/clock.js";
import { RefCountedMap, type SharedRef } from "../util/ref-counted-map.js";
import { LiveGroup } from "./live-group.js";
import { Throttle } from "./throttle.js";
import type { PullQueue, Wakeable } from "./pull-queue.js";
import type { PullCursor } from "./pull-cursor.js";

export interface TopicOptions {
  readonly queue: PullQueue;
  readonly clock: Clock;
  /** How long after a change all groups are refreshed. Milliseconds. */
  readonly bookmarkMs: number;
}

/** The request that all subscribers of a group share. */
export interface GroupRequest {
  /** Equal for equal requests. */
  readonly key: string;
  readonly filter: JobFilter;
  /** Reacts only to this kind of change. Default: every change that matches the filter. */
  readonly only?: "cancelRequests";
  readonly minIntervalMs: number;
}

export interface OpenGroup<T, Start> {
  readonly group: LiveGroup<T>;
  openCursor(start: Start): PullCursor<T>;
  /** Hands over `refs`, which are released together with the group. */
  holdRefs(refs: readonly Releasable[]): void;
}

interface Releasable {
  release(): void;
}

/** The subscribers of one store, in groups indexed by filter, so that a change costs only the groups that it matches. */
export class Topic implements TaskStoreListener, Wakeable {
  readonly store: TaskStore;
  readonly #options: TopicOptions;
  readonly #throttles = new RefCountedMap<number, Throttle>((throttle) => throttle.close());
  readonly #groups = new RefCountedMap<string, IndexedGroup>((entry) => this.#drop(entry));
  readonly #index = new GroupIndex();
  readonly #cancelIndex = new GroupIndex();
  #refreshTimer: Timer | undefined;

  constructor(store: TaskStore, options: TopicOptions) {
    this.store = store;
    this.#options = options;
    store.addListener(this);
  }

  close(): void {
    this.store.removeListener(this);
    this.#refreshTimer?.cancel();
  }

  /**
   * The group for `request`, created if necessary.
   * @param opener creates the function that opens cursors for the members.
   */
  group<T, Start>(
    request: GroupRequest,
    opener: () => (start: Start) => PullCursor<T>,
  ): SharedRef<OpenGroup<T, Start>> {
    const ref = this.#groups.acquire(request.key, () => {
      const { filter, only, minIntervalMs } = request;
      const { clock } = this.#options;
      const throttle = this.#throttles.acquire(minIntervalMs, () => new Throttle(minIntervalMs, clock));
      const group = new LiveGroup<T>({ ...this.#options, throttle: throttle.value });
      const index = only ? this.#cancelIndex : this.#index;
      index.add(filter, group);
      const refs: Releasable[] = [throttle];
      return {
        group,
        filter,
        index,
        refs,
        openCursor: opener(),
        holdRefs: (others) => void refs.push(...others),
      };
    });
    return ref as unknown as SharedRef<OpenGroup<T, Start>>; // safe: the key determines T and Start
  }

  onTaskAdded(userTask: UserTask): void {
    this.#notifyGroups(userTask, userTask.stamp.revision);
  }

  onTaskUpdated(userTask: UserTask, before: UserTask): void {
    const { cancelRequest, stamp } = userTask;
    if (cancelRequest !== before.cancelRequest) this.#cancelIndex.markChanged(userTask, stamp.revision);
    this.#notifyGroups(userTask, stamp.revision);
  }

  onTaskRemoved(userTask: UserTask, removal: Removal): void {
    this.#notifyGroups(userTask, removal.stamp.revision);
  }

  onHistoryReplaced(): void {
    for (const { group } of this.#groups.values()) group.reread();
  }

  /** Called by the queue. */
  wake(): void {
    for (const throttle of this.#throttles.values()) throttle.wake();
  }

  /** Marks the groups that match, and wakes them once per turn of the event loop, after the writes of the turn. */
  #notifyGroups(key: JobKey, revision: number): void {
    this.#index.markChanged(key, revision);
    this.#options.queue.wakeNextTurn(this);
    const { clock, bookmarkMs } = this.#options;
    this.#refreshTimer ??= clock.schedule(bookmarkMs, () => {
      this.#refreshTimer = undefined;
      for (const { group } of this.#groups.values()) group.refresh();
    });
  }

  #drop({ group, filter, index, refs }: IndexedGroup): void {
    index.delete(filter, group);
    group.close();
    for (const ref of refs) ref.release();
  }
}

type AnyGroup = Pick<LiveGroup<unknown>, "markChanged" | "refresh" | "reread" | "close">;

interface IndexedGroup {
  readonly group: AnyGroup;
  readonly filter: JobFilter;
  readonly index: GroupIndex;
  /** Released with the group. */
  readonly refs: readonly Releasable[];
  readonly openCursor: unknown;
  holdRefs(refs: readonly Releasable[]): void;
}

/** Groups by the user and the job of their filter. */
class GroupIndex {
  readonly #users = new Map<Username | undefined, Map<JobId | undefined, Set<AnyGroup>>>();

  add({ username, jobId }: JobFilter, group: AnyGroup): void {
    let jobs = this.#users.get(username);
    if (!jobs) this.#users.set(username, (jobs = new Map()));
    let groups = jobs.get(jobId);
    if (!groups) jobs.set(jobId, (groups = new Set()));
    groups.add(group);
  }

  delete({ username, jobId }: JobFilter, group: AnyGroup): void {
    const jobs = this.#users.get(username)!;
    const groups = jobs.get(jobId)!;
    groups.delete(group);
    if (groups.size === 0) jobs.delete(jobId);
    if (jobs.size === 0) this.#users.delete(username);
  }

  /** Marks the groups that watch this job, this user or all jobs. */
  markChanged({ username, jobId }: JobKey, revision: number): void {
    for (const user of [undefined, username]) {
      const jobs = this.#users.get(user);
      if (!jobs) continue;
      for (const group of jobs.get(undefined) ?? NONE) group.markChanged(revision);
      for (const group of jobs.get(jobId) ?? NONE) group.markChanged(revision);
    }
  }
}

const NONE: readonly never[] = [];
