import { expect, it } from "vitest";
import { exactInstant, instantText } from "../../src/format/instants.js";

const NOW = new Date(2024, 5, 12, 18, 0, 0).getTime();

it.each([
  [new Date(2024, 5, 12, 14, 3, 22), "14:03:22"],
  [new Date(2024, 5, 11, 14, 3, 22), "11 Jun, 14:03"],
  [new Date(2023, 10, 21, 14, 3, 22), "21 Nov 2023"],
])("instantText shortens %s to %s", (instant, text) => {
  expect(instantText(instant.toISOString(), NOW)).toBe(text);
});

it("exactInstant has the date, the time and the zone", () => {
  expect(exactInstant("2024-06-12T12:03:22.000Z")).toMatch(/^\w+, 1[123] June 2024 at \d\d:03:22 \S+/);
});
