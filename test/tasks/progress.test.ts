import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { barText, percentText, progressOf } from "../../src/tasks/progress.js";
import { branch, iterative, leaf } from "../kit/store/edits.js";
import { at, createTree, withUpdates } from "./sample-trees.js";

const ratio = fc.double({ min: 0, max: 1, noNaN: true });
const width = fc.integer({ min: 1, max: 100 });

describe("progress", () => {
  it("is the sum of the leaves below", () => {
    const root = withUpdates(
      createTree(branch("root", leaf("a", 10), branch("b", leaf("c", 20), leaf("d", 70)))),
      { path: "0", done: 5 },
      { path: "1.1", done: 45 },
    );

    expect(progressOf(root)).toEqual({ done: 50, volume: 100, knownVolume: 100, ratio: 0.5 });
    expect(progressOf(at(root, "1"))).toEqual({ done: 45, volume: 90, knownVolume: 90, ratio: 0.5 });
  });

  it("has no volume while that of a leaf below is unknown, but sums done", () => {
    const root = withUpdates(createTree(branch("root", leaf("a", 100), branch("b", leaf("c")))), {
      path: "0",
      done: 50,
    });

    expect(progressOf(root)).toMatchObject({ done: 50, volume: null, ratio: null });
  });

  it("keeps its known volume when that of a leaf is unknown", () => {
    const root = withUpdates(createTree(branch("root", leaf("a", 100), leaf("b"))), { path: "1", done: 3 });

    expect(progressOf(root).knownVolume).toBe(100);
  });

  it("knows the volume once the leaf that was unknown has finished", () => {
    const root = withUpdates(createTree(branch("root", leaf("a", 100), leaf("b"))), {
      path: "1",
      done: 3,
      status: "FINISHED",
    });

    expect(progressOf(root)).toMatchObject({ done: 3, volume: 103 });
  });

  it.each([
    ["nothing to do", 0, 0, 1],
    ["nothing done", 0, 7, 0],
    ["some of it done", 3, 7, 3 / 7],
    ["all of it done", 7, 7, 1],
    ["more done than there was", 44, 40, 1],
  ])("has, for %s (%d of %d), the ratio %d, as in GDS", (_, done, volume, expected) => {
    expect(progressOf(withUpdates(createTree(leaf("a", volume)), { done })).ratio).toBe(expected);
  });

  it("has no volume rather than 100 % for a task without iterations yet", () => {
    const progress = progressOf(createTree(iterative("rounds", "OPEN", null, leaf("a"))));

    expect(progress).toEqual({ done: 0, volume: null, knownVolume: 0, ratio: null });
    expect(percentText(progress)).toBe("n/a");
  });
});

describe("the percent text", () => {
  it.each([
    [null, "n/a"],
    [0, "0%"],
    [1, "100%"],
    [1 / 3, "33.33%"],
    [2 / 3, "66.67%"],
    [3 / 7, "42.86%"],
    [0.42, "42%"],
    [0.425, "42.5%"],
    [0.75, "75%"],
    [0.1, "10%"],
    [0.05, "5%"],
    [1e-9, "0%"],
    [0.29, "29%"],
    [0.57, "57%"],
  ])("prints the ratio %d as %s, as gds.listProgress does", (value, text) => {
    expect(percentText({ ratio: value })).toBe(text);
  });

  it.each([
    [0.00125, "0.12%"],
    [0.00375, "0.38%"],
    [0.00625, "0.62%"],
    [0.00875, "0.88%"],
    [0.25125, "25.12%"],
    [0.99875, "99.88%"],
  ])("rounds a tie to the even neighbour: %d is %s", (value, text) => {
    expect(percentText({ ratio: value })).toBe(text);
  });

  it.each([
    [0.99995, "100%"],
    [0.99994, "99.99%"],
    [0.000049, "0%"],
    [0.00005, "0.01%"],
    [0.00015, "0.01%"],
    [0.00025, "0.03%"],
  ])("rounds the exact binary value, not its shortest decimal: %d is %s", (value, text) => {
    expect(percentText({ ratio: value })).toBe(text);
  });

  it("has at most two decimals after a point, no trailing zero and no exponent", () => {
    fc.assert(
      fc.property(ratio, (value) => {
        expect(percentText({ ratio: value })).toMatch(/^(?:0|[1-9]\d?|100)(?:\.\d?[1-9])?%$/);
      }),
      { numRuns: 2_000 },
    );
  });

  it("is rounded to the nearest hundredth", () => {
    fc.assert(
      fc.property(ratio, (value) => {
        expect(Math.abs(Number.parseFloat(percentText({ ratio: value })) - value * 100)).toBeLessThanOrEqual(
          0.005 + 1e-12,
        );
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("the bar", () => {
  it.each([
    [null, "[~~~~n/a~~~]"],
    [0, "[~~~~~~~~~~]"],
    [3 / 7, "[####~~~~~~]"],
    [0.75, "[#######~~~]"],
    [0.99995, "[#########~]"],
    [1, "[##########]"],
  ])("draws the ratio %d as %s, as gds.listProgress does", (value, text) => {
    expect(barText({ ratio: value }, 10)).toBe(text);
  });

  it.each([
    [1, "[~]", "[~]"],
    [2, "[~~]", "[#~]"],
    [3, "[n/a]", "[#~~]"],
    [4, "[~n/a]", "[##~~]"],
    [5, "[~n/a~]", "[##~~~]"],
    [6, "[~~n/a~]", "[###~~~]"],
    [11, "[~~~~n/a~~~~]", "[#####~~~~~~]"],
  ])("is, at width %d, %s while the volume is unknown, and %s half way", (columns, unknown, half) => {
    expect(barText({ ratio: null }, columns)).toBe(unknown);
    expect(barText({ ratio: 0.5 }, columns)).toBe(half);
  });

  it.each(Array.from({ length: 100 }, (_, index) => index + 1))("can be %d wide", (columns) => {
    const bars = [null, 0, 0.001, 1 / 3, 0.5, 0.999, 1].map((value) => barText({ ratio: value }, columns));

    expect(new Set(bars.map((bar) => bar.length))).toEqual(new Set([columns + 2]));
    expect(bars.at(-1)).toBe(`[${"#".repeat(columns)}]`);
  });

  it("is never full before the end, never longer and never shorter than its width", () => {
    fc.assert(
      fc.property(ratio, width, (value, columns) => {
        expect(barText({ ratio: Math.min(value, 1 - Number.EPSILON / 2) }, columns)).toMatch(/^\[#*~+\]$/);
        expect(barText({ ratio: value }, columns)).toHaveLength(columns + 2);
      }),
      { numRuns: 2_000 },
    );
  });

  it("never gets shorter as work is done", () => {
    fc.assert(
      fc.property(ratio, ratio, width, (a, b, columns) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)].map((value) =>
          barText({ ratio: value }, columns),
        );

        expect(less!.split("#").length).toBeLessThanOrEqual(more!.split("#").length);
      }),
    );
  });
});
