import type { Pulled, PullSource } from "./pull-source.js";

/** A value that is told now and whenever it is another one; the newest, for who is slow. */
export class LatestValue<T> implements PullSource<T> {
  readonly #read: () => T;
  readonly #isLast: (value: T) => boolean;
  #told: { readonly value: T } | undefined;

  /** @param isLast whether nothing is told after `value`. */
  constructor(read: () => T, isLast: (value: T) => boolean) {
    this.#read = read;
    this.#isLast = isLast;
  }

  pull(): Pulled<T> {
    const told = this.#told;
    if (told && this.#isLast(told.value)) return "ended";
    const value = this.#read();
    if (told && value === told.value) return "nothing";
    this.#told = { value };
    return { value, endsBatch: !this.#isLast(value) };
  }

  fork(): LatestValue<T> {
    const other = new LatestValue(this.#read, this.#isLast);
    other.#told = this.#told;
    return other;
  }

  passHidden(): void {}

  absorb(): void {}
}
