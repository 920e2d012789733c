/**
 * Runs a server under random faults for any time, or repeats one sequence of them. Writes the samples and a plot of
 * them to `test-results/soak/`. Exits with 1 if a law was broken or a bound passed. Needs Debian's faketime. Root may mount
 * disks, so only its runs fill one.
 *
 *     npm run test:soak -- --minutes 30
 *     npm run test:soak -- --minutes 2 --seed 245613254
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { mountedDisk } from "../kit/disk-faults/server.js";
import { plotOf } from "../kit/soak/plot.js";
import { soak, type SoakReport } from "../kit/soak/run.js";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "30" }, seed: { type: "string" } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const folder = mkdtempSync(join(tmpdir(), "tidemark-soak-"));
const isRoot = process.getuid?.() === 0;
/** The size of the disk that is filled. */
const DISK_BYTES = 400_000_000;

console.log(`Seed ${seed}, ${minutes} minutes${isRoot ? "" : ", no full disks, which need root"}`);
const disk = isRoot ? mountedDisk(folder, DISK_BYTES) : undefined;
try {
  const report = await soak({ seed, ms: minutes * 60_000, folder, isDiskSmall: isRoot, onFault });
  keep(report);
  for (const finding of report.findings) console.error(finding);
  if (report.findings.length > 0) process.exitCode = 1;
  console.log(`${report.changes} changes; faults: ${JSON.stringify(report.faults)}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  disk?.[Symbol.dispose]();
  rmSync(folder, { recursive: true });
}

function onFault(name: string, { changes, samples }: SoakReport): void {
  const { at = 0, heapMb, rssMb, descriptors, diskMb } = samples.at(-1) ?? {};
  console.log(
    `${at} s: ${name}; ${changes} changes, heap ${heapMb} MB, process ${rssMb} MB, ${descriptors} descriptors, disk ${diskMb} MB`,
  );
}

function keep({ samples }: SoakReport): void {
  const results = new URL("../../test-results/soak/", import.meta.url);
  mkdirSync(results, { recursive: true });
  writeFileSync(new URL(`${seed}.json`, results), JSON.stringify(samples, undefined, 1));
  writeFileSync(new URL(`${seed}.svg`, results), plotOf(samples));
}
