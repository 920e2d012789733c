import { describe, expect, it } from "vitest";
import { parseDuration } from "../../src/util/duration.js";

describe("parseDuration", () => {
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
  ])("parses %s as %d milliseconds", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(["24", "0", "86400000"])("rejects a number without a unit: %s", (text) => {
    expect(() => parseDuration(text)).toThrow(`"${text}" has no unit: write ${text}s, ${text}m or ${text}h`);
  });

  it.each(["", " ", "h", "1.5h", "-5s", "1h 30m", "30m1h", "1h1h", "5w", "5S", "1e3s", "5s\n"])(
    "rejects %j with examples",
    (text) => {
      expect(() => parseDuration(text)).toThrow(
        `"${text}" is not a duration such as 500ms, 90s, 1h30m or 7d`,
      );
    },
  );

  it("rejects a duration above the largest safe integer", () => {
    expect(() => parseDuration("999999999999d")).toThrow(RangeError);
  });
});
