import type { Command } from "commander";
import { bytesText, plural } from "../../format/numbers.js";
import { requireFolder } from "./require-folder.js";

/** The result of copying one database. */
export interface BackupResult {
  readonly name: string;
  readonly jobCount: number;
  readonly bytes: number;
}

export type Backup = (folder: string, target: string) => AsyncIterable<BackupResult>;

/** Adds `backup`, which copies a data folder, even while a server uses it. */
export function addBackupCommand(program: Command, backup: Backup, print: (text: string) => void): void {
  program
    .command("backup <folder> <target>")
    .description(
      "Copy a data folder to a new folder, even while a server uses it. The copy is compacted and checked, and starts a new epoch.",
    )
    .action(async (folder: string, target: string) => {
      for (const path of [folder, target]) requireFolder(path, "back it up with pg_dump, and keep a replica");
      let count = 0;
      for await (const { name, jobCount, bytes } of backup(folder, target)) {
        count++;
        print(`${name}: ${plural(jobCount, "job")}, ${bytesText(bytes)}\n`);
      }
      print(
        `${plural(count, "database")} copied to ${target}. Serve the copy with: tidemark --store lmdb:${target}\n`,
      );
    });
}
