import type { Position } from "../protocol/position.js";
import type { TaskStoreListener } from "../store/task-store-listener.js";
import type { TaskStoreProvider } from "../store/task-store-provider.js";
import type { JobFilter, TaskStore } from "../store/task-store.js";
import type { DatabaseName, JobId, JobKey, Username } from "../tasks/names.js";
import { hasEnded, type TaskStatus } from "../tasks/task-status.js";
import type { UserTask } from "../tasks/user-task.js";
import type { Clock } from "../util/clock.js";
import { SharedValues, type Lease } from "../util/shared-values.js";
import { Pace } from "./pace.js";
import { PullQueue } from "./pull-queue.js";
import { PullStream, type Pulled, type PullSource } from "./pull-stream.js";
import { TaskEventCursor } from "./task-event-cursor.js";
import { TaskEventView } from "./task-event-view.js";
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

export interface HubOptions {
  readonly clock: Clock;
  /** How long a subscriber's position may lie behind because its filter hides what happens. Milliseconds. */
  readonly bookmarkMs: number;
}

/**
 * Who is told what. A subscriber is a stream that pulls from the store; the hub listens to each store that
 * has subscribers, and wakes them when there is something to pull. Nothing is queued between the two, so a
 * subscriber that does not read costs what it cost when it last read.
 */
export class Hub {
  readonly #provider: TaskStoreProvider;
  readonly #options: HubOptions;
  readonly #queue = new PullQueue();
  readonly #topics = new SharedValues<TaskStore, Topic>((topic) => topic.close());
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
    return this.#subscribe(database, minIntervalMs, (topic) => {
      const view = topic.view({ username, jobId }, minIntervalMs > 0);
      const cursor = new TaskEventCursor(view.value, { ...this.#options, after });
      return { pull: () => pullEvent(cursor, topic.store), release: () => view.release() };
    });
  }

  /** One job, as it is now and after each change; null while it is not there. @throws as `retain`. */
  task({ database, untilEnded, minIntervalMs, ...key }: TaskRequest): Promise<PullStream<UserTask | null>> {
    return this.#subscribe(database, minIntervalMs, ({ store }) =>
      latest(
        () => store.get(key) ?? null,
        (userTask) => untilEnded && userTask !== null && hasEnded(userTask.task.status),
      ),
    );
  }

  /** How many jobs the filter lets through, now and whenever it changes. @throws as `retain`. */
  taskCount({ database, minIntervalMs, ...filter }: TaskCountRequest): Promise<PullStream<number>> {
    return this.#subscribe(database, minIntervalMs, ({ store }) =>
      latest(
        () => store.taskCount(filter),
        () => false,
      ),
    );
  }

  async #subscribe<T>(
    database: DatabaseName,
    minIntervalMs: number,
    createSource: (topic: Topic) => ReleasableSource<T>,
  ): Promise<PullStream<T>> {
    const { clock } = this.#options;
    const { store, release } = await this.#provider.retain(database);
    const topic = this.#topics.acquire(store, () => new Topic(store, clock));
    const pace = topic.value.pace(minIntervalMs);
    const source = createSource(topic.value);
    this.#subscriberCount++;
    return new PullStream<T>(source, {
      queue: this.#queue,
      pace: pace.value,
      clock,
      onEnd: () => {
        this.#subscriberCount--;
        source.release?.();
        pace.release();
        topic.release();
        release();
      },
    });
  }
}

interface ReleasableSource<T> extends PullSource<T> {
  /** To be called when it is no longer pulled from. */
  release?(): void;
}

/** The subscribers of one store, and what they share. */
class Topic implements TaskStoreListener {
  readonly store: TaskStore;
  readonly #clock: Clock;
  readonly #paces = new SharedValues<number, Pace>();
  readonly #views = new SharedValues<string, TaskEventView>();
  #isChanged = false;

  constructor(store: TaskStore, clock: Clock) {
    this.store = store;
    this.#clock = clock;
    store.addListener(this);
  }

  close(): void {
    this.store.removeListener(this);
  }

  pace(minIntervalMs: number): Lease<Pace> {
    return this.#paces.acquire(minIntervalMs, () => new Pace(minIntervalMs, this.#clock));
  }

  view(filter: JobFilter, isMerging: boolean): Lease<TaskEventView> {
    const key = JSON.stringify([filter.username ?? null, filter.jobId ?? null, isMerging]);
    const options = { filter, isMerging, clock: this.#clock };
    return this.#views.acquire(key, () => new TaskEventView(this.store, options));
  }

  onTaskAdded(): void {
    this.#changed();
  }

  onTaskUpdated(): void {
    this.#changed();
  }

  onTaskRemoved(): void {
    this.#changed();
  }

  /** Wakes the subscribers once a turn of the event loop, when those who write have had theirs. */
  #changed(): void {
    if (this.#isChanged) return;
    this.#isChanged = true;
    setImmediate(() => {
      this.#isChanged = false;
      for (const pace of this.#paces.values()) pace.wake();
    });
  }
}

function pullEvent(cursor: TaskEventCursor, store: TaskStore): Pulled<TaskEvent> {
  const event = cursor.pull();
  if (event) {
    const endsBatch = event.kind === "CaughtUp";
    return { value: event, endsBatch, isStale: event.position.revision < store.position.revision };
  }
  const { askAgainInMs } = cursor;
  return askAgainInMs === undefined ? "nothing" : { askAgainInMs };
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
