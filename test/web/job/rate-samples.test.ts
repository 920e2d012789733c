import { describe, expect, it } from "vitest";
import { RateSamples } from "../../../src/web/job/rate-samples.js";

describe("The series of a job's rate", () => {
  it("covers all the time, ever more coarsely, in bounded memory", () => {
    const samples = new RateSamples(100, 250);
    for (let at = 0; at <= 3_600_000; at += 100) samples.add({ at, rate: at });

    const times = samples.all.map(({ at }) => at);
    expect(times.length).toBeLessThanOrEqual(100);
    expect([times[0], times.at(-1)]).toEqual([0, 3_600_000]);
    expect(times.length).toBeGreaterThan(40);
    expect(times).toEqual(times.toSorted((one, other) => one - other));
  });

  it("has at most two samples a spacing", () => {
    const samples = new RateSamples(100, 250);
    for (const at of [0, 100, 200, 300, 400, 550]) samples.add({ at, rate: 1 });

    expect(samples.all.map(({ at }) => at)).toEqual([0, 200, 400, 550]);
  });

  it("knows each moment once, and never goes back", () => {
    const samples = new RateSamples();
    samples.add({ at: 1_000, rate: 1 });
    samples.add({ at: 1_000, rate: 2 });
    samples.add({ at: 500, rate: 3 });

    expect(samples.all).toEqual([{ at: 1_000, rate: 1 }]);
  });
});
