/**
 * The rooms of DESIGN section 3, checked by dependency-cruiser with the rules of .dependency-cruiser.cjs. A tool
 * that found no file would also find no violation; hence the count, and a planted example of each violation.
 */
import { fileURLToPath } from "node:url";
import { cruise, type ICruiseResult } from "dependency-cruiser";
import extractDepcruiseOptions from "dependency-cruiser/config-utl/extract-depcruise-options";
import { expect, it } from "vitest";

const RULES = fileURLToPath(new URL("../.dependency-cruiser.cjs", import.meta.url));
const PROJECT = fileURLToPath(new URL("../", import.meta.url));
const PLANTED = fileURLToPath(new URL("./fixtures/rooms/", import.meta.url));

it("every import in src/ goes down to a room that may be imported", async () => {
  const result = await cruiseSources(PROJECT);

  expect(violationsOf(result)).toEqual([]);
});

it("the check sees the files of src/ and how they hang together", async () => {
  const { summary } = await cruiseSources(PROJECT);

  expect(summary.totalCruised).toBeGreaterThanOrEqual(5);
  expect(summary.totalDependenciesCruised).toBeGreaterThanOrEqual(5);
});

it("the check finds each kind of forbidden import, and nothing else", async () => {
  const result = await cruiseSources(PLANTED);

  expect(violationsOf(result)).toEqual([
    "cli-imports-only-what-is-below: src/cli/program.ts -> src/main.ts",
    "every-import-is-found: src/journal/journal.ts -> ./lost.js",
    "every-room-is-listed: src/attic/box.ts -> src/tasks/task.ts",
    "no-cycles: src/store/egg.ts -> src/store/hen.ts",
    "no-orphans: src/util/alone.ts -> src/util/alone.ts",
    "nobody-imports-main: src/cli/program.ts -> src/main.ts",
    "pure-rooms-import-no-builtin: src/tasks/disk.ts -> fs",
    "pure-rooms-import-no-package: src/tasks/shape.ts -> zod",
    "tasks-imports-only-what-is-below: src/tasks/task.ts -> src/hub/hub.ts",
    "ws-stays-at-home: src/hub/hub.ts -> ws",
  ]);
});

async function cruiseSources(baseDir: string): Promise<ICruiseResult> {
  const { output } = await cruise(["src"], { ...(await extractDepcruiseOptions(RULES)), baseDir });
  if (typeof output === "string") throw new TypeError("the cruise was asked for an object");
  return output;
}

/** "rule: from -> to" of each violation, sorted; a package is written by its name. */
function violationsOf({ summary }: ICruiseResult): string[] {
  return summary.violations
    .map(({ rule, from, to }) => `${rule.name}: ${from} -> ${packageOr(to)}`)
    .toSorted();
}

function packageOr(path: string): string {
  return path.replace(/^.*node_modules\/(@types\/)?([^/]+)\/.*$/, "$2");
}
