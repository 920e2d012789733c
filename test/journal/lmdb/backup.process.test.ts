import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openLmdbJournal } from "../../../src/journal/lmdb/lmdb-journal.js";
import { silentLog } from "../../../src/util/log.js";
import { databaseName, jobKey, loadAll, storing, updating } from "../../kit/journal/entries.js";
import { Program } from "../../kit/process/child-process.js";
import { temporaryFolder } from "../../kit/process/temporary-folder.js";

const OPTIONS = { removalsKeptMax: 10, logLinesPerJobMax: 10, newEpoch: false, log: silentLog };
const DATABASE = databaseName("neo4j");
const JOB = jobKey("alice", "job");
/** So many that a copy takes longer than some updates. */
const OTHERS = Array.from({ length: 20_000 }, (_, at) => jobKey("bob", `job-${at}`));

describe("tidemark backup", () => {
  it("copies every change that was acknowledged before it, while a server moves its log to its file again and again", async () => {
    const [folder, target] = [temporaryFolder(), join(temporaryFolder(), "copy")];
    await using journal = await openLmdbJournal(folder, { ...OPTIONS, logBytesMax: 1_500 });
    const database = await journal.open(DATABASE);
    await database.append([storing(JOB)]);
    await database.append(OTHERS.map((key) => storing(key)));
    await database.append([updating(JOB, 1)]);
    const { revision } = await loadAll(database);

    await using backup = Program.node(["dist/main.js", "backup", folder, target]);
    const ended = new AbortController();
    void backup.exited.then(() => ended.abort());
    for (let at = revision; !ended.signal.aborted; at++) await database.append([updating(JOB, at)]);

    expect(backup.err).toEqual([]);
    await using copied = await openLmdbJournal(target, OPTIONS);
    expect((await loadAll(await copied.open(DATABASE))).revision).toBeGreaterThanOrEqual(revision);
  });
});
