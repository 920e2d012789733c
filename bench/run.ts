import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";

/** Runs every bench in turn, each in a process of its own; names given as arguments choose some of them. */
const chosen = process.argv.slice(2);
const benches = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".bench.ts"))
  .filter((name) => chosen.length === 0 || chosen.some((part) => name.includes(part)));

for (const bench of benches) {
  process.stdout.write(`\n== ${bench} ==\n`);
  spawnSync("tsx", [`${import.meta.dirname}/${bench}`], { stdio: "inherit", shell: false });
}
