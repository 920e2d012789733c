import fc from "fast-check";
import { seededRandom } from "./seeded-random.js";

/** Runs `round` 100 times with different random numbers. A failure prints its seed as the counterexample. */
export async function inRandomRounds(
  round: (random: () => number) => Promise<void>,
  rounds = 100,
): Promise<void> {
  const seed = fc.noBias(fc.noShrink(fc.nat()));
  await fc.assert(
    fc.asyncProperty(seed, (chosen) => round(seededRandom(chosen))),
    { numRuns: rounds },
  );
}
