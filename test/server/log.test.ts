import { describe, expect, it } from "vitest";
import { escapeControlCharacters } from "../../src/server/log.js";

describe("A line of the log", () => {
  it.each([
    ["what clears a terminal", "\u009b2J"],
    ["a delete", "\u007f"],
    ["what turns text around", "\u202e"],
    ["what separates lines", "\u2028"],
    ["what nobody sees", "\u200b"],
  ])("has %s as an escape, and says the same", (_, hostile) => {
    const line = escapeControlCharacters(JSON.stringify({ name: `a${hostile}b` }));

    expect(line).toMatch(/^[\u0020-\u007e]+$/);
    expect(JSON.parse(line)).toEqual({ name: `a${hostile}b` });
  });

  it.each([
    ["a bearer token", "Authorization: Bearer abc.DEF-123_~+/=="],
    ["a bearer token in lower case", "bearer abcDEF123"],
    ["a JWT", "token eyJhbGciOiJub25lIn0.eyJzdWIiOiJhYmNERUYxMjMifQ."],
    ["a token of ours", `token tm_${"abcDEF123".repeat(5)}`],
  ])("has no token: %s", (_, text) => {
    const line = escapeControlCharacters(JSON.stringify({ text }));

    expect(line).toContain("[token]");
    expect(line).not.toMatch(/abc|DEF|123|eyJ/);
  });

  it("is as it was where there is nothing to hide", () => {
    const line = JSON.stringify({ msg: 'the bearer of "news"\n', name: "Zoë 日本" });

    expect(escapeControlCharacters(line)).toBe(line.replace("bearer of", "bearer [token]"));
  });
});
