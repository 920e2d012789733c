import { chownSync, copyFileSync, renameSync, rmSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { DatabaseJournal, Generation, Journal } from "../../../src/journal/journal.js";
import { openLmdbJournal } from "../../../src/journal/lmdb/lmdb-journal.js";
import { backupFolder, checkFolder } from "../../../src/journal/lmdb/operator-commands.js";
import { createMemoryJournal } from "../../../src/journal/memory/memory-journal.js";
import { silentLog } from "../../../src/util/log.js";
import { collected } from "../../kit/collected.js";
import {
  databaseName,
  FIRST_OF_HISTORY,
  jobKey,
  loadAll,
  storing,
  updating,
  updatingOften,
  type JournalSnapshot,
} from "../../kit/journal/entries.js";
import { NOBODY } from "../../kit/process/other-user.js";
import { temporaryFolder } from "../../kit/process/temporary-folder.js";

const BOUNDS = { removalsKeptMax: 10, logLinesPerJobMax: 10 };
const DB = databaseName("neo4j");
const JOB = jobKey("alice", "job");
const GENERATIONS: readonly Generation[] = Array.from({ length: 150 }, (_, index) => ({
  id: index === 0 ? "" : `id-${index}`,
  startsAt: Math.floor(index / 50),
}));

/** What only a folder has to take care of; test/conformance/ has the rest. */
describe("an import into a folder", () => {
  it("keeps the newest 100 generations through later writes and a rewrite of the file", async () => {
    const folder = await importedFolder();
    await using journal = await openFolder(folder);
    const handle = await journal.open(DB);
    await handle.append(updatingOften(JOB, 10, 1_000));
    await handle.close();
    expect(await contentIn(folder, journal)).toMatchObject({
      revision: 1_010,
      generation: "id-149",
      generations: GENERATIONS.slice(-100),
    });
  });

  it("has only the first generation in the epoch of a backup", async () => {
    const [folder, copy] = [await importedFolder(), join(temporaryFolder(), "copy")];
    await collected(backupFolder(folder, copy));
    expect(await contentIn(copy)).toMatchObject({ ...FIRST_OF_HISTORY, revision: 10 });
  });

  it("is sound", async () => {
    const folder = await importedFolder();
    expect(await collected(checkFolder(folder))).toMatchObject([
      { name: "neo4j", jobCount: 1, damage: undefined, unknown: undefined },
    ]);
  });

  it("ignores the log of a file that was deleted", async () => {
    const folder = await importedFolder();
    const log = join(folder, "neo4j.mdb-log");
    const journal = await openFolder(folder);
    const handle = await journal.open(DB);
    await handle.append([updating(JOB, 10)]);
    copyFileSync(log, `${log}.kept`);
    await journal.close();
    rmSync(join(folder, "neo4j.mdb"));
    renameSync(`${log}.kept`, log);

    await importInto(folder);
    expect(await contentIn(folder)).toMatchObject({ revision: 10 });
  });

  it.runIf(process.getuid?.() === 0)("by root belongs to the owner of the folder (needs root)", async () => {
    const folder = temporaryFolder();
    chownSync(folder, NOBODY, NOBODY);
    await importInto(folder);
    const owners = (await readdir(folder)).map((name) => [name, statSync(join(folder, name)).uid]);
    expect(owners).toContainEqual(["neo4j.mdb", NOBODY]);
    expect(owners.filter(([, owner]) => owner !== NOBODY)).toEqual([]);
  });
});

async function importedFolder(): Promise<string> {
  const folder = temporaryFolder();
  await importInto(folder);
  return folder;
}

/** Imports the same history each time. */
async function importInto(folder: string): Promise<void> {
  await using source = createMemoryJournal(BOUNDS);
  const handle = await source.open(DB);
  await handle.append([storing(JOB), ...updatingOften(JOB, 1, 9)]);
  await using journal = await openFolder(folder);
  await journal.import!(DB, withGenerations(handle));
}

function withGenerations(handle: DatabaseJournal): Pick<DatabaseJournal, "load"> {
  const history = { epoch: "epochOfTests", generation: "id-149", generations: GENERATIONS };
  return { load: async (take) => ({ ...(await handle.load(take)), ...history }) };
}

function openFolder(folder: string): Promise<Journal> {
  return openLmdbJournal(folder, { ...BOUNDS, newEpoch: false, log: silentLog, rewriteBytesMin: 0 });
}

async function contentIn(folder: string, opened?: Journal): Promise<JournalSnapshot> {
  await using journal = opened ?? (await openFolder(folder));
  return await loadAll(await journal.open(DB));
}
