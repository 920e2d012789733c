import { describe, expect, it } from "vitest";
import { Throttle } from "../../src/hub/throttle.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";

describe("a pace without an interval", () => {
  it("wakes everybody at each change, and sets no timer", () => {
    const { pace, clock, woken, member, change } = openPace(0);
    member("a");
    member("b");
    change();
    pace.batchDelivered();
    change();
    expect(pace.hasInterval).toBe(false);
    expect(woken()).toEqual(["a 0", "b 0", "a 0", "b 0"]);
    expect(clock.timerCount).toBe(0);
  });

  it("wakes those alone who are due", () => {
    const { pace, woken, member } = openPace(0);
    member("a");
    pace.markDue(member("b"));
    pace.wake();
    pace.wake();
    expect(woken()).toEqual(["b 0"]);
  });
});

describe("a pace with an interval", () => {
  it("wakes everybody at once when nothing was told for an interval", () => {
    const { pace, woken, member, change } = openPace(100);
    member("a");
    member("b");
    expect(pace.hasInterval).toBe(true);
    change();
    expect(woken()).toEqual(["a 0", "b 0"]);
  });

  it("then wakes them once an interval, all in the same tick, however often something changes", () => {
    const { clock, woken, member, change } = openPace(100);
    member("a");
    member("b");
    change();
    changeEvery(10, { times: 25, change, clock });
    expect(woken()).toEqual(["a 0", "b 0", "a 100", "b 100", "a 200", "b 200"]);
  });

  it("tells of the last change no later than an interval after it", () => {
    const { clock, woken, member, change } = openPace(100);
    member("a");
    change();
    clock.advance(1);
    change();
    clock.advance(98);
    expect(woken()).toEqual(["a 0"]);
    clock.advance(1);
    expect(woken()).toEqual(["a 0", "a 100"]);
  });

  it("wakes nobody at the end of an interval in which nothing changed, and then at once", () => {
    const { clock, woken, member, change } = openPace(100);
    member("a");
    change();
    clock.advance(250);
    expect(clock.timerCount).toBe(0);
    change();
    expect(woken()).toEqual(["a 0", "a 250"]);
  });

  it("lets an interval pass after a first batch", () => {
    const { pace, clock, woken, member, change } = openPace(100);
    member("a");
    clock.advance(30);
    pace.batchDelivered();
    change();
    clock.advance(99);
    expect(woken()).toEqual([]);
    clock.advance(1);
    expect(woken()).toEqual(["a 130"]);
  });

  it("goes on with the interval that runs when a batch ends within it", () => {
    const { pace, clock, woken, member, change } = openPace(100);
    member("a");
    change();
    clock.advance(60);
    pace.batchDelivered();
    change();
    clock.advance(40);
    expect(woken()).toEqual(["a 0", "a 100"]);
    expect(clock.timerCount).toBe(1);
  });

  it("has a tick after the interval for one who was told a batch when there was more already", () => {
    const { pace, clock, woken, member, change } = openPace(100);
    const one = member("a");
    change();
    clock.advance(60);
    pace.batchDelivered();
    pace.markDue(one);
    clock.advance(40);
    pace.batchDelivered();
    clock.advance(200);
    expect(woken()).toEqual(["a 0", "a 100"]);
  });

  it("gives who joins the next tick of the others", () => {
    const { pace, clock, woken, member, change } = openPace(100);
    member("a");
    change();
    clock.advance(70);
    member("b");
    pace.batchDelivered();
    change();
    clock.advance(30);
    expect(woken()).toEqual(["a 0", "a 100", "b 100"]);
  });

  it("brings those who joined at different times to one tick", () => {
    const { pace, clock, woken, member, change } = openPace(100);
    for (const name of ["a", "b", "c"]) {
      member(name);
      pace.batchDelivered();
      clock.advance(30);
    }
    change();
    clock.advance(300);
    expect(woken()).toEqual(["a 100", "b 100", "c 100"]);
  });

  it("has no tick for those who are not due", () => {
    const { pace, clock, woken, member } = openPace(100);
    const [one, other] = [member("a"), member("b")];
    pace.markDue(one);
    pace.wake();
    clock.advance(50);
    pace.markDue(other);
    pace.wake();
    expect(woken()).toEqual(["a 0"]);
    clock.advance(50);
    expect(woken()).toEqual(["a 0", "b 100"]);
    clock.advance(100);
    expect(clock.timerCount).toBe(0);
  });

  it("wakes with the next tick who becomes due in this one", () => {
    const { pace, clock, woken, member } = openPace(100);
    const later = member("later");
    pace.markDue({ wake: () => pace.markDue(later) });
    pace.wake();
    expect(woken()).toEqual([]);
    clock.advance(100);
    expect(woken()).toEqual(["later 100"]);
  });

  it("leaves no timer behind when it is closed, and wakes nobody", () => {
    const { pace, clock, woken, member, change } = openPace(100);
    member("a");
    change();
    change();
    expect(clock.timerCount).toBe(1);
    pace.close();
    expect(clock.timerCount).toBe(0);
    clock.advance(100);
    expect(woken()).toEqual(["a 0"]);
  });

  it("is neither late nor early when the clock is set back", () => {
    const { clock, woken, member, change } = openPace(100);
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

/** A pace, and members that say when they are woken, as "a 100". */
function openPace(minIntervalMs: number): {
  pace: Throttle;
  clock: ManualClock;
  woken(): string[];
  member(name: string): { wake(): void };
  /** All members have something to be told. */
  change(): void;
} {
  const clock = new ManualClock();
  const pace = new Throttle(minIntervalMs, clock);
  const woken: string[] = [];
  const members: { wake(): void }[] = [];
  return {
    pace,
    clock,
    woken: () => woken,
    member(name) {
      const member = { wake: () => void woken.push(`${name} ${clock.now()}`) };
      members.push(member);
      return member;
    },
    change() {
      for (const member of members) pace.markDue(member);
      pace.wake();
    },
  };
}

function changeEvery(ms: number, world: { times: number; change(): void; clock: ManualClock }): void {
  for (let left = world.times; left > 0; left--) {
    world.clock.advance(ms);
    world.change();
  }
}
