import { describe, expect, it } from "vitest";
import { withOne } from "../../src/util/few.js";

describe("a list of few", () => {
  it("begins with the first thing, and has those that come later after it", () => {
    const first = withOne<string>(undefined, "a");
    expect(withOne(withOne(first, "b"), "c")).toEqual(["a", "b", "c"]);
  });
});
