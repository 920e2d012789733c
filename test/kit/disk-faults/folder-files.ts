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
