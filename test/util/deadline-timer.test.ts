import { describe, expect, it } from "vitest";
import { DeadlineTimer } from "../../src/util/deadline-timer.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";

describe("an alarm", () => {
  it("rings at the instant that it was set to, once", () => {
    const { clock, alarm, rings } = alarmAt(1_000);
    alarm.set(1_500);
    clock.advance(10_000);
    expect(rings).toEqual([1_500]);
  });

  it("rings at the earliest of several instants, whichever was set last", () => {
    const { clock, alarm, rings } = alarmAt(0);
    alarm.set(300);
    alarm.set(100);
    alarm.set(200);
    clock.advance(10_000);
    expect(rings).toEqual([100]);
    expect(clock.timerCount).toBe(0);
  });

  it("rings at once for an instant that is past, and can be set anew from then on", () => {
    const { clock, alarm, rings } = alarmAt(1_000);
    alarm.set(500);
    clock.advance(0);
    alarm.set(2_000);
    clock.advance(10_000);
    expect(rings).toEqual([1_000, 2_000]);
  });

  it("does not ring once it is cancelled, or set to Infinity", () => {
    const { clock, alarm, rings } = alarmAt(0);
    alarm.set(100);
    alarm.cancel();
    alarm.cancel();
    alarm.set(200);
    alarm.set(Infinity);
    clock.advance(10_000);
    expect(rings).toEqual([]);
    expect(clock.timerCount).toBe(0);
  });

  it("may ring too early for an instant that no timer reaches", () => {
    const { clock, alarm, rings } = alarmAt(0);
    alarm.set(2 ** 40);
    clock.advance(2 ** 40);
    expect(rings).toEqual([2 ** 31 - 1]);
  });
});

function alarmAt(now: number): { clock: ManualClock; alarm: DeadlineTimer; rings: number[] } {
  const clock = new ManualClock(now);
  const rings: number[] = [];
  return { clock, rings, alarm: new DeadlineTimer(clock, () => rings.push(clock.now())) };
}
