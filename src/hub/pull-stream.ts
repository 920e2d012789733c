import { assert } from "../util/assert.js";
import type { Clock, Timer } from "../util/clock.js";
import type { Pace } from "./pace.js";
import type { PullQueue } from "./pull-queue.js";

/** Where a stream pulls from, in the turn in which somebody wants a value. */
export interface PullSource<T> {
  pull(): Pulled<T>;
}

/**
 * A value, whether it ends a batch, and whether there is more already; nothing to tell now, and when to ask again though nothing changes (0:
 * in the next turn of the event loop); or nothing will ever be told again.
 */
export type Pulled<T> =
  | { readonly value: T; readonly endsBatch?: boolean; readonly isStale?: boolean }
  | { readonly askAgainInMs: number }
  | "nothing"
  | "ended";

export interface PullStreamOptions {
  readonly queue: PullQueue;
  readonly pace: Pace;
  readonly clock: Clock;
  /** Called once, when the stream ends or is ended. */
  readonly onEnd: () => void;
}

/**
 * An async iterable without a queue: whoever reads it pulls the next value from its source, and waits only
 * while there is none, or while it is not its turn. What happens meanwhile costs nothing here.
 *
 * One `next` at a time. `return` ends it at once, also while a `next` waits: an async generator would wait for
 * a value first.
 */
export class PullStream<T> implements AsyncIterableIterator<T> {
  readonly #source: PullSource<T>;
  readonly #options: PullStreamOptions;
  #isEnded = false;
  /** Whether there may be something that may be told. */
  #isAwake = true;
  #reader: Reader<T> | undefined;
  #reminder: Timer | undefined;

  constructor(source: PullSource<T>, options: PullStreamOptions) {
    this.#source = source;
    this.#options = options;
    options.pace.add(this);
  }

  /** There may be something to pull, and it may be told. */
  wake(): void {
    this.#isAwake = true;
    this.resume();
  }

  /** Who reads may admit a value now. */
  resume(): void {
    if (this.#reader && this.#isAwake) this.#options.queue.pullSoon(this);
  }

  next(): Promise<IteratorResult<T>> {
    return this.take((value) => value);
  }

  /**
   * The next value, as what `use` makes of it. That is done in the turn in which it is pulled, and belongs to
   * the time that the queue shares out. Nothing is pulled that `admits` does not let through when its turn has
   * come; `resume` asks it again.
   */
  take<R>(use: (value: T) => R, admits: () => boolean = always): Promise<IteratorResult<R>> {
    assert(!this.#reader, "one next at a time");
    return new Promise((resolve, reject) => {
      if (this.#isEnded) return resolve({ done: true, value: undefined });
      this.#reader = {
        give: (value) => resolve({ done: false, value: use(value) }),
        end: () => resolve({ done: true, value: undefined }),
        fail: reject,
        admits,
      };
      this.resume();
    });
  }

  async return(): Promise<IteratorResult<T>> {
    this.#end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** To be called by the queue, when it is this stream's turn. */
  pull(): void {
    const reader = this.#reader;
    if (!reader || !reader.admits()) return;
    try {
      this.#pullFor(reader);
    } catch (error) {
      this.#reader = undefined;
      this.#end();
      reader.fail(error);
    }
  }

  #pullFor(reader: Reader<T>): void {
    this.#isAwake = false;
    const pulled = this.#source.pull();
    if (pulled === "nothing") return;
    if (pulled === "ended") return this.#end();
    if ("askAgainInMs" in pulled) return this.#askAgainIn(pulled.askAgainInMs);
    this.#reader = undefined;
    if (pulled.endsBatch) this.#options.pace.batchEnded(pulled.isStale);
    this.#isAwake = !(pulled.endsBatch && this.#options.pace.hasInterval);
    reader.give(pulled.value);
  }

  #askAgainIn(ms: number): void {
    if (ms === 0) {
      this.#isAwake = true;
      return this.#options.queue.pullLater(this);
    }
    this.#reminder ??= this.#options.clock.schedule(ms, () => {
      this.#reminder = undefined;
      this.#options.pace.wakeOne(this);
    });
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#reminder?.cancel();
    this.#options.queue.delete(this);
    this.#options.pace.delete(this);
    this.#reader?.end();
    this.#reader = undefined;
    this.#options.onEnd();
  }
}

/** Who waits for a value. */
interface Reader<T> {
  give(value: T): void;
  end(): void;
  fail(error: unknown): void;
  admits(): boolean;
}

function always(): boolean {
  return true;
}
