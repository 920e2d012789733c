import { describe, expect, it } from "vitest";
import { RateSamples } from "../../../src/web/job/rate-samples.js";

describe("RateSamples", () => {
  it("averages the rate over the latest seconds", () => {
    const samples = new RateSamples();
    for (let second = 0; second <= 10; second++) samples.add({ at: second * 1_000, done: second * 5 });
    for (let second = 11; second <= 20; second++) samples.add({ at: second * 1_000, done: 50 });

    const rates = samples.points().map(({ rate }) => rate);
    expect(rates.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 5));
    expect(rates.slice(10, 14)).toEqual([3.75, 2.5, 1.25, 0]);
  });

  it("has no negative rate when `done` decreases", () => {
    const samples = new RateSamples();
    samples.add({ at: 0, done: 10 });
    samples.add({ at: 1_000, done: 4 });

    expect(samples.points()).toEqual([{ at: 1_000, rate: 0 }]);
  });

  it("covers the whole time in bounded memory, at a decreasing resolution", () => {
    const samples = new RateSamples(100, 250);
    for (let at = 0; at <= 3_600_000; at += 100) samples.add({ at, done: at });

    const points = samples.points();
    expect(points.length).toBeLessThan(100);
    expect(points.length).toBeGreaterThan(40);
    expect([samples.since, points.at(-1)]).toEqual([0, { at: 3_600_000, rate: 1_000 }]);
  });

  it("keeps at most two samples within the spacing", () => {
    const samples = new RateSamples(100, 250);
    for (const at of [0, 100, 200, 300, 400, 550]) samples.add({ at, done: 1 });

    expect(samples.points().map(({ at }) => at)).toEqual([200, 400, 550]);
  });

  it("ignores samples that are not newer than the latest", () => {
    const samples = new RateSamples();
    for (const at of [0, 1_000, 1_000, 500]) samples.add({ at, done: at });

    expect(samples.points()).toEqual([{ at: 1_000, rate: 1_000 }]);
  });
});
