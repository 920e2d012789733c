import { expect, it } from "vitest";
import { bytesText, exactCount, plural, rateText, shortCount } from "../../src/format/numbers.js";

it.each([
  [0, "0"],
  [9_999, "9,999"],
  [12_345, "12.3k"],
  [123_456, "123k"],
  [999_999, "999k"],
  [1_234_567, "1.23M"],
  [Number.MAX_SAFE_INTEGER, "9.00P"],
])("shortCount formats %d as %s", (value, text) => {
  expect(shortCount(value)).toBe(text);
});

it("exactCount shows all digits", () => {
  expect(exactCount(1_234_567)).toBe("1,234,567");
});

it("plural adds an s unless the count is 1", () => {
  expect([0, 1, 1_200].map((count) => plural(count, "job"))).toEqual(["0 jobs", "1 job", "1,200 jobs"]);
});

it.each([
  [1_204, "1,204/s"],
  [57_912, "57.9k/s"],
  [12, "12/s"],
  [4.25, "4.3/s"],
  [0.5, "30.0/min"],
  [0.01, "36.0/h"],
  [0, "0/s"],
])("rateText formats %d per second as %s", (perSecond, text) => {
  expect(rateText(perSecond)).toBe(text);
});

it.each([
  [0, "0 B"],
  [512, "512 B"],
  [1_536, "1.5 KiB"],
  [3 * 2 ** 30, "3 GiB"],
  [2 ** 63, "8192 PiB"],
])("bytesText formats %d as %s", (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});
