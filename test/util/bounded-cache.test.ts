import { describe, expect, it } from "vitest";
import { BoundedCache } from "../../src/util/bounded-cache.js";

describe("recent values", () => {
  it("are the latest so many, and the oldest goes first", () => {
    const values = recent(2, ["a", 1], ["b", 2], ["c", 3]);
    expect(["a", "b", "c"].map((key) => values.get(key))).toEqual([undefined, 2, 3]);
  });

  it("are as recent as they were put, not as they were looked at", () => {
    const values = recent(2, ["a", 1], ["b", 2]);
    values.get("a");
    values.set("c", 3);
    expect(values.get("a")).toBeUndefined();
  });

  it("are recent again when they are put again, with their new value", () => {
    const values = recent(2, ["a", 1], ["b", 2], ["a", 4], ["c", 3]);
    expect(["a", "b", "c"].map((key) => values.get(key))).toEqual([4, undefined, 3]);
  });
});

function recent(max: number, ...entries: readonly [string, number][]): BoundedCache<string, number> {
  const values = new BoundedCache<string, number>(max);
  for (const [key, value] of entries) values.set(key, value);
  return values;
}
