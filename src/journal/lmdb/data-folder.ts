import { mkdir, open, readdir, readFile, rm, stat, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { tryLock } from "fs-native-extensions";
import type { DatabaseName } from "../../tasks/names.js";
import { errorCodeOf } from "../../util/error-code.js";
import { writeFileAtomically } from "./durable-files.js";

/**
 * A folder with a Tidemark's data:
 *
 *     tidemark.json       { "product": "tidemark", "format": 1 }
 *     owner               the pid of the process that has it; locked while that lives
 *     neo4j.mdb           a database, with LMDB's neo4j.mdb-lock
 *     ~nzswkdi.mdb        one whose name is no name of a file, in base32
 *
 * One process owns it. The lock is the system's, on the open file: it ends with the process, however that ends,
 * so a file that was left behind refuses nobody.
 */
export class DataFolder implements AsyncDisposable {
  readonly path: string;
  readonly #owner: FileHandle;

  /** Makes the folder where there is none. @throws DataFolderError when it can't be had. */
  static async open(path: string): Promise<DataFolder> {
    try {
      await createFolder(path);
      await checkFormat(path);
      const folder = new DataFolder(path, await lock(path));
      await folder.#prepare();
      return folder;
    } catch (error) {
      if (error instanceof DataFolderError) throw error;
      throw unusableFolderError(path, error);
    }
  }

  /** The same for a folder that must be there already. @throws DataFolderError */
  static async openExisting(path: string): Promise<DataFolder> {
    await checkExists(path);
    return DataFolder.open(path);
  }

  private constructor(path: string, owner: FileHandle) {
    this.path = path;
    this.#owner = owner;
  }

  /** The databases that have a file, by name. */
  databases(): Promise<DatabaseFile[]> {
    return databaseFiles(this.path);
  }

  fileOf(name: DatabaseName): string {
    return join(this.path, fileNameOf(name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owner.close();
  }

  /** What was being made when a process ended was never in use. */
  async #prepare(): Promise<void> {
    const names = await readdir(this.path);
    const unfinished = names.filter((name) => /\.new(-lock)?$/.test(name));
    await Promise.all(unfinished.map((name) => rm(join(this.path, name))));
    if (!names.includes(FORMAT_FILE)) await writeFormatFile(this.path);
  }
}

export interface DatabaseFile {
  readonly name: DatabaseName;
  readonly path: string;
}

/** A folder can't be used. For the operator at the terminal: the message says which and what to do. */
export class DataFolderError extends Error {
  override readonly name = "DataFolderError";
}

/** Makes a folder where there is none. @throws DataFolderError */
export async function createFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found && !found.isDirectory()) throw new DataFolderError(`${path} is a file. Choose a folder.`);
  await makeWithParents(path).catch((error: unknown) => {
    throw unusableFolderError(path, error);
  });
}

/** Not by the `recursive` of mkdir, which never ends in a folder, as /proc, that says of a new one that it is not there. */
async function makeWithParents(path: string): Promise<void> {
  if (await isThere(path)) return;
  const parent = dirname(path);
  if (parent !== path) await makeWithParents(parent);
  await mkdir(path).catch((error: unknown) => {
    if (errorCodeOf(error) !== "EEXIST") throw error;
  });
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** Says that a folder is a Tidemark's, from now on. */
export async function writeFormatFile(path: string): Promise<void> {
  await writeFileAtomically(
    join(path, FORMAT_FILE),
    `${JSON.stringify({ product: PRODUCT, format: FORMAT })}\n`,
  );
}

/** The databases of a folder, which others may own, by name. */
export async function databaseFiles(folder: string): Promise<DatabaseFile[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(EXTENSION));
  return files
    .map((file) => ({ name: nameOf(file), path: join(folder, file) }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** @throws DataFolderError when it is not there, or not a Tidemark's. */
export async function checkExists(path: string): Promise<void> {
  const names = await readdir(path).catch((error: unknown) => {
    throw unusableFolderError(path, error);
  });
  if (names.includes(FORMAT_FILE)) return checkFormat(path);
  const remedy = names.some((name) => name.endsWith(EXTENSION))
    ? RESTORE
    : "Name the folder of --store lmdb:FOLDER.";
  throw new DataFolderError(`${path} is no Tidemark folder: it has no ${FORMAT_FILE}. ${remedy}`);
}

/** The name of a database's file in its folder. */
function fileNameOf(name: DatabaseName): string {
  const isPlain = /^[a-z0-9_][a-z0-9._-]{0,62}$/.test(name) && !RESERVED.test(name);
  return `${isPlain ? name : `~${toBase32(Buffer.from(name))}`}${EXTENSION}`;
}

function nameOf(file: string): DatabaseName {
  const base = file.slice(0, -EXTENSION.length);
  // Safe: only names of databases become names of files.
  return (base.startsWith("~") ? fromBase32(base.slice(1)).toString() : base) as DatabaseName;
}

function unusableFolderError(path: string, error: unknown): DataFolderError {
  const reason = error instanceof Error ? error.message : String(error);
  return new DataFolderError(`The folder ${path} can't be used: ${reason}.`, { cause: error });
}

async function checkFormat(path: string): Promise<void> {
  const names = await readdir(path);
  if (!names.includes(FORMAT_FILE)) {
    const others = names.filter((name) => !IGNORED.has(name));
    if (others.length === 0) return;
    throw new DataFolderError(
      `${path} is no Tidemark folder: it has no ${FORMAT_FILE}, but ${others[0]}. Choose an empty folder, or one that does not exist.`,
    );
  }
  const format = formatIn(await readFile(join(path, FORMAT_FILE), "utf8"));
  if (format === FORMAT) return;
  throw new DataFolderError(
    format === undefined
      ? `${path} is no Tidemark folder: its ${FORMAT_FILE} is something else. ${RESTORE}`
      : `${path} has format ${format}, and this version reads ${FORMAT}. Use the version of Tidemark that wrote it, or a newer one.`,
  );
}

function formatIn(text: string): number | undefined {
  try {
    const { product, format } = JSON.parse(text) as { product?: unknown; format?: unknown };
    return product === PRODUCT && typeof format === "number" ? format : undefined;
  } catch {
    return undefined;
  }
}

/** The owner's open file. Who was refused has changed nothing: the pid is written under the lock. */
async function lock(path: string): Promise<FileHandle> {
  const ownerPath = join(path, OWNER_FILE);
  const owner = await open(ownerPath, "a+");
  if (!tryLock(owner.fd)) {
    await owner.close();
    const pid = (await readFile(ownerPath, "utf8")).trim();
    throw new DataFolderError(
      `The folder ${path} is in use by process ${pid}. One server has a folder; stop that one first, or choose another folder.`,
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

/** RFC 4648 in small letters: a file system may not tell capitals from them. */
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

const PRODUCT = "tidemark";
const FORMAT = 1;
const FORMAT_FILE = "tidemark.json";
const OWNER_FILE = "owner";

/** For whoever has lost that file. */
const RESTORE = `If you know that it is one, write ${JSON.stringify({ product: PRODUCT, format: FORMAT })} into it.`;
const EXTENSION = ".mdb";

/** What a new folder may have: a mounted disk brings the one, our own start the others. */
const IGNORED = new Set(["lost+found", OWNER_FILE, `${FORMAT_FILE}.new`]);

/** Names that Windows gives to devices. */
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/;
