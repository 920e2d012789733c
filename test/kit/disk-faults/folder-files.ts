/** Folders with given files, and their later state. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Creates a folder with exactly these files. */
export function folderWith(folder: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** Everything observable in a folder: the content of its files and the modification times of files and folder. */
export function filesIn(folder: string): object[] {
  const files = readdirSync(folder).toSorted();
  return ["", ...files].map((name) => {
    const path = join(folder, name);
    const { mtimeMs } = statSync(path);
    return { name, mtimeMs, text: name === "" ? "" : readFileSync(path, "latin1") };
  });
}

/** Flips a bit in every record of a file that contains `text`. */
export function flipBits(path: string, text: string): void {
  const bytes = readFileSync(path);
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) bytes[at + 2]! ^= 1;
  writeFileSync(path, bytes);
}
