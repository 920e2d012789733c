/** Values that are told together, and what is made of them once for all who are told them. */
export class EventBatch<T> {
  readonly values: readonly T[];
  #memo: Map<unknown, unknown> | undefined;

  constructor(values: readonly T[]) {
    this.values = values;
  }

  /** What `make` makes of this, made once for each `key`, which says what it is. */
  memoize<R>(key: unknown, make: (batch: this) => R): R {
    const made = (this.#memo ??= new Map());
    let result = made.get(key) as R | undefined; // safe: so `key` says
    if (result === undefined) made.set(key, (result = make(this)));
    return result;
  }
}
