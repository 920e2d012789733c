import { describe, expect, it } from "vitest";
import { utf8AsLatin1 } from "../../src/util/latin1.js";

describe("latin1Of", () => {
  it.each(["", "plain", "\u0000\u007f", "\u0080", "größer", "日本語", "👍🏽", "a".repeat(70_000), "\ud800"])(
    "has a character for each byte of %j in UTF-8",
    (text) => {
      expect(Buffer.from(utf8AsLatin1(text), "latin1")).toEqual(Buffer.from(text));
    },
  );

  it("puts pieces together as the texts they are of", () => {
    const pieces = ["é", "-", "日本"];
    expect(Buffer.from(pieces.map(utf8AsLatin1).join(""), "latin1").toString()).toBe(pieces.join(""));
  });
});
