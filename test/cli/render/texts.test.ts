import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { harmless, harmlessJson } from "../../../src/cli/render/harmless.js";
import { bar, count } from "../../../src/cli/render/progress.js";
import { perSecond } from "../../../src/cli/render/quantity.js";
import { elapsed, left } from "../../../src/cli/render/time.js";
import { cut, fitted, widthOf } from "../../../src/cli/render/width.js";
import { barText } from "../../../src/tasks/progress.js";
import { HOSTILE, leaf, NOW } from "../watched-jobs.js";

const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

describe("A text of somebody else's", () => {
  it("has nothing in it that a terminal obeys, and stays on its line", () => {
    expect(harmless(HOSTILE)).toBe("a�[2J�31m�evil� FINISHED 100% �");
  });

  it("keeps letters of any language, and emoji that are joined", () => {
    expect(harmless("Zürich 漢字 नमस्ते 👩‍👩‍👧 می‌خواهم")).toBe("Zürich 漢字 नमस्ते 👩‍👩‍👧 می‌خواهم");
  });

  it("has at most three marks on a letter", () => {
    expect(harmless(`a${"\u0301".repeat(100)}b`)).toBe("a\u0301\u0301\u0301b");
  });

  it("has no controls, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(harmless(text)).not.toMatch(CONTROLS);
        expect(cut(harmless(text), 10)).not.toMatch(CONTROLS);
      }),
    );
  });

  it("is the same once its JSON is read, and harmless before", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(harmlessJson({ text })).not.toMatch(CONTROLS);
        expect(JSON.parse(harmlessJson({ text }))).toEqual({ text });
      }),
    );
    expect(harmlessJson(HOSTILE)).toBe(
      String.raw`"a\u001b[2J\u009b31m\u202eevil\u0007\r\nFINISHED 100%\u2028\u200b"`,
    );
  });
});

describe("The width of a text", () => {
  it("is that on a terminal", () => {
    expect(["abc", "漢字", "e\u0301", "👩‍👩‍👧", ""].map(widthOf)).toEqual([3, 4, 1, 2, 0]);
  });

  it.each([
    ["import", 6, "import"],
    ["import", 4, "imp…"],
    ["漢字漢字", 5, "漢字…"],
    ["漢字漢字", 4, "漢…"],
    ["import", 1, "…"],
    ["import", 0, ""],
  ])("%s is cut to %i columns as %s", (text, width, shown) => {
    expect(cut(text, width)).toBe(shown);
  });

  it("is exactly that which is asked for", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat(30), (text, width) => {
        expect(widthOf(fitted(harmless(text), width))).toBe(width);
      }),
    );
  });
});

describe("Progress", () => {
  it.each([
    [0, 10, 0],
    [1, 3, 1 / 3],
    [420, 1_500, 0.28],
    [1_700, 1_500, 1],
    [0, 0, 1],
    [7, null, null],
  ])("of %i of %s has the bar that the server draws", (done, volume, ratio) => {
    const { progress } = leaf("read", done, volume);

    expect(bar(progress, 20)).toBe(barText({ ratio }, 20));
  });

  it("tells what is known of the volume, and that more is not", () => {
    expect(count({ done: 420, volume: 1_500, knownVolume: 1_500, percent: "28%" })).toBe("420/1,500");
    expect(count({ done: 420, volume: null, knownVolume: 1_000, percent: "n/a" })).toBe("420/1,000+");
    expect(count({ done: 420, volume: null, knownVolume: 20, percent: "n/a" })).toBe("420/?");
  });

  it("has a rate of three digits", () => {
    expect([0.3456, 12, 1_234, 5_600_000].map(perSecond)).toEqual(["0.346/s", "12/s", "1.23K/s", "5.6M/s"]);
  });
});

describe("Times", () => {
  it("that have passed are told in their two largest units", () => {
    const SECOND = 1_000;
    expect([-5, 0, 42, 185, 3_720, 183_600].map((seconds) => elapsed(seconds * SECOND))).toEqual([
      "0s",
      "0s",
      "42s",
      "3m 05s",
      "1h 02m",
      "2d 03h",
    ]);
  });

  it.each([
    [120, 300, "2m–5m left"],
    [45, 90, "45s–1m 30s left"],
    [60, 60, "about 1m 00s left"],
    [1_560, 6_360, "26m–1h 46m left"],
    [-10, 300, "up to 5m left"],
    [-100, -10, "overdue"],
    [7_200, 172_800, "2h–2d left"],
  ])("that are left, from %i to %i seconds, are told as a range: %s", (from, to, text) => {
    const at = (seconds: number): string => new Date(NOW + seconds * 1_000).toISOString();

    expect(left({ earliest: at(from), likely: at(from), latest: at(to) }, NOW)).toBe(text);
  });
});
