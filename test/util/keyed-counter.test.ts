import { expect, it } from "vitest";
import { KeyedCounter } from "../../src/util/keyed-counter.js";

it("A tally counts for each key, and forgets those that have none", () => {
  const tally = new KeyedCounter<string>();

  const added = [tally.increment("a"), tally.increment("a"), tally.increment("b")];
  tally.decrement("a");
  tally.decrement("b");
  tally.decrement("b");

  expect(added).toEqual([1, 2, 1]);
  expect([tally.get("a"), tally.get("b"), tally.size]).toEqual([1, 0, 1]);
});
