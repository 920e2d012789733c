/** A reference to a value that others may use at the same time. */
export interface SharedRef<V> {
  readonly value: V;
  /** Whether the value has other users now. */
  readonly isShared: boolean;
  /** Must be called once, when the value is no longer used. */
  release(): void;
}

/** Values that are created on first use, shared while in use, and disposed after their last user has released them. */
export class RefCountedMap<K, V> {
  readonly #entries = new Map<K, Entry<K, V>>();
  readonly #dispose: (value: V) => void;

  /** @param dispose receives each value after its last release */
  constructor(dispose: (value: V) => void = () => {}) {
    this.#dispose = dispose;
  }

  /** The number of values in use. */
  get size(): number {
    return this.#entries.size;
  }

  /** The values in use. */
  *values(): Generator<V, void> {
    for (const { value } of this.#entries.values()) yield value;
  }

  /** The value of `key`; `create` makes it if it is not in use yet. */
  acquire(key: K, create: () => V): SharedRef<V> {
    const entry = this.#entries.get(key) ?? { key, value: create(), users: 0 };
    this.#entries.set(key, entry);
    entry.users++;
    return new EntryRef(entry, this);
  }

  /** Called only by a reference of this map. */
  releaseEntry(entry: Entry<K, V>): void {
    if (--entry.users > 0) return;
    this.#entries.delete(entry.key);
    this.#dispose(entry.value);
  }
}

interface Entry<K, V> {
  readonly key: K;
  readonly value: V;
  users: number;
}

/** A class, because each subscriber has one: closures would take several times the memory. */
class EntryRef<K, V> implements SharedRef<V> {
  readonly #entry: Entry<K, V>;
  readonly #values: RefCountedMap<K, V>;

  constructor(entry: Entry<K, V>, values: RefCountedMap<K, V>) {
    this.#entry = entry;
    this.#values = values;
  }

  get value(): V {
    return this.#entry.value;
  }

  get isShared(): boolean {
    return this.#entry.users > 1;
  }

  release(): void {
    this.#values.releaseEntry(this.#entry);
  }
}
