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
  ])("for what the server answers with %s is %i", (code, exitCode) => {
    expect(exitCodeOf(new TidemarkError(code, "no"))).toBe(exitCode);
  });

  it("for a token that is missing or refused comes with how to give one at a prompt", () => {
    expect(
      failureMessageOf(new TidemarkError("UNAUTHENTICATED", "send it as `Authorization: Bearer TOKEN`")),
    ).toBe(
      "tidemark: the server wants to know who asks: give a token that is good, with --token or TIDEMARK_TOKEN",
    );
  });

  it("is what the command asks for, with a line on stderr only where there is something to say", () => {
    expect(exitCodeOf(new ExitError(EXIT.JOB_FAILED))).toBe(6);
    expect(failureMessageOf(new ExitError(EXIT.JOB_FAILED))).toBeUndefined();
    expect(failureMessageOf(new ExitError(EXIT.NOT_FOUND, "it is gone"))).toBe("tidemark: it is gone");
  });
});
