import { existsSync } from "node:fs";
import { readdir, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { openLmdb } from "./binding/open-lmdb.js";
import { treeOf } from "../../tasks/task-rows.js";
import { silentLog } from "../../util/log.js";
import {
  beginBackup,
  checkExists,
  DataFolder,
  databaseFiles,
  DataFolderError,
  createFolder,
  finishBackup,
} from "./data-folder.js";
import { checkCanOpen } from "./descriptor-reserve.js";
import { PRIVATE_FILE, syncFile, syncParentFolder } from "./durable-files.js";
import { DamagedJournalError, UnknownFormatError } from "../journal.js";
import { systemCodeOf } from "../system-code.js";
import { createLockFileOf, giveCopyToOwner, giveToOwner } from "./folder-owner.js";
import { createFile, withoutReplacement } from "./database-file.js";
import { LmdbDatabase, LOG_SUFFIX, newHead } from "./lmdb-database.js";
import { LmdbFile } from "./lmdb-file.js";
import { framesAfter, isLaterLog } from "./log-frame.js";
import { headOf } from "./snapshot-reader.js";
import { salvage, type Salvage } from "./salvage.js";
import { fileUsage } from "./space-reservation.js";

/** The work of `tidemark check`, `repair` and `backup`. */

/** The result of checking a database. */
export interface DatabaseCheck {
  readonly name: string;
  readonly path: string;
  /** 0 if the database is damaged. */
  readonly jobCount: number;
  readonly bytes: number;
  /** What is wrong; undefined if the database is sound. */
  readonly damage: string | undefined;
  /** Why this version can't read the database, although it is intact; undefined if it can. */
  readonly unknown: string | undefined;
}

/** Checks every database of a folder that no server is using. @throws DataFolderError */
export async function* checkFolder(path: string): AsyncGenerator<DatabaseCheck, void> {
  await using folder = await DataFolder.openExisting(path);
  try {
    for (const { name, path: file } of await folder.databases()) yield checkDatabase(name, file);
  } finally {
    await giveToOwner(path);
  }
}

/** The result of repairing a database. */
export interface DatabaseRepair {
  readonly name: string;
  /** Where the damaged file was moved to. */
  readonly damagedFile: string;
  readonly jobCount: number;
  /** undefined if the original number is unknown. */
  readonly lostJobs: number | undefined;
  /** Changes that are unreadable, or whose previous state is lost. */
  readonly lostChanges: number;
  /** Jobs that were reset to an earlier revision, as `user/job id`. */
  readonly setBack: readonly string[];
  readonly damage: readonly string[];
}

/**
 * Rebuilds every damaged database of a folder from what is still readable, in a new epoch. The damaged file is
 * kept beside the new one. Sound databases are not touched, nor those of another version.
 * @throws DataFolderError, at last also for databases of another version
 */
export async function* repairFolder(path: string): AsyncGenerator<DatabaseRepair, void> {
  await using folder = await DataFolder.openExisting(path);
  try {
    const refused: string[] = [];
    for (const { name, path: file } of await folder.databases()) {
      const { damage, unknown } = await checkDatabase(name, file);
      const result = damage === undefined ? unknown : await repairDatabase(name, file);
      if (typeof result === "string") refused.push(`${name}: ${result}`);
      else if (result) yield result;
    }
    if (refused.length > 0) throw new DataFolderError(`Not repaired. ${refused.join(" ")}`);
  } finally {
    await giveToOwner(path);
  }
}

/** The result of compacting a database. */
export interface DatabaseCompaction {
  readonly name: string;
  /** The size of the file before and after. */
  readonly bytesBefore: number;
  readonly bytes: number;
  /** Why the file stayed as it was; undefined if it was compacted. */
  readonly failure: string | undefined;
}

/** Rewrites the file of every database of a folder that no server is using, without its free pages. @throws DataFolderError */
export async function* compactFolder(path: string): AsyncGenerator<DatabaseCompaction, void> {
  await using folder = await DataFolder.openExisting(path);
  try {
    for (const { name, path: file } of await folder.databases()) {
      const { size: bytesBefore } = await stat(file);
      const failure = await compactDatabase(file);
      yield { name, bytesBefore, bytes: (await stat(file)).size, failure };
    }
  } finally {
    await giveToOwner(path);
  }
}

/** Returns why it failed, if it did. Nothing is lost then. */
async function compactDatabase(path: string): Promise<string | undefined> {
  try {
    await using database = new LmdbDatabase(path, UNBOUNDED);
    await database.rewrite();
    return undefined;
  } catch (error) {
    return DISK_FULL.has(systemCodeOf(error) ?? "") ? diskFullReason(path) : reasonOf(error);
  }
}

function diskFullReason(path: string): string {
  const { usedBytes, freeBytes } = fileUsage(path);
  const needed = `${Math.ceil((usedBytes - freeBytes) / MEBIBYTE)} MiB`;
  return `The disk is too full to rewrite ${path}: that needs about ${needed}. Start the server and remove jobs with: tidemark purge, or whole databases with: tidemark purge --delete. Or copy the folder to another disk with: tidemark backup ${dirname(path)} TARGET.`;
}

/** The result of copying a database. */
export interface DatabaseBackup {
  readonly name: string;
  readonly path: string;
  readonly jobCount: number;
  readonly bytes: number;
}

/**
 * Copies every database of a folder into a new one, without free space, even while a server is using it. Each
 * copy is a consistent snapshot, taken independently of the others, and begins a new epoch. Each copy is
 * checked.
 * @throws DataFolderError, DamagedJournalError
 */
export async function* backupFolder(path: string, target: string): AsyncGenerator<DatabaseBackup, void> {
  await checkExists(path);
  if (`${await realPathOf(target)}${sep}`.startsWith(`${await realpath(path)}${sep}`))
    throw new DataFolderError(
      `The folder ${target} is inside ${path}. Choose a folder outside it for the backup.`,
    );
  await createFolder(target);
  if ((await readdir(target)).length > 0)
    throw new DataFolderError(`The folder ${target} is not empty. Choose an empty folder for the backup.`);
  await beginBackup(target);
  for (const { name, path: file } of await databaseFiles(path)) {
    const copy = join(target, basename(file));
    try {
      await withoutReplacement(file, () => copyDatabase(file, copy));
      const { jobCount, bytes, damage } = await checkDatabase(name, copy);
      if (damage !== undefined) throw new DamagedJournalError(`The copy is damaged: ${damage}.`);
      yield { name, path: copy, jobCount, bytes };
    } catch (error) {
      await Promise.all((await readdir(target)).map((made) => rm(join(target, made))));
      const hint = error instanceof DamagedJournalError ? ` Repair it with: tidemark repair ${path}` : "";
      const reason = `${error instanceof Error ? error.message : String(error)}${hint}`;
      throw new Error(`Cannot copy database ${JSON.stringify(name)}, so nothing was backed up: ${reason}`, {
        cause: error,
      });
    }
  }
  await finishBackup(target); // only now a server accepts the folder
  await giveCopyToOwner(path, target);
}

/** The path without symbolic links, also of a folder that does not exist yet. */
async function realPathOf(path: string): Promise<string> {
  if (existsSync(path)) return realpath(path);
  const parent = dirname(path);
  return join(parent === path ? path : await realPathOf(parent), basename(path));
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
    return { name, path, jobCount, bytes, damage: undefined, unknown: undefined };
  } catch (error) {
    const failed = { name, path, jobCount: 0, bytes, damage: undefined, unknown: undefined };
    if (error instanceof UnknownFormatError) return { ...failed, unknown: error.message };
    if (!(error instanceof DamagedJournalError)) throw error;
    return { ...failed, damage: (error.cause as Error).message };
  }
}

/** Returns why it did not repair the database if the rest of its file is of another version. */
async function repairDatabase(name: string, path: string): Promise<DatabaseRepair | string> {
  const log = `${path}${LOG_SUFFIX}`;
  const salvaged = salvageIfKnown(path, log);
  if (typeof salvaged === "string") return salvaged;
  const { head, jobs, revision, lostChanges, damage, ...found } = salvaged;
  const setBack = found.revertedJobs.map(({ username, jobId }) => `${username}/${jobId}`);
  const damagedFile = unusedName(`${path}.damaged`);
  await rename(path, damagedFile);
  if (existsSync(log)) await rename(log, `${damagedFile}${LOG_SUFFIX}`);
  await syncParentFolder(path);
  await createFile(path, { ...newHead(), revision, floor: revision, entriesFrom: revision + 1 }, jobs);
  const lostJobs = head && Math.max(head.jobCount - jobs.length, 0);
  return { name, damagedFile, jobCount: jobs.length, lostJobs, lostChanges, setBack, damage };
}

function salvageIfKnown(path: string, log: string): Salvage | string {
  try {
    return salvage(path, log);
  } catch (error) {
    if (error instanceof UnknownFormatError) return error.message;
    throw error;
  }
}

/**
 * Copies the file as of one transaction, and the log that follows it. The server may move the log to its file meanwhile,
 * so the log is read before and after: if neither follows the copy, the copy contains what was in the first.
 */
async function copyDatabase(path: string, copy: string): Promise<void> {
  const before = await readLog(path);
  await copyFile(path, copy);
  const after = await readLog(path);
  using file = LmdbFile.open(copy);
  const head = headOf(file);
  const logs = head && isLaterLog(after, head) ? [before] : [after, before];
  const log = logs.find((bytes) => head && framesAfter(bytes, head).length > 0);
  if (log) await writeFile(`${copy}${LOG_SUFFIX}`, log, { mode: PRIVATE_FILE });
  await using database = new LmdbDatabase(copy, UNBOUNDED);
  await database.beginEpoch();
}

/** Copies a file without its free pages. */
async function copyFile(path: string, copy: string): Promise<void> {
  await createLockFileOf(path);
  checkCanOpen([path, `${path}-lock`], "r");
  const env = openLmdb({ path, noSubdir: true, readOnly: true }); // this also removes dead readers
  const umask = process.umask(PRIVATE_UMASK); // LMDB creates the copy
  try {
    await env.backup(copy, true);
  } finally {
    process.umask(umask);
    await env.close();
  }
  await syncFile(copy);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  return error instanceof DamagedJournalError || !(cause instanceof Error)
    ? message
    : `${message} ${cause.message}`;
}

async function readLog(path: string): Promise<Buffer> {
  const log = `${path}${LOG_SUFFIX}`;
  return existsSync(log) ? readFile(log) : Buffer.alloc(0);
}

function unusedName(path: string): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? path : `${path}-${number}`;
    if (!existsSync(name)) return name;
  }
}

const MEBIBYTE = 1024 * 1024;

const DISK_FULL = new Set(["ENOSPC", "EDQUOT"]);

const PRIVATE_UMASK = 0o077;

const UNBOUNDED = { removalsKeptMax: Infinity, logLinesPerJobMax: Infinity, log: silentLog };
