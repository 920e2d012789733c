/**
 * SHA-256 of every file below a folder, reported as a job: `npm run --silent example:checksum -- DIR`.
 *
 *     Checksum
 *     |-- walk          counts files; their total is unknown
 *     |-- hash          volume: bytes, known once the walk has finished
 *
 * Prints lines for `sha256sum --check` to stdout, sorted by path; everything else goes to stderr. Does not follow
 * symbolic links. Logs a warning for each file that it can't read.
 */
import { createHash } from "node:crypto";
import { type Dirent, createReadStream } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { leaf, task, type Task } from "tidemark-client";
import { readCommandLine } from "./options.js";
import { type Pause, runJob } from "./run-job.js";

type File = { readonly path: string; readonly bytes: number };

const { options, operand: topFolder } = readCommandLine("checksum", "DIR");

await runJob(options, task("Checksum", leaf("walk"), leaf("hash")), async (root, pause) => {
  const files = await root.run("walk", (walk) => findFiles(walk, pause, topFolder));
  await root.run("hash", (hash) => printChecksums(hash, pause, files));
});

async function findFiles(walk: Task, pause: Pause, folder: string): Promise<readonly File[]> {
  const files: File[] = [];
  for await (const path of walk.track(filesBelow(walk, folder, await readFolder(folder)))) {
    const stats = await orWarn(walk, () => lstat(path));
    if (stats) files.push({ path, bytes: stats.size });
  }
  await pause();
  return files.toSorted((left, right) => (left.path < right.path ? -1 : 1));
}

async function printChecksums(hash: Task, pause: Pause, files: readonly File[]): Promise<void> {
  hash.volume(files.reduce((total, { bytes }) => total + bytes, 0));
  let doneBefore = 0;
  for (const { path, bytes } of files) {
    const digest = await orWarn(hash, () => digestOf(path, (read) => hash.set(doneBefore + read)));
    if (digest) console.log(checksumLine(digest, path));
    doneBefore += bytes;
    hash.set(doneBefore);
    await pause();
  }
}

/** The caller reads the top folder, which must be readable. Unreadable folders below it only cause warnings. */
async function* filesBelow(walk: Task, folder: string, entries: readonly Dirent[]): AsyncGenerator<string> {
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isFile()) yield path;
    if (!entry.isDirectory()) continue;
    yield* filesBelow(walk, path, (await orWarn(walk, () => readFolder(path))) ?? []);
  }
}

function readFolder(path: string): Promise<readonly Dirent[]> {
  return readdir(path, { withFileTypes: true });
}

async function digestOf(path: string, report: (read: number) => void): Promise<string> {
  const sha256 = createHash("sha256");
  let read = 0;
  for await (const chunk of createReadStream(path)) {
    sha256.update(chunk);
    read += chunk.length;
    report(read);
  }
  return sha256.digest("hex");
}

/** A line in the format of sha256sum, which marks and escapes paths with backslashes or line breaks. */
function checksumLine(digest: string, path: string): string {
  const escaped = path.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return `${escaped === path ? "" : "\\"}${digest}  ${escaped}`;
}

/** Turns a file system error into a warning and undefined. Rethrows other errors. */
async function orWarn<Value>(about: Task, read: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!isFileSystemError(error)) throw error;
    console.error(error.message);
    about.log.warning(error.message);
    return undefined;
  }
}

/** Only file system errors name a system call. */
function isFileSystemError(error: unknown): error is Error {
  return error instanceof Error && "syscall" in error;
}
