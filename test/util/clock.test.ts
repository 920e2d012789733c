import { describe, expect, it, vi } from "vitest";
import { systemClock } from "../../src/util/clock.js";

describe("the machine's clock", () => {
  it("tells the milliseconds since 1970", () => {
    const before = Date.now();
    const now = systemClock.now();
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(Date.now());
  });

  it("calls back after no less than was asked for", async () => {
    const before = performance.now();
    await new Promise<void>((resolve) => systemClock.schedule(20, resolve));
    expect(performance.now() - before).toBeGreaterThanOrEqual(19);
  });

  it("calls nobody back who has cancelled, however often", async () => {
    const callback = vi.fn<() => void>();
    const timer = systemClock.schedule(1, callback);
    timer.cancel();
    timer.cancel();
    await new Promise<void>((resolve) => systemClock.schedule(5, resolve));
    expect(callback).not.toHaveBeenCalled();
  });
});
