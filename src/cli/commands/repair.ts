import type { Command } from "commander";
import { many } from "../render/quantity.js";

/** What became of one damaged database. */
export interface DatabaseRepair {
  readonly name: string;
  readonly damagedFile: string;
  readonly jobCount: number;
  /** undefined when it is not known how many there were. */
  readonly lostJobs: number | undefined;
  readonly lostChanges: number;
  readonly setBack: readonly string[];
  readonly damage: readonly string[];
}

export type Repair = (folder: string) => AsyncIterable<DatabaseRepair>;

/** Adds `repair`, which makes damaged databases usable with what can still be read. */
export function addRepairCommand(program: Command, repair: Repair, print: (text: string) => void): void {
  program
    .command("repair <folder>")
    .description(
      "Mend the damaged databases of a data folder: what can't be read is dropped, the rest begins a new epoch. The server must be stopped.",
    )
    .action(async (folder: string) => {
      let count = 0;
      for await (const repaired of repair(folder)) {
        count++;
        print(describe(repaired));
      }
      print(
        count === 0
          ? "Nothing is damaged, and nothing was changed.\n"
          : `${many(count, "database")} mended.\n`,
      );
    });
}

function describe({
  name,
  damagedFile,
  jobCount,
  lostJobs,
  lostChanges,
  setBack,
  damage,
}: DatabaseRepair): string {
  const lost = lostJobs === undefined ? "it is not known how many were lost" : `${lostJobs} lost`;
  const changes = lostChanges === 0 ? "" : `; up to ${many(lostChanges, "change")} of jobs lost`;
  return [
    `${name}: ${many(jobCount, "job")} kept, ${lost}${changes}\n`,
    ...shortened(damage.map((line) => `  ${line}\n`)),
    ...shortened(setBack.map((job) => `  job ${job} is as it was earlier\n`)),
    `  the damaged file is kept as ${damagedFile}\n`,
  ].join("");
}

function shortened(lines: readonly string[]): string[] {
  const rest = lines.length - LINES_MAX;
  return [...lines.slice(0, LINES_MAX), ...(rest > 0 ? [`  and ${rest} more\n`] : [])];
}

/** About one thing in one database. */
const LINES_MAX = 20;
