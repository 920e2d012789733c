import { assert } from "../util/assert.js";

/**
 * Items in the order of the revision of their latest change, newest last.
 *
 * A change appends an entry. The item's previous entry becomes stale and is skipped, until half of the entries are
 * stale and are dropped together. A change therefore takes amortized constant time, and a lookup is a binary search.
 */
export class RevisionIndex<T> {
  readonly #revisions: number[] = [];
  readonly #items: T[] = [];
  #staleCount = 0;
  readonly #isCurrent: (item: T, revision: number) => boolean;

  /** @param isCurrent whether the entry of `item` at `revision` is its newest one. */
  constructor(isCurrent: (item: T, revision: number) => boolean) {
    this.#isCurrent = isCurrent;
  }

  /** The number of entries that are not stale. */
  get size(): number {
    return this.#revisions.length - this.#staleCount;
  }

  append(item: T, revision: number): void {
    assert(revision > (this.#revisions.at(-1) ?? 0), "revisions increase");
    this.#revisions.push(revision);
    this.#items.push(item);
  }

  /** Call it after the previous entry of an item has become stale. */
  markStale(): void {
    this.#staleCount++;
    if (this.#staleCount > 64 && this.#staleCount > this.#revisions.length / 2) this.#compact();
  }

  /** The first item above `revision`. */
  firstAfter(revision: number): T | undefined {
    for (let at = this.#firstAbove(revision); at < this.#revisions.length; at++) {
      if (this.#isCurrentAt(at)) return this.#items[at];
    }
    return undefined;
  }

  /** Items above `revision`, oldest first. Do not hold it across a change. */
  *ascending(revision: number): Generator<T, undefined> {
    for (let at = this.#firstAbove(revision); at < this.#revisions.length; at++) {
      if (this.#isCurrentAt(at)) yield this.#items[at]!;
    }
    return undefined;
  }

  /** Items below `revision`, newest first. Do not hold it across a change. */
  *descending(revision: number): Generator<T, undefined> {
    for (let at = this.#firstAbove(revision - 1) - 1; at >= 0; at--) {
      if (this.#isCurrentAt(at)) yield this.#items[at]!;
    }
    return undefined;
  }

  #isCurrentAt(at: number): boolean {
    return this.#isCurrent(this.#items[at]!, this.#revisions[at]!);
  }

  #firstAbove(revision: number): number {
    let low = 0;
    let high = this.#revisions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#revisions[middle]! > revision) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #compact(): void {
    let count = 0;
    for (let at = 0; at < this.#revisions.length; at++) {
      if (!this.#isCurrentAt(at)) continue;
      this.#revisions[count] = this.#revisions[at]!;
      this.#items[count] = this.#items[at]!;
      count++;
    }
    this.#revisions.length = count;
    this.#items.length = count;
    this.#staleCount = 0;
  }
}
