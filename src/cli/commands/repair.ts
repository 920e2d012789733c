import type { Command } from "commander";
import { plural } from "../../format/numbers.js";
import { requireFolder } from "./require-folder.js";

/** The result of repairing one database. */
export interface RepairResult {
  readonly name: string;
  readonly damagedFile: string;
  readonly jobCount: number;
  /** Undefined if the number is unknown. */
  readonly lostJobs: number | undefined;
  readonly lostChanges: number;
  readonly setBack: readonly string[];
  readonly damage: readonly string[];
}

export type Repair = (folder: string) => AsyncIterable<RepairResult>;

/** Adds `repair`, which rebuilds damaged databases from their readable jobs. */
export function addRepairCommand(program: Command, repair: Repair, print: (text: string) => void): void {
  program
    .command("repair <folder>")
    .description(
      "Repair the damaged databases of a data folder: drop unreadable jobs and start a new epoch. Stop the server first.",
    )
    .action(async (folder: string) => {
      requireFolder(
        folder,
        "promote a replica, or restore a backup and start the server once with --new-epoch",
      );
      let count = 0;
      for await (const repaired of repair(folder)) {
        count++;
        print(describe(repaired));
      }
      print(
        count === 0 ? "No damage found. Nothing was changed.\n" : `${plural(count, "database")} repaired.\n`,
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
}: RepairResult): string {
  const lost = lostJobs === undefined ? "an unknown number lost" : `${lostJobs} lost`;
  const changes = lostChanges === 0 ? "" : `; up to ${plural(lostChanges, "change")} lost`;
  return [
    `${name}: ${plural(jobCount, "job")} kept, ${lost}${changes}\n`,
    ...shortened(damage.map((line) => `  ${line}\n`)),
    ...shortened(setBack.map((job) => `  job ${job} was restored to an earlier state\n`)),
    `  damaged file kept as ${damagedFile}\n`,
  ].join("");
}

function shortened(lines: readonly string[]): string[] {
  const rest = lines.length - LINES_MAX;
  return [...lines.slice(0, LINES_MAX), ...(rest > 0 ? [`  and ${rest} more\n`] : [])];
}

const LINES_MAX = 20;
