import type { PullResult, PullCursor } from "./pull-cursor.js";

export interface LatestValueOptions<T> {
  /** Whether the stream ends after `value`. Default: never. */
  readonly isLast?: (value: T) => boolean;
  /** Whether `value` need not be delivered after `delivered`. Default: `Object.is`. */
  readonly isUnchanged?: (value: T, delivered: T) => boolean;
}

/** A cursor over the states of one value: the current one, then each change. A slow reader skips to the newest. */
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
    const delivered = this.#delivered;
    if (delivered && isLast(delivered.value)) return "ended";
    const value = this.#read();
    if (delivered && isUnchanged(value, delivered.value)) return "nothing";
    this.#delivered = { value };
    return { value, endsBatch: !isLast(value) };
  }

  get behind(): number {
    return 1;
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
