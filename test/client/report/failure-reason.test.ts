import { describe, expect, it } from "vitest";
import { failureReason } from "../../../src/client/report/failure-reason.js";

describe("The reason of a failure", () => {
  it.each([
    ["an error", new RangeError("row 4 is too long"), "row 4 is too long"],
    ["an error without a message", new RangeError(""), "RangeError"],
    ["a text", "no paper", "no paper"],
    ["an object with a message", { message: "no paper" }, "no paper"],
    ["an object without a message", { status: 503 }, `{"status":503}`],
    ["a message that is no text", { message: { status: 503 } }, `{"status":503}`],
    ["an error with a code", Object.assign(new Error("read failed"), { code: "EIO" }), "read failed (EIO)"],
    ["a code that the message has", Object.assign(new Error("EIO: read"), { code: "EIO" }), "EIO: read"],
    [
      "a DOMException",
      new DOMException("The operation timed out", "TimeoutError"),
      "The operation timed out",
    ],
    ["a DOMException without a message", new DOMException("", "TimeoutError"), "TimeoutError"],
    ["undefined", undefined, "undefined was thrown"],
    ["null", null, "null was thrown"],
    ["an empty text", "", "An empty text was thrown"],
    ["a symbol", Symbol("stop"), "Symbol(stop)"],
    ["a number", 0, "0"],
    ["an object without a prototype", Object.create(null), "a value that has no text"],
    ["a proxy that throws", throwingProxy(), "a value that has no text"],
    ["control characters", new Error("\u001B[31mred\u001B[0m\u0007\r\nnext\tcell"), "red \nnext\tcell"],
  ])("is readable for %s", (_, thrown, reason) => {
    expect(failureReason(thrown)).toBe(reason);
  });

  it("names the causes, the outermost first", () => {
    const refused = Object.assign(new Error("connect failed"), { code: "ECONNREFUSED" });
    const fetching = new TypeError("fetch failed", { cause: refused });

    expect(failureReason(new Error("Import failed", { cause: fetching }))).toBe(
      "Import failed: caused by fetch failed: caused by connect failed (ECONNREFUSED)",
    );
  });

  it("names a cause that is no error", () => {
    expect(failureReason(new Error("Import failed", { cause: "no paper" }))).toBe(
      "Import failed: caused by no paper",
    );
  });

  it("ends at a cause that it has named, and after eight errors", () => {
    const circular = new Error("one");
    circular.cause = new Error("two", { cause: circular });
    const long = Array.from({ length: 20 }).reduce<Error>(
      (cause) => new Error("again", { cause }),
      new Error("first"),
    );

    expect(failureReason(circular)).toBe("one: caused by two");
    expect(failureReason(long).split("caused by")).toHaveLength(8);
  });

  it("names the errors of an AggregateError", () => {
    const errors = [new Error("connect ::1"), new Error("connect 127.0.0.1", { cause: "no route" })];

    expect(failureReason(new AggregateError(errors, "All failed"))).toBe(
      "All failed: connect ::1; connect 127.0.0.1: caused by no route",
    );
    expect(failureReason(new AggregateError(errors))).toMatch(/^AggregateError: connect ::1; /);
  });

  it("reads around a property that throws", () => {
    const thrown = {
      name: "StrangeError",
      get message(): string {
        throw new Error("no message");
      },
    };

    expect(failureReason(thrown)).toBe("StrangeError");
  });

  it("ends with an ellipsis if it is too long, and never in the middle of a character", () => {
    const reason = failureReason(new Error("😀".repeat(10_000)));

    expect(reason).toMatch(/^(?:😀)+…$/u);
    expect(new TextEncoder().encode(reason).length).toBeLessThanOrEqual(4_096);
    expect(reason.length).toBeGreaterThan(2_000);
  });
});

function throwingProxy(): object {
  const trap = (): never => {
    throw new Error("trap");
  };
  return new Proxy(
    {},
    { get: trap, has: trap, getPrototypeOf: trap, ownKeys: trap, getOwnPropertyDescriptor: trap },
  );
}
