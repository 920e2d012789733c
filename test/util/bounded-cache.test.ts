import { describe, expect, it } from "vitest";
import { BoundedCache } from "../../src/util/bounded-cache.js";

describe("a bounded cache", () => {
  it("evicts the oldest value first", () => {
    const values = recent(2, ["a", 1], ["b", 2], ["c", 3]);
    expect(["a", "b", "c"].map((key) => values.get(key))).toEqual([undefined, 2, 3]);
  });

  it("evicts by the time of writing, not of reading", () => {
    const values = recent(2, ["a", 1], ["b", 2]);
    values.get("a");
    values.set("c", 3);
    expect(values.get("a")).toBeUndefined();
  });

  it("renews a value that is set again", () => {
    const values = recent(2, ["a", 1], ["b", 2], ["a", 4], ["c", 3]);
    expect(["a", "b", "c"].map((key) => values.get(key))).toEqual([4, undefined, 3]);
  });
});

function recent(max: number, ...entries: readonly [string, number][]): BoundedCache<string, number> {
  const values = new BoundedCache<string, number>(max);
  for (const [key, value] of entries) values.set(key, value);
  return values;
}
