import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { JournalEntry } from "../../../src/journal/journal.js";
import { withoutReplacement } from "../../../src/journal/lmdb/database-file.js";
import { LmdbDatabase } from "../../../src/journal/lmdb/lmdb-database.js";
import { assert } from "../../../src/util/assert.js";
import { silentLog } from "../../../src/util/log.js";
import type { JobKey } from "../../../src/tasks/names.js";
import { CAN_MOUNT, mountDisk } from "../../kit/disk-faults/server.js";
import { flipBits } from "../../kit/disk-faults/folder-files.js";
import { RecordingLog } from "../../kit/server/recording-log.js";
import { jobKey, loadAll, removing, storing, type JournalSnapshot } from "../../kit/journal/entries.js";
import { temporaryFolder } from "../../kit/process/temporary-folder.js";

const OPTIONS = { removalsKeptMax: 100, logLinesPerJobMax: 10, log: silentLog };
const JOBS = 10_000;
const PER_APPEND = 250;

describe("the file of a database", () => {
  it("grows by less than a fifth while all jobs are purged, and not when as many are stored again", async () => {
    const path = join(temporaryFolder(), "neo4j.mdb");
    await using database = new LmdbDatabase(path, OPTIONS);
    await appendAll(path, database, (at) => storingLarge(keyOf(at)));
    const filled = statSync(path).size;
    const sizes = await appendAll(path, database, (at) => removing(keyOf(at), at + 1));
    await appendAll(path, database, (at) => storingLarge(jobKey("bob", `${at}`)));

    expect(statSync(path).size).toBeLessThan(filled * 1.2);
    expect(Math.max(...sizes)).toBeLessThan(filled * 1.2);
    expect(await loadAll(database)).toMatchObject({ revision: 3 * JOBS, jobs: { length: JOBS } });
  });
});

describe("a file of which most is free", () => {
  it("shrinks while the database is in use, and keeps its jobs, positions and epoch", async () => {
    const path = join(temporaryFolder(), "neo4j.mdb");
    await using database = new LmdbDatabase(path, OPTIONS);
    await appendAll(path, database, (at) => storingLarge(keyOf(at)));
    const { epoch, jobs } = await loadAll(database);
    const filled = statSync(path).size;

    await purgeAllBut(database, KEPT);
    await expect.poll(() => statSync(path).size).toBeLessThan(BOUND);
    const after = await loadAll(database);
    const last = await database.newsAfter({ ...after, revision: after.revision - 1 });
    await database.append([storing(jobKey("bob", "next"))]);

    expect(filled).toBeGreaterThan(3 * BOUND);
    expect(after).toMatchObject({ epoch, revision: 2 * JOBS - KEPT });
    expect(after.jobs).toEqual(jobs.slice(-KEPT));
    expect(last).toMatchObject({ records: [{ entry: { change: { kind: "removed" } } }] });
    expect(await database.head()).toMatchObject({ revision: after.revision + 1 });
    await database.close();
    expect(await reloaded(path)).toMatchObject({ epoch, jobs: { length: KEPT + 1 } });
    expect(existsSync(`${path}.new`)).toBe(false);
  });

  it("stays as it is while it is copied, and shrinks afterwards", async () => {
    const path = join(temporaryFolder(), "neo4j.mdb");
    await using database = new LmdbDatabase(path, OPTIONS);
    await appendAll(path, database, (at) => storingLarge(keyOf(at)));
    const { ino, size } = statSync(path);
    const whileCopied = await withoutReplacement(path, async () => {
      await purgeAllBut(database, KEPT);
      await database.rewriteIfDue();
      return statSync(path);
    });
    await database.rewriteIfDue();

    expect(whileCopied.ino).toBe(ino);
    expect(whileCopied.size).toBeGreaterThanOrEqual(size);
    expect(statSync(path).size).toBeLessThan(BOUND);
    expect((await loadAll(database)).jobs).toHaveLength(KEPT);
  });

  it("shrinks when an idle database is closed, however large the rest is, but not when the server ends", async () => {
    const path = join(temporaryFolder(), "neo4j.mdb");
    await using database = new LmdbDatabase(path, OPTIONS);
    await appendAll(path, database, (at) => storingLarge(keyOf(at)));
    await purgeAllBut(database, JOBS / 5); // leaves more than a database in use rewrites
    await database.close();
    const before = await reloaded(path);
    const { size } = statSync(path);

    await closeIdle(path, AbortSignal.abort());
    const afterEnd = statSync(path).size;
    await closeIdle(path, new AbortController().signal);

    expect(afterEnd).toBe(size);
    expect(statSync(path).size).toBeLessThan(size * 0.6);
    expect(await reloaded(path)).toEqual(before);
  });

  it("stays as it is if it cannot be rewritten, works on, and is logged once", async () => {
    const path = join(temporaryFolder(), "neo4j.mdb");
    const log = new RecordingLog();
    await using database = new LmdbDatabase(path, { ...OPTIONS, log });
    await appendAll(path, database, (at) => storingLarge(keyOf(at)));
    mkdirSync(`${path}.new`);
    writeFileSync(join(`${path}.new`, "obstacle"), "");

    await purgeAllBut(database, KEPT);
    await database.rewriteIfDue();
    await database.append([storing(jobKey("bob", "next"))]);

    expect(log.lines).toMatchObject([{ level: "warn", fields: { file: path } }]);
    expect(statSync(path).size).toBeGreaterThan(3 * BOUND);
    expect((await loadAll(database)).jobs).toHaveLength(KEPT + 1);
  });

  it.skipIf(!CAN_MOUNT)("stays as it is on a full disk, and shrinks when there is room again", async () => {
    const disk = join(temporaryFolder(), "disk");
    mountDisk(disk, 64 * 1024 * 1024);
    const path = join(disk, "neo4j.mdb");
    const log = new RecordingLog();
    await using database = new LmdbDatabase(path, { ...OPTIONS, log });
    await appendAll(path, database, (at) => storingLarge(keyOf(at)));
    await withoutReplacement(path, () => purgeAllBut(database, KEPT));
    const { ino, size } = statSync(path);
    fillDisk(join(disk, "filler"));

    await database.rewriteIfDue();
    await database.append([storing(jobKey("bob", "next"))]);
    const full = statSync(path);
    const files = readdirSync(disk);
    rmSync(join(disk, "filler"));
    await database.rewrite();

    expect(log.lines).toMatchObject([{ level: "warn", fields: { file: path, err: { code: "ENOSPC" } } }]);
    expect(full).toMatchObject({ ino, size });
    expect(files.filter((name) => name.includes(".new"))).toEqual([]);
    expect(statSync(path).size).toBeLessThan(BOUND);
    expect((await loadAll(database)).jobs).toHaveLength(KEPT + 1);
  });

  it("is kept, and the database is damaged, if a record was damaged since the file was read", async () => {
    const path = join(temporaryFolder(), "neo4j.mdb");
    await using database = new LmdbDatabase(path, OPTIONS);
    await appendAll(path, database, (at) => storingLarge(keyOf(at)));
    const { ino } = statSync(path);
    flipBits(path, `"job-${JOBS - 1}"`);

    await purgeAllBut(database, KEPT);
    await database.rewriteIfDue();

    expect(database.damage?.message).toContain("checksum");
    expect(statSync(path).ino).toBe(ino);
  });
});

function fillDisk(path: string): void {
  const ofOneMebibyte = Buffer.alloc(1024 * 1024);
  expect(() => {
    for (;;) writeFileSync(path, ofOneMebibyte, { flag: "a" });
  }).toThrow("ENOSPC");
}

/** Jobs that a purge leaves. */
const KEPT = 100;
/** More than the newest entries and the rest of a purge take. */
const BOUND = 8 * 1024 * 1024;

async function purgeAllBut(database: LmdbDatabase, kept: number): Promise<void> {
  for (let from = 0; from < JOBS - kept; from += PER_APPEND) {
    const count = Math.min(PER_APPEND, JOBS - kept - from);
    await database.append(
      Array.from({ length: count }, (_, at) => removing(keyOf(from + at), from + at + 1)),
    );
  }
}

/** What a restarted server reads. */
async function reloaded(path: string): Promise<JournalSnapshot> {
  await using database = new LmdbDatabase(path, OPTIONS);
  return await loadAll(database);
}

/** Reads a database, and closes it as if it had been idle, or as at the end of the server if `signal` is aborted. */
async function closeIdle(path: string, signal: AbortSignal): Promise<void> {
  await using database = new LmdbDatabase(path, OPTIONS);
  await loadAll(database);
  await database.close(signal);
}

/** Appends an entry for each job. Returns the size of the file after each append. */
async function appendAll(
  path: string,
  database: LmdbDatabase,
  entryOf: (at: number) => JournalEntry,
): Promise<number[]> {
  const sizes: number[] = [];
  for (let from = 0; from < JOBS; from += PER_APPEND) {
    await database.append(Array.from({ length: PER_APPEND }, (_, at) => entryOf(from + at)));
    sizes.push(statSync(path).size);
  }
  return sizes;
}

function keyOf(at: number): JobKey {
  return jobKey("alice", `job-${at}`);
}

/** A job of one kilobyte. */
function storingLarge(key: JobKey): JournalEntry {
  const entry = storing(key);
  assert(entry.change.kind === "stored", "the entry stores a job");
  const tasks = entry.change.tasks.map((row) => ({ ...row, description: "x".repeat(1_000) }));
  return { ...entry, change: { ...entry.change, tasks } };
}
