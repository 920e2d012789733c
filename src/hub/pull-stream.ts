import { assert } from "../util/assert.js";
import type { SharedRef } from "../util/ref-counted-map.js";
import { EventBatch, type GroupMember, type LiveGroup } from "./live-group.js";
import type { CatchUpPuller } from "./catch-up-queue.js";
import type { PullResult, PullCursor } from "./pull-cursor.js";

/** The consumer of a stream. */
export interface StreamSink<T> {
  /** Whether the sink can take a value now. If it returns false, the stream pauses until `resume` (backpressure). */
  canAccept(): boolean;
  /**
   * Takes one or more values from the start of the batch and returns how many. Called only after `canAccept`
   * returned true, in the turn of the event loop in which the values were pulled.
   */
  accept(batch: EventBatch<T>): number;
  end(): void;
  fail(error: unknown): void;
}

/**
 * The values for one subscriber, without a queue: the stream pulls a value only when its reader can take one. While
 * it is behind, it pulls with its own cursor. Once it has caught up, it joins its live group, which pulls once for
 * all members.
 *
 * A reader iterates with one `next` at a time, or pipes the stream to a sink. `return` ends the stream at once, even
 * while a `next` is pending. An async generator would wait for a value first.
 */
export class PullStream<T> implements AsyncIterableIterator<T>, CatchUpPuller, GroupMember<T> {
  readonly #groupRef: SharedRef<{ readonly group: LiveGroup<T> }>;
  readonly #onEnd: () => void;
  /** The stream's own cursor; undefined while it is in its group. */
  #cursor: PullCursor<T> | undefined;
  #isWaiting = false;
  #sink: StreamSink<T> | undefined;
  #isEnded = false;

  /** @param onEnd called once, when the stream has ended. */
  constructor(
    cursor: PullCursor<T>,
    groupRef: SharedRef<{ readonly group: LiveGroup<T> }>,
    onEnd: () => void,
  ) {
    this.#cursor = cursor;
    this.#groupRef = groupRef;
    this.#onEnd = onEnd;
  }

  pipeTo(sink: StreamSink<T>): void {
    assert(!this.#sink, "one reader at a time");
    if (this.#isEnded) return sink.end();
    this.#sink = sink;
    this.resume();
  }

  /** Continues after `canAccept` returned false. */
  resume(): void {
    if (this.#canPull) this.#group.queue.catchUpSoon(this);
  }

  next(): Promise<IteratorResult<T>> {
    return this.take((value) => value);
  }

  /** The next value, mapped by `use` in the turn of the pull, so that its time counts against the queue's budget. */
  take<R>(use: (value: T) => R): Promise<IteratorResult<R>> {
    return new Promise((resolve, reject) => {
      this.pipeTo({
        canAccept: always,
        accept: ({ values: [value] }) => {
          const taken = use(value!);
          this.#sink = undefined;
          resolve({ done: false, value: taken });
          return 1;
        },
        end: () => resolve({ done: true, value: undefined }),
        fail: reject,
      });
    });
  }

  async return(): Promise<IteratorResult<T>> {
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  get behind(): number {
    return this.#cursor?.behind ?? 0;
  }

  /** Called by the queue. */
  pull(): boolean {
    const [cursor, sink] = [this.#cursor, this.#sink];
    if (!cursor || !sink?.canAccept()) return false;
    try {
      return this.#deliverOwn(cursor.pull(), cursor, sink);
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  deliver(batch: EventBatch<T>): number {
    return this.#sink?.canAccept() ? this.#writeTo(this.#sink, batch) : 0;
  }

  continueAlone(cursor: PullCursor<T>): void {
    if (this.#isEnded) return;
    this.#cursor = cursor;
    if (this.#sink) this.#group.queue.catchUpLater(this);
  }

  wake(): void {
    this.#isWaiting = false;
    this.resume();
  }

  fail(error: unknown): void {
    if (this.#isEnded) return;
    const sink = this.#sink;
    this.#sink = undefined;
    this.end();
    sink?.fail(error);
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#group.queue.stopCatchUp(this);
    this.#group.leave(this);
    this.#cursor = undefined;
    this.#sink?.end();
    this.#sink = undefined;
    this.#groupRef.release();
    this.#onEnd();
  }

  /** Returns whether another value can follow at once. */
  #deliverOwn(pulled: PullResult<T>, cursor: PullCursor<T>, sink: StreamSink<T>): boolean {
    if (typeof pulled === "string" || "pullAgainInMs" in pulled) {
      this.#pauseAfter(pulled, cursor);
      return false;
    }
    if (pulled.endsBatch && this.#group.throttle.hasInterval) this.#endBatch(cursor, pulled.hasMore);
    this.#writeTo(sink, new EventBatch([pulled.value], FOR_ONE));
    return this.#canPull;
  }

  #pauseAfter(pulled: Pause, cursor: PullCursor<T>): void {
    if (pulled === "ended") return this.end();
    if (pulled === "nothing") return this.#joinGroup(cursor);
    if (pulled.pullAgainInMs > 0) return this.#joinGroup(cursor, pulled.pullAgainInMs);
    this.#group.queue.catchUpLater(this);
  }

  /** Call it only after `canAccept` returned true. Returns how many values the sink took. */
  #writeTo(sink: StreamSink<T>, batch: EventBatch<T>): number {
    try {
      return sink.accept(batch);
    } catch (error) {
      this.fail(error);
      return batch.values.length;
    }
  }

  #endBatch(cursor: PullCursor<T>, hasMore = false): void {
    this.#group.throttle.batchDelivered();
    if (!hasMore) return this.#joinGroup(cursor);
    this.#isWaiting = true;
    this.#group.wakeOnNextTick(this);
  }

  #joinGroup(cursor: PullCursor<T>, pullAgainInMs?: number): void {
    if (this.#group.join(this, cursor, pullAgainInMs)) this.#cursor = undefined;
    else this.#isWaiting = true;
  }

  get #canPull(): boolean {
    return this.#cursor !== undefined && this.#sink !== undefined && !this.#isWaiting;
  }

  get #group(): LiveGroup<T> {
    return this.#groupRef.value.group;
  }
}

const FOR_ONE = { isForOne: true };

/** A pull without a value. */
type Pause = Exclude<PullResult<never>, { readonly value: unknown }>;

function always(): boolean {
  return true;
}
