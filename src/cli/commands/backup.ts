import type { Command } from "commander";
import { bytes, many } from "../render/quantity.js";

/** What was copied of one database. */
export interface DatabaseBackup {
  readonly name: string;
  readonly jobCount: number;
  readonly bytes: number;
}

export type Backup = (folder: string, target: string) => AsyncIterable<DatabaseBackup>;

/** Adds `backup`, which copies a data folder while a server uses it. */
export function addBackupCommand(program: Command, backup: Backup, print: (text: string) => void): void {
  program
    .command("backup <folder> <target>")
    .description(
      "Copy a data folder, which a server may be using, into a new one. The copy is compact, checked, and begins a new epoch.",
    )
    .action(async (folder: string, target: string) => {
      let count = 0;
      for await (const { name, jobCount, bytes: size } of backup(folder, target)) {
        count++;
        print(`${name}: ${many(jobCount, "job")}, ${bytes(size)}\n`);
      }
      print(
        `${many(count, "database")} copied to ${target}. Serve it with: tidemark --store lmdb:${target}\n`,
      );
    });
}
