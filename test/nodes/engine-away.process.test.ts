/** Servers as processes whose PostgreSQL stops, or whose own clocks are wrong. */
import { describe, expect, it } from "vitest";
import { ask, HttpConnection } from "../kit/network/raw-http.js";
import { WsClient } from "../kit/network/ws-client.js";
import { HAS_POSTGRES, NEEDS_POSTGRES } from "../kit/postgres/installation.js";
import { sharedPostgres } from "../kit/postgres/shared-postgres.js";
import { startTidemark } from "../kit/process/child-process.js";
import { CAN_FAKE_TIME, NEEDS_FAKETIME, startTimeShiftedServer } from "../kit/process/fake-time.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { store, taskCount } from "../server/jobs.js";

const COUNT = { query: `{ tasks(database: "d") { totalCount } }` };
const WATCH = { query: `subscription { taskCount(database: "d") }` };
const STORED_AT = { query: `{ task(database: "d", username: "u", jobId: "j") { storedAt } }` };
const HOUR_MS = 3_600_000;

describe.runIf(HAS_POSTGRES && IS_FULL_LENGTH)(`a server on PostgreSQL ${NEEDS_POSTGRES}`, () => {
  const postgres = sharedPostgres({ settings: { fsync: "off" } });

  it("stops serving when PostgreSQL is away for the grace, and serves again when it is back", async () => {
    const { server } = postgres;
    const withPassword = (await server.createDatabase()).replace("@", ":s3cret@");
    await using tidemark = await startTidemark(["--store", withPassword, "--engine-grace", "1s"]);
    const { program, url } = tidemark;
    await store(url);
    using client = await WsClient.connect(url);
    await client.subscribe(WATCH).next();

    await server.stop();
    const { code } = await client.closed;
    const [ready, alive] = [await statusOf(url, "/ready"), await statusOf(url, "/health")];
    const read = await ask(url, COUNT);
    await server.startAgain();
    await program.line((line) => line.includes("the database server answers again"));

    expect([code, ready, alive]).toEqual([1013, 503, 200]);
    expect(read.errors).toMatchObject([{ extensions: { code: "UNAVAILABLE" } }]);
    expect(await statusOf(url, "/ready")).toBe(200);
    await store(url, { jobId: "2" });
    expect(await taskCount(url)).toBe(2);
    expect([...program.out, ...program.err].join("\n")).not.toContain("s3cret");
  });

  it("does not print the password of a PostgreSQL that it cannot reach", async () => {
    const url = "postgres://tidemark:s3cr/e@t@127.0.0.1:1/jobs";
    const failed = startTidemark(["--store", url]);

    await expect(failed).rejects.toThrow(/^(?!.*(s3cr|e@t)).*$/s);
  });

  it.runIf(CAN_FAKE_TIME)(`takes the time of day from PostgreSQL ${NEEDS_FAKETIME}`, async () => {
    const flags = ["--store", await postgres.server.createDatabase()];
    await using tidemark = await startTimeShiftedServer(temporaryFolder(), flags);
    tidemark.setTime("+1h");
    const before = Date.now();
    await store(tidemark.url);

    const { data } = await ask(tidemark.url, STORED_AT);
    const { storedAt } = (data as { task: { storedAt: string } }).task; // safe: the document selects it
    expect(Math.abs(Date.parse(storedAt) - before)).toBeLessThan(HOUR_MS / 2);
  });
});

async function statusOf(url: string, path: string): Promise<number> {
  using connection = new HttpConnection(url);
  return (await connection.request({ path })).status;
}
