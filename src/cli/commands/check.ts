import type { Command } from "commander";
import { bytesText, plural } from "../../format/numbers.js";
import { requireFolder } from "./require-folder.js";

/** The result of checking one database. */
export interface CheckResult {
  readonly name: string;
  readonly jobCount: number;
  readonly bytes: number;
  /** Undefined if the database is intact. */
  readonly damage: string | undefined;
  /** Why this version cannot read the intact database; undefined if it can. */
  readonly unknown: string | undefined;
}

export type Check = (folder: string) => AsyncIterable<CheckResult>;

/** Adds `check`, which reads all data in a folder. Its action throws if it finds damage. */
export function addCheckCommand(program: Command, check: Check, print: (text: string) => void): void {
  program
    .command("check <folder>")
    .description("Read all data in a folder and report damage. Stop the server first.")
    .action(async (folder: string) => {
      requireFolder(folder, "check its tables with pg_amcheck");
      const checked: CheckResult[] = [];
      for await (const found of check(folder)) {
        checked.push(found);
        print(`${found.name}: ${describe(found)}\n`);
      }
      const damaged = checked.filter(({ damage }) => damage !== undefined);
      const unknown = checked.filter((found) => found.unknown !== undefined);
      const all = plural(checked.length, "database");
      if (damaged.length > 0)
        throw new Error(
          `${damaged.length} of ${all} damaged. Repair the folder with: tidemark repair ${folder}`,
        );
      if (unknown.length > 0)
        throw new Error(
          `${unknown.length} of ${all} written by another version. Use that version, or a newer one.`,
        );
      print(`${all} checked, no damage.\n`);
    });
}

function describe({ jobCount, bytes, damage, unknown }: CheckResult): string {
  if (unknown !== undefined) return `UNKNOWN: ${unknown}`;
  return damage === undefined
    ? `${plural(jobCount, "job")}, ${bytesText(bytes)}, intact`
    : `DAMAGED: ${damage}`;
}
