import { describe, expect, it } from "vitest";
import { ClockOffset } from "../../src/format/clock-offset.js";

describe("The server's time", () => {
  it("is the viewer's until a message arrives", () => {
    expect(new ClockOffset().serverTime(1_000)).toBe(1_000);
  });

  it("is estimated from the live message with the smallest delay", () => {
    const offset = new ClockOffset();
    offset.observe(5_000, 15_300, true);
    offset.observe(6_000, 16_050, true);
    offset.observe(7_000, 17_900, true);

    expect(offset.serverTime(20_000)).toBe(9_950);
  });

  it("ignores an older timestamp, unless it lies in the viewer's future", () => {
    const offset = new ClockOffset();
    offset.observe(1_000, 90_000, false);
    const before = offset.serverTime(90_000);
    offset.observe(95_000, 91_000, false);

    expect([before, offset.serverTime(91_000)]).toEqual([90_000, 95_000]);
  });
});
