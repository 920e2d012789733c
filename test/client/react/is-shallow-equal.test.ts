import { expect, it } from "vitest";
import { isShallowEqual } from "../../../src/client/react/is-shallow-equal.js";

const job = {};

it.each([
  [1, 1, true],
  [NaN, NaN, true],
  [1, 2, false],
  [null, {}, false],
  [[job, 1], [job, 1], true],
  [[job], [{}], false],
  [[job], [job, 1], false],
  [[], {}, false],
  [{ count: 1, job }, { count: 1, job }, true],
  [{ count: 1 }, { sum: 1 }, false],
  [{ count: undefined }, {}, false],
  [new Map([[1, 1]]), new Map([[1, 1]]), false],
  [new Date(1), new Date(2), false],
])("%o and %o are shallowly equal: %s", (one, other, expected) => {
  expect(isShallowEqual(one, other)).toBe(expected);
});
