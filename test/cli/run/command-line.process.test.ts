import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { generateJobId, formatCommand, shellHint } from "../../../src/cli/run/command-line.js";

describe("A command", () => {
  it("is formatted as a user would type it", () => {
    expect(formatCommand(["rsync", "-a", "my files/", "it's"])).toBe(
      String.raw`rsync -a 'my files/' 'it'\''s'`,
    );
  });

  it("keeps its arguments in a shell, for any characters", () => {
    const words = fc.array(
      fc.string({ unit: fc.constantFrom(..." '\"\\$`!*?~#&|;<>()\n\täx"), maxLength: 8 }),
      {
        maxLength: 4,
      },
    );
    fc.assert(
      fc.property(words, (args) => {
        const line = formatCommand(["printf", "%s\\0", "first", ...args]);
        expect(execFileSync("sh", ["-c", line], { encoding: "utf8" })).toBe(
          ["first", ...args].map((word) => `${word}\0`).join(""),
        );
      }),
      { numRuns: 25 },
    );
  });

  it("has a readable job id that differs each time", () => {
    const now = new Date("2026-11-23T17:21:10.123Z");

    expect(generateJobId(["/usr/bin/my tool"], now)).toMatch(/^my_tool-20261123-172110-[\da-f]{6}$/);
    expect(generateJobId(["x"], now)).not.toBe(generateJobId(["x"], now));
    expect(generateJobId(["/"], now)).toMatch(/^command-/);
    expect(generateJobId(["for i in 1 2; do echo $i/2; done"], now)).toMatch(/^for-\d/);
  });

  it.each([
    ["for i in 1 2; do echo $i/2; done", true],
    ["echo 1 | tee log", true],
    ["cd", true],
    ["/usr/bin/my tool", false],
    ["rsink", false],
  ])("that was not found is meant for a shell if it has words or is a keyword: %s", (program, isShell) => {
    expect(shellHint([program]) !== undefined).toBe(isShell);
  });
});
