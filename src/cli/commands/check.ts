import type { Command } from "commander";
import { bytes, many } from "../render/quantity.js";

/** What a check finds in one database. */
export interface DatabaseCheck {
  readonly name: string;
  readonly jobCount: number;
  readonly bytes: number;
  /** undefined when it is sound. */
  readonly damage: string | undefined;
}

export type Check = (folder: string) => AsyncIterable<DatabaseCheck>;

/** Adds `check`, which reads everything in a data folder. Its action throws when something is damaged. */
export function addCheckCommand(program: Command, check: Check, print: (text: string) => void): void {
  program
    .command("check <folder>")
    .description("Read everything in a data folder, and say what is damaged. The server must be stopped.")
    .action(async (folder: string) => {
      const checked: DatabaseCheck[] = [];
      for await (const found of check(folder)) {
        checked.push(found);
        print(`${found.name}: ${describe(found)}\n`);
      }
      const damaged = checked.filter(({ damage }) => damage !== undefined);
      if (damaged.length === 0) return print(`${many(checked.length, "database")}, all sound.\n`);
      throw new Error(
        `${damaged.length} of ${many(checked.length, "database")} damaged. Mend with: tidemark repair ${folder}`,
      );
    });
}

function describe({ jobCount, bytes: size, damage }: DatabaseCheck): string {
  return damage === undefined ? `${many(jobCount, "job")}, ${bytes(size)}, sound` : `DAMAGED: ${damage}`;
}
