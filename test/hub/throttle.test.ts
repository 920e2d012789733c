import { describe, expect, it } from "vitest";
import { Throttle } from "../../src/hub/throttle.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";

describe("a throttle without an interval", () => {
  it("wakes all members at each change, and sets no timer", () => {
    const { throttle, clock, woken, member, change } = openThrottle(0);
    member("a");
    member("b");
    change();
    throttle.batchDelivered();
    change();
    expect(throttle.hasInterval).toBe(false);
    expect(woken()).toEqual(["a 0", "b 0", "a 0", "b 0"]);
    expect(clock.timerCount).toBe(0);
  });

  it("wakes only the members that are due", () => {
    const { throttle, woken, member } = openThrottle(0);
    member("a");
    throttle.markDue(member("b"));
    throttle.wake();
    throttle.wake();
    expect(woken()).toEqual(["b 0"]);
  });
});

describe("a throttle with an interval", () => {
  it("wakes all members at once after an idle interval", () => {
    const { throttle, woken, member, change } = openThrottle(100);
    member("a");
    member("b");
    expect(throttle.hasInterval).toBe(true);
    change();
    expect(woken()).toEqual(["a 0", "b 0"]);
  });

  it("wakes the members once per interval, all in the same tick, however often something changes", () => {
    const { clock, woken, member, change } = openThrottle(100);
    member("a");
    member("b");
    change();
    changeEvery(10, { times: 25, change, clock });
    expect(woken()).toEqual(["a 0", "b 0", "a 100", "b 100", "a 200", "b 200"]);
  });

  it("wakes the members no later than one interval after the last change", () => {
    const { clock, woken, member, change } = openThrottle(100);
    member("a");
    change();
    clock.advance(1);
    change();
    clock.advance(98);
    expect(woken()).toEqual(["a 0"]);
    clock.advance(1);
    expect(woken()).toEqual(["a 0", "a 100"]);
  });

  it("skips the tick of an interval without a change, and wakes at once at the next change", () => {
    const { clock, woken, member, change } = openThrottle(100);
    member("a");
    change();
    clock.advance(250);
    expect(clock.timerCount).toBe(0);
    change();
    expect(woken()).toEqual(["a 0", "a 250"]);
  });

  it("waits a whole interval after a first batch", () => {
    const { throttle, clock, woken, member, change } = openThrottle(100);
    member("a");
    clock.advance(30);
    throttle.batchDelivered();
    change();
    clock.advance(99);
    expect(woken()).toEqual([]);
    clock.advance(1);
    expect(woken()).toEqual(["a 130"]);
  });

  it("keeps the running interval when a batch ends within it", () => {
    const { throttle, clock, woken, member, change } = openThrottle(100);
    member("a");
    change();
    clock.advance(60);
    throttle.batchDelivered();
    change();
    clock.advance(40);
    expect(woken()).toEqual(["a 0", "a 100"]);
    expect(clock.timerCount).toBe(1);
  });

  it("ticks after the interval for a member that is due again when its batch ends", () => {
    const { throttle, clock, woken, member, change } = openThrottle(100);
    const one = member("a");
    change();
    clock.advance(60);
    throttle.batchDelivered();
    throttle.markDue(one);
    clock.advance(40);
    throttle.batchDelivered();
    clock.advance(200);
    expect(woken()).toEqual(["a 0", "a 100"]);
  });

  it("wakes a new member at the next tick of the others", () => {
    const { throttle, clock, woken, member, change } = openThrottle(100);
    member("a");
    change();
    clock.advance(70);
    member("b");
    throttle.batchDelivered();
    change();
    clock.advance(30);
    expect(woken()).toEqual(["a 0", "a 100", "b 100"]);
  });

  it("wakes members that joined at different times in one tick", () => {
    const { throttle, clock, woken, member, change } = openThrottle(100);
    for (const name of ["a", "b", "c"]) {
      member(name);
      throttle.batchDelivered();
      clock.advance(30);
    }
    change();
    clock.advance(300);
    expect(woken()).toEqual(["a 100", "b 100", "c 100"]);
  });

  it("skips members that are not due", () => {
    const { throttle, clock, woken, member } = openThrottle(100);
    const [one, other] = [member("a"), member("b")];
    throttle.markDue(one);
    throttle.wake();
    clock.advance(50);
    throttle.markDue(other);
    throttle.wake();
    expect(woken()).toEqual(["a 0"]);
    clock.advance(50);
    expect(woken()).toEqual(["a 0", "b 100"]);
    clock.advance(100);
    expect(clock.timerCount).toBe(0);
  });

  it("wakes a member that becomes due during a tick at the next tick", () => {
    const { throttle, clock, woken, member } = openThrottle(100);
    const later = member("later");
    throttle.markDue({ wake: () => throttle.markDue(later) });
    throttle.wake();
    expect(woken()).toEqual([]);
    clock.advance(100);
    expect(woken()).toEqual(["later 100"]);
  });

  it("leaves no timer behind when it is closed, and wakes no member", () => {
    const { throttle, clock, woken, member, change } = openThrottle(100);
    member("a");
    change();
    change();
    expect(clock.timerCount).toBe(1);
    throttle.close();
    expect(clock.timerCount).toBe(0);
    clock.advance(100);
    expect(woken()).toEqual(["a 0"]);
  });

  it("is neither late nor early when the clock is set back", () => {
    const { clock, woken, member, change } = openThrottle(100);
    member("a");
    clock.advance(1_000);
    change();
    clock.setBack(900);
    change();
    clock.advance(99);
    expect(woken()).toEqual(["a 1000"]);
    clock.advance(1);
    expect(woken()).toEqual(["a 1000", "a 200"]);
  });
});

/** A throttle, and members that record when they are woken, as "a 100". */
function openThrottle(minIntervalMs: number): {
  throttle: Throttle;
  clock: ManualClock;
  woken(): string[];
  member(name: string): { wake(): void };
  /** Marks all members due. */
  change(): void;
} {
  const clock = new ManualClock();
  const throttle = new Throttle(minIntervalMs, clock);
  const woken: string[] = [];
  const members: { wake(): void }[] = [];
  return {
    throttle,
    clock,
    woken: () => woken,
    member(name) {
      const member = { wake: () => void woken.push(`${name} ${clock.now()}`) };
      members.push(member);
      return member;
    },
    change() {
      for (const member of members) throttle.markDue(member);
      throttle.wake();
    },
  };
}

function changeEvery(ms: number, world: { times: number; change(): void; clock: ManualClock }): void {
  for (let left = world.times; left > 0; left--) {
    world.clock.advance(ms);
    world.change();
  }
}
