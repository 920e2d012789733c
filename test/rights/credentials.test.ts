import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { graphqlPost, graphqlResultOf, HttpConnection, readMetric } from "../kit/network/raw-http.js";
import { RecordingLog } from "../kit/server/recording-log.js";
import { startServer } from "../kit/server/server.js";
import { SseStream } from "../kit/network/sse-client.js";
import { Tokens } from "../kit/server/tokens.js";
import { WsClient } from "../kit/network/ws-client.js";
import { bearer } from "./entry-points.js";

const TYPENAME = { query: `{ __typename }` };
const WATCH = { query: `subscription { taskCount(database: "neo4j") }` };

describe("A token over HTTP", () => {
  it.each(["Bearer TOKEN", "bearer TOKEN", "BEARER  TOKEN "])("is taken from %s", async (authorization) => {
    const { server, token } = await openWorld();
    await using closing = server;
    using connection = new HttpConnection(closing.url);

    const headers = { authorization: authorization.replace("TOKEN", token) };

    expect(await connection.request(graphqlPost(TYPENAME, headers))).toMatchObject({ status: 200 });
    expect(await connection.get(TYPENAME, headers)).toMatchObject({ status: 200 });
  });

  it.each([
    ["nothing", "/graphql", {}],
    ["another token", "/graphql", { authorization: "Bearer tm_0000000000000000000000000000000000000000000" }],
    ["two tokens", "/graphql", { authorization: "Bearer TOKEN TOKEN" }],
    ["another scheme", "/graphql", { authorization: "Basic TOKEN" }],
    ["the address", "/graphql?token=TOKEN&access_token=TOKEN&authorization=Bearer%20TOKEN", {}],
    ["a cookie", "/graphql", { cookie: "token=TOKEN; authorization=Bearer TOKEN" }],
  ])("is not taken from %s", async (_, path, headers) => {
    const { server, token } = await openWorld();
    await using closing = server;
    using connection = new HttpConnection(closing.url);
    const template: { path: string; headers: Record<string, string> } = { path, headers };
    const request = JSON.parse(JSON.stringify(template).replaceAll("TOKEN", token)) as typeof template;

    const plain = await connection.request({
      ...graphqlPost(TYPENAME),
      ...request,
      headers: { "content-type": "application/json", ...request.headers },
    });
    const stream = await connection.request({
      ...graphqlPost(WATCH),
      ...request,
      headers: { "content-type": "application/json", accept: "text/event-stream", ...request.headers },
    });

    for (const { status, headers: answered, body } of [plain, stream]) {
      expect({ status, how: answered["www-authenticate"] }).toEqual({ status: 401, how: "Bearer" });
      expect(JSON.parse(body)).toMatchObject({ errors: [{ extensions: { code: "UNAUTHENTICATED" } }] });
    }
  });

  it("is required before the server reads a body", async () => {
    const { server } = await openWorld();
    await using closing = server;
    using connection = new HttpConnection(closing.url);

    const answers = [await connection.post("{"), await connection.post("x".repeat(2_000_000))];

    expect(answers.map(({ status }) => status)).toEqual([401, 401]);
  });
});

describe("A token over WebSocket", () => {
  it.each([
    ["token", (token: string) => ({ token })],
    ["authorization", (token: string) => ({ authorization: `Bearer ${token}` })],
    ["Authorization", (token: string) => ({ Authorization: `Bearer ${token}` })],
  ])("is taken from the payload of connection_init: %s", async (_, payloadOf) => {
    const { server, token } = await openWorld();
    await using closing = server;
    using client = await WsClient.open(closing.url);

    client.send({ type: "connection_init", payload: payloadOf(token) });

    expect(await client.next(() => true)).toEqual({ type: "connection_ack" });
    expect(await client.ask(TYPENAME)).toEqual({ data: { __typename: "Query" } });
  });

  it.each([
    ["nothing", undefined, 4401],
    ["an empty payload", {}, 4401],
    ["another scheme", { authorization: "Basic x" }, 4401],
    ["a token of another type", { token: 1 }, 4401],
    ["another token", { token: "tm_0" }, 4403],
    ["an empty token", { token: "" }, 4403],
    ["a huge token", { token: "x".repeat(100_000) }, 4403],
  ])("is not taken from %s, and the socket closes before anything is executed", async (_, payload, code) => {
    const { server } = await openWorld();
    await using closing = server;
    using client = await WsClient.open(closing.url);

    client.send({ type: "connection_init", payload });
    client.send({ type: "subscribe", id: "1", payload: TYPENAME });

    expect((await client.closed).code).toSatisfy((closed: number) => [code, 4401].includes(closed));
    expect(client.received).toEqual([]);
  });

  it("is not taken from the headers or the URL of the handshake", async () => {
    const { server, token } = await openWorld();
    await using closing = server;
    const headers = { ...bearer(token), cookie: `token=${token}` };
    using client = await WsClient.open(closing.url, { headers });

    client.send({ type: "connection_init" });

    expect((await client.closed).code).toBe(4401);
  });

  it("is required before any operation", async () => {
    const { server } = await openWorld();
    await using closing = server;
    using client = await WsClient.open(closing.url);

    client.send({ type: "subscribe", id: "1", payload: TYPENAME });

    expect((await client.closed).code).toBe(4401);
  });
});

describe("A server that requires tokens", () => {
  it("serves health probes to everyone, and metrics only to an admin of all databases", async () => {
    const { server, token, admin, partial } = await openWorld();
    await using closing = server;
    using connection = new HttpConnection(closing.url);
    const status = async (path: string, who?: string): Promise<number> =>
      (await connection.request({ path, headers: bearer(who) })).status;

    expect([await status("/health"), await status("/ready")]).toEqual([200, 200]);
    expect(
      await Promise.all([undefined, "x", token, partial, admin].map((who) => status("/metrics", who))),
    ).toEqual([401, 401, 403, 403, 200]);
  });

  it("reports an unreadable tokens file at once, and disconnects its clients after a minute", async () => {
    const [tokens, clock] = [new Tokens(), new ManualClock(Date.now())];
    const token = await tokens.grant("alice", { role: "admin" });
    await using server = await startServer({ auth: tokens.auth }, { clock });
    using connection = new HttpConnection(server.url);
    using client = await WsClient.connect(server.url, { token });
    using stream = await SseStream.open(server.url, WATCH, bearer(token));
    await stream.next();
    const readiness = async (): Promise<unknown[]> => {
      clock.advance(500);
      const { status, body } = await connection.request({ path: "/ready" });
      return [status, JSON.parse(body)];
    };
    const problems = ["the tokens file cannot be read"];
    const file = readFileSync(tokens.path);

    writeFileSync(tokens.path, "{");
    expect(await firstChange(readiness)).toEqual([200, { status: "ready", problems }]);
    expect(await readMetric(server.url, "tidemark_tokens_file_unreadable", bearer(token))).toBe(1);
    expect(await firstChange(readiness)).toEqual([503, { status: "not serving", problems }]);
    expect((await client.closed).code).toBe(1013);
    expect((await stream.next()).errors?.[0]?.extensions).toMatchObject({
      code: "UNAVAILABLE",
    });
    expect(graphqlResultOf(await connection.post(TYPENAME, bearer(token))).errors?.[0]).toMatchObject({
      message: expect.stringContaining("An operator must make the file readable") as unknown,
      extensions: { code: "UNAVAILABLE" },
    });

    writeFileSync(tokens.path, file);
    expect(await firstChange(readiness)).toEqual([200, { status: "ready" }]);
    expect(await connection.post(TYPENAME, bearer(token))).toMatchObject({ status: 200 });
  });

  it("counts rejected requests", async () => {
    const { server, admin } = await openWorld();
    await using closing = server;
    using connection = new HttpConnection(closing.url);
    await connection.post(TYPENAME);
    await connection.post(TYPENAME, bearer("x"));

    const series = `tidemark_failures_total{code="UNAUTHENTICATED",limit=""}`;
    expect(await readMetric(closing.url, series, bearer(admin))).toBe(2);
  });

  it("never writes a token to its log, whether valid or not", async () => {
    const { server, token, log } = await openWorld();
    await using closing = server;
    using connection = new HttpConnection(closing.url);
    const almost = `${token}x`;

    await connection.post(TYPENAME, bearer(token));
    await connection.post(TYPENAME, bearer(almost));
    using stream = await SseStream.open(closing.url, WATCH, bearer(almost));
    using client = await WsClient.open(closing.url);
    client.send({ type: "connection_init", payload: { token: almost } });
    await client.closed;

    expect(stream.status).toBe(401);
    expect(log.lines.filter(({ message }) => message === "rejected a token")).toHaveLength(1);
    expect(JSON.stringify(log.lines)).not.toContain(token.slice(3, 13));
  });
});

async function openWorld() {
  const [tokens, log] = [new Tokens(), new RecordingLog()];
  const token = await tokens.grant("alice");
  const admin = await tokens.grant("root", { role: "admin" });
  const partial = await tokens.grant("ada", { role: "admin", databases: ["movies"] });
  return { server: await startServer({ auth: tokens.auth }, { log }), token, admin, partial, log };
}

/** Calls `read` until its result differs from the first one. */
async function firstChange<T>(read: () => Promise<T>): Promise<T> {
  const first = JSON.stringify(await read());
  for (;;) {
    const next = await read();
    if (JSON.stringify(next) !== first) return next;
  }
}
