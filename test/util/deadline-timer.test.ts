import { describe, expect, it } from "vitest";
import { DeadlineTimer } from "../../src/util/deadline-timer.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";

describe("a deadline timer", () => {
  it("fires once, at its deadline", () => {
    const { clock, timer, firedAt } = timerAt(1_000);
    timer.set(1_500);
    clock.advance(10_000);
    expect(firedAt).toEqual([1_500]);
  });

  it("fires at the earliest of several deadlines", () => {
    const { clock, timer, firedAt } = timerAt(0);
    timer.set(300);
    timer.set(100);
    timer.set(200);
    clock.advance(10_000);
    expect(firedAt).toEqual([100]);
    expect(clock.timerCount).toBe(0);
  });

  it("fires at once for a past deadline, and can be set again", () => {
    const { clock, timer, firedAt } = timerAt(1_000);
    timer.set(500);
    clock.advance(0);
    timer.set(2_000);
    clock.advance(10_000);
    expect(firedAt).toEqual([1_000, 2_000]);
  });

  it("does not fire once it is canceled or set to Infinity", () => {
    const { clock, timer, firedAt } = timerAt(0);
    timer.set(100);
    timer.cancel();
    timer.cancel();
    timer.set(200);
    timer.set(Infinity);
    clock.advance(10_000);
    expect(firedAt).toEqual([]);
    expect(clock.timerCount).toBe(0);
  });

  it("fires early if the deadline is beyond the maximum delay", () => {
    const { clock, timer, firedAt } = timerAt(0);
    timer.set(2 ** 40);
    clock.advance(2 ** 40);
    expect(firedAt).toEqual([2 ** 31 - 1]);
  });
});

function timerAt(now: number): { clock: ManualClock; timer: DeadlineTimer; firedAt: number[] } {
  const clock = new ManualClock(now);
  const firedAt: number[] = [];
  return { clock, firedAt, timer: new DeadlineTimer(clock, () => firedAt.push(clock.now())) };
}
