/**
 * Runs hostile clients for any time, or repeats one sequence of their inputs. Exits with 1 if there were
 * findings.
 *
 *     npm run test:fuzz -- --minutes 30
 *     npm run test:fuzz -- --minutes 1 --seed 245613254
 *     npm run test:fuzz -- --reporter --minutes 10       one reporter, with all limits at their defaults
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { attackAsReporter } from "../kit/fuzz/hostile-reporter.js";
import { fuzz } from "../kit/fuzz/run.js";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    seed: { type: "string" },
    reporter: { type: "boolean", default: false },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));

console.log(`Seed ${seed}, ${minutes} minutes`);
const startedAt = performance.now();
let reported = 0;
await (values.reporter ? runReporter() : runClients());

async function runClients(): Promise<void> {
  const report = await fuzz({ seed, ms: minutes * 60_000, inputs: 0, onProgress });
  for (const finding of report.findings) console.error(finding);
  if (report.findings.length > 0) process.exitCode = 1;
  console.log(`${report.inputs} inputs: ${JSON.stringify(report.byWay)}`);
  console.log(`The event loop stalled for ${Math.round(report.stallMs)} ms at most.`);
  console.log(`Memory ${inMegabytes(report.before)}, afterwards ${inMegabytes(report.after)}`);
  console.log(
    `Well-behaved clients took ${report.steps} steps, each in ${Math.round(report.stepMsMax)} ms at most.`,
  );
}

/** Exits with 1 if the server stalled for more than a second. */
async function runReporter(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-"));
  try {
    const report = await attackAsReporter({ seed, ms: minutes * 60_000, rejections: 1, folder });
    if (report.stallMs > 1_000) process.exitCode = 1;
    console.log(JSON.stringify(report, undefined, 2));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function onProgress(inputs: number): void {
  if (inputs < reported + 50_000) return;
  reported = inputs;
  console.log(`${inputs} inputs in ${Math.round((performance.now() - startedAt) / 1_000)} s`);
}

function inMegabytes({ rss, heap }: { readonly rss: number; readonly heap: number }): string {
  return `${Math.round(rss / 1e6)} MB (heap ${Math.round(heap / 1e6)} MB)`;
}
