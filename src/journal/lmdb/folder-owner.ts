import { existsSync } from "node:fs";
import { chown, link, lstat, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorCodeOf } from "../../util/assert.js";
import { PRIVATE_FILE } from "./durable-files.js";
import { LOCK_BYTES } from "./space-reservation.js";

/**
 * The files that `check`, `repair` and `backup` create in a data folder belong to the owner of the folder, also if root
 * runs them. Otherwise a server of another user could not open its own databases any more.
 */

/** Gives the files of root in a folder of another user to that user. */
export async function giveToOwner(folder: string): Promise<void> {
  if (process.getuid?.() !== ROOT) return;
  const { uid, gid } = await stat(folder);
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const found = await lstat(path);
    if (found.isFile() && found.uid === ROOT && uid !== ROOT) await chown(path, uid, gid);
  }
}

/** Whether this process is root, and the folder belongs to another user. */
export async function isRootInForeignFolder(folder: string): Promise<boolean> {
  return process.getuid?.() === ROOT && (await stat(folder)).uid !== ROOT;
}

/** Gives a copy that root made in a folder of root to the owner of the original. */
export async function giveCopyToOwner(original: string, copy: string): Promise<void> {
  if (process.getuid?.() !== ROOT) return;
  const { uid, gid } = await stat(original);
  if ((await stat(copy)).uid === ROOT) await chown(copy, uid, gid);
  await giveToOwner(copy);
}

/**
 * Creates LMDB's lock file of a database that a server may be using, unless there is one. The file appears complete
 * and with the owner and the mode of the database, so that the server can open it at any moment.
 */
export async function createLockFileOf(path: string): Promise<void> {
  const lockPath = `${path}-lock`;
  if (existsSync(lockPath)) return;
  const draft = `${lockPath}.${process.pid}.new`;
  const { uid, gid, mode } = await stat(path);
  try {
    await using file = await open(draft, "wx", PRIVATE_FILE);
    await file.write(Buffer.alloc(LOCK_BYTES));
    if (process.getuid?.() === ROOT) await file.chown(uid, gid);
    await file.chmod(mode & 0o777);
    await link(draft, lockPath).catch((error: unknown) => {
      if (errorCodeOf(error) !== "EEXIST") throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
}

const ROOT = 0;
