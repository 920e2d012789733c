/** What can be in a heap: it knows its place, so that it can be taken out without being looked for. */
export interface HeapItem {
  /** Set by the heap. */
  heapIndex: number;
}

/**
 * Things in an order that is not the one in which they come. What is first is always known; putting one in,
 * or taking any one out, costs the logarithm of how many there are. It holds nothing but what is in it.
 */
export class Heap<T extends HeapItem> {
  readonly #items: T[] = [];
  readonly #isBefore: (a: T, b: T) => boolean;

  /** @param isBefore a strict order; of two different items one is before the other. */
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

  /** All in order; the first few cost little, however many there are. Not to be held across a change. */
  *ascending(): Generator<T, undefined> {
    const next = new Heap<Candidate<T>>((a, b) => this.#isBefore(a.item, b.item));
    const consider = (place: number): void => {
      const item = this.#items[place];
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

  /** Puts `item` at `place`, or as far above it as it belongs. */
  #siftUp(item: T, place: number): T {
    const placeAbove = (place - 1) >> 1;
    const above = this.#items[placeAbove];
    if (!above || !this.#isBefore(item, above)) return this.#put(item, place);
    this.#put(above, place);
    return this.#siftUp(item, placeAbove);
  }

  /** Moves `item` as far below its place as it belongs. */
  #siftDown(item: T): void {
    const [left, right] = [this.#items[2 * item.heapIndex + 1], this.#items[2 * item.heapIndex + 2]];
    const below = left && right && this.#isBefore(right, left) ? right : left;
    if (!below || !this.#isBefore(below, item)) return;
    const { heapIndex } = below;
    this.#put(below, item.heapIndex);
    this.#put(item, heapIndex);
    this.#siftDown(item);
  }

  #put(item: T, place: number): T {
    item.heapIndex = place;
    this.#items[place] = item;
    return item;
  }
}

/** What may come next, in the order of what is to come. */
interface Candidate<T> extends HeapItem {
  readonly item: T;
}
