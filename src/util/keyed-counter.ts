/** A counter for each key. A key with a count of 0 takes no memory. */
export class KeyedCounter<K> {
  readonly #counts = new Map<K, number>();

  /** Returns the new count. */
  increment(key: K): number {
    const count = this.get(key) + 1;
    this.#counts.set(key, count);
    return count;
  }

  decrement(key: K): void {
    const count = this.get(key) - 1;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }

  get(key: K): number {
    return this.#counts.get(key) ?? 0;
  }

  /** The number of keys with a count above 0. */
  get size(): number {
    return this.#counts.size;
  }
}
