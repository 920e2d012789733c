import pg from "pg";
import { describe, expect, it } from "vitest";
import { startNode, startNodeProcess } from "../kit/nodes/node.js";
import { HAS_POSTGRES, NEEDS_POSTGRES } from "../kit/postgres/installation.js";
import { sharedPostgres } from "../kit/postgres/shared-postgres.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import { store, update } from "../server/jobs.js";
import { queryState } from "../server/task-events.js";

const WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
const WRITTEN = "SELECT 1 FROM tidemark.entries WHERE revision = 2";

describe.runIf(HAS_POSTGRES && IS_FULL_LENGTH)(`A killed node ${NEEDS_POSTGRES}`, () => {
  const postgres = sharedPostgres();

  it("leaves a change that it did not answer, which the worker's retry on another node does not count again", async () => {
    const { server } = postgres;
    const database = await server.createDatabase();
    await using killed = await startNodeProcess(database);
    await using other = await startNode(database);
    await store(killed.url);
    expect((await queryState(other.url)).jobs).toHaveLength(1); // from now on it follows the killed one
    const report = { updates: [{ add: 1 }], requestId: "r" };

    await using lock = await lockDatabases(database);
    const unanswered = update(killed.url, report).then(
      () => "answered",
      () => "failed",
    );
    while ((await server.query(WAITING)).length === 0);
    killed.link.swallow(["server"]);
    await lock[Symbol.asyncDispose]();
    while ((await server.query(WRITTEN, database)).length === 0);
    killed.program.signal("SIGKILL");
    expect(await unanswered).toBe("failed");

    expect(await update(other.url, report)).toMatchObject({ version: 2 });
    expect((await queryState(other.url)).jobs).toMatchObject([{ tasks: [{ progress: { done: 1 } }] }]);
  });
});

/** Keeps all appends waiting until it is disposed of. */
async function lockDatabases(url: string): Promise<AsyncDisposable> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("BEGIN");
  await client.query("SELECT FROM tidemark.databases FOR UPDATE");
  return { [Symbol.asyncDispose]: () => client.end() };
}
