/** An item of a heap. It knows its index, so that it can be removed without a search. */
export interface HeapItem {
  /** Set by the heap. */
  heapIndex: number;
}

/**
 * A binary heap. The first item is always known; adding an item, or removing any item, takes logarithmic time.
 * The heap keeps no reference to an item that was removed.
 */
export class Heap<T extends HeapItem> {
  readonly #items: T[] = [];
  readonly #isBefore: (a: T, b: T) => boolean;

  /** @param isBefore a strict order: of two different items, one is before the other */
  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  add(item: T): void {
    this.#siftUp(item, this.#items.length);
  }

  /** `item` must be in this heap. */
  remove(item: T): void {
    const last = this.#items.pop()!;
    if (last !== item) this.#siftDown(this.#siftUp(last, item.heapIndex));
  }

  /** All items in order; the first few are cheap, however large the heap is. The heap must not change meanwhile. */
  *ascending(): Generator<T, undefined> {
    const next = new Heap<Candidate<T>>((a, b) => this.#isBefore(a.item, b.item));
    const consider = (index: number): void => {
      const item = this.#items[index];
      if (item) next.add({ item, heapIndex: 0 });
    };
    consider(0);
    for (let candidate = next.first; candidate; candidate = next.first) {
      next.remove(candidate);
      consider(2 * candidate.item.heapIndex + 1);
      consider(2 * candidate.item.heapIndex + 2);
      yield candidate.item;
    }
    return undefined;
  }

  /** Puts `item` at `index`, or as far above it as it belongs. */
  #siftUp(item: T, index: number): T {
    const parentIndex = (index - 1) >> 1;
    const above = this.#items[parentIndex];
    if (!above || !this.#isBefore(item, above)) return this.#put(item, index);
    this.#put(above, index);
    return this.#siftUp(item, parentIndex);
  }

  /** Moves `item` as far down as it belongs. */
  #siftDown(item: T): void {
    const [left, right] = [this.#items[2 * item.heapIndex + 1], this.#items[2 * item.heapIndex + 2]];
    const below = left && right && this.#isBefore(right, left) ? right : left;
    if (!below || !this.#isBefore(below, item)) return;
    const { heapIndex } = below;
    this.#put(below, item.heapIndex);
    this.#put(item, heapIndex);
    this.#siftDown(item);
  }

  #put(item: T, index: number): T {
    item.heapIndex = index;
    this.#items[index] = item;
    return item;
  }
}

interface Candidate<T> extends HeapItem {
  readonly item: T;
}
