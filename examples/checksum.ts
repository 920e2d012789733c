/**
 * SHA-256 of every file below a folder, reported as a job: `npm run --silent example:checksum -- DIR`.
 *
 *     Checksum
 *     |-- walk          counts files; how many there will be is never known
 *     |-- hash          volume: bytes, known once the walk has finished
 *
 * Prints what `sha256sum --check` reads, by path, to stdout; everything else goes to stderr. Symbolic links are
 * not followed. A file that can't be read is a warning in the job's log.
 */
import { createHash } from "node:crypto";
import { type Dirent, createReadStream } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { leaf, task, type Task } from "tidemark/client";
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

/** The first folder is read by the caller: that one has to be readable, those below it need not. */
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

/** As sha256sum writes it, which marks and escapes a path that would not fit a line. */
function checksumLine(digest: string, path: string): string {
  const escaped = path.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return `${escaped === path ? "" : "\\"}${digest}  ${escaped}`;
}

/** What the file system refuses becomes a warning, and undefined; every other error goes on its way. */
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

/** Only such an error says which system call was refused. */
function isFileSystemError(error: unknown): error is Error {
  return error instanceof Error && "syscall" in error;
}
