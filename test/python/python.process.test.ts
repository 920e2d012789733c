import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Program, PROJECT } from "../kit/process/child-process.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";

/** The tests of the Python package, which report to the built server. Run one yourself: `python3 -m unittest tests.test_ends`. */
const FOLDER = join(PROJECT, "python");
const MODULES = readdirSync(join(FOLDER, "tests"))
  .map((name) => /^(test_\w+)\.py$/.exec(name)?.[1])
  .filter((name) => name !== undefined);

describe.skipIf(!IS_FULL_LENGTH)("The Python package (under CI)", () => {
  it.each(MODULES)("passes its tests: %s", async (name) => {
    await using tests = new Program("python3", ["-m", "unittest", "-b", `tests.${name}`], { cwd: FOLDER });
    const { code } = await tests.exited;

    expect([code, tests.err.slice(-80)]).toEqual([0, expect.arrayContaining([expect.stringMatching(/^OK/)])]);
  });

  it("has tests", () => {
    expect(MODULES.length).toBeGreaterThan(4);
  });
});
