import { existsSync } from "node:fs";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { open as openLmdb } from "lmdb";
import { treeOf } from "../../tasks/task-rows.js";
import { silentLog } from "../../util/log.js";
import {
  checkExists,
  DataFolder,
  databaseFiles,
  DataFolderError,
  createFolder,
  writeFormatFile,
} from "./data-folder.js";
import { syncParentFolder } from "./durable-files.js";
import { DamagedJournalError } from "../journal.js";
import { LmdbDatabase, writeDatabase } from "./lmdb-database.js";
import { salvage } from "./salvage.js";

/** What an operator does to a data folder from the command line. */

/** What was found in a database. */
export interface DatabaseCheck {
  readonly name: string;
  readonly path: string;
  /** 0 when it is damaged. */
  readonly jobCount: number;
  readonly bytes: number;
  /** What is wrong; undefined when nothing is. */
  readonly damage: string | undefined;
}

/** Reads everything in a folder that no server has. @throws DataFolderError */
export async function* checkFolder(path: string): AsyncGenerator<DatabaseCheck, void> {
  await using folder = await DataFolder.openExisting(path);
  for (const { name, path: file } of await folder.databases()) yield checkDatabase(name, file);
}

/** What became of a damaged database. */
export interface DatabaseRepair {
  readonly name: string;
  /** Where the damaged file is now. */
  readonly damagedFile: string;
  readonly jobCount: number;
  /** undefined when it is not known how many there were. */
  readonly lostJobs: number | undefined;
  /** Changes that can't be read, or whose job is not as it was before them. */
  readonly lostChanges: number;
  /** Jobs that are as they were at an earlier revision, as `user/job id`. */
  readonly setBack: readonly string[];
  readonly damage: readonly string[];
}

/**
 * Makes every damaged database of a folder one that can be used, of what can still be read, in a new epoch. The
 * damaged file is kept beside it. Sound ones are not touched. @throws DataFolderError
 */
export async function* repairFolder(path: string): AsyncGenerator<DatabaseRepair, void> {
  await using folder = await DataFolder.openExisting(path);
  for (const { name, path: file } of await folder.databases()) {
    const { damage } = await checkDatabase(name, file);
    if (damage !== undefined) yield repairDatabase(name, file);
  }
}

/** What was copied of a database. */
export interface DatabaseBackup {
  readonly name: string;
  readonly path: string;
  readonly jobCount: number;
  readonly bytes: number;
}

/**
 * Copies every database of a folder, which a server may be using, into a new one, without the room that is
 * free in it. A copy is of one moment, each database's of its own, and begins a new epoch. It is checked.
 * @throws DataFolderError, DamagedJournalError
 */
export async function* backupFolder(path: string, target: string): AsyncGenerator<DatabaseBackup, void> {
  await checkExists(path);
  await createFolder(target);
  if ((await readdir(target)).length > 0)
    throw new DataFolderError(`The folder ${target} is not empty. Choose another one for the copy.`);
  for (const { name, path: file } of await databaseFiles(path)) {
    const copy = join(target, basename(file));
    try {
      await copyDatabase(file, copy);
      const { jobCount, bytes, damage } = await checkDatabase(name, copy);
      if (damage !== undefined) throw new DamagedJournalError(`The copy is damaged: ${damage}.`);
      yield { name, path: copy, jobCount, bytes };
    } catch (error) {
      await Promise.all((await readdir(target)).map((made) => rm(join(target, made))));
      const hint = error instanceof DamagedJournalError ? ` Mend it with: tidemark repair ${path}` : "";
      const reason = `${error instanceof Error ? error.message : String(error)}${hint}`;
      throw new Error(`Database ${JSON.stringify(name)} could not be copied, and nothing was: ${reason}`, {
        cause: error,
      });
    }
  }
  await writeFormatFile(target); // now it is one that can be started with
}

async function checkDatabase(name: string, path: string): Promise<DatabaseCheck> {
  const { size: bytes } = await stat(path);
  try {
    await using database = new LmdbDatabase(path, UNBOUNDED);
    let jobCount = 0;
    await database.load(({ epoch, jobs }) => {
      for (const { tasks } of jobs) treeOf(epoch, tasks);
      jobCount += jobs.length;
    });
    return { name, path, jobCount, bytes, damage: undefined };
  } catch (error) {
    if (!(error instanceof DamagedJournalError)) throw error;
    return { name, path, jobCount: 0, bytes, damage: (error.cause as Error).message };
  }
}

async function repairDatabase(name: string, path: string): Promise<DatabaseRepair> {
  const { head, jobs, revision, lostChanges, damage, ...found } = salvage(path);
  const setBack = found.revertedJobs.map(({ username, jobId }) => `${username}/${jobId}`);
  const damagedFile = unusedName(`${path}.damaged`);
  await rename(path, damagedFile);
  await syncParentFolder(path);
  await writeDatabase(path, jobs, revision);
  const lostJobs = head && Math.max(head.jobCount - jobs.length, 0);
  return { name, damagedFile, jobCount: jobs.length, lostJobs, lostChanges, setBack, damage };
}

async function copyDatabase(path: string, copy: string): Promise<void> {
  const env = openLmdb({ path, noSubdir: true, readOnly: true });
  try {
    await env.backup(copy, true);
  } finally {
    await env.close();
  }
  await using database = new LmdbDatabase(copy, UNBOUNDED);
  await database.beginEpoch();
}

function unusedName(path: string): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? path : `${path}-${number}`;
    if (!existsSync(name)) return name;
  }
}

/** Nothing is dropped for being too much. */
const UNBOUNDED = { removalsKeptMax: Infinity, logLinesPerJobMax: Infinity, log: silentLog };
