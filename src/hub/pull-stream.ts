import type { Clock, Timer } from "../util/clock.js";

/** Where a stream pulls from, in the turn in which somebody wants a value. */
export interface PullSource<T> {
  pull(): Pulled<T>;
}

/** A value; nothing to tell now; or nothing will ever be told again. */
export type Pulled<T> = { readonly value: T } | "nothing" | "ended";

export interface PullStreamOptions {
  /** At most one batch of values in this time; 0: none held back. */
  readonly minIntervalMs: number;
  readonly clock: Clock;
  /** Called once, when the stream ends or is ended. */
  readonly onEnd: () => void;
}

/**
 * An async iterable without a queue: whoever reads it pulls the next value from its source, and waits only
 * while there is none. `wake` says that there may be. What happens meanwhile costs nothing here.
 *
 * `return` ends it at once, also while a `next` waits: an async generator would wait for a value first.
 */
export class PullStream<T> implements AsyncIterableIterator<T> {
  readonly #source: PullSource<T>;
  readonly #options: PullStreamOptions;
  #isEnded = false;
  #isAwake = true;
  #waiting: (() => void) | undefined;
  #timer: Timer | undefined;
  /** The instant before which nothing is pulled. */
  #restsUntil = -Infinity;
  #batchLength = 0;

  constructor(source: PullSource<T>, options: PullStreamOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** There may be something to pull. */
  wake(): void {
    this.#isAwake = true;
    this.#waiting?.();
  }

  async next(): Promise<IteratorResult<T>> {
    while (!this.#isEnded) {
      await this.#turn();
      if (this.#isEnded) break;
      this.#isAwake = false;
      const pulled = this.#pull();
      if (pulled === "ended") this.#end();
      else if (pulled === "nothing") this.#rest();
      else {
        this.#isAwake = true;
        this.#batchLength++;
        return { done: false, value: pulled.value };
      }
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<T>> {
    this.#end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #pull(): Pulled<T> {
    try {
      return this.#source.pull();
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  /** Waits until there may be something, and until it may be pulled. */
  async #turn(): Promise<void> {
    if (this.#batchLength > 0 && this.#batchLength % SLICE === 0) await nextTurnOfTheLoop();
    while (!this.#isEnded && !(this.#isAwake && this.#isRested())) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
        this.#timer ??= this.#isAwake ? this.#wakeWhenRested() : undefined;
      });
      this.#waiting = undefined;
    }
  }

  #isRested(): boolean {
    return this.#options.clock.now() >= this.#restsUntil;
  }

  #wakeWhenRested(): Timer {
    const { clock } = this.#options;
    return clock.schedule(this.#restsUntil - clock.now(), () => {
      this.#timer = undefined;
      this.#waiting?.();
    });
  }

  #rest(): void {
    const { minIntervalMs, clock } = this.#options;
    if (this.#batchLength > 0 && minIntervalMs > 0) this.#restsUntil = clock.now() + minIntervalMs;
    this.#batchLength = 0;
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#timer?.cancel();
    this.#waiting?.();
    this.#options.onEnd();
  }
}

/** After so many values in a row others have their turn of the event loop. */
const SLICE = 64;

function nextTurnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
