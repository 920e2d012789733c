import type { Position } from "../protocol/position.js";
import type { TaskStoreLease, TaskStoreProvider } from "../store/task-store-provider.js";
import type { TaskStore } from "../store/task-store.js";
import type { DatabaseName, JobId, JobKey, Username } from "../tasks/names.js";
import { hasEnded, type TaskStatus } from "../tasks/task-status.js";
import type { UserTask } from "../tasks/user-task.js";
import type { Clock } from "../util/clock.js";
import { RefCountedMap, type SharedRef } from "../util/ref-counted-map.js";
import type { TurnLength } from "../util/turn-length.js";
import { LatestValue } from "./latest-value.js";
import { PullQueue } from "./pull-queue.js";
import { PullStream } from "./pull-stream.js";
import { TaskEventCursor } from "./task-event-cursor.js";
import { TaskEventView } from "./task-event-view.js";
import type { TaskEvent } from "./task-event.js";
import { Topic, type OpenGroup } from "./topic.js";

export interface TaskEventsRequest {
  readonly database: DatabaseName;
  readonly username?: Username | undefined;
  readonly jobId?: JobId | undefined;
  /** The last position that the subscriber received. Without it, or at revision 0, the current state comes first. */
  readonly after?: Position | undefined;
  readonly minIntervalMs: number;
}

export interface TaskRequest extends JobKey {
  readonly database: DatabaseName;
  /** Whether the stream completes once the job has ended. */
  readonly untilEnded: boolean;
  readonly minIntervalMs: number;
}

export interface TaskCountRequest {
  readonly database: DatabaseName;
  readonly username?: Username | undefined;
  readonly jobId?: JobId | undefined;
  readonly statuses?: readonly TaskStatus[] | undefined;
  readonly minIntervalMs: number;
}

export interface CancelRequestsRequest {
  readonly database: DatabaseName;
  readonly username?: Username | undefined;
  readonly jobId?: JobId | undefined;
}

export interface HubOptions {
  readonly clock: Clock;
  /** How long a subscriber's position may stay behind while its filter hides all changes. Milliseconds. */
  readonly bookmarkMs: number;
  /** Shared with other work that is sliced. Default: one of its own. */
  readonly turnLength?: TurnLength;
}

/**
 * The fan-out of changes to subscribers. A subscriber is a stream that pulls from the store. Streams that have caught
 * up and made the same request share one pull. The hub listens to each store that has subscribers, and wakes them
 * when there is something to pull. There is no queue between store and subscriber, so the cost of a subscriber that
 * does not read is constant.
 */
export class Hub {
  readonly #provider: TaskStoreProvider;
  readonly #options: HubOptions;
  readonly #queue: PullQueue;
  readonly #topics = new RefCountedMap<TaskStore, Topic>((topic) => topic.close());
  readonly #onStreamEnd = (): void => void this.#subscriberCount--;
  #subscriberCount = 0;

  constructor(provider: TaskStoreProvider, options: HubOptions) {
    this.#provider = provider;
    this.#options = options;
    this.#queue = new PullQueue(options.turnLength);
  }

  /** The number of open streams. */
  get subscriberCount(): number {
    return this.#subscriberCount;
  }

  /** The number of streams that wait to catch up. */
  get behindCount(): number {
    return this.#queue.behindCount;
  }

  /** Streams every change of a database that matches the filter. @throws TidemarkError as `retain`. */
  taskEvents(request: TaskEventsRequest): Promise<PullStream<TaskEvent>> {
    const { database, after, minIntervalMs, username, jobId } = request;
    const filter = { username, jobId };
    const key = groupKey("taskEvents", username, jobId, minIntervalMs);
    return this.#subscribe(database, after, (topic) =>
      topic.group({ key, filter, minIntervalMs }, () => {
        const isMerging = minIntervalMs > 0;
        const view = new TaskEventView(topic.store, { ...this.#options, filter, isMerging });
        return (from: Position | undefined) => TaskEventCursor.startAfter(from, view, this.#options);
      }),
    );
  }

  /** Streams one job: its current state, then each change; null while it does not exist. @throws as `retain`. */
  task({
    database,
    untilEnded,
    minIntervalMs,
    ...filter
  }: TaskRequest): Promise<PullStream<UserTask | null>> {
    const key = groupKey("task", filter.username, filter.jobId, untilEnded, minIntervalMs);
    const isLast = (job: UserTask | null): boolean => untilEnded && job !== null && hasEnded(job.task.status);
    return this.#subscribe(database, undefined, (topic) =>
      topic.group(
        { key, filter, minIntervalMs },
        () => () => new LatestValue(() => topic.store.get(filter) ?? null, { isLast }),
      ),
    );
  }

  /** Streams the number of jobs that match the filter: now and whenever it changes. @throws as `retain`. */
  taskCount({ database, minIntervalMs, ...filter }: TaskCountRequest): Promise<PullStream<number>> {
    const key = groupKey("taskCount", filter.username, filter.jobId, filter.statuses, minIntervalMs);
    return this.#subscribe(database, undefined, (topic) =>
      topic.group(
        { key, filter, minIntervalMs },
        () => () => new LatestValue(() => topic.store.taskCount(filter)),
      ),
    );
  }

  /** Streams the unended jobs with a cancel request, now and whenever one is added. @throws as `retain`. */
  cancelRequests({ database, ...filter }: CancelRequestsRequest): Promise<PullStream<readonly UserTask[]>> {
    const key = groupKey("cancelRequests", filter.username, filter.jobId);
    return this.#subscribe(database, undefined, (topic) => {
      const read = (): UserTask[] => topic.store.toBeCanceled(filter).slice(-CANCEL_REQUESTS_PER_EVENT_MAX);
      return topic.group({ key, filter, minIntervalMs: 0, only: "cancelRequests" }, () => {
        return () => new LatestValue(read, { isUnchanged: areAllDelivered });
      });
    });
  }

  /** The store, with every change that the subscriber has received, perhaps from another server. */
  async #retain(database: DatabaseName, after: Position | undefined): Promise<TaskStoreLease> {
    const retained = await this.#provider.retain(database);
    try {
      if (after) await retained.store.catchUp(after);
      return retained;
    } catch (error) {
      retained.release();
      throw error;
    }
  }

  async #subscribe<T, Start extends Position | undefined>(
    database: DatabaseName,
    start: Start,
    groupIn: (topic: Topic) => SharedRef<OpenGroup<T, Start>>,
  ): Promise<PullStream<T>> {
    const retained = await this.#retain(database, start);
    const { store } = retained;
    const topic = this.#topics.acquire(
      store,
      () => new Topic(store, { ...this.#options, queue: this.#queue }),
    );
    const group = groupIn(topic.value);
    // Only the first stream of a group keeps the topic and the store open; the group then owns these references.
    const refs = [topic, retained];
    if (group.isShared) for (const ref of refs) ref.release();
    else group.value.holdRefs(refs);
    this.#subscriberCount++;
    return new PullStream(group.value.openCursor(start), group, this.#onStreamEnd);
  }
}

/** Compares requests by identity: a job that is stored and canceled again has a new request object. */
function areAllDelivered(jobs: readonly UserTask[], delivered: readonly UserTask[]): boolean {
  const requests = new Set(delivered.map(({ cancelRequest }) => cancelRequest));
  return jobs.every(({ cancelRequest }) => requests.has(cancelRequest));
}

/** Bounds one event. Workers see any further requests in the responses to their reports. */
export const CANCEL_REQUESTS_PER_EVENT_MAX = 1_000;

/** Equal requests have equal keys. */
function groupKey(...parts: readonly unknown[]): string {
  return JSON.stringify(parts.map((part) => part ?? null));
}
