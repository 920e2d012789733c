import type { Command } from "commander";
import { bytesText, plural } from "../../format/numbers.js";

/** The result of compacting one database. */
export interface CompactResult {
  readonly name: string;
  readonly bytesBefore: number;
  readonly bytes: number;
}

export type Compact = (folder: string) => AsyncIterable<CompactResult>;

/** Adds `compact`, which shrinks the files of a data folder. */
export function addCompactCommand(program: Command, compact: Compact, print: (text: string) => void): void {
  program
    .command("compact <folder>")
    .description("Shrink the files of a data folder to the space that its data needs. Stop the server first.")
    .action(async (folder: string) => {
      let count = 0;
      for await (const { name, bytesBefore, bytes } of compact(folder)) {
        count++;
        print(`${name}: ${bytesText(bytesBefore)} to ${bytesText(bytes)}\n`);
      }
      print(`${plural(count, "database")} compacted.\n`);
    });
}
