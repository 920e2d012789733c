/** A value that others may use at the same time. */
export interface SharedRef<V> {
  readonly value: V;
  /** Whether others use it now. */
  readonly isShared: boolean;
  /** To be called once, when it is no longer used. */
  release(): void;
}

/** Values that are made when first wanted, shared while they are used, and dropped with their last user. */
export class RefCountedMap<K, V> {
  readonly #entries = new Map<K, Entry<K, V>>();
  readonly #dispose: (value: V) => void;

  /** @param dispose is called with a value that nobody uses any more. */
  constructor(dispose: (value: V) => void = () => {}) {
    this.#dispose = dispose;
  }

  /** Those that somebody uses. */
  *values(): Generator<V, void> {
    for (const { value } of this.#entries.values()) yield value;
  }

  /** The value of `key`, made by `create` where nobody uses it yet. */
  acquire(key: K, create: () => V): SharedRef<V> {
    const entry = this.#entries.get(key) ?? { key, value: create(), users: 0 };
    this.#entries.set(key, entry);
    entry.users++;
    return new EntryRef(entry, this);
  }

  /** To be called by a lease. */
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

/** A class, as there is one for each subscriber: closures would take several times the memory. */
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
