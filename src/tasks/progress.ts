import type { Task } from "./task.js";

/** Work done and work known, with the text forms of Neo4j GDS's `gds.listProgress`. */
export interface Progress {
  readonly done: number;
  /** null while any leaf below has an unknown volume, and for a parent without sub-tasks. */
  readonly volume: number | null;
  /** The sum of the known volumes: a lower bound that is never null. */
  readonly knownVolume: number;
  /** 0 to 1; null while the volume is unknown. A volume of 0 counts as complete: 0 of 0 is 1, as in GDS. */
  readonly ratio: number | null;
}

/** Takes constant time: a task carries its sums. */
export function progressOf(task: Task): Progress {
  const { done, knownVolume } = task;
  const isEmpty = task.kind !== "LEAF" && task.subTasks.length === 0;
  const volume = isEmpty || task.unknownCount > 0 ? null : knownVolume;
  return { done, volume, knownVolume, ratio: volume === null ? null : ratioOf(done, volume) };
}

/** Formats the ratio as `42.86%`, `0%`, `100%` or `n/a`: rounded half-even to two decimals, without trailing zeros. */
export function percentText({ ratio }: Pick<Progress, "ratio">): string {
  return ratio === null ? "n/a" : `${withoutTrailingZeros(halfEven(ratio * 100))}%`;
}

/**
 * Formats the ratio as a bar of `width` characters between brackets.
 *
 *     [####~~~~~~]   [~~~~n/a~~~]
 */
export function barText({ ratio }: Pick<Progress, "ratio">, width: number): string {
  if (ratio === null) return `[${center(width < UNKNOWN.length ? "" : UNKNOWN, width)}]`;
  const filled = Math.floor(ratio * width);
  return `[${"#".repeat(filled)}${"~".repeat(width - filled)}]`;
}

const UNKNOWN = "n/a";

function ratioOf(done: number, volume: number): number {
  return done >= volume ? 1 : done / volume;
}

/**
 * Rounds to two decimals half-even, as Java does. `toFixed` also rounds the exact binary value, but rounds ties
 * up. A binary fraction is a tie at two decimals only if it is an odd number of eighths.
 */
function halfEven(value: number): string {
  const isTie = Number.isInteger(value * 8) && !Number.isInteger(value * 4);
  if (!isTie) return value.toFixed(2);
  const below = Math.floor(value * 100);
  return ((below % 2 === 0 ? below : below + 1) / 100).toFixed(2);
}

function withoutTrailingZeros(decimal: string): string {
  if (!decimal.endsWith("0")) return decimal;
  return decimal.slice(0, decimal.endsWith(".00") ? -3 : -1);
}

function center(text: string, width: number): string {
  const after = Math.floor((width - text.length) / 2);
  return "~".repeat(width - text.length - after) + text + "~".repeat(after);
}
