import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WireHistory } from "../kit/wire/history.js";
import { allViolations, type Violation } from "../kit/wire/laws.js";
import { runRandomScenario, type ScenarioResult } from "../kit/wire/random-scenario.js";

/**
 * Laws 6 to 10 over real sockets. What every watcher was told is written down, and looked at when all is over:
 * the laws are questions to what is written. `npm run test:laws` does the same for as long as one likes.
 */

/** How long lives are tried, seconds; and, to see one again, its seed. */
const { LAWS_SECONDS = "12", LAWS_SEED } = process.env;
const SECONDS = Number(LAWS_SECONDS);
const LIVES_MAX = 1_000_000;
const LIFE_MS_MAX = 60_000;

const seeds = LAWS_SEED === undefined ? fc.noBias(fc.nat()) : fc.constant(Number(LAWS_SEED));

describe("whoever watches a database over a socket", () => {
  it(
    "is told it lawfully, whatever happens, however it reads, and wherever it resumes",
    async () => {
      expect(await liveLawfullyFor(SECONDS)).toBeGreaterThan(0);
    },
    SECONDS * 1_000 + LIFE_MS_MAX,
  );
});

/** Returns how many lives it tried. Rejects for the first in which a law was broken. */
async function liveLawfullyFor(seconds: number): Promise<number> {
  let lives = 0;
  let latest: Promise<void> = Promise.resolve();
  const lived = fc.asyncProperty(fc.noShrink(seeds), (seed) => {
    lives++;
    return (latest = liveLawfully(seed));
  });
  await fc.assert(lived, {
    numRuns: LIVES_MAX,
    interruptAfterTimeLimit: seconds * 1_000,
    markInterruptAsFailure: false, // that is how it ends
    includeErrorInReport: true,
  });
  await latest; // the last one may have been interrupted: it ends before the test does
  return lives;
}

async function liveLawfully(seed: number): Promise<void> {
  const lived = await runRandomScenario(seed);
  const history = new WireHistory(lived.history);
  const violations = lived.transcripts.flatMap((transcript, watcher) =>
    allViolations(transcript, history).map((violation) => ({ watcher, ...violation })),
  );
  if (violations.length > 0) throw new Error(report(seed, lived, violations));
}

type Seen = Violation & { readonly watcher: number };

/** Keeps what happened where it can be looked at. */
function report(seed: number, lived: ScenarioResult, violations: readonly Seen[]): string {
  const folder = fileURLToPath(new URL("../../test-results/laws/", import.meta.url));
  const file = `${folder}${seed}.json`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, JSON.stringify({ seed, violations, ...lived }, undefined, 2));
  const sentences = violations.map(
    ({ watcher, promised, place, what }) => `  ${promised}: watcher ${watcher}, entry ${place}: ${what}`,
  );
  return [`Seed ${seed} broke a law; ${file} has all of it.`, ...sentences.slice(0, 20)].join("\n");
}
