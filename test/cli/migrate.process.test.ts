import { existsSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { openLmdbJournal } from "../../src/journal/lmdb/lmdb-journal.js";
import { silentLog } from "../../src/util/log.js";
import { databaseName, jobKey, storing } from "../kit/journal/entries.js";
import { Program } from "../kit/process/child-process.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { HAS_TERMINAL, TestTerminal } from "../kit/process/terminal.js";

const OPTIONS = { removalsKeptMax: 10, logLinesPerJobMax: 10, newEpoch: false, log: silentLog };

/** Runs the command of the built program. test/journal/migrate-store.test.ts has what it copies and refuses. */
describe("tidemark migrate", () => {
  it("prints what it copied, and what an earlier run has copied", async () => {
    const [from, to] = [await folderWith({ builds: 3, neo4j: 2_000 }), newFolder()];
    const first = await migrate("--from", from, "--to", to, "--database", "builds");
    const second = await migrate("--from", from, "--to", to);

    expect([first.code, first.err]).toEqual([0, []]);
    expect(first.out).toEqual([
      "builds: 3 jobs, 0 removals, copied",
      "1 database, 3 jobs, 0 removals: each copy was read again and equals its source.",
    ]);
    expect(second.out).toEqual([
      "builds: 3 jobs, 0 removals, was copied before",
      "neo4j: 2,000 jobs, 0 removals, copied",
      "2 databases, 2,003 jobs, 0 removals: each copy was read again and equals its source.",
    ]);
  });

  it("exits with 1 if it refuses to copy, and with 2 for wrong usage", async () => {
    const from = await folderWith({ neo4j: 1 });
    const refused = await migrate("--from", from, "--to", from);
    const incomplete = await migrate("--from", from);
    const invalid = await migrate("--from", from, "--to", newFolder(), "--synchronous-commit", "maybe");

    expect(refused).toMatchObject({
      code: 1,
      out: [],
      err: ["tidemark: --from and --to are the same store. Choose another target."],
    });
    expect(incomplete).toMatchObject({ code: 2, err: [expect.stringContaining("--to")] });
    expect(invalid).toMatchObject({
      code: 2,
      err: [expect.stringContaining(`Invalid --synchronous-commit "maybe"`)],
    });
  });

  it("leaves nothing of a database when it is killed, and copies it when it runs again", async () => {
    const [from, to] = [await folderWith({ neo4j: 20_000 }), newFolder()];
    await using killed = startMigrate("--from", from, "--to", to);
    while (!existsSync(join(pathOf(to), "neo4j.mdb.new"))) await setImmediate();
    killed.signal("SIGKILL");
    const { signal } = await killed.exited;
    const left = await namesIn(to);
    const again = await migrate("--from", from, "--to", to);

    expect([signal, left]).toEqual(["SIGKILL", []]);
    expect(again.out[0]).toBe("neo4j: 20,000 jobs, 0 removals, copied");
  });

  it.runIf(HAS_TERMINAL)("draws a bar on a terminal (needs script)", async () => {
    const [from, to] = [await folderWith({ neo4j: 500 }), newFolder()];
    const args = ["dist/main.js", "migrate", "--from", from, "--to", to];
    await using terminal = new TestTerminal(args, { columns: 90, rows: 5 });
    await terminal.shows((lines) => lines.some((line) => line.startsWith("1 database")));

    expect(terminal.written).toContain("neo4j  [####################]  copying 500/500 jobs");
    expect(terminal.written).toContain("neo4j  [####################]  checking 500/500 jobs");
    expect(await terminal.exited).toBe(0);
  });
});

function startMigrate(...args: readonly string[]): Program {
  return Program.node(["dist/main.js", "migrate", ...args]);
}

async function migrate(
  ...args: readonly string[]
): Promise<{ code: number | null; out: readonly string[]; err: readonly string[] }> {
  await using program = startMigrate(...args);
  const { code } = await program.exited;
  return { code, out: program.out, err: program.err };
}

/** A store in a folder with databases of so many jobs. */
async function folderWith(jobCounts: Readonly<Record<string, number>>): Promise<string> {
  const store = newFolder();
  await using journal = await openLmdbJournal(pathOf(store), OPTIONS);
  for (const [name, count] of Object.entries(jobCounts)) {
    const handle = await journal.open(databaseName(name));
    await handle.append(Array.from({ length: count }, (_, at) => storing(jobKey("alice", `job-${at}`))));
  }
  return store;
}

/** A store in a folder that does not exist yet. */
function newFolder(): string {
  return `lmdb:${join(temporaryFolder(), "data")}`;
}

function pathOf(store: string): string {
  return store.slice("lmdb:".length);
}

async function namesIn(store: string): Promise<readonly string[]> {
  await using journal = await openLmdbJournal(pathOf(store), OPTIONS);
  return (await journal.databases()).map(({ name }) => name);
}
