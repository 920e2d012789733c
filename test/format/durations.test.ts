import { describe, expect, it } from "vitest";
import { agoText, durationText, timeLeftText } from "../../src/format/durations.js";

const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000];
const NOW = Date.parse("2026-06-01T12:00:00.000Z");

describe("durationText", () => {
  it.each([
    [-5 * SECOND, "0s"],
    [999, "0s"],
    [42 * SECOND, "42s"],
    [3 * MINUTE + 7 * SECOND, "3m 07s"],
    [2 * HOUR + 5 * MINUTE, "2h 05m"],
    [76 * HOUR, "3d 04h"],
  ])("formats %d ms as %s", (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });
});

describe("timeLeftText", () => {
  it.each([
    [40.2 * SECOND, 54.3 * SECOND, "40–55s"],
    [2.5 * MINUTE, 3.5 * MINUTE, "2–4m"],
    [4.2 * MINUTE, 4.8 * MINUTE, "~5m"],
    [SECOND, 2 * SECOND, "1–2s"],
    [SECOND, SECOND, "~1s"],
    [45 * SECOND, 2 * MINUTE, "45s–2m"],
    [26 * MINUTE, 106 * MINUTE, "26m–2h"],
    [2 * HOUR, 48 * HOUR, "2h–2d"],
    [-5 * SECOND, 12 * SECOND, "<12s"],
    [0, 3 * HOUR, "<3h"],
    [0, 1, "<1s"],
    [-100 * SECOND, 0, "overdue"],
  ])("formats %d to %d ms as %s", (from, to, text) => {
    const at = (ms: number): string => new Date(NOW + ms).toISOString();

    expect(timeLeftText({ earliest: at(from), latest: at(to) }, NOW)).toBe(text);
  });
});

describe("agoText", () => {
  it.each([
    [-1, "just now"],
    [1_999, "just now"],
    [12_900, "12s ago"],
    [3 * MINUTE, "3m ago"],
    [72 * HOUR, "3d ago"],
  ])("formats %d ms as %s", (ms, text) => {
    expect(agoText(ms)).toBe(text);
  });
});
