import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** Writes a file that is either complete or absent, even after a power failure. */
export async function writeFileAtomically(path: string, text: string): Promise<void> {
  const unfinished = `${path}.new`;
  await using file = await open(unfinished, "w", PRIVATE_FILE);
  await file.writeFile(text);
  await file.sync();
  await rename(unfinished, path);
  await syncParentFolder(path);
}

/** Makes a file durable. */
export async function syncFile(path: string): Promise<void> {
  await using file = await open(path, "r+");
  await file.sync();
}

/** The mode of a file that only its owner may read. */
export const PRIVATE_FILE = 0o600;

/** The mode of a folder that only its owner may read. */
export const PRIVATE_FOLDER = 0o700;

/** Syncs the parent folder of `path`, so that its list of files is durable. */
export async function syncParentFolder(path: string): Promise<void> {
  await using folder = await open(dirname(path), "r");
  await folder.sync();
}
