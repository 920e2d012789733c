/**
 * A cache of the latest few values; it evicts the oldest first. It uses strong references: V8 collects
 * short-lived values in a WeakMap as if they were long-lived, which costs several times as much.
 */
export class BoundedCache<K, V> {
  readonly #max: number;
  readonly #values = new Map<K, V>();

  constructor(max: number) {
    this.#max = max;
  }

  get(key: K): V | undefined {
    return this.#values.get(key);
  }

  set(key: K, value: V): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size > this.#max) this.#values.delete(this.#values.keys().next().value!);
  }
}
