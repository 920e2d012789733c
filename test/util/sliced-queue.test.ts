import { describe, expect, it } from "vitest";
import { SlicedQueue, type SlicedQueueOptions } from "../../src/util/sliced-queue.js";
import { TurnLength } from "../../src/util/turn-length.js";
import { untilIdle, until } from "../kit/deterministic/turns.js";

describe("a sliced queue", () => {
  it("handles items in order, in a later turn", async () => {
    const { queue, handled } = openQueue();
    for (const item of ["a", "b", "c"]) queue.add(item);
    expect(handled).toEqual([]);
    await untilIdle();
    expect(handled).toEqual(["a", "b", "c"]);
  });

  it("lets other events run when the time of a turn is spent, and handles at least one item per turn", async () => {
    const { queue, handled } = openQueue({ minMs: 0.5, maxMs: 0.5 }, {}, spendOneMs);
    queue.add("a");
    queue.add("b");
    setImmediate(() => handled.push("other event"));
    await until(() => handled.length === 3);
    expect(handled).toEqual(["a", "other event", "b"]);
  });

  it("looks at the clock after the given number of items", async () => {
    const { queue, handled } = openQueue({ minMs: 0.5, maxMs: 0.5 }, { itemsPerClockCheck: 2 }, spendOneMs);
    for (const item of ["a", "b", "c"]) queue.add(item);
    setImmediate(() => handled.push("other event"));
    await until(() => handled.length === 4);
    expect(handled).toEqual(["a", "b", "other event", "c"]);
  });

  it("leaves items that can wait for a later turn", async () => {
    let canWait = true;
    const { queue, handled } = openQueue(LONG, { canWait: () => canWait });
    queue.add("a");
    await untilIdle();
    expect(handled).toEqual([]);
    canWait = false;
    await until(() => handled.length === 1);
  });

  it("handles an item that another one adds", async () => {
    const more = ["c", "b"];
    const { queue, handled } = openQueue(LONG, {}, () => more.splice(-1).forEach((item) => queue.add(item)));
    queue.add("a");
    await untilIdle();
    expect(handled).toEqual(["a", "b", "c"]);
  });
});

const LONG = { minMs: 1_000, maxMs: 1_000 };

function openQueue(
  bounds = LONG,
  options: Partial<SlicedQueueOptions<string>> = {},
  onItem: (item: string) => unknown = () => {},
): { queue: SlicedQueue<string>; handled: string[] } {
  const handled: string[] = [];
  const budget = new TurnLength().budget(bounds);
  const queue = new SlicedQueue<string>(
    (item) => {
      handled.push(item);
      onItem(item);
    },
    { budget, ...options },
  );
  return { queue, handled };
}

function spendOneMs(): void {
  const end = performance.now() + 1;
  while (performance.now() < end);
}
