import pg from "pg";
import { describe, expect, it } from "vitest";
import { SeverableProxy } from "../kit/network/severable-proxy.js";
import { HAS_POSTGRES, NEEDS_POSTGRES } from "../kit/postgres/installation.js";
import { startPgBouncer } from "../kit/postgres/pgbouncer.js";
import { startPostgres, type PostgresServer } from "../kit/postgres/postgres-server.js";
import { ReplicatedPostgres } from "../kit/postgres/replicated-postgres.js";
import { sharedPostgres } from "../kit/postgres/shared-postgres.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";

const INSERT = "INSERT INTO numbers VALUES (1)";

describe.runIf(HAS_POSTGRES && IS_FULL_LENGTH)(`PostgreSQL in tests ${NEEDS_POSTGRES}`, () => {
  const shared = sharedPostgres();

  it("keeps what it answered on a synchronous standby, which takes over when the primary is killed", async () => {
    await using postgres = await ReplicatedPostgres.start({ standbys: [{ sync: true }, {}] });
    const { primary, standbys } = postgres;
    await using proxy = await SeverableProxy.open(primary.url);
    const url = proxy.urlOf(await tableIn(primary));
    await insert(primary, url);

    await primary.kill();
    const { server } = standbys[0]!;
    await server.promote();
    proxy.redirectTo(server.url);
    await insert(server, url);

    expect(await rows(server, url)).toBe(2);
  });

  it("answers no commit while the receiver of the synchronous standby is paused", async () => {
    await using postgres = await ReplicatedPostgres.start({ standbys: [{ sync: true }] });
    const { primary, standbys } = postgres;
    const url = await tableIn(primary);
    const resume = await standbys[0]!.server.pauseReceiver();
    const order: string[] = [];
    const inserted = insert(primary, url).then(() => order.push("answered"));
    await primary.waitingForStandby();

    order.push("resumed");
    resume();
    await inserted;
    expect(order).toEqual(["resumed", "answered"]);
  });

  it("commits what a network that swallows one direction has delivered, although the client is not answered", async () => {
    const url = await tableIn(shared.server);
    await using proxy = await SeverableProxy.open(url);
    const client = new pg.Client({ connectionString: proxy.urlOf(url) });
    client.on("error", () => {}); // the answer that fails is what counts
    await client.connect();

    proxy.swallow(["server"]);
    const answer = client.query(INSERT);
    await expect.poll(() => rows(shared.server, url)).toBe(1);
    proxy.sever();
    await expect(answer).rejects.toThrow("terminated");
  });

  it("restores the state of a backup, of which a second server may run", async () => {
    await using server = await startPostgres();
    const url = await tableIn(server);
    await using backup = await server.backup();
    await insert(server, url);
    await server.restore(backup);
    await using copy = await startPostgres({ from: backup });
    expect([await rows(server, url), await identity(server)]).toEqual([0, await identity(copy)]);
  });

  it("is reached through PgBouncer", async () => {
    await using bouncer = await startPgBouncer(shared.server.url);
    const url = await tableIn(shared.server);
    await insert(shared.server, bouncer.urlOf(url));
    expect(await rows(shared.server, url)).toBe(1);
  });
});

/** A database of its own with a table. */
async function tableIn(server: PostgresServer): Promise<string> {
  const url = await server.createDatabase();
  await server.query("CREATE TABLE numbers (n int)", url);
  return url;
}

function insert(server: PostgresServer, url: string): Promise<unknown> {
  return server.query(INSERT, url);
}

async function rows(server: PostgresServer, url: string): Promise<unknown> {
  return (await server.query("SELECT count(*)::int AS count FROM numbers", url))[0]?.["count"];
}

async function identity(server: PostgresServer): Promise<unknown> {
  return (await server.query("SELECT system_identifier FROM pg_control_system()"))[0]?.["system_identifier"];
}
