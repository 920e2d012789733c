import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DamagedJournalError } from "../../src/journal/journal.js";
import { LmdbDatabase } from "../../src/journal/lmdb-database.js";
import { LmdbFile } from "../../src/journal/lmdb-file.js";
import {
  grows,
  jobKey,
  loadAll,
  openWriter,
  removes,
  reports,
  sorted,
  stores,
  type Change,
  type JournalSnapshot,
} from "../kit/journal-entries.js";
import { seededRandom } from "../kit/seeded-random.js";
import { temporaryFolder } from "../kit/temporary-folder.js";

const OPTIONS = { removalsKeptMax: 4, logLinesPerJobMax: 3 };
const JOBS = ["a", "b", "c", "d", "e", "f"].map((jobId) => jobKey("alice", jobId));

describe("what was written is read again", () => {
  it("after any changes, folded early or late, and any number of starts", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(APPEND, { maxLength: 40 }),
        fc.nat({ max: 30 }),
        async (appends, unfoldedMax) => {
          const path = join(temporaryFolder(), "neo4j.mdb");
          const options = { ...OPTIONS, unfoldedMax };
          let database = new LmdbDatabase(path, options);
          const writer = await openWriter(database, OPTIONS);
          await writer.write(changeOf({ kind: "store", job: 0, number: 0 })); // from here on the epoch is kept
          for (const { steps, isLast } of appends) {
            await writer.write(...steps.map(changeOf));
            if (!isLast) continue;
            await database.close();
            database = new LmdbDatabase(path, options);
            expect(sorted(await loadAll(database))).toEqual(writer.expected());
            writer.goOnWith(database);
          }
          await database.close();
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("a file that is not as it was written", () => {
  it("is never read as anything else: 1,000 flipped bits", async () => {
    const { path, expected, bytes } = await written();
    const random = seededRandom(4_711);
    let damagedCount = 0;
    for (let flip = 0; flip < 1_000; flip++) {
      const flipped = Buffer.from(bytes);
      const at = Math.floor(random() * bytes.length);
      flipped[at]! ^= 1 << Math.floor(random() * 8);
      writeFileSync(path, flipped);
      const found = await readWhole(path);
      if (found === "damaged") damagedCount++;
      else expect(found, `a bit of byte ${at}`).toEqual(expected);
    }
    expect(damagedCount).toBeGreaterThan(100);
  });

  it("is never read as anything else: each bit of what says where its trees are", async () => {
    const { path, expected, bytes } = await written();
    const META = 168;
    for (const start of [0, 4_096]) {
      for (let bit = 0; bit < META * 8; bit++) {
        const flipped = Buffer.from(bytes);
        flipped[start + (bit >>> 3)]! ^= 1 << (bit & 7);
        writeFileSync(path, flipped);
        const found = await readWhole(path);
        if (found !== "damaged") expect(found, `bit ${bit} of the meta page at ${start}`).toEqual(expected);
      }
    }
  });

  it("is damaged wherever the pages that it uses are cut off", async () => {
    const { path, bytes, usedBytes } = await written();
    for (let length = usedBytes - 1; length >= 0; length -= length > usedBytes - 1_000 ? 1 : 509) {
      writeFileSync(path, bytes);
      truncateSync(path, length);
      expect(await readWhole(path), `cut off after ${length} bytes`).toBe("damaged");
    }
  });

  it("says what is wrong", async () => {
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

/** A file with jobs in records, entries, removals, large values and free pages. */
async function written(): Promise<{
  path: string;
  expected: JournalSnapshot;
  bytes: Buffer;
  usedBytes: number;
}> {
  const path = join(temporaryFolder(), "neo4j.mdb");
  const database = new LmdbDatabase(path, { ...OPTIONS, unfoldedMax: 5 });
  const writer = await openWriter(database, OPTIONS);
  const description = "a very long description ".repeat(10);
  for (let round = 0; round < 6; round++) {
    const subTasks = Array.from({ length: round * 6 }, () => ({ description }));
    for (const key of JOBS)
      await writer.write(stores(key, { description, subTasks: [{ description }, ...subTasks] }));
    for (const key of JOBS) await writer.write(reports(key, { updates: [{ path: "0", add: 1 }] }));
    await writer.write(removes(JOBS[round]!));
  }
  await database.close();
  using file = LmdbFile.open(path);
  return { path, expected: writer.expected(), bytes: readFileSync(path), usedBytes: file.usedBytes };
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
    expect(error).toBeInstanceOf(DamagedJournalError);
    return "damaged";
  }
}

interface Step {
  readonly kind: "store" | "report" | "grow" | "remove";
  readonly job: number;
  readonly number: number;
}

const APPEND = fc.record({
  steps: fc.array(
    fc.record({
      kind: fc.constantFrom<Step["kind"]>("store", "report", "report", "grow", "remove"),
      job: fc.nat({ max: JOBS.length - 1 }),
      number: fc.nat({ max: 2 }),
    }),
    { minLength: 1, maxLength: 8 },
  ),
  isLast: fc.boolean(),
});

function changeOf({ kind, job, number }: Step): Change {
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
