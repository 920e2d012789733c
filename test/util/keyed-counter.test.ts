import { expect, it } from "vitest";
import { KeyedCounter } from "../../src/util/keyed-counter.js";

it("a keyed counter counts each key, and drops those at 0", () => {
  const counter = new KeyedCounter<string>();

  const added = [counter.increment("a"), counter.increment("a"), counter.increment("b")];
  counter.decrement("a");
  counter.decrement("b");
  counter.decrement("b");

  expect(added).toEqual([1, 2, 1]);
  expect([counter.get("a"), counter.get("b"), counter.size]).toEqual([1, 0, 1]);
});
