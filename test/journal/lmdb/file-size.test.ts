import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { JournalEntry } from "../../../src/journal/journal.js";
import { LmdbDatabase } from "../../../src/journal/lmdb/lmdb-database.js";
import { assert } from "../../../src/util/assert.js";
import { silentLog } from "../../../src/util/log.js";
import type { JobKey } from "../../../src/tasks/names.js";
import { jobKey, loadAll, removing, storing } from "../../kit/journal/entries.js";
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
