import { join } from "node:path";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { openJournal } from "../../src/journal/open-journal.js";
import { silentLog } from "../../src/util/log.js";
import { HAS_POSTGRES, NEEDS_POSTGRES } from "../kit/postgres/installation.js";
import { sharedPostgres } from "../kit/postgres/shared-postgres.js";
import { Program } from "../kit/process/child-process.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { startServer } from "../kit/server/server.js";
import { dataOf } from "../kit/network/raw-http.js";
import { removeTask, SERVER_JOB_KEY, store, update } from "../server/jobs.js";
import { taskEvents, taskEventsUntil, type TaskEvent } from "../server/task-events.js";
import { OVER_WEBSOCKET } from "../server/transports.js";

describe.runIf(HAS_POSTGRES && IS_FULL_LENGTH)(`tidemark migrate with servers ${NEEDS_POSTGRES}`, () => {
  const postgres = sharedPostgres({ settings: { fsync: "off" } });

  it("lets watchers go on with their positions, from a folder to PostgreSQL and back", async () => {
    const [folder, database, back] = [newFolder(), await postgres.server.createDatabase(), newFolder()];
    const first = await serving(folder, async (url) => {
      for (const jobId of ["a", "b", "c"]) await store(url, { jobId });
      const position = await positionOf(url);
      await remove(url, "a");
      await update(url, { jobId: "b", updates: [{ path: "", add: 1 }] });
      return position;
    });
    await migrate(folder, database);
    const second = await serving(database, async (url) => {
      expect(await kindsSince(url, first)).toEqual(["TaskRemoved", "TaskUpdated", "CaughtUp"]);
      const position = await positionOf(url);
      await update(url, { jobId: "c", updates: [{ path: "", add: 1 }] });
      return position;
    });
    await migrate(database, back);
    await serving(back, async (url) => {
      await update(url, { jobId: "c", updates: [{ path: "", add: 1 }] });
      expect(await kindsSince(url, second)).toEqual(["TaskUpdated", "CaughtUp"]);
      expect(await kindsSince(url, first)).toEqual(["TaskRemoved", "TaskUpdated", "TaskUpdated", "CaughtUp"]);
      expect(await eventsSince(url)).toMatchObject([
        { kind: "Reset" },
        { userTask: { jobId: "b", tasks: [{ progress: { done: 1 } }] } },
        { userTask: { jobId: "c", tasks: [{ progress: { done: 2 } }] } },
        { kind: "CaughtUp" },
      ]);
    });
  });

  it("resets a watcher that has received what a server did to the source afterwards", async () => {
    const [folder, database] = [newFolder(), await postgres.server.createDatabase()];
    await serving(folder, (url) => store(url, { jobId: "a" }));
    await migrate(folder, database);
    const forked = await serving(folder, async (url) => {
      await store(url, { jobId: "only there" });
      return positionOf(url);
    });
    await serving(database, async (url) => {
      await store(url, { jobId: "b" });
      expect((await eventsSince(url, forked))[0]).toMatchObject({ kind: "Reset", cause: "HISTORY_LOST" });
    });
  });

  it("counts an attempt on after a removal", async () => {
    const [folder, database] = [newFolder(), await postgres.server.createDatabase()];
    await serving(folder, async (url) => {
      await store(url, { jobId: "a" });
      await remove(url, "a");
    });
    await migrate(folder, database);
    await serving(database, async (url) => {
      expect(await store(url, { jobId: "a" })).toMatchObject({ attempt: 2 });
    });
  });

  it("leaves nothing in PostgreSQL when it is killed, and copies all when it runs again", async () => {
    const [folder, database] = [newFolder(), await postgres.server.createDatabase()];
    await serving(folder, (url) => store(url));
    await (await openJournal(database, OPTIONS)).close(); // makes the schema
    const lock = await lockOfName(database);
    await using killed = startMigrate(folder, database);
    while ((await countIn(WAITING, database)) === 0);
    killed.signal("SIGKILL");
    await killed.exited;
    await lock.end();
    while ((await countIn(CONNECTED, database)) > 0);
    const left = await countIn(ROWS, database);

    expect(left).toBe(0);
    expect(await migrate(folder, database)).toContain("d: 1 job, 0 removals, copied");
  });

  async function countIn(sql: string, database: string): Promise<number> {
    const [row] = await postgres.server.query<{ count: string }>(sql, database);
    return Number(row!.count);
  }
});

const OPTIONS = { removalsKeptMax: 10, logLinesPerJobMax: 10, newEpoch: false, log: silentLog };

const OTHERS =
  "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
const WAITING = `${OTHERS} AND wait_event = 'advisory'`;
const CONNECTED = OTHERS;
const ROWS =
  "SELECT (SELECT count(*) FROM tidemark.jobs) + (SELECT count(*) FROM tidemark.databases) AS count";

/** A connection that holds the lock of the name "d", so that a copy of it can be written, but not finished. */
async function lockOfName(database: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  await client.query("BEGIN");
  await client.query("SELECT tidemark.lock_name('d')");
  return client;
}

function startMigrate(from: string, to: string): Program {
  return Program.node(["dist/main.js", "migrate", "--from", from, "--to", to]);
}

/** Its output. */
async function migrate(from: string, to: string): Promise<readonly string[]> {
  await using program = startMigrate(from, to);
  const { code } = await program.exited;
  expect([code, program.err]).toEqual([0, []]);
  return program.out;
}

/** Runs a server on a store, and stops it. */
async function serving<T>(on: string, work: (url: string) => Promise<T>): Promise<T> {
  await using server = await startServer({ store: on });
  return await work(server.url);
}

function newFolder(): string {
  return `lmdb:${join(temporaryFolder(), "data")}`;
}

async function remove(url: string, jobId: string): Promise<void> {
  const { query, variables } = removeTask({ jobId });
  await dataOf(url, query, variables!);
}

async function positionOf(url: string): Promise<string> {
  return (await eventsSince(url)).at(-1)!.position;
}

async function kindsSince(url: string, after: string): Promise<readonly string[]> {
  return (await eventsSince(url, after)).map(({ kind }) => kind);
}

async function eventsSince(url: string, after?: string): Promise<readonly TaskEvent[]> {
  const { database } = SERVER_JOB_KEY;
  const subscription = taskEvents({ database, ...(after !== undefined && { after }) });
  using watcher = await OVER_WEBSOCKET.watch(url, subscription);
  return await taskEventsUntil(watcher, "CaughtUp");
}
