import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { elapsedText } from "../../src/tasks/elapsed-text.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("an elapsed time", () => {
  it.each([
    [0, "0 seconds"],
    [999, "0 seconds"],
    [SECOND, "1 second"],
    [1_999, "1 second"],
    [42 * SECOND, "42 seconds"],
    [MINUTE, "1 minute"],
    [MINUTE + SECOND, "1 minute 1 second"],
    [10 * MINUTE, "10 minutes"],
    [HOUR, "1 hour"],
    [HOUR + 5 * SECOND, "1 hour 0 minutes 5 seconds"],
    [2 * HOUR + 30 * MINUTE, "2 hours 30 minutes"],
    [DAY, "1 day"],
    [DAY + SECOND, "1 day 0 hours 0 minutes 1 second"],
    [DAY + 3 * MINUTE, "1 day 0 hours 3 minutes"],
    [2 * DAY + 3 * HOUR + 4 * MINUTE + 5 * SECOND, "2 days 3 hours 4 minutes 5 seconds"],
    [400 * DAY, "400 days"],
  ])("prints %d ms as %s, as gds.listProgress does", (milliseconds, text) => {
    expect(elapsedText(milliseconds)).toBe(text);
  });

  it.each([-1, -DAY])("prints %d ms, after a clock was set back, as 0 seconds", (milliseconds) => {
    expect(elapsedText(milliseconds)).toBe("0 seconds");
  });

  it("reads back as its whole seconds", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000 * DAY }), (milliseconds) => {
        expect(secondsOf(elapsedText(milliseconds))).toBe(Math.floor(milliseconds / SECOND));
      }),
    );
  });

  it("neither begins nor ends with a unit of zero unless it is 0 seconds", () => {
    fc.assert(
      fc.property(fc.integer({ min: SECOND, max: 1_000 * DAY }), (milliseconds) => {
        expect(elapsedText(milliseconds)).not.toMatch(/^0|\b0 \w+$/);
      }),
    );
  });

  it("prints one of a unit in the singular", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000 * DAY }), (milliseconds) => {
        expect(elapsedText(milliseconds)).toMatch(
          /^(?:(?:1 (?:day|hour|minute|second)|(?!1 )\d+ (?:days|hours|minutes|seconds))(?: |$))+$/,
        );
      }),
    );
  });
});

/** The sum of the units in a text, in seconds. */
function secondsOf(text: string): number {
  const lengths: Record<string, number> = { day: 86_400, hour: 3_600, minute: 60, second: 1 };
  return [...text.matchAll(/(\d+) (day|hour|minute|second)/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * lengths[unit!]!,
    0,
  );
}
