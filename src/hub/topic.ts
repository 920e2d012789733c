import type { TaskStoreListener } from "../store/task-store-listener.js";
import type { JobFilter, TaskStore } from "../store/task-store.js";
import type { JobId, JobKey, Username } from "../tasks/names.js";
import type { Removal, UserTask } from "../tasks/user-task.js";
import type { Clock, Timer } from "../util/clock.js";
import { RefCountedMap, type SharedRef } from "../util/ref-counted-map.js";
import { LiveGroup } from "./live-group.js";
import { Throttle } from "./throttle.js";
import type { PullQueue } from "./pull-queue.js";
import type { PullCursor } from "./pull-cursor.js";

export interface TopicOptions {
  readonly queue: PullQueue;
  readonly clock: Clock;
  /** All groups are looked at so long after a change, milliseconds. */
  readonly bookmarkMs: number;
}

/** What a group of subscribers asks for. */
export interface GroupRequest {
  /** The same for those who ask the same. */
  readonly key: string;
  /** What concerns them. */
  readonly filter: JobFilter;
  /** Of what the filter lets through only this; all where it is left out. */
  readonly only?: "cancelRequests";
  readonly minIntervalMs: number;
}

/** A group, and how to begin to be told what it is told. */
export interface OpenGroup<T, Start> {
  readonly group: LiveGroup<T>;
  openCursor(start: Start): PullCursor<T>;
  /** Releases them with the group. */
  holdRefs(leases: readonly Releasable[]): void;
}

interface Releasable {
  release(): void;
}

/**
 * The subscribers of one store, in groups that are found by what concerns them: a change costs nothing to those
 * whom it does not concern.
 */
export class Topic implements TaskStoreListener {
  readonly store: TaskStore;
  readonly #options: TopicOptions;
  readonly #throttles = new RefCountedMap<number, Throttle>((pace) => pace.close());
  readonly #groups = new RefCountedMap<string, IndexedGroup>((entry) => this.#drop(entry));
  readonly #index = new GroupIndex();
  readonly #cancelIndex = new GroupIndex();
  #isChanged = false;
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
   * The group of those who ask this.
   * @param opener makes how to begin to be told what the group is told, shared by those who are in it.
   */
  group<T, Start>(
    request: GroupRequest,
    opener: () => (start: Start) => PullCursor<T>,
  ): SharedRef<OpenGroup<T, Start>> {
    const lease = this.#groups.acquire(request.key, () => {
      const { filter, only, minIntervalMs } = request;
      const { clock } = this.#options;
      const pace = this.#throttles.acquire(minIntervalMs, () => new Throttle(minIntervalMs, clock));
      const group = new LiveGroup<T>({ ...this.#options, throttle: pace.value });
      const index = only ? this.#cancelIndex : this.#index;
      index.add(filter, group);
      const kept: Releasable[] = [pace];
      return {
        group,
        filter,
        index,
        refs: kept,
        openCursor: opener(),
        holdRefs: (leases) => void kept.push(...leases),
      };
    });
    return lease as unknown as SharedRef<OpenGroup<T, Start>>; // safe: the key says what is asked, hence T and Start
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

  /** Wakes those whom it concerns once a turn of the event loop, when those who write have had theirs. */
  #notifyGroups(key: JobKey, revision: number): void {
    this.#index.markChanged(key, revision);
    if (this.#isChanged) return;
    this.#isChanged = true;
    setImmediate(() => {
      this.#isChanged = false;
      for (const pace of this.#throttles.values()) pace.wake();
    });
    const { clock, bookmarkMs } = this.#options;
    this.#refreshTimer ??= clock.schedule(bookmarkMs, () => {
      this.#refreshTimer = undefined;
      for (const { group } of this.#groups.values()) group.refresh();
    });
  }

  #drop({ group, filter, index, refs }: IndexedGroup): void {
    index.delete(filter, group);
    group.close();
    for (const lease of refs) lease.release();
  }
}

/** A group, whatever it is told. */
type AnyGroup = Pick<LiveGroup<unknown>, "markChanged" | "refresh" | "close">;

interface IndexedGroup {
  readonly group: AnyGroup;
  readonly filter: JobFilter;
  readonly index: GroupIndex;
  /** What is released with the group. */
  readonly refs: readonly Releasable[];
  readonly openCursor: unknown;
  holdRefs(leases: readonly Releasable[]): void;
}

/** Groups by the user and the job that they ask for. */
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

  /** Tells the groups that ask for this job, for this user, or for all. */
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
