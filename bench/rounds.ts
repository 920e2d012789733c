import { mkdir, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { median, rounded } from "./repeat.js";

/**
 * The method of all comparisons: measure several things in rounds, each round with a different one first, and compare
 * figures of one round, which saw much the same machine.
 */

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, profile: { type: "boolean", default: false } },
});

/** `--profile`: show where the time is spent instead of measuring. */
export const IS_PROFILING = options.profile;

/** `--rounds 3`: the number of measurements. */
export const ROUNDS = Number(options.rounds);

/** Rotates `things`, so that each round starts with a different one. */
export function rotated<T>(things: readonly T[], round: number): T[] {
  const first = round % things.length;
  return [...things.slice(first), ...things.slice(0, first)];
}

/** For example "12.1 [10..12.5]": median, minimum, maximum. */
export function spread(numbers: readonly number[], digits = 1): string {
  if (numbers.length === 0) return "";
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  return `${rounded(median(numbers), digits)} [${rounded(least, digits)}..${rounded(most, digits)}]`;
}

/** Writes results to `results/NAME.json`, with the Node version and the number of rounds. */
export async function writeResults(name: string, results: object): Promise<void> {
  const folder = `${import.meta.dirname}/results`;
  await mkdir(folder, { recursive: true });
  const text = JSON.stringify({ node: process.version, rounds: ROUNDS, ...results }, undefined, 2);
  await writeFile(`${folder}/${name}.json`, `${text}\n`);
}
