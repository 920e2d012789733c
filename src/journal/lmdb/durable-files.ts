import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** Writes a file that is there whole or not at all, also after a power cut. */
export async function writeFileAtomically(path: string, text: string): Promise<void> {
  const unfinished = `${path}.new`;
  await using file = await open(unfinished, "w");
  await file.writeFile(text);
  await file.sync();
  await rename(unfinished, path);
  await syncParentFolder(path);
}

/** Makes durable which files the folder of `path` has. */
export async function syncParentFolder(path: string): Promise<void> {
  await using folder = await open(dirname(path), "r");
  await folder.sync();
}
