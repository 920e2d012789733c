import { assert } from "../util/assert.js";
import type { SharedRef } from "../util/ref-counted-map.js";
import { EventBatch } from "./event-batch.js";
import type { GroupMember, LiveGroup } from "./live-group.js";
import type { Puller } from "./pull-queue.js";
import type { PullResult, PullCursor } from "./pull-cursor.js";

/** Who takes what a stream tells. */
export interface StreamSink<T> {
  /** Whether it takes one more now. Once it does not, the stream waits to be resumed. */
  canAccept(): boolean;
  /**
   * Takes the first ones of what is told, and says how many; 1 at least after it has admitted one. Called in the
   * turn of the event loop in which they are pulled.
   */
  accept(batch: EventBatch<T>): number;
  end(): void;
  fail(error: unknown): void;
}

/**
 * What one subscriber is told, without a queue: a value is pulled when there is somebody to take it, and what
 * happens meanwhile costs nothing here. While it has not told all there is, it pulls for itself; then it goes
 * with its group, which pulls once for all of them.
 *
 * It is read as an async iterable, one `next` at a time, or poured into an outlet. `return` ends it at once,
 * also while a `next` waits: an async generator would wait for a value first.
 */
export class PullStream<T> implements AsyncIterableIterator<T>, Puller, GroupMember<T> {
  readonly #lease: SharedRef<{ readonly group: LiveGroup<T> }>;
  readonly #onEnd: () => void;
  /** Where it stands by itself; undefined while it goes with its group. */
  #cursor: PullCursor<T> | undefined;
  /** Whether it waits for its group to wake it. */
  #isWaiting = false;
  #sink: StreamSink<T> | undefined;
  #isEnded = false;

  /** @param onEnd called once, when the stream ends or is ended. */
  constructor(source: PullCursor<T>, lease: SharedRef<{ readonly group: LiveGroup<T> }>, onEnd: () => void) {
    this.#cursor = source;
    this.#lease = lease;
    this.#onEnd = onEnd;
  }

  /** Gives all that is told to `outlet`, from now on. */
  pipeTo(outlet: StreamSink<T>): void {
    assert(!this.#sink, "one reader at a time");
    if (this.#isEnded) return outlet.end();
    this.#sink = outlet;
    this.resume();
  }

  /** Who takes what is told may admit a value now. */
  resume(): void {
    if (this.#cursor && this.#sink && !this.#isWaiting) this.#group.queue.pullSoon(this);
  }

  next(): Promise<IteratorResult<T>> {
    return this.take((value) => value);
  }

  /**
   * The next value, as what `use` makes of it. That is done in the turn in which it is pulled, and belongs to
   * the time that the queue shares out.
   */
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

  /** To be called by the queue, when it is this stream's turn. */
  pull(): void {
    const [source, outlet] = [this.#cursor, this.#sink];
    if (!source || !outlet?.canAccept()) return;
    try {
      this.#deliverOwn(source.pull(), source, outlet);
    } catch (error) {
      this.fail(error);
    }
  }

  deliver(batch: EventBatch<T>): number {
    return this.#sink?.canAccept() ? this.#writeTo(this.#sink, batch) : 0;
  }

  continueAlone(source: PullCursor<T>): void {
    if (this.#isEnded) return;
    this.#cursor = source;
    if (this.#sink) this.#group.queue.pullLater(this);
  }

  wake(): void {
    this.#isWaiting = false;
    this.resume();
  }

  /** Ends with an error, which its reader gets. */
  fail(error: unknown): void {
    if (this.#isEnded) return;
    const outlet = this.#sink;
    this.#sink = undefined;
    this.end();
    outlet?.fail(error);
  }

  /** Ends it at once. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#group.queue.delete(this);
    this.#group.leave(this);
    this.#cursor = undefined;
    this.#sink?.end();
    this.#sink = undefined;
    this.#lease.release();
    this.#onEnd();
  }

  #deliverOwn(pulled: PullResult<T>, source: PullCursor<T>, outlet: StreamSink<T>): void {
    if (pulled === "nothing") return this.#joinGroup(source);
    if (pulled === "ended") return this.end();
    if ("pullAgainInMs" in pulled) {
      if (pulled.pullAgainInMs > 0) return this.#joinGroup(source, pulled.pullAgainInMs);
      return this.#group.queue.pullLater(this);
    }
    if (pulled.endsBatch && this.#group.throttle.hasInterval) this.#endBatch(source, pulled.hasMore);
    this.#writeTo(outlet, new EventBatch([pulled.value]));
    if (this.#cursor && this.#sink && !this.#isWaiting) this.#group.queue.pullLater(this);
  }

  /** To an outlet that has admitted a value. Returns how many it has taken. */
  #writeTo(outlet: StreamSink<T>, batch: EventBatch<T>): number {
    try {
      return outlet.accept(batch);
    } catch (error) {
      this.fail(error);
      return batch.values.length;
    }
  }

  #endBatch(source: PullCursor<T>, hasMore = false): void {
    this.#group.throttle.batchDelivered();
    if (!hasMore) return this.#joinGroup(source);
    this.#isWaiting = true;
    this.#group.wakeOnNextTick(this);
  }

  /** All was told. */
  #joinGroup(source: PullCursor<T>, pullAgainInMs?: number): void {
    if (this.#group.join(this, source, pullAgainInMs)) this.#cursor = undefined;
    else this.#isWaiting = true;
  }

  get #group(): LiveGroup<T> {
    return this.#lease.value.group;
  }
}

function always(): boolean {
  return true;
}
