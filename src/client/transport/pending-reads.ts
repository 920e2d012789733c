/** The pending calls of an iterator's `next`, which are settled in their order. */
export class PendingReads<Value> {
  readonly #reads: PendingRead<Value>[] = [];

  /** A call of `next`. Call `settle` afterwards. */
  add(): Promise<IteratorResult<Value, undefined>> {
    return new Promise((resolve, reject) => this.#reads.push({ resolve, reject }));
  }

  /** Settles calls until `take` returns undefined, which means that there is nothing yet. */
  settle(take: () => ReadOutcome<Value> | undefined): void {
    while (this.#reads.length > 0) {
      const outcome = take();
      if (!outcome) return;
      const read = this.#reads.shift()!; // safe: the loop's condition
      if ("error" in outcome) read.reject(outcome.error);
      else read.resolve(outcome);
    }
  }
}

/** A value, the end, or the error that ends the iteration. */
export type ReadOutcome<Value> = IteratorResult<Value, undefined> | { readonly error: unknown };

interface PendingRead<Value> {
  readonly resolve: (result: IteratorResult<Value, undefined>) => void;
  readonly reject: (error: unknown) => void;
}
