import { describe, expect, it } from "vitest";
import { createMemoryJournal } from "../../src/journal/memory/memory-journal.js";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { createHeldJournal } from "../api/held-journal.js";
import { dataOf, metricReaches, RawConnection, readMetric } from "../kit/network/raw-http.js";
import { RecordingLog } from "../kit/server/recording-log.js";
import { startServer } from "../kit/server/server.js";
import { Tokens } from "../kit/server/tokens.js";

const INTERNAL = `tidemark_failures_total{code="INTERNAL",limit=""}`;
const STORE = `mutation { storeTask(input: { database: "d", task: { description: "t" } }) { outcome } }`;
const ACCEPTED = ["application/json", "text/event-stream"];

describe("A request whose client disconnects", () => {
  it.each(ACCEPTED)("is no error before its body is complete, for %s", async (accept) => {
    const log = new RecordingLog();
    await using server = await startServer({}, { log });
    using connection = await RawConnection.open(server.url);

    connection.write(post(STORE, accept).slice(0, -10));
    await metricReaches(server.url, "tidemark_connections", 2);
    connection.socket.resetAndDestroy();
    await metricReaches(server.url, "tidemark_connections", 1);

    expect(await readMetric(server.url, INTERNAL)).toBe(0);
    expect(log.lines).toEqual([]);
  });

  it.each(ACCEPTED)(
    "is no error while its mutation is written, and the change stays, for %s",
    async (accept) => {
      const log = new RecordingLog();
      const journal = createHeldJournal(createMemoryJournal(DEFAULT_LIMITS));
      await using server = await startServer({}, { log, journal });
      using connection = await RawConnection.open(server.url);

      journal.hold();
      connection.write(post(STORE, accept));
      await journal.written;
      connection.socket.resetAndDestroy();
      await metricReaches(server.url, "tidemark_connections", 1);
      journal.release();

      expect(await dataOf(server.url, `{ taskCount(database: "d") }`)).toEqual({ taskCount: 1 });
      expect(await readMetric(server.url, INTERNAL)).toBe(0);
      expect(log.lines).toEqual([]);
    },
  );

  it("is no error while its token is checked", async () => {
    const [tokens, log] = [new Tokens(), new RecordingLog()];
    const admin = await tokens.grant("root", { role: "admin" });
    const asAdmin = { authorization: `Bearer ${admin}` };
    await using server = await startServer({ auth: tokens.auth }, { log });
    using connection = await RawConnection.open(server.url);

    connection.write(post(STORE, "application/json", "Authorization: Bearer unknown\r\n").slice(0, -10));
    connection.socket.resetAndDestroy();

    const rejected = `tidemark_failures_total{code="UNAUTHENTICATED",limit=""}`;
    while ((await readMetric(server.url, rejected, asAdmin)) === 0) await new Promise(setImmediate);
    expect(await readMetric(server.url, INTERNAL, asAdmin)).toBe(0);
    expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});

function post(query: string, accept: string, headers = ""): string {
  const body = JSON.stringify({ query });
  return `POST /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: ${accept}\r\n${headers}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}
