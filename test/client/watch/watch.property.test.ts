import fc from "fast-check";
import { expect, it } from "vitest";
import { runRandomWatch } from "./random-watch.js";

const RUNS = 60;

it("L6 to L9: after any network faults, a watch and its iteration hold what the store has", async () => {
  const property = fc.asyncProperty(fc.noShrink(fc.noBias(fc.nat())), async (seed) => {
    expect(await runRandomWatch(seed)).toEqual([]);
  });
  await fc.assert(property, { numRuns: RUNS, includeErrorInReport: true });
}, 120_000);
