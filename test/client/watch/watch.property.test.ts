import fc from "fast-check";
import { expect, it } from "vitest";
import { runRandomWatch } from "./random-watch.js";

const LIVES = 60;

it("L6 to L9: after whatever the network does a watch holds what the store has, and so does one who iterates", async () => {
  const lawful = fc.asyncProperty(fc.noShrink(fc.noBias(fc.nat())), async (seed) => {
    expect(await runRandomWatch(seed)).toEqual([]);
  });
  await fc.assert(lawful, { numRuns: LIVES, includeErrorInReport: true });
}, 120_000);
