import { chmod, mkdir, open, readdir, readFile, rm, stat, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { tryLock } from "fs-native-extensions";
import type { DatabaseName } from "../../tasks/names.js";
import { errorCodeOf } from "../../util/assert.js";
import { packageVersion } from "../../util/package-version.js";
import { PRIVATE_FILE, PRIVATE_FOLDER, syncParentFolder, writeFileAtomically } from "./durable-files.js";

/**
 * The data folder of a server:
 *
 *     tidemark.json       { "product": "tidemark", "format": 2, "version": "1.0.0" }
 *     owner               the process id of the owner, which locks this file while it lives
 *     reserve             disk space for removals
 *     neo4j.mdb           a database, with LMDB's neo4j.mdb-lock
 *     neo4j.mdb-log       its newest changes, while it is open or after a crash
 *     ~nzswkdi.mdb        a database whose name is not a safe file name, in base32
 *
 * One process owns the folder, by an operating-system lock on the open owner file. The lock ends with the process, so
 * a file left behind by a crash blocks no other process.
 */
export class DataFolder implements AsyncDisposable {
  readonly path: string;
  readonly #owner: FileHandle;

  /** Creates the folder if it does not exist. @throws DataFolderError if it cannot be used. */
  static async open(path: string): Promise<DataFolder> {
    try {
      await createFolder(path);
      const written = await checkFormat(path);
      const folder = new DataFolder(path, await lock(path));
      await folder.#prepare(written);
      return folder;
    } catch (error) {
      if (error instanceof DataFolderError) throw error;
      throw unusableFolderError(path, error);
    }
  }

  /** Opens a folder that must exist already. @throws DataFolderError */
  static async openExisting(path: string): Promise<DataFolder> {
    await checkExists(path);
    return DataFolder.open(path);
  }

  private constructor(path: string, owner: FileHandle) {
    this.path = path;
    this.#owner = owner;
  }

  /** The databases that have a file, sorted by name. */
  databases(): Promise<DatabaseFile[]> {
    return databaseFiles(this.path);
  }

  get reserveFile(): string {
    return join(this.path, RESERVE_FILE);
  }

  fileOf(name: DatabaseName): string {
    return join(this.path, fileNameOf(name));
  }

  /**
   * Takes the folder and its files from other users. Returns those that were open to them, and those that still are,
   * because they belong to someone else.
   */
  async makePrivate(): Promise<{ readonly changed: readonly string[]; readonly left: readonly string[] }> {
    const files = (await readdir(this.path, { withFileTypes: true })).filter((entry) => entry.isFile());
    const changed: string[] = [];
    const left: string[] = [];
    for (const path of [this.path, ...files.map(({ name }) => join(this.path, name))]) {
      const mode = (await stat(path)).mode & 0o777;
      if ((mode & FOR_OTHERS) === 0) continue;
      await chmod(path, mode & ~FOR_OTHERS).then(
        () => changed.push(path),
        () => left.push(path),
      );
    }
    return { changed, left };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owner.close();
  }

  /** Deletes the unfinished files of a process that ended, which were never in use, and raises the format. */
  async #prepare(written: FolderFormat | undefined): Promise<void> {
    const names = await readdir(this.path);
    const unfinished = names.filter((name) => /\.new(-lock)?$/.test(name));
    await Promise.all(unfinished.map((name) => rm(join(this.path, name))));
    if (written?.format !== FORMAT || isOlder(written.version)) await writeFormatFile(this.path);
  }
}

export interface DatabaseFile {
  readonly name: DatabaseName;
  readonly path: string;
}

/** A folder cannot be used. The message, for the operator, says why and what to do. */
export class DataFolderError extends Error {
  override readonly name = "DataFolderError";
}

/** Creates a folder if it does not exist. @throws DataFolderError */
export async function createFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found && !found.isDirectory()) throw new DataFolderError(`${path} is a file. Choose a folder.`);
  await makeWithParents(path).catch((error: unknown) => {
    throw unusableFolderError(path, error);
  });
}

/** Avoids mkdir's `recursive`, which never ends in a folder such as /proc, where mkdir fails with ENOENT. */
async function makeWithParents(path: string): Promise<void> {
  if (await exists(path)) return;
  const parent = dirname(path);
  if (parent !== path) await makeWithParents(parent);
  await mkdir(path, PRIVATE_FOLDER).catch((error: unknown) => {
    if (errorCodeOf(error) !== "EEXIST") throw error;
  });
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** Marks a folder as a Tidemark data folder, and names this version as the newest that has used it. */
async function writeFormatFile(path: string): Promise<void> {
  await writeFileAtomically(
    join(path, FORMAT_FILE),
    `${JSON.stringify({ product: PRODUCT, format: FORMAT, version: packageVersion() })}\n`,
  );
}

/** Marks a folder as an incomplete backup, until `finishBackup`. */
export async function beginBackup(path: string): Promise<void> {
  await writeFileAtomically(join(path, UNFINISHED_BACKUP), "");
}

/** Makes a complete backup a data folder, which a server accepts. */
export async function finishBackup(path: string): Promise<void> {
  await writeFormatFile(path);
  await rm(join(path, UNFINISHED_BACKUP));
  await syncParentFolder(join(path, UNFINISHED_BACKUP));
}

/** The databases of a folder, which another process may own, sorted by name. */
export async function databaseFiles(folder: string): Promise<DatabaseFile[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(EXTENSION));
  return files
    .map((file) => ({ name: nameOf(file), path: join(folder, file) }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** @throws DataFolderError if the folder does not exist or is not a Tidemark data folder */
export async function checkExists(path: string): Promise<void> {
  const names = await readdir(path).catch((error: unknown) => {
    throw unusableFolderError(path, error);
  });
  if (names.includes(UNFINISHED_BACKUP) || names.includes(FORMAT_FILE)) return void (await checkFormat(path));
  const remedy = names.some((name) => name.endsWith(EXTENSION))
    ? RESTORE
    : "Pass the folder of --store lmdb:FOLDER.";
  throw new DataFolderError(`${path} is not a Tidemark data folder: ${FORMAT_FILE} is missing. ${remedy}`);
}

function fileNameOf(name: DatabaseName): string {
  const isPlain = /^[a-z0-9_][a-z0-9._-]{0,62}$/.test(name) && !RESERVED.test(name);
  return `${isPlain ? name : `~${toBase32(Buffer.from(name))}`}${EXTENSION}`;
}

function nameOf(file: string): DatabaseName {
  const base = file.slice(0, -EXTENSION.length);
  // Safe: only names of databases become names of files.
  return (base.startsWith("~") ? fromBase32(base.slice(1)).toString() : base) as DatabaseName;
}

/** The error for the operator when the folder or a file in it cannot be used. */
export function unusableFolderError(path: string, error: unknown): DataFolderError {
  const reason = error instanceof Error ? error.message : String(error);
  return new DataFolderError(`Cannot use the folder ${path}: ${reason}.`, { cause: error });
}

/** Returns the format, or undefined for a new folder. @throws DataFolderError */
async function checkFormat(path: string): Promise<FolderFormat | undefined> {
  const names = await readdir(path);
  if (names.includes(UNFINISHED_BACKUP))
    throw new DataFolderError(`${path} is an incomplete backup. Delete it, and make another one.`);
  if (!names.includes(FORMAT_FILE)) {
    const others = names.filter((name) => !IGNORED.has(name));
    if (others.length === 0) return undefined;
    throw new DataFolderError(
      `${path} is not a Tidemark data folder: it contains ${others[0]} but no ${FORMAT_FILE}. Choose an empty folder, or one that does not exist yet.`,
    );
  }
  const written = formatIn(await readFile(join(path, FORMAT_FILE), "utf8"));
  if (!written)
    throw new DataFolderError(
      `${path} is not a Tidemark data folder: its ${FORMAT_FILE} has other content. ${RESTORE}`,
    );
  const { format, version } = written;
  if (format >= FORMAT_MIN && format <= FORMAT) return written;
  const writer = version === undefined ? "the version that wrote it" : `Tidemark ${version}, which wrote it`;
  throw new DataFolderError(
    `${path} has format ${format}, but Tidemark ${packageVersion()} reads formats ${FORMAT_MIN} to ${FORMAT}. Nothing was changed. Use ${writer}, or a newer version.`,
  );
}

interface FolderFormat {
  readonly format: number;
  /** The newest version that has used the folder; undefined for a folder from before versions were recorded. */
  readonly version: string | undefined;
}

function formatIn(text: string): FolderFormat | undefined {
  try {
    const { product, format, version } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (product !== PRODUCT || typeof format !== "number") return undefined;
    return { format, version: typeof version === "string" ? version : undefined };
  } catch {
    return undefined;
  }
}

/** Whether a version is older than this one, or unknown. */
function isOlder(version: string | undefined): boolean {
  return version === undefined || version.localeCompare(packageVersion(), "en", { numeric: true }) < 0;
}

/**
 * Locks the folder and returns the open owner file. The process id is written under the lock, so a failed
 * attempt changes nothing.
 */
async function lock(path: string): Promise<FileHandle> {
  const ownerPath = join(path, OWNER_FILE);
  const owner = await open(ownerPath, "a+", PRIVATE_FILE);
  if (!tryLock(owner.fd)) {
    await owner.close();
    const pid = (await readFile(ownerPath, "utf8")).trim();
    throw new DataFolderError(
      `The folder ${path} is in use by process ${pid}. Only one server can use a folder: stop that process, or choose another folder.`,
    );
  }
  await owner.truncate();
  await owner.write(`${process.pid}\n`);
  return owner;
}

function toBase32(bytes: Buffer): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  return (bits.match(/.{1,5}/g) ?? []).map((five) => BASE32[parseInt(five.padEnd(5, "0"), 2)]).join("");
}

function fromBase32(text: string): Buffer {
  const bits = Array.from(text, (letter) => BASE32.indexOf(letter).toString(2).padStart(5, "0")).join("");
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
}

/** RFC 4648 in lower case, because a file system may ignore case. */
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

const PRODUCT = "tidemark";
/** Format 2 added the write-ahead logs, which a version that reads format 1 would ignore. */
const FORMAT = 2;
const FORMAT_MIN = 1;
/** The rights of group and others. */
const FOR_OTHERS = 0o077;
const FORMAT_FILE = "tidemark.json";
const OWNER_FILE = "owner";
const RESERVE_FILE = "reserve";
const UNFINISHED_BACKUP = "unfinished-backup";

/** The advice if the format file was lost. */
const RESTORE = `If you are sure that this is one, write ${JSON.stringify({ product: PRODUCT, format: FORMAT })} to ${FORMAT_FILE}.`;
const EXTENSION = ".mdb";

/** Allowed in a new folder: the first comes with a mounted disk, the others are from an interrupted start. */
const IGNORED = new Set(["lost+found", OWNER_FILE, `${FORMAT_FILE}.new`]);

/** Names that Windows reserves for devices. */
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/;
