import type { Pulled, PullSource } from "./pull-source.js";

/** How a `LatestValue` is told. */
export interface LatestValueOptions<T> {
  /** Whether nothing is told after `value`. Default: never. */
  readonly isLast?: (value: T) => boolean;
  /** Whether `value` says nothing that `told` did not. Default: it is the same. */
  readonly isKnown?: (value: T, told: T) => boolean;
}

/** A value that is told now and whenever it is another one; the newest, for who is slow. */
export class LatestValue<T> implements PullSource<T> {
  readonly #read: () => T;
  readonly #options: LatestValueOptions<T>;
  #told: { readonly value: T } | undefined;

  constructor(read: () => T, options: LatestValueOptions<T> = {}) {
    this.#read = read;
    this.#options = options;
  }

  pull(): Pulled<T> {
    const { isLast = never, isKnown = Object.is } = this.#options;
    const told = this.#told;
    if (told && isLast(told.value)) return "ended";
    const value = this.#read();
    if (told && isKnown(value, told.value)) return "nothing";
    this.#told = { value };
    return { value, endsBatch: !isLast(value) };
  }

  fork(): LatestValue<T> {
    const other = new LatestValue(this.#read, this.#options);
    other.#told = this.#told;
    return other;
  }

  passHidden(): void {}

  absorb(): void {}
}

function never(): boolean {
  return false;
}
