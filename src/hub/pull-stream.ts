import type { Clock, Timer } from "../util/clock.js";

/** Where a stream pulls from, in the turn in which somebody wants a value. */
export interface PullSource<T> {
  pull(): Pulled<T>;
}

/** A value, and whether it ends a batch; nothing to tell now; or nothing will ever be told again. */
export type Pulled<T> = { readonly value: T; readonly endsBatch?: boolean } | "nothing" | "ended";

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
  /** Runs while nothing may be pulled: a batch has ended less than an interval ago. */
  #rest: Timer | undefined;
  #pulledInARow = 0;

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
      else if (pulled === "nothing") this.#pulledInARow = 0;
      else {
        this.#isAwake = true;
        this.#pulledInARow++;
        if (pulled.endsBatch) this.#restAWhile();
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
    if (this.#pulledInARow > 0 && this.#pulledInARow % SLICE === 0) await nextTurnOfTheLoop();
    while (!this.#isEnded && (!this.#isAwake || this.#rest)) {
      await new Promise<void>((resolve) => (this.#waiting = resolve));
      this.#waiting = undefined;
    }
  }

  #restAWhile(): void {
    const { minIntervalMs, clock } = this.#options;
    if (minIntervalMs === 0) return;
    this.#rest = clock.schedule(minIntervalMs, () => {
      this.#rest = undefined;
      this.#waiting?.();
    });
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#rest?.cancel();
    this.#waiting?.();
    this.#options.onEnd();
  }
}

/** After so many values in a row others have their turn of the event loop. */
const SLICE = 64;

function nextTurnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
