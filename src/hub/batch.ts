/** Values that are told together, and what is made of them once for all who are told them. */
export class Batch<T> {
  readonly values: readonly T[];
  #made: Map<unknown, unknown> | undefined;

  constructor(values: readonly T[]) {
    this.values = values;
  }

  /** What `make` makes of this, made once for each `key`, which says what it is. */
  once<R>(key: unknown, make: (batch: this) => R): R {
    const made = (this.#made ??= new Map());
    let result = made.get(key) as R | undefined; // safe: so `key` says
    if (result === undefined) made.set(key, (result = make(this)));
    return result;
  }
}
