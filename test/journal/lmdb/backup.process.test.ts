import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { DatabaseJournal } from "../../../src/journal/journal.js";
import { openLmdbJournal } from "../../../src/journal/lmdb/lmdb-journal.js";
import { silentLog } from "../../../src/util/log.js";
import { databaseName, jobKey, loadAll, storing, updating } from "../../kit/journal/entries.js";
import { Program } from "../../kit/process/child-process.js";
import { temporaryFolder } from "../../kit/process/temporary-folder.js";

const OPTIONS = { removalsKeptMax: 10, logLinesPerJobMax: 10, newEpoch: false, log: silentLog };
const DATABASE = databaseName("neo4j");
const JOB = jobKey("alice", "job");

describe("tidemark backup", () => {
  it("copies every change that was acknowledged before it, while a server moves its log to its file again and again", async () => {
    const [folder, target] = [temporaryFolder(), join(temporaryFolder(), "copy")];
    await using journal = await openLmdbJournal(folder, { ...OPTIONS, logBytesMax: 4_000 });
    const database = await journal.open(DATABASE);
    await database.append([storing(JOB)]);
    await updateWhile(database, (revision) => revision < 100);

    await using backup = Program.node(["dist/main.js", "backup", folder, target]);
    const ended = new AbortController();
    void backup.exited.then(() => ended.abort());
    await updateWhile(database, () => !ended.signal.aborted);

    expect(backup.err).toEqual([]);
    await using copied = await openLmdbJournal(target, OPTIONS);
    expect((await loadAll(await copied.open(DATABASE))).revision).toBeGreaterThanOrEqual(100);
  });
});

/** Updates the job while this holds for the revision of the database. */
async function updateWhile(
  database: DatabaseJournal,
  isWanted: (revision: number) => boolean,
): Promise<void> {
  for (let at = await database.head(); isWanted(at); at++) await database.append([updating(JOB, at)]);
}
