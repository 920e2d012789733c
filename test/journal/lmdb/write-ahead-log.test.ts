import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { DamagedJournalError, type JournalNews } from "../../../src/journal/journal.js";
import { LmdbDatabase, LOG_SUFFIX, type LmdbOptions } from "../../../src/journal/lmdb/lmdb-database.js";
import { silentLog } from "../../../src/util/log.js";
import {
  jobKey,
  loadAll,
  openWriter,
  removes,
  reports,
  sorted,
  stores,
  type JournalSnapshot,
  type JournalWriter,
} from "../../kit/journal/entries.js";
import { temporaryFolder } from "../../kit/process/temporary-folder.js";

const OPTIONS: LmdbOptions = { removalsKeptMax: 4, logLinesPerJobMax: 3, log: silentLog };
const [FIRST, SECOND] = [jobKey("alice", "first"), jobKey("alice", "second")];
const SPEC = { description: "root", subTasks: [{ description: "leaf", volume: 1_000 }] };
const FRAME = "TmLg";

const opened: LmdbDatabase[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((database) => database.close()));
});

describe("the write-ahead log", () => {
  it("keeps acknowledged changes that the file of a killed process does not contain", async () => {
    const { path, writer } = await running();
    const fileBefore = readFileSync(path);
    await writer.write(reports(FIRST!, { updates: [{ path: "0", add: 1 }] }), removes(SECOND!));
    const copy = asAfterKill(path);

    expect(readFileSync(path).equals(fileBefore)).toBe(true);
    expect(await contentOf(copy)).toEqual(writer.expected());
  });

  it("continues after a kill, and after another one before it is moved to the file", async () => {
    const { path, writer } = await running();
    const copies = [asAfterKill(path)];
    for (const life of [1, 2, 3]) {
      const database = await open(copies.at(-1)!);
      writer.continueWith(database);
      await writer.write(reports(FIRST!, { updates: [{ path: "0", add: life }] }));
      copies.push(asAfterKill(copies.at(-1)!));
    }

    expect(await contentOf(copies.at(-1)!)).toEqual(writer.expected());
  });

  it("finds and follows changes that are only in the log", async () => {
    const { path } = await running();
    const database = await open(asAfterKill(path));
    const head = await database.load(() => {});
    const { revision } = head;
    const news = await database.newsAfter({ ...head, revision: revision - 1 });
    const { records } = news as JournalNews & { kind: "entries" };

    expect(records).toMatchObject([{ revision }]);
    expect(await database.find(records[0]!.entry.commitId)).toBe(revision);
  });

  it("counts the jobs before the state is loaded", async () => {
    const { path } = await running();
    expect(new LmdbDatabase(asAfterKill(path), OPTIONS).jobCount).toBe(2);
  });

  it("is moved to the file and removed when the database closes", async () => {
    const { path, database, writer } = await running();
    await database.close();

    expect(existsSync(`${path}${LOG_SUFFIX}`)).toBe(false);
    expect(await contentOf(path)).toEqual(writer.expected());
  });

  it("moves its changes to the file when it is full", async () => {
    const { path, database, writer } = await running({ logBytesMax: 8_000 });
    for (let count = 0; count < 100; count++)
      await writer.write(reports(FIRST!, { updates: [{ path: "0", add: 1 }] }));
    rmSync(`${path}${LOG_SUFFIX}`);
    const found = await contentOf(asAfterKill(path));

    expect(found.revision).toBeGreaterThan(50);
    expect(await database.head()).toMatchObject({ revision: writer.expected().revision });
  });
});

describe("a damaged log", () => {
  it("loses only the last change if the process was killed while it wrote it, at any byte", async () => {
    const { path, log, before, after } = await withLastChange();
    const start = log.lastIndexOf(FRAME);
    for (let end = start; end < endOf(log); end += 7) {
      writeFileSync(`${path}${LOG_SUFFIX}`, Buffer.from(log).fill(0, end));
      expect([before, after], `written up to ${end}`).toContainEqual(await contentOf(path));
    }
  });

  it("is never read as other content after a flipped bit, except without the last change", async () => {
    const { path, log, before, after } = await withLastChange();
    const start = log.lastIndexOf(FRAME);
    const inEarlier = await flipBits(path, log, 0, start);
    const inLast = await flipBits(path, log, start, endOf(log));

    expect(inEarlier.filter((found) => !isOneOf(["damaged", after], found))).toEqual([]);
    expect(inLast.filter((found) => !isOneOf(["damaged", before, after], found))).toEqual([]);
  });

  it("is detected when it is truncated after its first change", async () => {
    const { path, log, after } = await withLastChange();
    for (let length = log.indexOf(FRAME, 1); length < log.length; length += 97) {
      writeFileSync(`${path}${LOG_SUFFIX}`, log);
      truncateSync(`${path}${LOG_SUFFIX}`, length);
      expect(await contentOrDamage(path), `truncated to ${length} bytes`).toBe("damaged");
    }
    writeFileSync(`${path}${LOG_SUFFIX}`, log);
    expect(await contentOf(path)).toEqual(after);
  });

  it("is ignored if it is older than the file", async () => {
    const { path, log, database, writer } = await withLastChange();
    writer.continueWith(database);
    await writer.write(reports(FIRST!, { updates: [{ path: "0", add: 1 }] }));
    await database.close();
    writeFileSync(`${path}${LOG_SUFFIX}`, log);

    expect(await contentOf(path)).toEqual(writer.expected());
  });

  it("is ignored if a later transaction left its change out, as after a failed write", async () => {
    const { path, database, writer } = await running();
    await database.close();
    const before = writer.expected();
    const copy = asAfterKill(path);
    writer.continueWith(await open(path));
    await writer.write(reports(FIRST!, { updates: [{ path: "0", add: 1 }] }));
    const copied = await open(copy);
    await copied.probe();
    await copied.close();
    cpSync(`${path}${LOG_SUFFIX}`, `${copy}${LOG_SUFFIX}`);

    expect(await contentOf(copy)).toEqual(before);
  });

  it("is ignored if it is from another epoch", async () => {
    const { path, log, after, database } = await withLastChange();
    await database.beginEpoch();
    await database.close();
    writeFileSync(`${path}${LOG_SUFFIX}`, log);
    const found = await contentOf(path);

    expect(found).toEqual({ ...after, epoch: found.epoch });
    expect(found.epoch).not.toBe(after.epoch);
  });

  it("is reported if its file was replaced by an older copy", async () => {
    const { path, database, writer } = await running();
    const olderFile = readFileSync(path);
    await database.close();
    const again = await open(path);
    writer.continueWith(again);
    await writer.write(reports(FIRST!, { updates: [{ path: "0", add: 1 }] }));
    const copy = asAfterKill(path);
    writeFileSync(copy, olderFile);

    await expect(async () => contentOf(copy)).rejects.toThrow(/the file is older than its log/);
  });
});

interface Running {
  readonly path: string;
  readonly database: LmdbDatabase;
  readonly writer: JournalWriter;
}

/** A database with two jobs that are only in the log. */
async function running(options: Partial<LmdbOptions> = {}): Promise<Running> {
  const path = join(temporaryFolder(), "neo4j.mdb");
  const database = await open(path, options);
  const writer = await openWriter(database, OPTIONS);
  await writer.write(stores(FIRST!, SPEC));
  await writer.write(stores(SECOND!, SPEC), reports(SECOND!, { updates: [{ path: "0", add: 1 }] }));
  return { path, database, writer };
}

/** A copy of the files as a kill leaves them, and its content before and after the last change. */
async function withLastChange() {
  const { database, writer, path: source } = await running();
  const before = writer.expected();
  await writer.write(reports(FIRST!, { updates: [{ path: "0", add: 1 }], log: [] }));
  const path = asAfterKill(source);
  const log = readFileSync(`${path}${LOG_SUFFIX}`);
  opened.splice(opened.indexOf(database), 1);
  await database.close();
  const copy = await open(path);
  await copy.load(() => {});
  return { path, log, database: copy, writer, before, after: writer.expected() };
}

async function open(path: string, options: Partial<LmdbOptions> = {}): Promise<LmdbDatabase> {
  const database = new LmdbDatabase(path, { ...OPTIONS, ...options });
  opened.push(database);
  return database;
}

/** Copies the files of an open database. Returns the path of the copy. */
function asAfterKill(path: string): string {
  const copy = join(temporaryFolder(), "neo4j.mdb");
  cpSync(path, copy);
  if (existsSync(`${path}${LOG_SUFFIX}`)) cpSync(`${path}${LOG_SUFFIX}`, `${copy}${LOG_SUFFIX}`);
  return copy;
}

async function contentOf(path: string): Promise<JournalSnapshot> {
  await using database = new LmdbDatabase(path, OPTIONS);
  return sorted(await loadAll(database));
}

async function contentOrDamage(path: string): Promise<JournalSnapshot | "damaged"> {
  try {
    return await contentOf(path);
  } catch (error) {
    if (!(error instanceof DamagedJournalError)) throw error;
    return "damaged";
  }
}

/** The content after a flip of every 13th bit between two bytes of the log. */
async function flipBits(path: string, log: Buffer, from: number, to: number) {
  const found: (JournalSnapshot | "damaged")[] = [];
  for (let bit = from * 8; bit < to * 8; bit += 13) {
    const flipped = Buffer.from(log);
    flipped[bit >>> 3]! ^= 1 << (bit & 7);
    writeFileSync(`${path}${LOG_SUFFIX}`, flipped);
    found.push(await contentOrDamage(path));
  }
  return found;
}

function isOneOf(allowed: readonly unknown[], found: unknown): boolean {
  return allowed.some((one) => isDeepStrictEqual(one, found));
}

/** The end of the frames, without the zeros after them. */
function endOf(log: Buffer): number {
  return log.findLastIndex((byte) => byte !== 0) + 1;
}
