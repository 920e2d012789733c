import { describe, expect, it } from "vitest";
import { escapeControlCharacters } from "../../src/server/log.js";

describe("A line of the log", () => {
  it.each([
    ["a control sequence", "\u009b2J"],
    ["a delete character", "\u007f"],
    ["a bidirectional override", "\u202e"],
    ["a line separator", "\u2028"],
    ["an invisible character", "\u200b"],
  ])("escapes %s without a change of meaning", (_, hostile) => {
    const line = escapeControlCharacters(JSON.stringify({ name: `a${hostile}b` }));

    expect(line).toMatch(/^[\u0020-\u007e]+$/);
    expect(JSON.parse(line)).toEqual({ name: `a${hostile}b` });
  });

  it.each([
    ["a bearer token", "Authorization: Bearer abc.DEF-123_~+/=="],
    ["a bearer token in lower case", "bearer abcDEF123"],
    ["a JWT", "token eyJhbGciOiJub25lIn0.eyJzdWIiOiJhYmNERUYxMjMifQ."],
    ["a Tidemark token", `token tm_${"abcDEF123".repeat(5)}`],
  ])("redacts %s", (_, text) => {
    const line = escapeControlCharacters(JSON.stringify({ text }));

    expect(line).toContain("[token]");
    expect(line).not.toMatch(/abc|DEF|123|eyJ/);
  });

  it("redacts the password of a URL, and stays JSON", () => {
    const err = { input: "postgres://u:s3cret@db/jobs", message: "a@b" };
    const line = escapeControlCharacters(JSON.stringify({ err, at: "http://[::1]:4000/" }));

    expect(JSON.parse(line)).toEqual({
      err: { input: "postgres://u:***@db/jobs", message: "a@b" },
      at: "http://[::1]:4000/",
    });
  });

  it("is unchanged when nothing must be hidden", () => {
    const line = JSON.stringify({ msg: 'the bearer of "news"\n', name: "Zoë 日本" });

    expect(escapeControlCharacters(line)).toBe(line.replace("bearer of", "bearer [token]"));
  });
});
