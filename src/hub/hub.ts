import type { Position } from "../protocol/position.js";
import type { TaskStoreProvider } from "../store/task-store-provider.js";
import type { TaskStore } from "../store/task-store.js";
import type { DatabaseName, JobId, JobKey, Username } from "../tasks/names.js";
import { hasEnded, type TaskStatus } from "../tasks/task-status.js";
import type { UserTask } from "../tasks/user-task.js";
import type { Clock } from "../util/clock.js";
import { RefCountedMap, type SharedRef } from "../util/ref-counted-map.js";
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
  /** Tell only what changed since; left out, or at revision 0: the state first. */
  readonly after?: Position | undefined;
  readonly minIntervalMs: number;
}

export interface TaskRequest extends JobKey {
  readonly database: DatabaseName;
  /** Complete once the job has ended. */
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
  /** How long a subscriber's position may lie behind because its filter hides what happens. Milliseconds. */
  readonly bookmarkMs: number;
}

/**
 * Who is told what. A subscriber is a stream that pulls from the store; those who have been told all and ask the
 * same pull together. The hub listens to each store that has subscribers, and wakes them when there is something
 * to pull. Nothing is queued between the two, so a subscriber that does not read costs what it cost when it last
 * read.
 */
export class Hub {
  readonly #provider: TaskStoreProvider;
  readonly #options: HubOptions;
  readonly #queue = new PullQueue();
  readonly #topics = new RefCountedMap<TaskStore, Topic>((topic) => topic.close());
  readonly #onStreamEnd = (): void => void this.#subscriberCount--;
  #subscriberCount = 0;

  constructor(provider: TaskStoreProvider, options: HubOptions) {
    this.#provider = provider;
    this.#options = options;
  }

  /** Streams that are open. */
  get subscriberCount(): number {
    return this.#subscriberCount;
  }

  /** Every change of a database that the filter lets through. @throws TidemarkError as `retain`. */
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

  /** One job, as it is now and after each change; null while it is not there. @throws as `retain`. */
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

  /** How many jobs the filter lets through, now and whenever it changes. @throws as `retain`. */
  taskCount({ database, minIntervalMs, ...filter }: TaskCountRequest): Promise<PullStream<number>> {
    const key = groupKey("taskCount", filter.username, filter.jobId, filter.statuses, minIntervalMs);
    return this.#subscribe(database, undefined, (topic) =>
      topic.group(
        { key, filter, minIntervalMs },
        () => () => new LatestValue(() => topic.store.taskCount(filter)),
      ),
    );
  }

  /** The jobs that somebody wants to stop and that have not ended, now and whenever there is another one. @throws as `retain`. */
  cancelRequests({ database, ...filter }: CancelRequestsRequest): Promise<PullStream<readonly UserTask[]>> {
    const key = groupKey("cancelRequests", filter.username, filter.jobId);
    return this.#subscribe(database, undefined, (topic) => {
      const read = (): UserTask[] => topic.store.toBeCanceled(filter).slice(-CANCEL_REQUESTS_PER_EVENT_MAX);
      return topic.group({ key, filter, minIntervalMs: 0, only: "cancelRequests" }, () => {
        return () => new LatestValue(read, { isUnchanged: areAllDelivered });
      });
    });
  }

  async #subscribe<T, Start>(
    database: DatabaseName,
    start: Start,
    groupIn: (topic: Topic) => SharedRef<OpenGroup<T, Start>>,
  ): Promise<PullStream<T>> {
    const retained = await this.#provider.retain(database);
    const { store } = retained;
    const topic = this.#topics.acquire(
      store,
      () => new Topic(store, { ...this.#options, queue: this.#queue }),
    );
    const group = groupIn(topic.value);
    // The first of a group keeps the topic and the store for all of them.
    const shared = [topic, retained];
    if (group.isShared) for (const lease of shared) lease.release();
    else group.value.holdRefs(shared);
    this.#subscriberCount++;
    return new PullStream(group.value.openCursor(start), group, this.#onStreamEnd);
  }
}

/** The objects are those of the requests: a job that is stored again and is to stop again has another one. */
function areAllDelivered(jobs: readonly UserTask[], told: readonly UserTask[]): boolean {
  const known = new Set(told.map(({ cancelRequest }) => cancelRequest));
  return jobs.every(({ cancelRequest }) => known.has(cancelRequest));
}

/** To bound one answer; of those above it a worker hears by the answers to its reports. */
const CANCEL_REQUESTS_PER_EVENT_MAX = 1_000;

/** One text for those who ask the same. */
function groupKey(...asked: readonly unknown[]): string {
  return JSON.stringify(asked.map((part) => part ?? null));
}
