/** How many of something each key has. A key that has none takes no room. */
export class KeyedCounter<K> {
  readonly #counts = new Map<K, number>();

  /** One more. Returns how many there are now. */
  increment(key: K): number {
    const count = this.get(key) + 1;
    this.#counts.set(key, count);
    return count;
  }

  /** One less. */
  decrement(key: K): void {
    const count = this.get(key) - 1;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }

  get(key: K): number {
    return this.#counts.get(key) ?? 0;
  }

  /** Keys that have any. */
  get size(): number {
    return this.#counts.size;
  }
}
