import { describe, expect, it } from "vitest";
import { EXIT, ExitError, exitCodeOf } from "../../src/cli/exit-codes.js";
import { failureMessageOf } from "../../src/cli/program.js";
import type { ErrorCode } from "../../src/protocol/error-codes.js";
import { TidemarkError } from "../../src/protocol/tidemark-error.js";

describe("the exit code of a command", () => {
  it.each<[ErrorCode, number]>([
    ["BAD_USER_INPUT", 2],
    ["NOT_FOUND", 3],
    ["UNAVAILABLE", 4],
    ["UNAUTHENTICATED", 5],
    ["FORBIDDEN", 5],
    ["ILLEGAL_TRANSITION", 1],
    ["INTERNAL", 1],
  ])("for the error code %s of the server is %i", (code, exitCode) => {
    expect(exitCodeOf(new TidemarkError(code, "no"))).toBe(exitCode);
  });

  it("is that of an ExitError, with a line on stderr only if it has a message", () => {
    expect(exitCodeOf(new ExitError(EXIT.JOB_FAILED))).toBe(6);
    expect(failureMessageOf(new ExitError(EXIT.JOB_FAILED))).toBeUndefined();
    expect(failureMessageOf(new ExitError(EXIT.NOT_FOUND, "it is gone"))).toBe("tidemark: it is gone");
  });
});
