import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { isTransientLimit, limitExceeded, TidemarkError } from "../../src/protocol/tidemark-error.js";

describe("an expected failure", () => {
  it("has its code in extensions", () => {
    const error = new TidemarkError("NOT_FOUND", "No such job.");

    expect(error).toMatchObject({
      name: "TidemarkError",
      code: "NOT_FOUND",
      extensions: { code: "NOT_FOUND" },
    });
    expect(error.message).toBe("No such job.");
  });

  it("keeps its cause out of extensions", () => {
    const cause = new Error("disk full");
    const error = new TidemarkError("UNAVAILABLE", "The journal can't write.", { cause });

    expect(error.cause).toBe(cause);
    expect(error.extensions).toEqual({ code: "UNAVAILABLE" });
  });

  it("truncates a long message", () => {
    const error = new TidemarkError("BAD_USER_INPUT", "x".repeat(1_000_000));

    expect(error.message).toMatch(/^x{600}…$/);
  });

  it("keeps a message of 600 characters", () => {
    expect(new TidemarkError("BAD_USER_INPUT", "x".repeat(600)).message).toBe("x".repeat(600));
  });

  it("has no cause property without a cause", () => {
    expect(new TidemarkError("INTERNAL", "?")).not.toHaveProperty("cause");
  });
});

describe("an exceeded limit", () => {
  it("is reported as LIMIT_EXCEEDED with the name of its setting (law 16)", () => {
    const error = limitExceeded("nameBytesMax", "The name has 129 bytes", 128);

    expect(error.extensions).toEqual({ code: "LIMIT_EXCEEDED", limit: "nameBytesMax" });
    expect(error.message).toBe("The name has 129 bytes; the limit is 128 (nameBytesMax).");
  });
});

it("The limits that depend on the load are transient, and no others", () => {
  const names = Object.keys(DEFAULT_LIMITS).filter(isTransientLimit);

  expect(names).toEqual([
    "connectionsMax",
    "connectionsPerAddressMax",
    "connectionsPerUserMax",
    "subscriptionsPerUserMax",
    "operationsPerSecondMax",
    "mutationsPerSecondMax",
    "waitingAnswerBytesMax",
    "changesWaitingMax",
    "memoryMax",
    "memoryPerDatabaseMax",
    "memoryPerUserMax",
  ]);
});
