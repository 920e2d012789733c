import { expect, it } from "vitest";
import { Tally } from "../../src/util/tally.js";

it("A tally counts for each key, and forgets those that have none", () => {
  const tally = new Tally<string>();

  const added = [tally.add("a"), tally.add("a"), tally.add("b")];
  tally.remove("a");
  tally.remove("b");
  tally.remove("b");

  expect(added).toEqual([1, 2, 1]);
  expect([tally.of("a"), tally.of("b"), tally.size]).toEqual([1, 0, 1]);
});
