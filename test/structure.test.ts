/**
 * The rules of src/: which directory may import which (.dependency-cruiser.cjs), and one meaning for each exported name.
 * As a check of no files would pass too, each is also run on fixtures that break every rule.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cruise, type ICruiseResult } from "dependency-cruiser";
import extractDepcruiseOptions from "dependency-cruiser/config-utl/extract-depcruise-options";
import { describe, expect, it } from "vitest";

const RULES = fileURLToPath(new URL("../.dependency-cruiser.cjs", import.meta.url));
const PROJECT = fileURLToPath(new URL("../", import.meta.url));
const FIXTURES = fileURLToPath(new URL("./fixtures/structure/", import.meta.url));

describe("The import rules", () => {
  it("have no violation in src/", async () => {
    const result = await cruiseSources(PROJECT);

    expect(violationsOf(result)).toEqual([]);
    expect(result.summary.totalCruised).toBeGreaterThanOrEqual(100);
    expect(result.summary.totalDependenciesCruised).toBeGreaterThanOrEqual(100);
  });

  it("report each kind of forbidden import, and nothing else", async () => {
    const result = await cruiseSources(FIXTURES);

    expect(violationsOf(result)).toEqual([
      "cli-imports-only-directories-below: src/cli/program.ts -> src/main.ts",
      "every-directory-is-listed: src/attic/box.ts -> src/tasks/task.ts",
      "every-import-resolves: src/journal/journal.ts -> ./lost.js",
      "main-is-not-imported: src/cli/program.ts -> src/main.ts",
      "no-cycles: src/store/egg.ts -> src/store/hen.ts",
      "no-orphans: src/util/alone.ts -> src/util/alone.ts",
      "pure-directories-import-no-builtin: src/tasks/disk.ts -> fs",
      "pure-directories-import-no-package: src/tasks/shape.ts -> zod",
      "tasks-imports-only-directories-below: src/tasks/task.ts -> src/hub/hub.ts",
      "ws-is-imported-only-where-allowed: src/hub/hub.ts -> ws",
    ]);
  });
});

describe("An exported name", () => {
  it("is declared in one file of src/", () => {
    expect(namesInSeveralFiles(PROJECT)).toEqual([]);
  });

  it("is reported if two files declare it", () => {
    expect(namesInSeveralFiles(FIXTURES)).toEqual(["Egg: src/hub/hub.ts, src/store/egg.ts"]);
  });
});

async function cruiseSources(baseDir: string): Promise<ICruiseResult> {
  const { output } = await cruise(["src"], { ...(await extractDepcruiseOptions(RULES)), baseDir });
  if (typeof output === "string") throw new TypeError("expected the result of the cruise as an object");
  return output;
}

/** "rule: from -> to" of each violation, sorted. The path of a package is replaced by its name. */
function violationsOf({ summary }: ICruiseResult): string[] {
  return summary.violations
    .map(({ rule, from, to }) => `${rule.name}: ${from} -> ${packageOr(to)}`)
    .toSorted();
}

function packageOr(path: string): string {
  return path.replace(/^.*node_modules\/(@types\/)?([^/]+)\/.*$/, "$2");
}

/** "name: files" of each such name, sorted. Ignores re-exports and generated code, whose names are those of the schema. */
function namesInSeveralFiles(baseDir: string): string[] {
  const paths = readdirSync(join(baseDir, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => /\.tsx?$/.test(path) && !path.startsWith("client/generated/"))
    .map((path) => `src/${path}`)
    .toSorted();
  const pathsByName = new Map<string, Set<string>>();
  for (const path of paths)
    for (const [, name = ""] of readFileSync(join(baseDir, path), "utf8").matchAll(DECLARATION))
      pathsByName.set(name, (pathsByName.get(name) ?? new Set()).add(path));
  return [...pathsByName]
    .filter(([, { size }]) => size > 1)
    .map(([name, found]) => `${name}: ${[...found].join(", ")}`)
    .toSorted();
}

const DECLARATION =
  /^export (?:declare |abstract |async |const (?=enum))*(?:class|interface|type|function\*?|const|let|enum) (\w+)/gm;
