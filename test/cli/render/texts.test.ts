import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bar } from "../../../src/cli/render/bar.js";
import { sanitizeForTerminal, sanitizedJson } from "../../../src/cli/render/sanitize.js";
import { truncate, padToWidth, widthOf } from "../../../src/cli/render/width.js";
import { barText } from "../../../src/tasks/progress.js";
import { HOSTILE, watchedLeaf } from "../watched-jobs.js";

const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

describe("sanitizeForTerminal and sanitizedJson", () => {
  it("replace control sequences and line breaks", () => {
    expect(sanitizeForTerminal(HOSTILE)).toBe("a�[2J�31m�evil� FINISHED 100% �");
  });

  it("keep letters of any language and joined emoji", () => {
    expect(sanitizeForTerminal("Zürich 漢字 नमस्ते 👩‍👩‍👧 می‌خواهم")).toBe("Zürich 漢字 नमस्ते 👩‍👩‍👧 می‌خواهم");
  });

  it("keep at most three marks on a letter", () => {
    expect(sanitizeForTerminal(`a${"\u0301".repeat(100)}b`)).toBe("a\u0301\u0301\u0301b");
  });

  it("leave no control characters in any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(sanitizeForTerminal(text)).not.toMatch(CONTROLS);
        expect(truncate(sanitizeForTerminal(text), 10)).not.toMatch(CONTROLS);
      }),
    );
  });

  it("escape JSON without changing its value", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(sanitizedJson({ text })).not.toMatch(CONTROLS);
        expect(JSON.parse(sanitizedJson({ text }))).toEqual({ text });
      }),
    );
    expect(sanitizedJson(HOSTILE)).toBe(
      String.raw`"a\u001b[2J\u009b31m\u202eevil\u0007\r\nFINISHED 100%\u2028\u200b"`,
    );
  });
});

describe("widthOf, truncate and padToWidth", () => {
  it("measure in terminal columns", () => {
    expect(["abc", "漢字", "e\u0301", "👩‍👩‍👧", ""].map(widthOf)).toEqual([3, 4, 1, 2, 0]);
  });

  it.each([
    ["import", 6, "import"],
    ["import", 4, "imp…"],
    ["漢字漢字", 5, "漢字…"],
    ["漢字漢字", 4, "漢…"],
    ["import", 1, "…"],
    ["import", 0, ""],
  ])("cut %s to %i columns as %s", (text, width, shown) => {
    expect(truncate(text, width)).toBe(shown);
  });

  it("fill exactly the given width", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat(30), (text, width) => {
        expect(widthOf(padToWidth(sanitizeForTerminal(text), width))).toBe(width);
      }),
    );
  });
});

describe("bar", () => {
  it.each([
    [0, 10, 0],
    [1, 3, 1 / 3],
    [420, 1_500, 0.28],
    [1_700, 1_500, 1],
    [0, 0, 1],
    [7, null, null],
  ])("draws %i of %s like the server", (done, volume, ratio) => {
    const { progress } = watchedLeaf("read", done, volume);

    expect(bar(progress, 20)).toBe(barText({ ratio }, 20));
  });
});
