/** Folders that tests fill by hand, and what became of them. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A folder with these files and no others. */
export function folderWith(folder: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** All that can be seen of a folder: what is in its files, and when each, and the folder, was changed. */
export function filesIn(folder: string): object[] {
  const files = readdirSync(folder).toSorted();
  return ["", ...files].map((name) => {
    const path = join(folder, name);
    const { mtimeMs } = statSync(path);
    return { name, mtimeMs, text: name === "" ? "" : readFileSync(path, "latin1") };
  });
}
