import { describe, expect, it } from "vitest";
import { LARGE_JSON_BYTES, NESTING, OverlyNestedError, parseJsonBytes } from "../../src/util/json-bytes.js";

const PADDING = "x".repeat(LARGE_JSON_BYTES);

describe("A large JSON text", () => {
  it.each([
    ["nests as deeply as allowed", `["${PADDING}",${nested(NESTING.levelsMax - 1)}]`],
    ["has as many lists as allowed", `[${listOf(LARGE_JSON_BYTES / 4, "[1,2,34]")}]`],
    ["has brackets in its strings", JSON.stringify(["[".repeat(LARGE_JSON_BYTES), "{"])],
    ["has escaped quotes before brackets", JSON.stringify([`"\\"[`.repeat(LARGE_JSON_BYTES)])],
    ["is one string that never closes a bracket", JSON.stringify("]".repeat(LARGE_JSON_BYTES))],
  ])("is parsed if it %s", (_, text) => {
    expect(parseJsonBytes(Buffer.from(text))).toEqual(JSON.parse(text));
  });

  it.each([
    ["nests one level too many", `["${PADDING}",${nested(NESTING.levelsMax)}]`],
    ["is nothing but brackets", nested(LARGE_JSON_BYTES)],
    ["never closes its brackets", "[".repeat(LARGE_JSON_BYTES + 1)],
    ["has far more lists than values", `[${listOf(LARGE_JSON_BYTES, "[]")}]`],
    ["has far more objects than values", `[${listOf(LARGE_JSON_BYTES, "{}")}]`],
    ["hides its brackets behind an escaped quote", `["\\"",${nested(LARGE_JSON_BYTES)}]`],
  ])("is rejected without being parsed if it %s", (_, text) => {
    expect(() => parseJsonBytes(Buffer.from(text))).toThrow(OverlyNestedError);
  });

  it("is invalid JSON if a string does not end", () => {
    expect(() => parseJsonBytes(Buffer.from(`["${PADDING}\\`))).toThrow(SyntaxError);
  });
});

function nested(levels: number): string {
  return "[".repeat(levels) + "]".repeat(levels);
}

function listOf(count: number, item: string): string {
  return Array.from({ length: count }, () => item).join(",");
}
