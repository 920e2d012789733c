import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { open as openLmdb } from "lmdb";
import { packageVersion } from "../../../src/util/package-version.js";
import { backupFolder, checkFolder, repairFolder } from "../../../src/journal/lmdb/operator-commands.js";
import { decodeRecord, encodeRecord } from "../../../src/journal/lmdb/records.js";
import { filesIn } from "../../kit/disk-faults/folder-files.js";
import { ask, dataOf } from "../../kit/network/raw-http.js";
import { temporaryFolder } from "../../kit/process/temporary-folder.js";
import { startServer } from "../../kit/server/server.js";

const SAMPLES = join(import.meta.dirname, "samples");
const COMMITS = ["5322e7d", "1162b0e", "5a72620", "2c3c6aa", "ee38995"];

describe("a folder of an earlier version", () => {
  it.each([...COMMITS, "format-2"])("opens with all its jobs: %s", async (sample) => {
    const folder = folderOf(sample);
    expect(await collected(checkFolder(folder))).toMatchObject([
      { jobCount: 6, damage: undefined, unknown: undefined },
    ]);
    await using server = await startServer({ store: `lmdb:${folder}`, retention: "3650d" });

    expect(await dataOf(server.url, JOBS)).toEqual(EXPECTED);
  });

  it.each(COMMITS)("takes changes, and keeps them over a restart: %s", async (sample) => {
    const folder = folderOf(sample);
    await using first = await startServer({ store: `lmdb:${folder}`, retention: "3650d" });
    await dataOf(
      first.url,
      `mutation { updateTask(input: { database: "movies", jobId: "tree", updates: [{ path: "0", done: 60 }] }) { userTask { jobId } } }`,
    );
    await first.close();
    await using second = await startServer({ store: `lmdb:${folder}`, retention: "3650d" });

    expect(
      await dataOf(
        second.url,
        `{ task(database: "movies", jobId: "tree", username: "anonymous") { task { progress { done } } } }`,
      ),
    ).toEqual({
      task: { task: { progress: { done: 68 } } },
    });
  });
});

describe("rows that this version does not know", () => {
  it.each([
    ["a task of a new kind", (row: Row) => [9, ...row.slice(1)], "a task of kind 9"],
    ["a task with a new status", (row: Row) => row.with(3, 17), "a task with the status 17"],
    [
      "a task with a new field",
      (row: Row) => [...row.slice(0, -1), "new", row.at(-1)],
      "a task of kind 1 with 10 fields",
    ],
  ])("are refused as such: %s", async (_, change, what) => {
    const folder = folderOf("ee38995");
    await changeRoots(join(folder, "movies.mdb"), change);
    const message = `It has ${what}, which Tidemark ${packageVersion()} does not know. The data is intact: use the version that wrote it, or a newer one.`;
    expect(await collected(checkFolder(folder))).toMatchObject([{ damage: undefined, unknown: message }]);
    const before = readFileSync(join(folder, "movies.mdb"));

    await expect(collected(repairFolder(folder))).rejects.toThrow(`Not repaired. movies: ${message}`);
    await expect(collected(backupFolder(folder, join(temporaryFolder(), "copy")))).rejects.toThrow(message);
    expect(readFileSync(join(folder, "movies.mdb")).equals(before)).toBe(true);

    await using server = await startServer({ store: `lmdb:${folder}`, retention: "3650d" });
    expect((await ask(server.url, { query: JOBS })).errors?.[0]).toMatchObject({
      message: `Cannot open database "movies". ${message}`,
      extensions: { code: "UNAVAILABLE" },
    });
    expect(await dataOf(server.url, "{ databases { name unavailable } }")).toEqual({
      databases: [{ name: "movies", unavailable: message }],
    });
  });
});

describe("the file of a folder's format", () => {
  it("names the version that wrote a folder of a newer format, and changes nothing", async () => {
    const folder = folderOf("ee38995");
    const written = `{"product":"tidemark","format":7,"version":"3.1.0"}\n`;
    writeFileSync(join(folder, "tidemark.json"), written);
    const before = filesIn(folder);

    const message = `has format 7, but Tidemark ${packageVersion()} reads formats 1 to 2. Nothing was changed. Use Tidemark 3.1.0, which wrote it, or a newer version.`;
    await expect(startServer({ store: `lmdb:${folder}`, retention: "3650d" })).rejects.toThrow(message);
    await expect(collected(checkFolder(folder))).rejects.toThrow(message);
    await expect(collected(repairFolder(folder))).rejects.toThrow(message);
    expect(filesIn(folder)).toEqual(before);
  });

  it.each([
    [`{"product":"tidemark","format":1}`, packageVersion()],
    [`{"product":"tidemark","format":2,"version":"0.0.9"}`, packageVersion()],
    [`{"product":"tidemark","format":2,"version":"0.10.0"}`, "0.10.0"],
  ])("keeps the newest version that has used the folder: %s", async (written, version) => {
    const folder = folderOf("ee38995");
    writeFileSync(join(folder, "tidemark.json"), written);
    await collected(checkFolder(folder));
    expect(JSON.parse(readFileSync(join(folder, "tidemark.json"), "utf8"))).toMatchObject({
      format: 2,
      version,
    });
  });
});

const JOBS = `{ tasks(database: "movies") { nodes {
  jobId attempt version health task { status maxConcurrency }
  log { level path message }
  tasks { path description kind status message mode maxIterations progress { done volume } } } } }`;

const EXPECTED = JSON.parse(readFileSync(join(SAMPLES, "jobs.json"), "utf8")) as unknown;

/** A folder with the database `movies` as this sample has it. */
function folderOf(sample: string): string {
  const folder = temporaryFolder();
  for (const suffix of ["mdb", "mdb-log"]) {
    const file = join(SAMPLES, `${sample}.${suffix}.gz`);
    if (existsSync(file)) writeFileSync(join(folder, `movies.${suffix}`), gunzipSync(readFileSync(file)));
  }
  const format = sample === "format-2" ? 2 : 1;
  writeFileSync(join(folder, "tidemark.json"), JSON.stringify({ product: "tidemark", format }));
  return folder;
}

type Row = readonly unknown[];

/** Changes the first row of each job's own record, with a valid checksum, as another version would write it. */
async function changeRoots(path: string, change: (row: Row) => Row): Promise<void> {
  const env = openLmdb<Buffer, Buffer>({ path, noSubdir: true, encoding: "binary", keyEncoding: "binary" });
  const records = [...env.getRange()].filter(({ key }) => key[0] === JOB);
  for (const { key, value } of records) {
    const job = decodeRecord(key, value) as { readonly tasks: readonly Row[] };
    await env.put(
      key,
      encodeRecord(key, { ...job, tasks: [change(job.tasks[0]!), ...job.tasks.slice(1)] }).bytes,
    );
  }
  await env.close();
}

/** The kind of the records of jobs. */
const JOB = 2;

async function collected<T>(things: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const thing of things) all.push(thing);
  return all;
}
