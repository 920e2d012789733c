import { assert } from "../util/assert.js";
import type { Lease } from "../util/shared-values.js";
import { Batch } from "./batch.js";
import type { GroupMember, LiveGroup } from "./live-group.js";
import type { Puller } from "./pull-queue.js";
import type { Pulled, PullSource } from "./pull-source.js";

/** Who takes what a stream tells. */
export interface Outlet<T> {
  /** Whether it takes one more now. Once it does not, the stream waits to be resumed. */
  admits(): boolean;
  /**
   * Takes the first ones of what is told, and says how many; 1 at least after it has admitted one. Called in the
   * turn of the event loop in which they are pulled.
   */
  take(batch: Batch<T>): number;
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
  readonly #lease: Lease<{ readonly group: LiveGroup<T> }>;
  readonly #onEnd: () => void;
  /** Where it stands by itself; undefined while it goes with its group. */
  #source: PullSource<T> | undefined;
  /** Whether it waits for its group to wake it. */
  #isWaiting = false;
  #outlet: Outlet<T> | undefined;
  #isEnded = false;

  /** @param onEnd called once, when the stream ends or is ended. */
  constructor(source: PullSource<T>, lease: Lease<{ readonly group: LiveGroup<T> }>, onEnd: () => void) {
    this.#source = source;
    this.#lease = lease;
    this.#onEnd = onEnd;
  }

  /** Gives all that is told to `outlet`, from now on. */
  pourInto(outlet: Outlet<T>): void {
    assert(!this.#outlet, "one reader at a time");
    if (this.#isEnded) return outlet.end();
    this.#outlet = outlet;
    this.resume();
  }

  /** Who takes what is told may admit a value now. */
  resume(): void {
    if (this.#source && this.#outlet && !this.#isWaiting) this.#group.queue.pullSoon(this);
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
      this.pourInto({
        admits: always,
        take: ({ values: [value] }) => {
          const taken = use(value!);
          this.#outlet = undefined;
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
    if (!this.#source || !this.#outlet?.admits()) return;
    try {
      this.#tellOwn(this.#source.pull(), this.#source);
    } catch (error) {
      this.fail(error);
    }
  }

  tell(batch: Batch<T>): number {
    if (!this.#outlet?.admits()) return 0;
    try {
      return this.#outlet.take(batch);
    } catch (error) {
      this.fail(error);
      return batch.values.length;
    }
  }

  goOnFrom(source: PullSource<T>): void {
    if (this.#isEnded) return;
    this.#source = source;
    if (this.#outlet) this.#group.queue.pullLater(this);
  }

  wake(): void {
    this.#isWaiting = false;
    this.resume();
  }

  /** Ends with an error, which its reader gets. */
  fail(error: unknown): void {
    if (this.#isEnded) return;
    const outlet = this.#outlet;
    this.#outlet = undefined;
    this.end();
    outlet?.fail(error);
  }

  #tellOwn(pulled: Pulled<T>, source: PullSource<T>): void {
    if (pulled === "nothing") return this.#goLive(source);
    if (pulled === "ended") return this.end();
    if ("askAgainInMs" in pulled) {
      if (pulled.askAgainInMs > 0) return this.#goLive(source, pulled.askAgainInMs);
      return this.#group.queue.pullLater(this);
    }
    if (pulled.endsBatch && this.#group.pace.hasInterval) this.#endBatch(source, pulled.isStale);
    this.tell(new Batch([pulled.value]));
    if (this.#source && this.#outlet && !this.#isWaiting) this.#group.queue.pullLater(this);
  }

  #endBatch(source: PullSource<T>, isStale = false): void {
    this.#group.pace.batchEnded();
    if (!isStale) return this.#goLive(source);
    this.#isWaiting = true;
    this.#group.wakeWithNextTick(this);
  }

  /** All was told. */
  #goLive(source: PullSource<T>, askAgainInMs?: number): void {
    if (this.#group.join(this, source, askAgainInMs)) this.#source = undefined;
    else this.#isWaiting = true;
  }

  /** Ends it at once. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#group.queue.delete(this);
    this.#group.leave(this);
    this.#source = undefined;
    this.#outlet?.end();
    this.#outlet = undefined;
    this.#lease.release();
    this.#onEnd();
  }

  get #group(): LiveGroup<T> {
    return this.#lease.value.group;
  }
}

function always(): boolean {
  return true;
}
