import { describe, expect, it } from "vitest";
import { Pace } from "../../src/hub/pace.js";
import { ManualClock } from "../kit/manual-clock.js";

describe("a pace without an interval", () => {
  it("wakes everybody at each change, and sets no timer", () => {
    const { pace, clock, woken, member } = openPace(0);
    member("a");
    member("b");
    pace.wake();
    pace.batchEnded();
    pace.wake();
    expect(pace.hasInterval).toBe(false);
    expect(woken()).toEqual(["a 0", "b 0", "a 0", "b 0"]);
    expect(clock.timerCount).toBe(0);
  });

  it("wakes one alone where it concerns one alone", () => {
    const { pace, woken, member } = openPace(0);
    member("a");
    pace.wakeOne(member("b"));
    expect(woken()).toEqual(["b 0"]);
  });
});

describe("a pace with an interval", () => {
  it("wakes everybody at once when nothing was told for an interval", () => {
    const { pace, woken, member } = openPace(100);
    member("a");
    member("b");
    expect(pace.hasInterval).toBe(true);
    pace.wake();
    expect(woken()).toEqual(["a 0", "b 0"]);
  });

  it("then wakes them once an interval, all in the same tick, however often something changes", () => {
    const { pace, clock, woken, member } = openPace(100);
    member("a");
    member("b");
    pace.wake();
    changeEvery(10, { times: 25, pace, clock });
    expect(woken()).toEqual(["a 0", "b 0", "a 100", "b 100", "a 200", "b 200"]);
  });

  it("tells of the last change no later than an interval after it", () => {
    const { pace, clock, woken, member } = openPace(100);
    member("a");
    pace.wake();
    clock.advance(1);
    pace.wake();
    clock.advance(98);
    expect(woken()).toEqual(["a 0"]);
    clock.advance(1);
    expect(woken()).toEqual(["a 0", "a 100"]);
  });

  it("wakes nobody at the end of an interval in which nothing changed, and then at once", () => {
    const { pace, clock, woken, member } = openPace(100);
    member("a");
    pace.wake();
    clock.advance(250);
    expect(clock.timerCount).toBe(0);
    pace.wake();
    expect(woken()).toEqual(["a 0", "a 250"]);
  });

  it("lets an interval pass after a first batch", () => {
    const { pace, clock, woken, member } = openPace(100);
    member("a");
    clock.advance(30);
    pace.batchEnded();
    pace.wake();
    clock.advance(99);
    expect(woken()).toEqual([]);
    clock.advance(1);
    expect(woken()).toEqual(["a 130"]);
  });

  it("goes on with the interval that runs when a batch ends within it", () => {
    const { pace, clock, woken, member } = openPace(100);
    member("a");
    pace.wake();
    clock.advance(60);
    pace.batchEnded();
    pace.wake();
    clock.advance(40);
    expect(woken()).toEqual(["a 0", "a 100"]);
    expect(clock.timerCount).toBe(1);
  });

  it("has a tick after the interval for one who was told a batch when there was more already", () => {
    const { pace, clock, woken, member } = openPace(100);
    member("a");
    pace.wake();
    clock.advance(60);
    pace.batchEnded(true);
    clock.advance(40);
    pace.batchEnded(false);
    clock.advance(200);
    expect(woken()).toEqual(["a 0", "a 100"]);
  });

  it("gives who joins the next tick of the others", () => {
    const { pace, clock, woken, member } = openPace(100);
    member("a");
    pace.wake();
    clock.advance(70);
    member("b");
    pace.batchEnded();
    pace.wake();
    clock.advance(30);
    expect(woken()).toEqual(["a 0", "a 100", "b 100"]);
  });

  it("brings those who joined at different times to one tick", () => {
    const { pace, clock, woken, member } = openPace(100);
    for (const name of ["a", "b", "c"]) {
      member(name);
      pace.batchEnded();
      clock.advance(30);
    }
    pace.wake();
    clock.advance(300);
    expect(woken()).toEqual(["a 100", "b 100", "c 100"]);
  });

  it("has a tick also where a change concerns none of its members", () => {
    const { pace, clock, woken, member } = openPace(100);
    member("a");
    pace.wake(); // the member finds that its filter hides what happened, and tells nothing
    clock.advance(50);
    pace.wake();
    expect(woken()).toEqual(["a 0"]);
    clock.advance(50);
    expect(woken()).toEqual(["a 0", "a 100"]);
  });

  it("wakes one whom nothing has woken in step with the others", () => {
    const { pace, clock, woken, member } = openPace(100);
    const one = member("a");
    member("b");
    pace.wakeOne(one);
    expect(woken()).toEqual(["a 0", "b 0"]);
    clock.advance(20);
    pace.wakeOne(one);
    clock.advance(80);
    expect(woken()).toEqual(["a 0", "b 0", "a 100", "b 100"]);
  });

  it("wakes nobody who has gone, also not one who goes in the tick of another", () => {
    const { pace, clock, woken, member } = openPace(100);
    const gone = member("gone");
    pace.add({ wake: () => pace.delete(leaving) });
    const leaving = member("leaving");
    member("b");
    pace.delete(gone);
    pace.wake();
    clock.advance(100);
    expect(woken()).toEqual(["b 0"]);
  });

  it("leaves no timer behind with its last member", () => {
    const { pace, clock, member } = openPace(100);
    const [first, last] = [member("a"), member("b")];
    pace.wake();
    pace.wake();
    pace.delete(first);
    expect(clock.timerCount).toBe(1);
    pace.delete(last);
    expect(clock.timerCount).toBe(0);
  });

  it("is neither late nor early when the clock is set back", () => {
    const { pace, clock, woken, member } = openPace(100);
    member("a");
    clock.advance(1_000);
    pace.wake();
    clock.setBack(900);
    pace.wake();
    clock.advance(99);
    expect(woken()).toEqual(["a 1000"]);
    clock.advance(1);
    expect(woken()).toEqual(["a 1000", "a 200"]);
  });
});

/** A pace, and members that say when they are woken, as "a 100". */
function openPace(minIntervalMs: number): {
  pace: Pace;
  clock: ManualClock;
  woken(): string[];
  member(name: string): { wake(): void };
} {
  const clock = new ManualClock();
  const pace = new Pace(minIntervalMs, clock);
  const woken: string[] = [];
  return {
    pace,
    clock,
    woken: () => woken,
    member(name) {
      const member = { wake: () => void woken.push(`${name} ${clock.now()}`) };
      pace.add(member);
      return member;
    },
  };
}

function changeEvery(ms: number, world: { times: number; pace: Pace; clock: ManualClock }): void {
  for (let left = world.times; left > 0; left--) {
    world.clock.advance(ms);
    world.pace.wake();
  }
}
