import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Saves the record of a run and its data folder under `test-results/`. Returns the error to throw, which names the path. */
export function keepRecord(
  kind: string,
  { seed, folder }: { readonly seed: number; readonly folder: string },
  record: object,
  error: unknown,
): Error {
  const results = fileURLToPath(new URL(`../../../test-results/${kind}/${seed}/`, import.meta.url));
  mkdirSync(results, { recursive: true });
  cpSync(folder, `${results}data`, { recursive: true });
  writeFileSync(
    `${results}life.json`,
    JSON.stringify({ seed, error: String(error), ...record }, undefined, 1),
  );
  return new Error(`Seed ${seed}: ${String(error)}\n${results} has all of it.`, { cause: error });
}
