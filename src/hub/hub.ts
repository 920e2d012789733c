import type { Position } from "../protocol/position.js";
import type { TaskStoreListener } from "../store/task-store-listener.js";
import type { TaskStoreProvider } from "../store/task-store-provider.js";
import type { TaskStore } from "../store/task-store.js";
import type { DatabaseName, JobId, JobKey, Username } from "../tasks/names.js";
import { hasEnded, type TaskStatus } from "../tasks/task-status.js";
import type { UserTask } from "../tasks/user-task.js";
import type { Clock } from "../util/clock.js";
import { PullStream, type PullSource } from "./pull-stream.js";
import { TaskEventCursor } from "./task-event-cursor.js";
import type { TaskEvent } from "./task-event.js";

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
  readonly statuses?: readonly TaskStatus[] | undefined;
  readonly minIntervalMs: number;
}

/**
 * Who is told what. A subscriber is a stream that pulls from the store; the hub listens to each store that
 * has subscribers, and wakes them when there is something to pull. Nothing is queued between the two, so a
 * subscriber that does not read costs what it cost when it last read.
 */
export class Hub {
  readonly #provider: TaskStoreProvider;
  readonly #clock: Clock;
  readonly #topics = new Map<TaskStore, Topic>();

  constructor(provider: TaskStoreProvider, clock: Clock) {
    this.#provider = provider;
    this.#clock = clock;
  }

  /** Streams that are open. */
  get subscriberCount(): number {
    return [...this.#topics.values()].reduce((total, topic) => total + topic.subscriberCount, 0);
  }

  /** Every change of a database that the filter lets through. @throws TidemarkError as `retain`. */
  taskEvents(request: TaskEventsRequest): Promise<PullStream<TaskEvent>> {
    const { database, after, minIntervalMs, ...filter } = request;
    return this.#subscribe(database, minIntervalMs, (store) => {
      const isMerging = minIntervalMs > 0;
      const cursor = new TaskEventCursor(store, { filter, after, isMerging, clock: this.#clock });
      return {
        pull() {
          const event = cursor.pull();
          return event ? { value: event, endsBatch: event.kind === "CaughtUp" } : "nothing";
        },
      };
    });
  }

  /** One job, as it is now and after each change; null while it is not there. @throws as `retain`. */
  task({ database, untilEnded, minIntervalMs, ...key }: TaskRequest): Promise<PullStream<UserTask | null>> {
    return this.#subscribe(database, minIntervalMs, (store) =>
      latest(
        () => store.get(key) ?? null,
        (userTask) => {
          return untilEnded && userTask !== null && hasEnded(userTask.task.status);
        },
      ),
    );
  }

  /** How many jobs the filter lets through, now and whenever it changes. @throws as `retain`. */
  taskCount({ database, minIntervalMs, ...filter }: TaskCountRequest): Promise<PullStream<number>> {
    return this.#subscribe(database, minIntervalMs, (store) =>
      latest(
        () => store.taskCount(filter),
        () => false,
      ),
    );
  }

  async #subscribe<T>(
    database: DatabaseName,
    minIntervalMs: number,
    createSource: (store: TaskStore) => PullSource<T>,
  ): Promise<PullStream<T>> {
    const { store, release } = await this.#provider.retain(database);
    const topic = this.#topics.get(store) ?? this.#openTopic(store);
    const stream = new PullStream<T>(createSource(store), {
      minIntervalMs,
      clock: this.#clock,
      onEnd: () => {
        topic.delete(stream);
        if (topic.subscriberCount === 0) this.#closeTopic(store, topic);
        release();
      },
    });
    topic.add(stream);
    return stream;
  }

  #openTopic(store: TaskStore): Topic {
    const topic = new Topic();
    this.#topics.set(store, topic);
    store.addListener(topic);
    return topic;
  }

  #closeTopic(store: TaskStore, topic: Topic): void {
    this.#topics.delete(store);
    store.removeListener(topic);
  }
}

/** The subscribers of one store. */
class Topic implements TaskStoreListener {
  readonly #streams = new Set<PullStream<unknown>>();

  get subscriberCount(): number {
    return this.#streams.size;
  }

  add(stream: PullStream<unknown>): void {
    this.#streams.add(stream);
  }

  delete(stream: PullStream<unknown>): void {
    this.#streams.delete(stream);
  }

  onTaskAdded(): void {
    this.#wakeAll();
  }

  onTaskUpdated(): void {
    this.#wakeAll();
  }

  onTaskRemoved(): void {
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const stream of this.#streams) stream.wake();
  }
}

/** A value that is told now and whenever it is another one; the newest, for who is slow. */
function latest<T>(read: () => T, isLast: (value: T) => boolean): PullSource<T> {
  let told: { value: T } | undefined;
  return {
    pull() {
      if (told && isLast(told.value)) return "ended";
      const value = read();
      if (told && value === told.value) return "nothing";
      told = { value };
      return { value, endsBatch: !isLast(value) };
    },
  };
}
