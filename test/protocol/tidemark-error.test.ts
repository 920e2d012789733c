import { describe, expect, it } from "vitest";
import { limitExceeded, TidemarkError } from "../../src/protocol/tidemark-error.js";

describe("an expected failure", () => {
  it("has its code where clients find it, in extensions", () => {
    const error = new TidemarkError("NOT_FOUND", "There is none.");

    expect(error).toMatchObject({
      name: "TidemarkError",
      code: "NOT_FOUND",
      extensions: { code: "NOT_FOUND" },
    });
    expect(error.message).toBe("There is none.");
  });

  it("keeps what caused it, out of what clients are sent", () => {
    const cause = new Error("disk full");
    const error = new TidemarkError("UNAVAILABLE", "The journal can't write.", { cause });

    expect(error.cause).toBe(cause);
    expect(error.extensions).toEqual({ code: "UNAVAILABLE" });
  });

  it("tells the beginning of a value, however long that was: answers are short", () => {
    const error = new TidemarkError("BAD_USER_INPUT", "x".repeat(1_000_000));

    expect(error.message).toMatch(/^x{600}…$/);
  });

  it("that is short is told whole", () => {
    expect(new TidemarkError("BAD_USER_INPUT", "x".repeat(600)).message).toBe("x".repeat(600));
  });

  it("without a cause has none", () => {
    expect(new TidemarkError("INTERNAL", "?")).not.toHaveProperty("cause");
  });
});

describe("a bound that was passed", () => {
  it("is LIMIT_EXCEEDED and names the setting that moves it (law 16)", () => {
    const error = limitExceeded("nameBytesMax", "The name has 129 bytes", 128);

    expect(error.extensions).toEqual({ code: "LIMIT_EXCEEDED", limit: "nameBytesMax" });
    expect(error.message).toBe("The name has 129 bytes; the limit is 128 (nameBytesMax).");
  });
});
