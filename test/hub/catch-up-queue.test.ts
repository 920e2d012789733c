import { describe, expect, it } from "vitest";
import { CatchUpQueue, type CatchUpPuller } from "../../src/hub/catch-up-queue.js";

describe("a catch-up queue", () => {
  it("takes the puller that is the fewest events behind first", () => {
    const { queue, takeAll } = openQueue(500, 0, 60, 3);
    expect(queue.size).toBe(4);
    expect(takeAll(3)).toEqual([0, 3, 60]);
  });

  it("takes pullers of the same magnitude in the order of their arrival", () => {
    expect(openQueue(7, 5, 6).takeAll(3)).toEqual([7, 5, 6]);
  });

  it("takes the one that has waited longest at every fourth turn, however many are nearer", () => {
    const { queue, takeAll } = openQueue(100_000, 1, 1, 1, 1, 1, 1);
    expect(takeAll(4)).toEqual([1, 1, 1, 100_000]);
    expect(queue.size).toBe(3);
  });

  it("keeps the place of a puller that is added again", () => {
    const { queue, pullers, takeAll } = openQueue(5, 6);
    queue.add(pullers[0]!);
    expect(takeAll(3)).toEqual([5, 6, undefined]);
  });

  it("forgets a puller that is deleted", () => {
    const { queue, pullers, takeAll } = openQueue(5, 6, 7, 8);
    queue.delete(pullers[0]!);
    queue.delete(pullers[0]!);
    expect(queue.size).toBe(3);
    expect(takeAll(4)).toEqual([6, 7, 8, undefined]);
  });
});

/** A queue with a puller for each distance. */
function openQueue(...distances: readonly number[]): {
  queue: CatchUpQueue;
  pullers: readonly CatchUpPuller[];
  /** The distances of the next `count` pullers. */
  takeAll(count: number): (number | undefined)[];
} {
  const queue = new CatchUpQueue();
  const pullers = distances.map((behind) => ({ behind, pull: () => false }));
  for (const puller of pullers) queue.add(puller);
  const takeAll = (count: number): (number | undefined)[] =>
    Array.from({ length: count }, () => queue.take()?.behind);
  return { queue, pullers, takeAll };
}
