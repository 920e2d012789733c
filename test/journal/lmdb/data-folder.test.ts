import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openLmdbJournal } from "../../../src/journal/lmdb/lmdb-journal.js";
import { backupFolder, repairFolder } from "../../../src/journal/lmdb/operator-commands.js";
import { silentLog, type Log } from "../../../src/util/log.js";
import { collected } from "../../kit/collected.js";
import { databaseName, jobKey, storing } from "../../kit/journal/entries.js";
import { RecordingLog } from "../../kit/server/recording-log.js";
import { temporaryFolder } from "../../kit/process/temporary-folder.js";

const OPTIONS = { removalsKeptMax: 100, logLinesPerJobMax: 10, newEpoch: false };

describe("a data folder", () => {
  it("and its files are accessible only to their owner, also while it is in use", async () => {
    const folder = join(temporaryFolder(), "data");
    await using journal = await opened(folder);
    await (await journal.open(databaseName("neo4j"))).append([storing(jobKey("alice", "job"))]);
    const inUse = modesIn(folder);
    await journal.close();

    expect(new Set(inUse)).toEqual(new Set(["700", "600"]));
    expect(inUse).toHaveLength(7); // the folder, tidemark.json, owner, reserve, and the database with its log and lock
    expect(new Set(modesIn(folder))).toEqual(new Set(["700", "600"]));
  });

  it("that was open to other users is closed to them, with a warning", async () => {
    const folder = await writtenFolder();
    for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o644);
    chmodSync(folder, 0o755);
    const log = new RecordingLog();
    await using journal = await opened(folder, log);

    expect(new Set(modesIn(folder))).toEqual(new Set(["700", "600"]));
    expect(log.lines.map(({ message }) => message)).toEqual([
      expect.stringContaining("was open to other users"),
    ]);
    expect(await journal.databases()).toHaveLength(1);
  });

  it("is copied and repaired into files that are accessible only to their owner", async () => {
    const folder = await writtenFolder();
    const target = join(temporaryFolder(), "copy");
    await collected(backupFolder(folder, target));
    writeFileSync(join(folder, "neo4j.mdb"), "");
    await collected(repairFolder(folder));

    expect(new Set([...modesIn(target), ...modesIn(folder)])).toEqual(new Set(["700", "600"]));
  });

  it("of format 1 is converted when it is opened", async () => {
    const folder = await writtenFolder();
    writeFileSync(join(folder, "tidemark.json"), `{"product":"tidemark","format":1}`);
    await using journal = await opened(folder);

    expect(await journal.databases()).toHaveLength(1);
    expect(JSON.parse(readFileSync(join(folder, "tidemark.json"), "utf8"))).toMatchObject({ format: 2 });
  });
});

async function writtenFolder(): Promise<string> {
  const folder = join(temporaryFolder(), "data");
  await using journal = await opened(folder);
  await (await journal.open(databaseName("neo4j"))).append([storing(jobKey("alice", "job"))]);
  return folder;
}

function opened(folder: string, log: Log = silentLog) {
  return openLmdbJournal(folder, { ...OPTIONS, log });
}

/** Of the folder and its files. */
function modesIn(folder: string): string[] {
  return [folder, ...readdirSync(folder).map((name) => join(folder, name))].map((path) =>
    (statSync(path).mode & 0o777).toString(8),
  );
}
