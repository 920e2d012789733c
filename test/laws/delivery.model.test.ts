import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import { WireHistory } from "../kit/wire/history.js";
import { allViolations, type Violation } from "../kit/wire/laws.js";
import { runRandomScenario, type ScenarioResult } from "../kit/wire/random-scenario.js";

/**
 * Checks laws 6 to 10 over real sockets: records what each watcher receives, then checks the record against the laws.
 * `npm run test:laws` does the same for a longer time.
 */

/** The duration in seconds, and the seed of a scenario to repeat. */
const { LAWS_SECONDS = IS_FULL_LENGTH ? "12" : "4", LAWS_SEED } = process.env;
const SECONDS = Number(LAWS_SECONDS);
const SCENARIOS_MAX = 1_000_000;
const SCENARIO_MS_MAX = 60_000;

const seeds = LAWS_SEED === undefined ? fc.noBias(fc.nat()) : fc.constant(Number(LAWS_SEED));

describe("a watcher of a database over a socket", () => {
  it(
    "receives lawful events in random scenarios",
    async () => {
      expect(await runScenariosFor(SECONDS)).toBeGreaterThan(0);
    },
    SECONDS * 1_000 + SCENARIO_MS_MAX,
  );
});

/** Returns the number of scenarios. @throws if a scenario breaks a law */
async function runScenariosFor(seconds: number): Promise<number> {
  let count = 0;
  let latest: Promise<void> = Promise.resolve();
  const property = fc.asyncProperty(fc.noShrink(seeds), (seed) => {
    count++;
    return (latest = runScenario(seed));
  });
  await fc.assert(property, {
    numRuns: SCENARIOS_MAX,
    interruptAfterTimeLimit: seconds * 1_000,
    markInterruptAsFailure: false, // the time limit is the normal end
    includeErrorInReport: true,
  });
  await latest; // waits for the scenario that the time limit interrupted
  return count;
}

async function runScenario(seed: number): Promise<void> {
  const result = await runRandomScenario(seed);
  const history = new WireHistory(result.history);
  const violations = result.transcripts.flatMap((transcript, watcher) =>
    allViolations(transcript, history).map((violation) => ({ watcher, ...violation })),
  );
  if (violations.length > 0) throw new Error(report(seed, result, violations));
}

type WatcherViolation = Violation & { readonly watcher: number };

/** Saves the record, and returns the message of the failure. */
function report(seed: number, result: ScenarioResult, violations: readonly WatcherViolation[]): string {
  const folder = fileURLToPath(new URL("../../test-results/laws/", import.meta.url));
  const file = `${folder}${seed}.json`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, JSON.stringify({ seed, violations, ...result }, undefined, 2));
  const sentences = violations.map(
    ({ watcher, promised, place, what }) => `  ${promised}: watcher ${watcher}, entry ${place}: ${what}`,
  );
  return [`Seed ${seed} broke a law. See ${file}.`, ...sentences.slice(0, 20)].join("\n");
}
