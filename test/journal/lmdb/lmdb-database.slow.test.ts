import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DamagedJournalError } from "../../../src/journal/journal.js";
import { LmdbDatabase, type LmdbOptions } from "../../../src/journal/lmdb/lmdb-database.js";
import { LmdbFile } from "../../../src/journal/lmdb/lmdb-file.js";
import { silentLog } from "../../../src/util/log.js";
import {
  grows,
  jobKey,
  loadAll,
  openWriter,
  removes,
  reports,
  sorted,
  stores,
  type ScriptedChange,
  type JournalSnapshot,
} from "../../kit/journal/entries.js";
import { seededRandom } from "../../kit/deterministic/seeded-random.js";
import { temporaryFolder } from "../../kit/process/temporary-folder.js";
import { IS_FULL_LENGTH } from "../../kit/process/full-length.js";

/** One in this many bits is flipped. */
const FLIPPED_EACH = IS_FULL_LENGTH ? 1 : 7;

const OPTIONS = { removalsKeptMax: 4, logLinesPerJobMax: 3, log: silentLog };
const JOBS = ["a", "b", "c", "d", "e", "f"].map((jobId) => jobKey("alice", jobId));

describe("a database file", () => {
  it("restores its state after any changes, compacted early or late, rewritten or not, with any log and any number of restarts", async () => {
    await fc.assert(
      fc.asyncProperty(
        LIVES,
        fc.nat({ max: 30 }),
        LOG_BYTES,
        REWRITE_BYTES,
        async (lives, pendingCompactionMax, logBytesMax, rewriteBytesMin) => {
          const path = join(temporaryFolder(), "neo4j.mdb");
          const options: LmdbOptions = { ...OPTIONS, pendingCompactionMax, logBytesMax, rewriteBytesMin };
          let database = new LmdbDatabase(path, options);
          const writer = await openWriter(database, OPTIONS);
          await writer.write(changeOf({ kind: "store", job: 0, number: 0 })); // the first entry fixes the epoch
          for (const steps of lives) {
            for (const together of steps) await writer.write(...together.map(changeOf));
            await database.close();
            database = new LmdbDatabase(path, options);
            expect(sorted(await loadAll(database))).toEqual(writer.expected());
            writer.continueWith(database);
          }
          await database.close();
        },
      ),
      {
        numRuns: 50,
        examples: [
          [FORGOTTEN_AND_STORED_AGAIN, 0, 0, 0],
          [FORGOTTEN_AND_STORED_AGAIN, 0, 100_000, Infinity],
        ],
      },
    );
  });
});

describe("a damaged file", () => {
  it("is never read as valid other content after any of 1,000 flipped bits", async () => {
    const file = await written();
    const random = seededRandom(4_711);
    const flips = Array.from({ length: 1_000 }, () => Math.floor(random() * file.bytes.length * 8));
    const { misread, damagedCount } = await flipEach(file, flips);
    expect(misread).toEqual([]);
    expect(damagedCount).toBeGreaterThan(100);
  });

  it("is never read as valid other content after a flipped bit in its meta pages", async () => {
    const file = await written();
    const META = 168;
    const flips = [0, 4_096]
      .flatMap((start) => Array.from({ length: META * 8 }, (_, bit) => start * 8 + bit))
      .filter((_, index) => index % FLIPPED_EACH === 0);
    const { misread, damagedCount } = await flipEach(file, flips);
    expect(misread).toEqual([]);
    expect(damagedCount * FLIPPED_EACH).toBeGreaterThan(500);
  });

  it("is detected wherever it is truncated within its used pages", async () => {
    const { path, bytes, usedBytes } = await written();
    const last = Array.from({ length: 300 }, (_, index) => usedBytes - 1 - index);
    const others = Array.from({ length: Math.floor(usedBytes / 1_009) }, (_, index) => index * 1_009);
    for (const length of [...last, ...others]) {
      writeFileSync(path, bytes);
      truncateSync(path, length);
      expect(await readWhole(path), `truncated to ${length} bytes`).toBe("damaged");
    }
  });

  it("is reported with the damaged record", async () => {
    const { path, bytes } = await written();
    const at = bytes.indexOf("a very long description");
    bytes[at]! ^= 1;
    writeFileSync(path, bytes);
    const database = new LmdbDatabase(path, OPTIONS);
    await expect(loadAll(database)).rejects.toThrow(/the checksum of (job|entry) .* is wrong/);
    await expect(loadAll(database)).rejects.toBeInstanceOf(DamagedJournalError);
    await database.close();
  });
});

/** Flips one bit at a time and restores it. Returns the flips after which the file was read as valid other content. */
async function flipEach(
  { path, bytes, expected }: Written,
  flips: readonly number[],
): Promise<{ misread: number[]; damagedCount: number }> {
  const misread: number[] = [];
  let damagedCount = 0;
  for (const flip of flips) {
    const found = await readFlipped(path, bytes, flip >>> 3, flip & 7);
    if (found === "damaged") damagedCount++;
    else if (!isDeepStrictEqual(found, expected)) misread.push(flip);
  }
  return { misread, damagedCount };
}

interface Written {
  readonly path: string;
  readonly expected: JournalSnapshot;
  readonly bytes: Buffer;
  readonly usedBytes: number;
}

/** A file with jobs, entries, removals, large values and free pages. */
async function written(): Promise<Written> {
  const path = join(temporaryFolder(), "neo4j.mdb");
  const database = new LmdbDatabase(path, { ...OPTIONS, pendingCompactionMax: 5, logBytesMax: 0 });
  const writer = await openWriter(database, OPTIONS);
  const description = "a very long description ".repeat(10);
  for (let round = 0; round < 4; round++) {
    const subTasks = Array.from({ length: round * 8 }, () => ({ description }));
    for (const key of JOBS)
      await writer.write(stores(key, { description, subTasks: [{ description }, ...subTasks] }));
    for (const key of JOBS) await writer.write(reports(key, { updates: [{ path: "0", add: 1 }] }));
    await writer.write(removes(JOBS[round]!));
  }
  await database.close();
  using file = LmdbFile.open(path);
  return { path, expected: writer.expected(), bytes: readFileSync(path), usedBytes: file.usedBytes };
}

/** Reads the file with one bit flipped, then restores the bit. */
async function readFlipped(path: string, bytes: Buffer, at: number, bit: number) {
  const file = openSync(path, "r+");
  try {
    writeSync(file, Buffer.of(bytes[at]! ^ (1 << bit)), 0, 1, at);
    return await readWhole(path);
  } finally {
    writeSync(file, bytes, at, 1, at);
    closeSync(file);
  }
}

async function readWhole(path: string): Promise<JournalSnapshot | "damaged"> {
  try {
    const database = new LmdbDatabase(path, OPTIONS);
    try {
      return sorted(await loadAll(database));
    } finally {
      await database.close();
    }
  } catch (error) {
    if (!(error instanceof DamagedJournalError)) throw error;
    return "damaged";
  }
}

interface Step {
  readonly kind: "store" | "report" | "grow" | "remove";
  readonly job: number;
  readonly number: number;
}

const STEP = fc.record({
  kind: fc.constantFrom<Step["kind"]>("store", "report", "report", "grow", "remove"),
  job: fc.nat({ max: JOBS.length - 1 }),
  number: fc.nat({ max: 2 }),
});

/** The changes of one append. */
const TOGETHER = fc.array(STEP, { minLength: 1, maxLength: 8 });
const LIVES = fc.array(fc.array(TOGETHER, { maxLength: 5 }), { maxLength: 5 });

/** From no log to one that keeps every change until the database is closed. */
const LOG_BYTES = fc.constantFrom(0, 3_000, 10_000, 100_000);

/** Whether a file is rewritten whenever most of it is free, or never. */
const REWRITE_BYTES = fc.constantFrom(0, Infinity);

/** A job that is stored again by the append that forgets its removal. */
const FORGOTTEN_AND_STORED_AGAIN = [
  [
    [
      { kind: "remove", job: 0, number: 0 },
      ...[1, 2, 3, 4].map((job): Step => ({ kind: "store", job, number: 0 })),
    ],
    [
      ...[1, 2, 3, 4].map((job): Step => ({ kind: "remove", job, number: 0 })),
      { kind: "store", job: 0, number: 0 },
    ],
  ],
] satisfies Step[][][];

function changeOf({ kind, job, number }: Step): ScriptedChange {
  const key = JOBS[job]!;
  const leaf = { description: "leaf", volume: 10 };
  switch (kind) {
    case "store":
      return stores(key, { description: "root", subTasks: Array.from({ length: number + 1 }, () => leaf) });
    case "report":
      return reports(key, {
        updates: [{ path: "0", add: number }],
        log: Array.from({ length: number }, (_, line) => ({
          level: "INFO",
          path: "",
          message: `line ${line}`,
        })),
      });
    case "grow":
      return grows(key, "", [leaf]);
    case "remove":
      return removes(key);
  }
}
