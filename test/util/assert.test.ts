import { describe, expect, it } from "vitest";
import { assert, AssertionError, unreachable } from "../../src/util/assert.js";

describe("an assertion", () => {
  it("that holds says nothing", () => {
    expect(() => assert("something", "there is something")).not.toThrow();
  });

  it.each([false, 0, "", null, undefined, Number.NaN])("that is %j fails with its message", (condition) => {
    expect(() => assert(condition, "Law 4: revisions have no gap")).toThrow(
      new AssertionError("Law 4: revisions have no gap"),
    );
  });

  it("fails as a defect of this program, which has a name of its own", () => {
    expect(() => assert(false, "")).toThrow(expect.objectContaining({ name: "AssertionError" }));
  });
});

describe("what is not reachable", () => {
  it("fails when it is reached, and says with what", () => {
    expect(() => unreachable({ kind: "new" } as never)).toThrow('not reachable: {"kind":"new"}');
  });
});
