import { describe, expect, it } from "vitest";
import { appendToSmallList } from "../../src/util/small-list.js";

describe("a list of few", () => {
  it("begins with the first thing, and has those that come later after it", () => {
    const first = appendToSmallList<string>(undefined, "a");
    expect(appendToSmallList(appendToSmallList(first, "b"), "c")).toEqual(["a", "b", "c"]);
  });
});
