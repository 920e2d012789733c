import type { Command } from "commander";
import { bytesText, plural } from "../../format/numbers.js";

/** The result of a check of one database. */
export interface CheckResult {
  readonly name: string;
  readonly jobCount: number;
  readonly bytes: number;
  /** Undefined if the database is sound. */
  readonly damage: string | undefined;
}

export type Check = (folder: string) => AsyncIterable<CheckResult>;

/** Adds `check`, which reads everything in a data folder. Its action throws if it finds damage. */
export function addCheckCommand(program: Command, check: Check, print: (text: string) => void): void {
  program
    .command("check <folder>")
    .description("Read everything in a data folder and report damage. The server must be stopped.")
    .action(async (folder: string) => {
      const checked: CheckResult[] = [];
      for await (const found of check(folder)) {
        checked.push(found);
        print(`${found.name}: ${describe(found)}\n`);
      }
      const damaged = checked.filter(({ damage }) => damage !== undefined);
      if (damaged.length === 0) return print(`${plural(checked.length, "database")}, all sound.\n`);
      throw new Error(
        `${damaged.length} of ${plural(checked.length, "database")} damaged. Repair with: tidemark repair ${folder}`,
      );
    });
}

function describe({ jobCount, bytes, damage }: CheckResult): string {
  return damage === undefined
    ? `${plural(jobCount, "job")}, ${bytesText(bytes)}, sound`
    : `DAMAGED: ${damage}`;
}
