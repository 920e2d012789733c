import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";

/**
 * Runs the benchmarks in turn, each in its own process. Arguments select those whose names contain one of them; options
 * are passed to each: `npm run bench -- http fan-out --rounds 3`.
 */
const given = process.argv.slice(2);
const optionsFrom = given.findIndex((argument) => argument.startsWith("--"));
const chosen = optionsFrom < 0 ? given : given.slice(0, optionsFrom);
const options = optionsFrom < 0 ? [] : given.slice(optionsFrom);
const benches = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".bench.ts"))
  .filter((name) => chosen.length === 0 || chosen.some((part) => name.includes(part)));

for (const bench of benches) {
  process.stdout.write(`\n== ${bench} ==\n`);
  spawnSync("tsx", [`${import.meta.dirname}/${bench}`, ...options], { stdio: "inherit", shell: false });
}
