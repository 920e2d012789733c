import { describe, expect, it } from "vitest";
import { createMemoryJournal } from "../../src/journal/memory/memory-journal.js";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { createHeldJournal } from "../api/held-journal.js";
import { RawConnection } from "../kit/network/raw-http.js";
import { startServer } from "../kit/server/server.js";
import { store } from "./jobs.js";

/** A proxy keeps its connections to the server open for 60 s, as nginx does. */
const PROXY_IDLE_SECONDS = 60;

const BODY = JSON.stringify({
  query: `mutation { storeTask(input: { database: "d", task: { description: "t" } }) { outcome } }`,
});
const STORE = `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
const GET = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const SLOW_HEAD = "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";

describe("An idle HTTP connection", () => {
  it.each([
    ["a mutation", STORE],
    ["a probe", GET("/health")],
    ["a rejected request", GET("/nope")],
    ["a query that Yoga handles", GET("/graphql?query=%7B__typename%7D")],
  ])("stays open longer than a proxy's by default, and says so: after %s", async (_, request) => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);

    const answer = await connection.ask(request);

    expect(Number(/^Keep-Alive: timeout=(\d+)/m.exec(answer)?.[1])).toBeGreaterThan(PROXY_IDLE_SECONDS);
  });

  it.each([
    ["3m", 180],
    ["1h", 3_600],
  ])("stays open for --idle-connection %s", async (idleConnection, seconds) => {
    await using server = await startServer({ idleConnection });
    using connection = await RawConnection.open(server.url);

    expect(await connection.ask(GET("/health"))).toContain(`Keep-Alive: timeout=${seconds}\r\n`);
  });

  it("is closed after --idle-connection, without a byte", async () => {
    await using server = await startServer({ idleConnection: "1ms" });
    using connection = await RawConnection.open(server.url);

    const answer = await connection.ask(GET("/health"));
    await connection.ended();

    expect(connection.received).toBe(answer);
  });

  it("does not count as a slow sender: --headers-timeout begins with the next request", async () => {
    await using server = await startServer({ headersTimeout: "1s", idleConnection: "1h" });
    using idle = await RawConnection.open(server.url);
    using slow = await RawConnection.open(server.url);
    await idle.ask(GET("/health"));
    await slow.ask(GET("/health"));

    slow.write(SLOW_HEAD);
    await slow.ended();

    expect(slow.received).toContain("HTTP/1.1 408 Request Timeout\r\n");
    expect(await idle.ask(GET("/health"))).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  });

  it("is closed at once when the server stops", async () => {
    const server = await startServer({ idleConnection: "1h" });
    using connection = await RawConnection.open(server.url);
    const answer = await connection.ask(GET("/health"));

    await server.close();
    await connection.ended();

    expect(connection.received).toBe(answer);
  });

  it("is not left by an answer that was in progress when the server stopped", async () => {
    const journal = createHeldJournal(createMemoryJournal(DEFAULT_LIMITS));
    const server = await startServer({ idleConnection: "1h" }, { journal });
    await store(server.url);
    using connection = await RawConnection.open(server.url);
    journal.hold();
    connection.write(STORE);
    await journal.written;

    const stopped = server.close();
    journal.release();
    await stopped;
    await connection.ended();

    expect(connection.received).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(connection.received).toMatch(/^Connection: close\r$/m);
    expect(connection.received).toContain(`"outcome":"CREATED"`);
  });
});
