import { describe, expect, it } from "vitest";
import { scrollTopFor, visibleSpan } from "../../../src/web/parts/virtual-window.js";

const LIST = { height: 100, rowHeight: 10, count: 1_000 };

describe("The span of a long list", () => {
  it.each([0, 5, 95, 4_321, 9_900])("covers the visible rows and a small margin at offset %d", (top) => {
    const { from, to } = visibleSpan({ ...LIST, top });

    expect(from * 10).toBeLessThanOrEqual(Math.max(0, top));
    expect(to * 10).toBeGreaterThanOrEqual(Math.min(10_000, top + 100));
    expect(to - from).toBeLessThanOrEqual(32);
  });

  it("is empty if the list is out of view or has no rows", () => {
    expect(visibleSpan({ ...LIST, top: -500 })).toEqual({ from: 0, to: 0 });
    expect(visibleSpan({ ...LIST, count: 0, top: 0 })).toEqual({ from: 0, to: 0 });
  });
});

describe("Scrolling to a row", () => {
  it.each([
    [5, undefined],
    [0, undefined],
    [40, 310],
    [9, undefined],
  ])("%d scrolls no further than needed", (index, top) => {
    expect(scrollTopFor(index, { top: 0, height: 100, rowHeight: 10 })).toBe(top);
  });

  it("above the viewport puts it first", () => {
    expect(scrollTopFor(3, { top: 200, height: 100, rowHeight: 10 })).toBe(30);
  });
});
