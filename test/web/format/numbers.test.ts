import { describe, expect, it } from "vitest";
import { bytesText, exactCount, rateText, shortCount } from "../../../src/web/format/numbers.js";

describe("Numbers as they are shown", () => {
  it.each([
    [0, "0"],
    [9_999, "9,999"],
    [12_345, "12.3k"],
    [123_456, "123k"],
    [999_999, "999k"],
    [1_234_567, "1.23M"],
    [Number.MAX_SAFE_INTEGER, "9.00P"],
  ])("%d is %s in a list", (value, text) => {
    expect(shortCount(value)).toBe(text);
  });

  it("all digits are shown where there is room", () => {
    expect(exactCount(1_234_567)).toBe("1,234,567");
  });

  it.each([
    [1_204, "1,204/s"],
    [57_912, "57.9k/s"],
    [4.25, "4.3/s"],
    [0.5, "30.0/min"],
    [0.01, "36.0/h"],
    [0, "0.0/h"],
  ])("%d a second is %s", (perSecond, text) => {
    expect(rateText(perSecond)).toBe(text);
  });

  it.each([
    [0, "0 B"],
    [512, "512 B"],
    [1_536, "1.5 KiB"],
    [3 * 2 ** 30, "3 GiB"],
    [2 ** 63, "8192 PiB"],
  ])("%d bytes are %s", (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });
});
