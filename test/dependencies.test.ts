import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

/** What is installed, as the lock file has it. */
const { packages } = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8")) as {
  readonly packages: Readonly<Record<string, { readonly version: string }>>;
};

/** Below these a client could stop the server, or reach what it may not. */
const FLOORS = [
  ["ws", "8.23.0", "pings that nobody answers were kept without a bound"],
  ["graphql", "16.15.0", "one small request held the event loop for seconds"],
  ["graphql-yoga", "5.21.3", "a multipart map reached the prototype of all objects"],
  ["graphql-ws", "6.4.2", "an id such as __proto__ counted as in use"],
] as const;

describe("What the server stands on", () => {
  it.each(FLOORS)("has %s at %s or newer, wherever it is installed: below it %s", (name, floor) => {
    const versions = installed(name);

    expect(versions.length).toBeGreaterThan(0);
    expect(versions.filter((version) => isBelow(version, floor))).toEqual([]);
  });

  it.each(FLOORS)("has one copy of %s", (name) => {
    expect(installed(name)).toHaveLength(1);
  });

  it.each([
    ["8.22.9", "8.23.0", true],
    ["8.23.0", "8.23.0", false],
    ["8.23.0-beta.1", "8.23.0", true],
    ["10.0.0", "9.9.9", false],
    ["16.9.0", "16.15.0", true],
  ])("is told which is older: %s, %s", (version, floor, expected) => {
    expect(isBelow(version, floor)).toBe(expected);
  });
});

function installed(name: string): string[] {
  return Object.entries(packages)
    .filter(([path]) => path.endsWith(`node_modules/${name}`))
    .map(([, { version }]) => version);
}

/** Something before a release is below it. */
function isBelow(version: string, floor: string): boolean {
  const [numbers = "", before] = version.split("-");
  const order = numbers.localeCompare(floor, "en", { numeric: true });
  return order < 0 || (order === 0 && before !== undefined);
}
