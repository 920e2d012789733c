import { mkdir, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { median, rounded } from "./repeat.js";

/**
 * What all comparisons do: measure several things beside each other in rounds, each time another one first, and
 * make ratios within a round, whose figures saw much the same machine.
 */

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, profile: { type: "boolean", default: false } },
});

/** Whether to say where the time goes, instead of measuring: `--profile`. */
export const IS_PROFILING = options.profile;

/** How often each is measured: `--rounds 3`. */
export const ROUNDS = Number(options.rounds);

/** The things, another one first in each round. */
export function rotated<T>(things: readonly T[], round: number): T[] {
  const first = round % things.length;
  return [...things.slice(first), ...things.slice(0, first)];
}

/** As "12.1 [10..12.5]": median, least, most. */
export function spread(numbers: readonly number[], digits = 1): string {
  if (numbers.length === 0) return "";
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  return `${rounded(median(numbers), digits)} [${rounded(least, digits)}..${rounded(most, digits)}]`;
}

/** Writes what was found to `results/<name>.json`, with what it was found by. */
export async function keepResults(name: string, results: object): Promise<void> {
  const folder = `${import.meta.dirname}/results`;
  await mkdir(folder, { recursive: true });
  const text = JSON.stringify({ node: process.version, rounds: ROUNDS, ...results }, undefined, 2);
  await writeFile(`${folder}/${name}.json`, `${text}\n`);
}
