import { mkdir, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { median, rounded } from "../measure.js";

/** Who is measured beside whom. */
export interface Contender {
  readonly name: string;
  /** In the folder of the benches. */
  readonly script: string;
  readonly args?: readonly string[];
}

export const TIDEMARK: Contender = {
  name: "Tidemark",
  script: "tidemark.mjs",
  args: [`{"keepAlive":"10m"}`],
};
export const RAW: Contender = { name: "raw ws", script: "rivals/raw-ws.mjs" };
export const RAW_COALESCED: Contender = { ...RAW, name: "raw ws, a write a turn", args: ["coalesce"] };
export const YOGA: Contender = { name: "yoga", script: "rivals/yoga.mjs" };
export const MERCURIUS: Contender = { name: "mercurius", script: "rivals/mercurius.mjs" };
export const APOLLO: Contender = { name: "apollo", script: "rivals/apollo.mjs" };

/** How often each is measured: `--rounds 3`. */
export const ROUNDS = Number(
  parseArgs({ options: { rounds: { type: "string", default: "5" } }, strict: false }).values.rounds,
);

/**
 * What was measured, by name, one figure a round. All of one round were measured one after the other, so a ratio is
 * made within a round, of figures of much the same machine, and then the median of those.
 */
export class Figures {
  readonly #byName = new Map<string, number[]>();

  add(name: string, figure: number): void {
    this.#byName.set(name, [...this.of(name), figure]);
  }

  of(name: string): readonly number[] {
    return this.#byName.get(name) ?? [];
  }

  /** As "12.1 [10..12.5]": median, least, most. */
  spread(name: string, digits = 1): string {
    return spread(this.of(name), digits);
  }

  /** How many times `under` goes into `over`, by rounds. */
  ratio(over: string, under: string, digits = 2): string {
    const divisors = this.of(under);
    return spread(
      this.of(over).map((figure, round) => figure / divisors[round]!),
      digits,
    );
  }

  toJSON(): object {
    return Object.fromEntries(this.#byName);
  }
}

function spread(numbers: readonly number[], digits: number): string {
  if (numbers.length === 0) return "";
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  return `${rounded(median(numbers), digits)} [${rounded(least, digits)}..${rounded(most, digits)}]`;
}

/** Writes the rows that were printed, and what they are made of, to `results/<name>.json`. */
export async function keepResults(
  name: string,
  results: {
    readonly unit: string;
    readonly rows: readonly object[];
    /** With their targets. */
    readonly ratios: readonly object[];
    readonly figures: Figures;
  },
): Promise<void> {
  const folder = `${import.meta.dirname}/../results`;
  await mkdir(folder, { recursive: true });
  const text = JSON.stringify({ node: process.version, rounds: ROUNDS, ...results }, undefined, 2);
  await writeFile(`${folder}/${name}.json`, `${text}\n`);
}

/** The contenders, another one first in each round. */
export function rotated<T>(contenders: readonly T[], round: number): T[] {
  const first = round % contenders.length;
  return [...contenders.slice(first), ...contenders.slice(0, first)];
}
