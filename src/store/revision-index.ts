import { assert } from "../util/assert.js";

/**
 * Things in the order of a revision that moves when they change, with the newest at the end.
 *
 * A change appends; the entry that the thing had before goes stale and is passed over, until half of all are
 * stale and they are dropped together. So a change costs constant time, amortised, and finding what comes
 * after a revision a bisection.
 */
export class RevisionIndex<T> {
  readonly #revisions: number[] = [];
  readonly #items: T[] = [];
  #staleCount = 0;
  readonly #isCurrent: (thing: T, revision: number) => boolean;

  /** @param isCurrent whether the entry of `thing` at `revision` is its newest one. */
  constructor(isCurrent: (thing: T, revision: number) => boolean) {
    this.#isCurrent = isCurrent;
  }

  /** Entries that are not stale. */
  get size(): number {
    return this.#revisions.length - this.#staleCount;
  }

  append(thing: T, revision: number): void {
    assert(revision > (this.#revisions.at(-1) ?? 0), "revisions go up");
    this.#revisions.push(revision);
    this.#items.push(thing);
  }

  /** To be called after a thing's earlier entry has ceased to be current. */
  markStale(): void {
    this.#staleCount++;
    if (this.#staleCount > 64 && this.#staleCount > this.#revisions.length / 2) this.#compact();
  }

  /** The first thing whose revision is above `revision`. */
  firstAfter(revision: number): T | undefined {
    for (let at = this.#firstAbove(revision); at < this.#revisions.length; at++) {
      if (this.#isCurrentAt(at)) return this.#items[at];
    }
    return undefined;
  }

  /** Things with a revision above `revision`, oldest first. Not to be held across a change. */
  *ascending(revision: number): Generator<T, undefined> {
    for (let at = this.#firstAbove(revision); at < this.#revisions.length; at++) {
      if (this.#isCurrentAt(at)) yield this.#items[at]!;
    }
    return undefined;
  }

  /** Things with a revision below `revision`, newest first. Not to be held across a change. */
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
    let kept = 0;
    for (let at = 0; at < this.#revisions.length; at++) {
      if (!this.#isCurrentAt(at)) continue;
      this.#revisions[kept] = this.#revisions[at]!;
      this.#items[kept] = this.#items[at]!;
      kept++;
    }
    this.#revisions.length = kept;
    this.#items.length = kept;
    this.#staleCount = 0;
  }
}
