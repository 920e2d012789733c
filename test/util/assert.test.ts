import { describe, expect, it } from "vitest";
import { assert, AssertionError, unreachable } from "../../src/util/assert.js";

describe("an assertion", () => {
  it("passes if its condition is true", () => {
    expect(() => assert("something", "there is something")).not.toThrow();
  });

  it.each([false, 0, "", null, undefined, Number.NaN])(
    "fails with its message if its condition is %j",
    (condition) => {
      expect(() => assert(condition, "Law 4: revisions have no gap")).toThrow(
        new AssertionError("Law 4: revisions have no gap"),
      );
    },
  );

  it("fails with an AssertionError", () => {
    expect(() => assert(false, "")).toThrow(expect.objectContaining({ name: "AssertionError" }));
  });
});

describe("unreachable", () => {
  it("throws with the unexpected value", () => {
    expect(() => unreachable({ kind: "new" } as never)).toThrow('not reachable: {"kind":"new"}');
  });
});
