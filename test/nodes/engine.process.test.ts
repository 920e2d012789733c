import pg from "pg";
import { describe, expect, it } from "vitest";
import { moveTo, startNode, type Node } from "../kit/nodes/node.js";
import { RecordedWatch } from "../kit/nodes/recorded-watch.js";
import { RetryingWorker } from "../kit/nodes/retrying-worker.js";
import { HAS_POSTGRES, NEEDS_POSTGRES } from "../kit/postgres/installation.js";
import { startPostgres } from "../kit/postgres/postgres-server.js";
import { sharedPostgres } from "../kit/postgres/shared-postgres.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import { store, update } from "../server/jobs.js";
import { queryState, Replica } from "../server/task-events.js";

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
