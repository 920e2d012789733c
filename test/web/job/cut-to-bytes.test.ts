import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutToBytes } from "../../../src/web/job/cut-to-bytes.js";

describe("A text that is cut to a number of bytes", () => {
  it("keeps as many whole characters as fit", () => {
    expect([cutToBytes("abc", 2), cutToBytes("é€😀", 8), cutToBytes("é€😀", 9), cutToBytes("a", 0)]).toEqual([
      "ab",
      "é€",
      "é€😀",
      "",
    ]);
  });

  it("is a start of the text within the bytes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat(200), (text, bytesMax) => {
        const cut = cutToBytes(text, bytesMax);

        expect(text.startsWith(cut)).toBe(true);
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(bytesMax);
      }),
    );
  });
});
