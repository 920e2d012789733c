import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Graph, countEdges, parseLock, resolveDependencies } from "../../examples/pagerank/graph.js";
import {
  type Scores,
  largestChange,
  pageRankStep,
  topScores,
  uniformScores,
} from "../../examples/pagerank/page-rank.js";

const LOCK = parseLock({
  lockfileVersion: 3,
  packages: {
    "": { dependencies: { a: "1" }, devDependencies: { c: "1" } },
    "node_modules/a": { dependencies: { b: "2", "@s/p": "1" }, peerDependencies: { c: "1" } },
    "node_modules/a/node_modules/b": { dependencies: { c: "1", d: "1" } },
    "node_modules/a/node_modules/d": {},
    "node_modules/b": { dependencies: { d: "1" } },
    "node_modules/c": { optionalDependencies: { fsevents: "1" }, peerDependencies: { b: "1", a: "1" } },
    "node_modules/d": { dependencies: { c: "1" }, peerDependencies: { c: "1" } },
    "node_modules/@s/p": { dependencies: { b: "1" } },
    "node_modules/@s/p/node_modules/b": {},
    "packages/w": { dependencies: { a: "1" } },
  },
});

describe("The package graph", () => {
  test("resolves a dependency to the nested package first", () => {
    expect(resolveDependencies(LOCK, "node_modules/a")).toContain("node_modules/a/node_modules/b");
    expect(resolveDependencies(LOCK, "node_modules/@s/p")).toEqual(["node_modules/@s/p/node_modules/b"]);
  });

  test("resolves a nested package's dependency to its sibling first, then outward", () => {
    expect(resolveDependencies(LOCK, "node_modules/a/node_modules/b")).toEqual([
      "node_modules/c",
      "node_modules/a/node_modules/d",
    ]);
  });

  test("never resolves to a package nested in another one", () => {
    expect(resolveDependencies(LOCK, "node_modules/b")).toEqual(["node_modules/d"]);
  });

  test("includes peers, removes duplicates, and omits packages that are not installed", () => {
    expect(resolveDependencies(LOCK, "node_modules/c")).toEqual(["node_modules/b", "node_modules/a"]);
    expect(resolveDependencies(LOCK, "node_modules/d")).toEqual(["node_modules/c"]);
  });

  test("includes the project and its workspaces, without development dependencies", () => {
    expect(resolveDependencies(LOCK, "")).toEqual(["node_modules/a"]);
    expect(resolveDependencies(LOCK, "packages/w")).toEqual(["node_modules/a"]);
  });

  test("rejects a lock file without packages", () => {
    expect(() => parseLock({ lockfileVersion: 1, dependencies: {} })).toThrow(TypeError);
    expect(() => parseLock(null)).toThrow(TypeError);
  });
});

describe("PageRank", () => {
  const graph: Graph = new Map([
    ["a", ["b", "c"]],
    ["b", ["c"]],
    ["c", []],
  ]);

  test("computes one step like a manual calculation", () => {
    // c gives 1/3 to all: base = (0.15 + 0.85 / 3) / 3 = 0.1444; a gives 0.1417 each to b and c, b gives 0.2833 to c.
    const scores = pageRankStep(graph, uniformScores(graph));

    expect(scores.get("a")).toBeCloseTo(0.144444, 6);
    expect(scores.get("b")).toBeCloseTo(0.286111, 6);
    expect(scores.get("c")).toBeCloseTo(0.569444, 6);
  });

  test("converges to the exact solution", () => {
    // With base x: a = x, b = x + 0.85 a / 2 = 1.425 x, c = x + 0.85 a / 2 + 0.85 b = 2.63625 x; they add up to 1.
    const scores = stepped(graph, 60);

    expect(scores.get("a")).toBeCloseTo(1 / 5.06125, 9);
    expect(scores.get("b")).toBeCloseTo(1.425 / 5.06125, 9);
    expect(scores.get("c")).toBeCloseTo(2.63625 / 5.06125, 9);
    expect(topScores(scores, 2).map(([node]) => node)).toEqual(["c", "b"]);
  });

  test("adds up to 1 and converges within 50 iterations on this project's own packages", () => {
    const packages = ownPackages();
    const [before, after] = [stepped(packages, 49), stepped(packages, 50)];

    expect(countEdges(packages)).toBeGreaterThan(packages.size / 2);
    expect([...after.values()].reduce((total, score) => total + score, 0)).toBeCloseTo(1, 12);
    expect(largestChange(uniformScores(packages), after)).toBeGreaterThan(1e-3);
    expect(largestChange(before, after)).toBeLessThan(1e-6);
  });
});

function stepped(graph: Graph, stepCount: number): Scores {
  return Array.from({ length: stepCount }).reduce<Scores>(
    (scores) => pageRankStep(graph, scores),
    uniformScores(graph),
  );
}

function ownPackages(): Graph {
  const lock = parseLock(
    JSON.parse(readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8")),
  );
  return new Map([...lock.keys()].map((path) => [path, resolveDependencies(lock, path)]));
}
