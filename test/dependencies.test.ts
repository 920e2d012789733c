import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const { packages } = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8")) as {
  readonly packages: Readonly<Record<string, LockedPackage>>;
};

interface LockedPackage {
  readonly version: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** The oldest versions without a known vulnerability that a client can exploit. */
const MINIMUMS = [
  ["ws", "8.23.0", "the queue of unanswered pings is unbounded"],
  ["graphql", "16.15.0", "one small request blocks the event loop for seconds"],
  ["graphql-yoga", "5.21.3", "a multipart map pollutes the prototype of all objects"],
  ["graphql-ws", "6.4.2", "an id such as __proto__ counts as in use"],
] as const;

describe("The lock file", () => {
  it.each(MINIMUMS)("has only versions of %s from %s on: before it %s", (name, minimum) => {
    const versions = installed(name);

    expect(versions.length).toBeGreaterThan(0);
    expect(versions.filter((version) => isOlder(version, minimum))).toEqual([]);
  });

  it.each(MINIMUMS)("has one copy of %s", (name) => {
    expect(installed(name)).toHaveLength(1);
  });

  it("has the binaries of LMDB as our own dependencies, in the version of the library that the build contains", () => {
    expect(packages[""]!.optionalDependencies).toEqual(packages["node_modules/lmdb"]!.optionalDependencies);
  });

  it.each([
    ["8.22.9", "8.23.0", true],
    ["8.23.0", "8.23.0", false],
    ["8.23.0-beta.1", "8.23.0", true],
    ["10.0.0", "9.9.9", false],
    ["16.9.0", "16.15.0", true],
  ])("%s is older than %s: %s", (version, minimum, expected) => {
    expect(isOlder(version, minimum)).toBe(expected);
  });
});

function installed(name: string): string[] {
  return Object.entries(packages)
    .filter(([path]) => path.endsWith(`node_modules/${name}`))
    .map(([, { version }]) => version);
}

/** A pre-release is older than its release. */
function isOlder(version: string, minimum: string): boolean {
  const [numbers = "", preRelease] = version.split("-");
  const order = numbers.localeCompare(minimum, "en", { numeric: true });
  return order < 0 || (order === 0 && preRelease !== undefined);
}
