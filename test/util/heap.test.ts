import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Heap, type HeapItem } from "../../src/util/heap.js";

interface Item extends HeapItem {
  readonly value: number;
}

describe("a heap", () => {
  it("has no first item while it is empty, even after a removal", () => {
    const heap = createHeap();
    const item = { value: 1, heapIndex: 0 };
    expect(heap.first).toBeUndefined();
    heap.add(item);
    expect(heap.first).toBe(item);
    heap.remove(item);
    expect(heap.first).toBeUndefined();
    expect([...heap.ascending()]).toEqual([]);
  });

  it("keeps its items in order after any additions and removals", () => {
    fc.assert(
      fc.property(lives, (life) => {
        const { heap, items } = played(life);
        const sorted = items.toSorted((a, b) => a.value - b.value);
        expect([...heap.ascending()]).toEqual(sorted);
        expect(heap.first).toBe(sorted[0]);
      }),
    );
  });

  it("moves the replacement of a removed item up if needed", () => {
    const heap = createHeap();
    const items = [1, 10, 2, 11, 12, 3, 4].map((value) => ({ value, heapIndex: 0 }));
    for (const item of items) heap.add(item);
    heap.remove(items[3]!);
    expect([...heap.ascending()].map(({ value }) => value)).toEqual([1, 2, 3, 4, 10, 12]);
  });

  it("yields the first few items with few comparisons, however large it is", () => {
    let comparisons = 0;
    const heap = new Heap<Item>((a, b) => {
      comparisons++;
      return a.value < b.value;
    });
    for (let value = 10_000; value > 0; value--) heap.add({ value, heapIndex: 0 });
    comparisons = 0;
    const ascending = heap.ascending();
    const first = Array.from({ length: 10 }, () => ascending.next().value?.value);
    expect(first).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(comparisons).toBeLessThan(200);
  });
});

const lives = fc
  .uniqueArray(fc.nat(1_000), { maxLength: 100 })
  .chain((values) =>
    fc.tuple(
      ...values.map((value) => fc.record({ value: fc.constant(value), removeAt: fc.option(fc.nat()) })),
    ),
  );

/** Adds each value, and after each one may remove one of the items at hand. */
function played(life: readonly { value: number; removeAt: number | null }[]): {
  heap: Heap<Item>;
  items: Item[];
} {
  const heap = createHeap();
  const items: Item[] = [];
  for (const { value, removeAt } of life) {
    const item = { value, heapIndex: 0 };
    items.push(item);
    heap.add(item);
    if (removeAt !== null) items.splice(removeAt % items.length, 1).forEach((gone) => heap.remove(gone));
  }
  return { heap, items };
}

function createHeap(): Heap<Item> {
  return new Heap((a, b) => a.value < b.value);
}
