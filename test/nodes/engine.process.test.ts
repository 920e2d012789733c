import pg from "pg";
import { describe, expect, it } from "vitest";
import { moveTo, startNode, type Node } from "../kit/nodes/node.js";
import { RecordedWatch } from "../kit/nodes/recorded-watch.js";
import { RetryingWorker } from "../kit/nodes/retrying-worker.js";
import { HAS_POSTGRES, NEEDS_POSTGRES } from "../kit/postgres/installation.js";
import { startPostgres } from "../kit/postgres/postgres-server.js";
import { sharedPostgres } from "../kit/postgres/shared-postgres.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import { dataOf } from "../kit/network/raw-http.js";
import { repeated, SERVER_JOB_KEY, store, update } from "../server/jobs.js";
import { queryState, Replica } from "../server/task-events.js";

const NEWER_ENTRY = `
  WITH d AS (UPDATE tidemark.databases SET head = head + 1 WHERE name = 'd' RETURNING *)
  INSERT INTO tidemark.entries (database_id, revision, at, is_removal, job_key, commit_id, body)
  SELECT id, head, now(), false, E'u\\tj', 'newer', '{"format":99}' FROM d`;
const UNTRIMMED = "SELECT 1 FROM tidemark.entries WHERE revision <= 500";

describe.runIf(HAS_POSTGRES && IS_FULL_LENGTH)(`A node on PostgreSQL ${NEEDS_POSTGRES}`, () => {
  const postgres = sharedPostgres();

  it("resets the subscribers that saw more than a backup has, when it was restored", async () => {
    await using server = await startPostgres();
    await using node = await startNode(await server.createDatabase());
    await store(node.url);
    const worker = new RetryingWorker([node.url]);
    using watch = await RecordedWatch.open(node.url);
    await watch.event(({ kind }) => kind === "CaughtUp");
    const before = watch.position;
    await using backup = await server.backup();
    await update(node.url, { updates: [{ done: 5 }] });
    await watch.reaches(5);

    await server.restore(backup);
    await watch.event(({ cause }) => cause === "HISTORY_LOST");
    await worker.send({ updates: [{ done: 6 }] });
    await watch.reaches(6);
    using resumed = await RecordedWatch.open(node.url, { after: before });
    await resumed.reaches(6);

    expect(resumed.resets).toEqual([]);
    expect(new Replica().apply(watch.events).jobs).toEqual((await queryState(node.url)).jobs);
  });

  it("takes no change of one copy of the data for one of the other, when both run and it is led to and fro", async () => {
    await using server = await startPostgres();
    const database = await server.createDatabase();
    await using node = await startNode(database);
    await store(node.url);
    const worker = new RetryingWorker([node.url]);
    await using backup = await server.backup();
    await using first = await startPostgres({ from: backup });
    await using second = await startPostgres({ from: backup });
    using watch = await RecordedWatch.open(node.url);

    moveTo(first, [node]);
    await worker.send({ updates: [{ done: 5 }] });
    await watch.reaches(5);
    moveTo(second, [node]);
    await worker.send({ updates: [{ done: 6 }] });
    await watch.reaches(6);
    moveTo(first, [node]);
    await watch.event(({ userTask }) => userTask?.tasks[0]!.progress.done === 5, watch.events.length);

    expect(watch.resets).toEqual(["INITIAL", "HISTORY_LOST", "HISTORY_LOST"]);
    expect((await queryState(node.url)).jobs).toEqual(new Replica().apply(watch.events).jobs);
  });

  it("does not start on the schema of a newer version, and changes nothing in it", async () => {
    const { server } = postgres;
    const database = await server.createDatabase();
    const version = "UPDATE tidemark.schema_version SET version = version + ";
    await using older = await startNode(database);
    await store(older.url);
    await server.query(`${version} 999`, database);

    await expect(startNode(database)).rejects.toThrow("use the version that wrote it, or a newer one");

    await server.query(`${version} -999`, database);
    await using again = await startNode(database);
    expect((await queryState(again.url)).jobs).toMatchObject([{ version: 1 }]);
  });

  it("says which version it needs for an entry that a newer one wrote, and serves other databases", async () => {
    const { server } = postgres;
    const database = await server.createDatabase();
    await using node = await startNode(database);
    await store(node.url);
    await store(node.url, { database: "other" });

    await server.query(NEWER_ENTRY, database);

    await expect.poll(() => refusal(node.url), { timeout: 30_000 }).toContain("an entry of format 99");
    expect(await update(node.url, { database: "other", updates: [{ done: 5 }] })).toMatchObject({
      version: 2,
    });
  });

  it("continues without a reset after entries that it had not followed were trimmed", async () => {
    const { server } = postgres;
    const database = await server.createDatabase();
    await using writer = await startNode(database);
    await using behind = await startNode(database, { engineGrace: "10m" });
    await store(writer.url, { task: { description: "work", volume: 10_000 } });
    using watch = await RecordedWatch.open(behind.url);
    await watch.event(({ kind }) => kind === "CaughtUp");

    behind.link.swallow();
    await reportMany(writer.url, 2_000);
    await server.query("UPDATE tidemark.entries SET at = at - interval '1 hour'", database);
    await writer[Symbol.asyncDispose]();
    await using next = await startNode(database); // the holder of the lease compacts as soon as it starts
    while ((await server.query(UNTRIMMED, database)).length > 0);
    behind.link.release();
    await update(next.url, { updates: [{ add: 1 }] });
    await watch.reaches(2_001);

    expect(watch.resets).toEqual(["INITIAL"]);
    expect(new Replica().apply(watch.events).jobs).toEqual((await queryState(next.url)).jobs);
  });

  it("answers UNAVAILABLE while the connections of PostgreSQL are used up, and then goes on", async () => {
    await using server = await startPostgres({ settings: { max_connections: "20" } });
    const database = await server.createDatabase();
    await using node = await startNode(database);
    await store(node.url);
    const worker = new RetryingWorker([node.url]);
    using watch = await RecordedWatch.open(node.url);
    await watch.event(({ kind }) => kind === "CaughtUp");

    await using others = await allConnectionsOf(database, node);
    await expect(update(node.url, { updates: [{ done: 5 }] })).rejects.toThrow("UNAVAILABLE");
    await others[Symbol.asyncDispose]();
    await worker.send({ updates: [{ done: 6 }] });
    await watch.reaches(6);

    expect(watch.resets).toEqual(["INITIAL"]);
  });
});

/** One unit after the other, in requests of up to 250. */
async function reportMany(url: string, count: number): Promise<void> {
  const one = { ...SERVER_JOB_KEY, updates: [{ add: 1 }] };
  const query = "mutation ($inputs: [UpdateTaskInput!]!) { updateTasks(inputs: $inputs) { __typename } }";
  for (let left = count; left > 0; left -= 250) await dataOf(url, query, { inputs: repeated(one, 250) });
}

/** Why the database "d" cannot be read. */
async function refusal(url: string): Promise<string> {
  return queryState(url).then(() => "", String);
}

/** Takes all connections, also those that the node has. */
async function allConnectionsOf(database: string, { link }: Node): Promise<AsyncDisposable> {
  const clients: pg.Client[] = [];
  const isRefused = async (): Promise<boolean> => {
    const client = new pg.Client({ connectionString: database });
    client.on("error", () => {}); // it is ended
    try {
      await client.connect();
      clients.push(client);
      return false;
    } catch {
      return true;
    }
  };
  link.shut();
  while (!(await isRefused()));
  link.reopen();
  return {
    [Symbol.asyncDispose]: async () =>
      void (await Promise.all(clients.splice(0).map((client) => client.end()))),
  };
}
