import { describe, expect, it } from "vitest";
import { utf8AsLatin1 } from "../../src/util/latin1.js";

describe("utf8AsLatin1", () => {
  it.each(["", "plain", "\u0000\u007f", "\u0080", "größer", "日本語", "👍🏽", "a".repeat(70_000), "\ud800"])(
    "has one character per UTF-8 byte of %j",
    (text) => {
      expect(Buffer.from(utf8AsLatin1(text), "latin1")).toEqual(Buffer.from(text));
    },
  );

  it("can be concatenated like the original texts", () => {
    const pieces = ["é", "-", "日本"];
    expect(Buffer.from(pieces.map(utf8AsLatin1).join(""), "latin1").toString()).toBe(pieces.join(""));
  });
});
