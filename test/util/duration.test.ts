import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDuration, parseDuration } from "../../src/util/duration.js";

describe("a duration", () => {
  it.each([
    ["24h", 86_400_000],
    ["90s", 90_000],
    ["500ms", 500],
    ["5m", 300_000],
    ["7d", 604_800_000],
    ["1h30m", 5_400_000],
    ["1d2h3m4s5ms", 93_784_005],
    ["0s", 0],
    ["0090s", 90_000],
  ])("%s is %d milliseconds", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(["24", "0", "86400000"])("without a unit (%s) is refused and told how to write it", (text) => {
    expect(() => parseDuration(text)).toThrow(`"${text}" has no unit, write ${text}s, ${text}m or ${text}h`);
  });

  it.each(["", " ", "h", "1.5h", "-5s", "1h 30m", "30m1h", "1h1h", "5w", "5S", "1e3s", "5s\n"])(
    "that is written wrong (%j) is refused with examples",
    (text) => {
      expect(() => parseDuration(text)).toThrow(
        `"${text}" is no duration, write it like 500ms, 90s, 1h30m or 7d`,
      );
    },
  );

  it("longer than whole milliseconds can count is refused", () => {
    expect(() => parseDuration("999999999999d")).toThrow(RangeError);
  });

  it.each([
    [0, "0s"],
    [1, "1ms"],
    [90_000, "1m30s"],
    [86_400_000, "1d"],
    [93_784_005, "1d2h3m4s5ms"],
  ])("of %d milliseconds is written %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it.each([-1, 0.5, Number.NaN, Infinity])("of %d milliseconds cannot be written", (ms) => {
    expect(() => formatDuration(ms)).toThrow(TypeError);
  });

  it("reads back as it was written, whatever its length", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });
});
