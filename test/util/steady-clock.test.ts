import { describe, expect, it } from "vitest";
import { SteadyClock } from "../../src/util/steady-clock.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { ManualEngine } from "../kit/journal/manual-engine.js";

const DAY_MS = 86_400_000;
const START = 1_700_000_000_000;

describe("a steady clock", () => {
  it("shows the time of day as it is, also after a step", () => {
    const { manual, steady } = clocks();
    manual.setBack(DAY_MS);
    expect(steady.now()).toBe(START - DAY_MS);
  });

  it.each([DAY_MS, -DAY_MS, 3_000, -3_000])("measures intervals without a step of %s ms", (ms) => {
    const { manual, steady } = clocks();
    const first = steady.now();
    manual.advance(10_000);
    manual.setBack(-ms);
    manual.advance(5_000);
    const second = steady.now();
    manual.advance(1_000);
    expect(steady.elapsedMs(first, steady.now())).toBe(16_000);
    expect(steady.elapsedMs(second, steady.now())).toBe(1_000);
    expect(steady.elapsedMs(first, second)).toBe(15_000);
  });

  it("measures intervals over several steps", () => {
    const { manual, steady } = clocks();
    const first = steady.now();
    for (const ms of [DAY_MS, -2 * DAY_MS, 600_000]) {
      manual.advance(1_000);
      manual.setBack(ms);
      steady.now();
    }
    expect(steady.elapsedMs(first, steady.now())).toBe(3_000);
  });

  it("takes small corrections of the time of day as they are", () => {
    const { manual, steady } = clocks();
    const first = steady.now();
    for (let second = 0; second < 1_000; second++) {
      manual.advance(1_000);
      manual.setBack(1);
      steady.now();
    }
    expect(steady.interruptedAt).toBe(START);
    expect(steady.elapsedMs(steady.now() - 100, steady.now())).toBe(100);
    expect(steady.elapsedMs(first, steady.now())).toBe(999_000);
  });

  it("never measures a negative interval", () => {
    const { manual, steady } = clocks();
    const first = steady.now();
    manual.setBack(100);
    expect(steady.elapsedMs(first, steady.now())).toBe(0);
  });

  it("takes a time ahead of the clock as one before the start, when the clock was ahead", () => {
    const { manual, steady } = clocks();
    manual.advance(7_000);
    expect(steady.elapsedMs(START + DAY_MS, steady.now())).toBe(7_000);
  });

  it("knows times before the start", () => {
    const { steady } = clocks();
    expect(steady.elapsedMs(START - DAY_MS, steady.now())).toBe(DAY_MS);
  });

  it("is interrupted by a step, at the next reading", () => {
    const { manual, steady } = clocks();
    manual.advance(5_000);
    manual.setBack(DAY_MS);
    steady.now();
    expect(steady.interruptedAt).toBe(START + 5_000);
  });

  it("is interrupted by a pause while it is watched", () => {
    const { manual, steady } = clocks();
    steady.watch();
    manual.advance(60_000);
    expect(steady.interruptedAt).toBe(START);
    manual.pause(900);
    expect(steady.monotonic()).toBe(START + 60_900);
    expect(steady.interruptedAt).toBe(START + 60_900);
  });

  it("is interrupted by an outage of a second, until it ends", () => {
    const { manual, engine, steady } = clocks();
    steady.watch();
    manual.advance(1_000);
    engine.fallSilent();
    manual.advance(10_000);
    expect(steady.monotonic() - steady.interruptedAt).toBe(0);
    engine.answer();
    manual.advance(60_000);
    expect(steady.interruptedAt).toBeGreaterThanOrEqual(START + 11_000);
    expect(steady.interruptedAt).toBeLessThanOrEqual(START + 11_300);
  });

  it("notices each outage of a second, whenever it begins", () => {
    const { manual, engine, steady } = clocks();
    steady.watch();
    for (let at = 0; at < 300; at += 10) {
      manual.advance(10_000 + at);
      engine.fallSilent();
      manual.advance(1_000);
      const end = manual.monotonic();
      engine.answer();
      manual.advance(1_000);
      expect(steady.interruptedAt).toBeGreaterThanOrEqual(end);
    }
  });

  it("is not interrupted by an outage of half a second", () => {
    const { manual, engine, steady } = clocks();
    steady.watch();
    engine.fallSilent();
    manual.advance(500);
    engine.answer();
    manual.advance(10_000);
    expect(steady.interruptedAt).toBe(START);
  });

  it("leaves no timer after it was stopped", () => {
    const { manual, steady } = clocks();
    steady.watch();
    steady.stop();
    expect(manual.timerCount).toBe(0);
  });
});

function clocks(): { manual: ManualClock; engine: ManualEngine; steady: SteadyClock } {
  const manual = new ManualClock(START);
  const engine = new ManualEngine(manual);
  return { manual, engine, steady: new SteadyClock(manual, () => engine.silentMs()) };
}
