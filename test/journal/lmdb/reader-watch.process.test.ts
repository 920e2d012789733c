import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { LmdbDatabase } from "../../../src/journal/lmdb/lmdb-database.js";
import { jobKey, storing, updating } from "../../kit/journal/entries.js";
import { Program } from "../../kit/process/child-process.js";
import { temporaryFolder } from "../../kit/process/temporary-folder.js";
import { RecordingLog } from "../../kit/server/recording-log.js";

const JOB = jobKey("alice", "job");
const MINUTE_MS = 60_000;

describe("a reader in another process", () => {
  it("is measured from the check that found it, and warned of once after ten minutes", async () => {
    const { database, log, reader } = await withReader();
    await using program = reader;
    await database.checkReaders(0);
    const young = database.oldestReaderMs(MINUTE_MS);
    for (const minute of [9, 10, 11]) await database.checkReaders(minute * MINUTE_MS);
    await database.close();

    expect(young).toBe(MINUTE_MS);
    expect(log.lines).toMatchObject([{ level: "warn", fields: { pid: program.pid } }]);
  });

  it("no longer counts after its process was killed", async () => {
    const { database, log, reader } = await withReader();
    await database.checkReaders(0);
    reader.signal("SIGKILL");
    await reader.exited;
    await database.checkReaders(11 * MINUTE_MS);

    expect(database.oldestReaderMs(11 * MINUTE_MS)).toBe(0);
    expect(log.lines).toEqual([]);
    await database.close();
  });
});

/** A database that another process reads. */
async function withReader() {
  const path = join(temporaryFolder(), "neo4j.mdb");
  const log = new RecordingLog();
  const options = { removalsKeptMax: 10, logLinesPerJobMax: 10, log, logBytesMax: 0 };
  const database = new LmdbDatabase(path, options);
  await database.append([storing(JOB), updating(JOB, 1)]);
  const reader = Program.node(["--input-type=module", "-e", READER, path]);
  await reader.line((line) => line === "reading");
  return { database, log, reader };
}

/** Reads one state of a file until it is killed. */
const READER = `
  import { open } from "lmdb";
  const env = open({ path: process.argv[1], noSubdir: true, readOnly: true, encoding: "binary", keyEncoding: "binary" });
  env.useReadTransaction();
  env.getBinary(Buffer.from([0]));
  console.log("reading");
  setInterval(() => {}, 60_000);
`;
