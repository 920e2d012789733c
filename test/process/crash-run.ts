/**
 * Runs the crash test for any number of kills, or repeats one run. Exits with 1 if data was lost.
 *
 *     npm run test:crash -- --rounds 500
 *     npm run test:crash -- --rounds 500 --seed 245613254
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runThroughKills, type CrashProgress } from "../kit/crash/run.js";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "500" }, seed: { type: "string" } },
});
const rounds = Number(values.rounds);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const folder = mkdtempSync(join(tmpdir(), "tidemark-crash-"));

console.log(`Seed ${seed}, ${rounds} kills`);
const startedAt = performance.now();
try {
  await runThroughKills({ seed, rounds, folder, onRound });
  console.log("Nothing was lost.");
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}

function onRound(survived: CrashProgress): void {
  if (survived.kills % 10 > 0 && survived.kills < rounds) return;
  const { kills, changes, unanswered } = survived;
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
  console.log(`${kills} kills in ${seconds} s: ${changes} changes, ${unanswered} requests were not answered`);
}
