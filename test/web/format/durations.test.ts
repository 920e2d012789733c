import { describe, expect, it } from "vitest";
import { agoText, durationText, rangeText } from "../../../src/web/format/durations.js";

const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000];

describe("Lengths of time as they are shown", () => {
  it.each([
    [999, "0s"],
    [42 * SECOND, "42s"],
    [3 * MINUTE + 7 * SECOND, "3m 07s"],
    [2 * HOUR + 5 * MINUTE, "2h 05m"],
    [76 * HOUR, "3d 04h"],
  ])("%d ms are %s", (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });

  it.each([
    [40.2 * SECOND, 54.3 * SECOND, "40–55s"],
    [2.5 * MINUTE, 3.5 * MINUTE, "2–4 min"],
    [4.2 * MINUTE, 4.8 * MINUTE, "~5 min"],
    [-5 * SECOND, 12 * SECOND, "< 12s"],
    [20 * MINUTE, 3 * HOUR, "< 3 h"],
    [0, 0, "< 1s"],
  ])("what may take from %d to %d ms more is %s", (from, to, text) => {
    expect(rangeText(from, to)).toBe(text);
  });

  it.each([
    [0, "just now"],
    [12_900, "12s ago"],
    [3 * MINUTE, "3 min ago"],
    [72 * HOUR, "3 d ago"],
  ])("%d ms ago is %s", (ms, text) => {
    expect(agoText(ms)).toBe(text);
  });
});
