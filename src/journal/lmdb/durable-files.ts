import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** Writes a file that is either complete or absent, even after a power failure. */
export async function writeFileAtomically(path: string, text: string): Promise<void> {
  const unfinished = `${path}.new`;
  await using file = await open(unfinished, "w");
  await file.writeFile(text);
  await file.sync();
  await rename(unfinished, path);
  await syncParentFolder(path);
}

/** Syncs the parent folder of `path`, so that its list of files is durable. */
export async function syncParentFolder(path: string): Promise<void> {
  await using folder = await open(dirname(path), "r");
  await folder.sync();
}
