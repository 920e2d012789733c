import type { PullResult, PullCursor } from "./pull-cursor.js";

/** How a `LatestValue` is told. */
export interface LatestValueOptions<T> {
  /** Whether nothing is told after `value`. Default: never. */
  readonly isLast?: (value: T) => boolean;
  /** Whether `value` says nothing that `told` did not. Default: it is the same. */
  readonly isUnchanged?: (value: T, told: T) => boolean;
}

/** A value that is told now and whenever it is another one; the newest, for who is slow. */
export class LatestValue<T> implements PullCursor<T> {
  readonly #read: () => T;
  readonly #options: LatestValueOptions<T>;
  #delivered: { readonly value: T } | undefined;

  constructor(read: () => T, options: LatestValueOptions<T> = {}) {
    this.#read = read;
    this.#options = options;
  }

  pull(): PullResult<T> {
    const { isLast = never, isUnchanged = Object.is } = this.#options;
    const told = this.#delivered;
    if (told && isLast(told.value)) return "ended";
    const value = this.#read();
    if (told && isUnchanged(value, told.value)) return "nothing";
    this.#delivered = { value };
    return { value, endsBatch: !isLast(value) };
  }

  fork(): LatestValue<T> {
    const other = new LatestValue(this.#read, this.#options);
    other.#delivered = this.#delivered;
    return other;
  }

  skipHidden(): void {}

  merge(): void {}
}

function never(): boolean {
  return false;
}
