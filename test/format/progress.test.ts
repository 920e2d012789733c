import { expect, it } from "vitest";
import { doneText, progressText, volumeText } from "../../src/format/progress.js";
import { exactCount } from "../../src/format/numbers.js";

const KNOWN = { done: 420, volume: 15_000, knownVolume: 15_000 };
const PARTLY_KNOWN = { done: 420, volume: null, knownVolume: 1_000 };
const UNKNOWN = { done: 420, volume: null, knownVolume: 420 };

it("marks a volume that is unknown or known only in part", () => {
  expect([KNOWN, PARTLY_KNOWN, UNKNOWN].map((progress) => volumeText(progress))).toEqual([
    "15.0k",
    "1,000+",
    "?",
  ]);
});

it("shows done and volume in short form by default", () => {
  expect([KNOWN, PARTLY_KNOWN, UNKNOWN].map((progress) => progressText(progress))).toEqual([
    "420/15.0k",
    "420/1,000+",
    "420/?",
  ]);
  expect(progressText(KNOWN, exactCount)).toBe("420/15,000");
});

it("shows no figures for a finished task that has no count", () => {
  const none = { done: 0, volume: 0, knownVolume: 0 };
  expect([progressText(none), doneText(none)]).toEqual(["no count", "no count"]);
});

it("shows all digits in words", () => {
  expect([KNOWN, PARTLY_KNOWN].map(doneText)).toEqual([
    "420 of 15,000",
    "420 of an unknown total (1,000 known so far)",
  ]);
});
