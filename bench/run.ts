import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";

/**
 * Runs every bench in turn, each in a process of its own; names given as arguments choose some of them. What comes
 * from the first option on goes to each: `npm run bench -- http fan-out --rounds 3`.
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
