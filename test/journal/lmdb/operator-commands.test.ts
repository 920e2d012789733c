import {
  chownSync,
  cpSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tryLockForReplacement } from "../../../src/journal/lmdb/database-file.js";
import { DataFolderError } from "../../../src/journal/lmdb/data-folder.js";
import type { Journal } from "../../../src/journal/journal.js";
import { openLmdbJournal } from "../../../src/journal/lmdb/lmdb-journal.js";
import { LmdbFile } from "../../../src/journal/lmdb/lmdb-file.js";
import {
  backupFolder,
  checkFolder,
  compactFolder,
  repairFolder,
} from "../../../src/journal/lmdb/operator-commands.js";
import { silentLog } from "../../../src/util/log.js";
import { collected } from "../../kit/collected.js";
import {
  databaseName,
  jobKey,
  loadAll,
  openWriter,
  removes,
  reports,
  stores,
  type JournalWriter,
} from "../../kit/journal/entries.js";
import { temporaryFolder } from "../../kit/process/temporary-folder.js";

const OPTIONS = { removalsKeptMax: 100, logLinesPerJobMax: 10 };
const JOBS = Array.from({ length: 40 }, (_, index) => jobKey("alice", `job-${index}`));
const SPEC = { description: "root", subTasks: [{ description: "leaf", volume: 10 }] };

describe("checkFolder", () => {
  it("reports the content of sound databases", async () => {
    const folder = await folderOf("movies", "neo4j");
    const checks = await collected(checkFolder(folder));
    expect(checks).toMatchObject([
      { name: "movies", jobCount: 39, damage: undefined },
      { name: "neo4j", jobCount: 39, damage: undefined },
    ]);
  });

  it("finds damaged databases and checks the others", async () => {
    const folder = await folderOf("movies", "neo4j");
    flipBits(join(folder, "movies.mdb"), `"job-7"`);
    const [movies, neo4j] = await collected(checkFolder(folder));
    expect(movies).toMatchObject({ name: "movies", damage: expect.stringContaining("checksum") });
    expect(neo4j).toMatchObject({ jobCount: 39, damage: undefined });
  });

  it("rejects a folder that a server is using", async () => {
    const folder = await folderOf("neo4j");
    const journal = await opened(folder);
    await expect(collected(checkFolder(folder))).rejects.toThrow(`in use by process ${process.pid}`);
    await journal.close();
  });

  it("suggests a new format file only for a folder that has databases", async () => {
    const folder = await folderOf("neo4j");
    rmSync(join(folder, "tidemark.json"));
    const check = (path: string): Promise<unknown> => collected(checkFolder(path));

    await expect(check(folder)).rejects.toThrow(
      /tidemark\.json is missing\. If you are sure that this is one, write/,
    );
    await expect(check(temporaryFolder())).rejects.toThrow(
      /tidemark\.json is missing\. Pass the folder of --store lmdb:FOLDER\.$/,
    );
    await expect(check(join(folder, "nothing"))).rejects.toThrow(/Cannot use the folder \S+nothing: ENOENT/);
  });
});

describe("the log of a killed server", () => {
  it("is checked, and copied by a backup", async () => {
    const { folder, revision } = await killedFolder();
    const target = join(temporaryFolder(), "copy");
    const checks = await collected(checkFolder(folder));
    await collected(backupFolder(folder, target));

    expect(checks).toMatchObject([{ jobCount: 3, damage: undefined }]);
    expect(await contentOf(target, "neo4j")).toMatchObject({ revision, jobs: { length: 3 } });
    expect(await readdir(target)).not.toContain("neo4j.mdb-log");
  });

  it("is repaired if it is damaged, with all its readable changes", async () => {
    const { folder, revision } = await killedFolder();
    flipBits(join(folder, "neo4j.mdb-log"), `"job-1"`);
    const checks = await collected(checkFolder(folder));
    const repairs = await collected(repairFolder(folder));

    expect(checks).toMatchObject([{ damage: expect.stringContaining("in its log is damaged") }]);
    expect(repairs).toMatchObject([{ jobCount: 2, lostJobs: 1, lostChanges: 1 }]);
    expect(await contentOf(folder, "neo4j")).toMatchObject({ revision, jobs: { length: 2 } });
    expect(await readdir(folder)).toContain("neo4j.mdb.damaged-log");
  });
});

describe("repairFolder", () => {
  it("keeps readable data, drops the rest, begins a new epoch and keeps the damaged file", async () => {
    const folder = await folderOf("movies", "neo4j");
    const before = await contentOf(folder, "movies");
    flipBits(join(folder, "movies.mdb"), `"job-7"`);
    const repairs = await collected(repairFolder(folder));
    const after = await contentOf(folder, "movies");
    const damagedFile = join(folder, "movies.mdb.damaged");

    expect(repairs).toMatchObject([{ name: "movies", jobCount: after.jobs.length, damagedFile }]);
    expect(repairs[0]!.damage.join()).toContain("checksum");
    expect(repairs[0]!.lostJobs! + repairs[0]!.lostChanges).toBeGreaterThan(0);
    expect(after.jobs.length).toBeGreaterThan(30);
    expect(before.jobs).toEqual(expect.arrayContaining(after.jobs.filter(({ jobId }) => jobId !== "job-7")));
    expect(after.epoch).not.toBe(before.epoch);
    expect(after.revision).toBe(before.revision);
    expect((await collected(checkFolder(folder))).map(({ damage }) => damage)).toEqual([
      undefined,
      undefined,
    ]);
    expect(await readdir(folder)).toContain("movies.mdb.damaged");
  });

  it("creates an empty database if nothing is readable", async () => {
    const folder = await folderOf("neo4j");
    writeFileSync(join(folder, "neo4j.mdb"), "");
    const repairs = await collected(repairFolder(folder));
    expect(repairs).toMatchObject([{ jobCount: 0, lostJobs: undefined }]);
    expect(await collected(checkFolder(folder))).toMatchObject([{ jobCount: 0, damage: undefined }]);
  });

  it("keeps most of a file that lost its second half", async () => {
    const folder = await folderOf("neo4j");
    const path = join(folder, "neo4j.mdb");
    truncateSync(path, Math.ceil(usedBytesOf(path) * 0.6));
    const [repair] = await collected(repairFolder(folder));
    expect(repair!.damage.join()).toMatch(/the file ends in page|it ends after/);
    expect(repair!.jobCount).toBeGreaterThan(10);
    expect(await collected(checkFolder(folder))).toMatchObject([
      { jobCount: repair!.jobCount, damage: undefined },
    ]);
  });

  it("counts an unreadable change even if it was the last, and names the known affected jobs", async () => {
    const folder = temporaryFolder();
    const journal = await opened(folder);
    const writer = await openWriterOf(journal, "neo4j");
    for (const key of JOBS.slice(0, 2)) {
      await writer.write(stores(key, SPEC));
      await writer.write(reports(key, { log: [{ level: "INFO", path: "", message: "to be lost" }] }));
    }
    await writer.write(reports(JOBS[0]!, { updates: [{ path: "0", add: 1 }] }));
    await journal.close();
    flipBits(join(folder, "neo4j.mdb"), "to be lost");
    const [repair] = await collected(repairFolder(folder));
    expect(repair).toMatchObject({ jobCount: 2, lostJobs: 0, lostChanges: 3, setBack: ["alice/job-0"] });
  });

  it("does not change sound databases", async () => {
    const folder = await folderOf("neo4j");
    const before = readFileSync(join(folder, "neo4j.mdb"));
    expect(await collected(repairFolder(folder))).toEqual([]);
    expect(readFileSync(join(folder, "neo4j.mdb")).equals(before)).toBe(true);
  });
});

describe("compactFolder", () => {
  it("shrinks a file to what its data needs, and keeps its content and epoch", async () => {
    const folder = await folderOf("neo4j");
    const before = await contentOf(folder, "neo4j");
    const [compaction] = await collected(compactFolder(folder));

    expect(compaction).toMatchObject({ name: "neo4j" });
    expect(compaction!.bytes).toBeLessThan(compaction!.bytesBefore / 2);
    expect(await contentOf(folder, "neo4j")).toEqual(before);
    expect(await collected(checkFolder(folder))).toMatchObject([{ jobCount: 39, damage: undefined }]);
  });

  it("leaves a database that it cannot read as it is, and compacts the others", async () => {
    const folder = await folderOf("bad", "good");
    const bad = join(folder, "bad.mdb");
    flipBits(bad, `"job-7"`);
    const before = readFileSync(bad);
    const compactions = await collected(compactFolder(folder));

    expect(compactions).toMatchObject([
      { name: "bad", failure: expect.stringContaining("checksum") },
      { name: "good", failure: undefined },
    ]);
    expect(compactions[1]!.bytes).toBeLessThan(compactions[1]!.bytesBefore / 2);
    expect(readFileSync(bad).equals(before)).toBe(true);
  });

  it("rejects a folder that a server is using", async () => {
    const folder = await folderOf("neo4j");
    await using journal = await opened(folder);
    await expect(collected(compactFolder(folder))).rejects.toThrow(`in use by process ${process.pid}`);
    await journal.close();
  });
});

describe("backupFolder", () => {
  it.skipIf(!existsSync(LOCKS))("waits while a file is replaced, and copies the new one", async () => {
    const folder = await folderOf("neo4j");
    const path = join(folder, "neo4j.mdb");
    const other = temporaryFolder();
    const journal = await opened(other);
    await (await openWriterOf(journal, "neo4j")).write(stores(JOBS[0]!, SPEC));
    await journal.close();
    const lock = await tryLockForReplacement(path);
    const copied = collected(backupFolder(folder, join(temporaryFolder(), "copy")));

    await expect.poll(() => isAwaited(path)).toBe(true);
    rmSync(`${path}-lock`);
    renameSync(join(other, "neo4j.mdb"), path);
    await lock?.[Symbol.asyncDispose]();

    expect(await copied).toMatchObject([{ name: "neo4j", jobCount: 1 }]);
  });

  it("copies the databases of a folder in use, each in a new epoch", async () => {
    const folder = await folderOf("movies", "neo4j");
    const target = join(temporaryFolder(), "copy");
    await using journal = await opened(folder);
    const writer = await openWriterOf(journal, "new");
    await writer.write(stores(JOBS[0]!, SPEC));
    const copied = await collected(backupFolder(folder, target));
    const [before, after] = await Promise.all([loadOf(journal, "neo4j"), contentOf(target, "neo4j")]);

    expect(copied).toMatchObject([
      { name: "movies", jobCount: 39 },
      { name: "neo4j", jobCount: 39 },
      { name: "new", jobCount: 1 },
    ]);
    expect(after).toEqual({ ...before, epoch: after.epoch });
    expect(after.epoch).not.toBe(before.epoch);
  });

  it("names the database that it cannot copy, and leaves no files", async () => {
    const folder = await folderOf("movies", "neo4j");
    flipBits(join(folder, "neo4j.mdb"), `"job-7"`);
    const target = join(temporaryFolder(), "copy");
    await expect(collected(backupFolder(folder, target))).rejects.toThrow(
      /Cannot copy database "neo4j", so nothing was backed up: .*tidemark repair/,
    );
    expect(await readdir(target)).toEqual([]);
  });

  it("creates copies that only their owner can read, whatever the umask", async () => {
    const folder = await folderOf("neo4j");
    const target = join(temporaryFolder(), "copy");
    const umask = process.umask(0);
    await collected(backupFolder(folder, target));
    process.umask(umask);

    expect(statSync(join(target, "neo4j.mdb")).mode & 0o777).toBe(0o600);
  });

  it("marks a copy as incomplete until it is complete", async () => {
    const target = join(temporaryFolder(), "copy");
    const backup = backupFolder(await folderOf("movies", "neo4j"), target);
    await backup.next();
    const during = await readdir(target);
    const serving = opened(target).catch(String);
    const checking = collected(checkFolder(target)).catch(String);
    const messages = [await serving, await checking];
    await collected(backup);

    expect(during).toEqual(expect.arrayContaining(["movies.mdb", "unfinished-backup"]));
    const message = `DataFolderError: ${target} is an incomplete backup. Delete it, and make another one.`;
    expect(messages).toEqual([message, message]);
    expect(await readdir(target)).not.toContain("unfinished-backup");
    expect(await collected(checkFolder(target))).toMatchObject([{ jobCount: 39 }, { jobCount: 39 }]);
  });

  it("rejects a target inside the source, also behind a symbolic link", async () => {
    const folder = await folderOf("neo4j");
    const link = join(temporaryFolder(), "link");
    symlinkSync(folder, link);

    for (const target of [folder, join(folder, "a", "copy"), join(link, "copy")])
      await expect(collected(backupFolder(folder, target))).rejects.toThrow(
        `The folder ${target} is inside ${folder}. Choose a folder outside it for the backup.`,
      );
    expect(existsSync(join(folder, "a"))).toBe(false);
  });

  it.skipIf(process.getuid?.() !== 0)("gives a copy that root makes to the owner of the folder", async () => {
    const folder = await folderOf("neo4j");
    const target = join(temporaryFolder(), "copy");
    chownSync(folder, 1_234, 1_234);
    await collected(backupFolder(folder, target));

    const paths = [target, ...(await readdir(target)).map((name) => join(target, name))];
    expect(new Set(paths.map((path) => statSync(path).uid))).toEqual(new Set([1_234]));
  });

  it("rejects a target that is not empty and a source that is not a data folder", async () => {
    const folder = await folderOf("neo4j");
    const other = await folderOf("movies");
    await expect(collected(backupFolder(folder, other))).rejects.toThrow("is not empty");
    await expect(collected(backupFolder(temporaryFolder(), join(other, "x")))).rejects.toBeInstanceOf(
      DataFolderError,
    );
  });
});

/** A folder whose databases have 39 jobs each, and one removal. */
async function folderOf(...names: readonly string[]): Promise<string> {
  const folder = temporaryFolder();
  await using journal = await opened(folder);
  for (const name of names) {
    const writer = await openWriterOf(journal, name);
    for (const key of JOBS)
      await writer.write(stores(key, SPEC), reports(key, { updates: [{ path: "0", add: 1 }] }));
    await writer.write(removes(JOBS[3]!));
  }
  return folder;
}

/** A folder as a killed server leaves it: one database with three jobs, which are only in its log. */
async function killedFolder(): Promise<{ folder: string; revision: number }> {
  const source = temporaryFolder();
  const folder = join(temporaryFolder(), "killed");
  await using journal = await opened(source);
  const writer = await openWriterOf(journal, "neo4j");
  for (const key of JOBS.slice(0, 3)) await writer.write(stores(key, SPEC));
  cpSync(source, folder, { recursive: true });
  return { folder, revision: writer.expected().revision };
}

/** Compacts early, so that there are records of each kind. */
function opened(folder: string): Promise<Journal> {
  return openLmdbJournal(folder, { ...OPTIONS, pendingCompactionMax: 20, newEpoch: false, log: silentLog });
}

async function openWriterOf(journal: Journal, name: string): Promise<JournalWriter> {
  return openWriter(await journal.open(databaseName(name)), OPTIONS);
}

async function loadOf(journal: Journal, name: string) {
  return loadAll(await journal.open(databaseName(name)));
}

async function contentOf(folder: string, name: string) {
  await using journal = await opened(folder);
  return await loadOf(journal, name);
}

function usedBytesOf(path: string): number {
  using file = LmdbFile.open(path);
  return file.usedBytes;
}

/** Flips a bit in each record that contains the text. */
function flipBits(path: string, text: string): void {
  const bytes = readFileSync(path);
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) bytes[at + 2]! ^= 1;
  writeFileSync(path, bytes);
}

/** Whether someone waits for a lock of this file. */
function isAwaited(path: string): boolean {
  const waiting = new RegExp(`-> .*:${statSync(path).ino} `);
  return waiting.test(readFileSync(LOCKS, "utf8"));
}

/** Linux lists all locks here. */
const LOCKS = "/proc/locks";
