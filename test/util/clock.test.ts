import { describe, expect, it, vi } from "vitest";
import { systemClock } from "../../src/util/clock.js";

describe("the system clock", () => {
  it("returns milliseconds since 1970", () => {
    const before = Date.now();
    const now = systemClock.now();
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(Date.now());
  });

  it("calls back no earlier than requested", async () => {
    const before = performance.now();
    await new Promise<void>((resolve) => systemClock.schedule(20, resolve));
    expect(performance.now() - before).toBeGreaterThanOrEqual(19);
  });

  it("does not call back after one or more cancellations", async () => {
    const callback = vi.fn<() => void>();
    const timer = systemClock.schedule(1, callback);
    timer.cancel();
    timer.cancel();
    await new Promise<void>((resolve) => systemClock.schedule(5, resolve));
    expect(callback).not.toHaveBeenCalled();
  });
});
