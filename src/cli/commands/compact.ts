import type { Command } from "commander";
import { bytesText, plural } from "../../format/numbers.js";
import { requireFolder } from "./require-folder.js";

/** The result of compacting one database. */
export interface CompactResult {
  readonly name: string;
  readonly bytesBefore: number;
  readonly bytes: number;
  /** Why the file stayed as it was; undefined if it was compacted. */
  readonly failure: string | undefined;
}

export type Compact = (folder: string) => AsyncIterable<CompactResult>;

/** Adds `compact`, which shrinks the files of a data folder. Its action throws if it could not shrink one. */
export function addCompactCommand(program: Command, compact: Compact, print: (text: string) => void): void {
  program
    .command("compact <folder>")
    .description("Shrink the files of a data folder to the space that its data needs. Stop the server first.")
    .action(async (folder: string) => {
      requireFolder(folder, "return its free space with VACUUM FULL, or let autovacuum reuse it");
      const compacted: CompactResult[] = [];
      for await (const result of compact(folder)) {
        compacted.push(result);
        print(`${result.name}: ${describe(result)}\n`);
      }
      const failed = compacted.filter(({ failure }) => failure !== undefined).length;
      const all = plural(compacted.length, "database");
      if (failed > 0)
        throw new Error(
          `${failed} of ${all} not compacted. Their files are as before. Mend the causes, and run the command again.`,
        );
      print(`${all} compacted.\n`);
    });
}

function describe({ bytesBefore, bytes, failure }: CompactResult): string {
  if (failure !== undefined) return `NOT COMPACTED: ${failure}`;
  return `${bytesText(bytesBefore)} to ${bytesText(bytes)}`;
}
