import { describe, expect, it } from "vitest";
import { graphqlPost, HttpConnection, readMetric } from "../kit/network/raw-http.js";
import { RecordingLog } from "../kit/server/recording-log.js";
import { startServer } from "../kit/server/server.js";
import { SseStream } from "../kit/network/sse-client.js";
import { Tokens } from "../kit/server/tokens.js";
import { WsClient } from "../kit/network/ws-client.js";
import { bearer } from "./entry-points.js";

const WHO = { query: `{ __typename }` };
const WATCH = { query: `subscription { taskCount(database: "neo4j") }` };

describe("A token over HTTP", () => {
  it.each(["Bearer TOKEN", "bearer TOKEN", "BEARER  TOKEN "])("is taken from %s", async (authorization) => {
    const { server, token } = await openWorld();
    await using closing = server;
    using connection = new HttpConnection(closing.url);

    const headers = { authorization: authorization.replace("TOKEN", token) };

    expect(await connection.request(graphqlPost(WHO, headers))).toMatchObject({ status: 200 });
    expect(await connection.get(WHO, headers)).toMatchObject({ status: 200 });
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
    const asked: { path: string; headers: Record<string, string> } = { path, headers };
    const written = JSON.parse(JSON.stringify(asked).replaceAll("TOKEN", token)) as typeof asked;

    const plain = await connection.request({
      ...graphqlPost(WHO),
      ...written,
      headers: { "content-type": "application/json", ...written.headers },
    });
    const stream = await connection.request({
      ...graphqlPost(WATCH),
      ...written,
      headers: { "content-type": "application/json", accept: "text/event-stream", ...written.headers },
    });

    for (const { status, headers: answered, body } of [plain, stream]) {
      expect({ status, how: answered["www-authenticate"] }).toEqual({ status: 401, how: "Bearer" });
      expect(JSON.parse(body)).toMatchObject({ errors: [{ extensions: { code: "UNAUTHENTICATED" } }] });
    }
  });

  it("is asked for before a body is read, whatever is in it", async () => {
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
    expect(await client.ask(WHO)).toEqual({ data: { __typename: "Query" } });
  });

  it.each([
    ["nothing", undefined, 4401],
    ["an empty payload", {}, 4401],
    ["another scheme", { authorization: "Basic x" }, 4401],
    ["a token of another type", { token: 1 }, 4401],
    ["another token", { token: "tm_0" }, 4403],
    ["an empty token", { token: "" }, 4403],
    ["a huge token", { token: "x".repeat(100_000) }, 4403],
  ])(
    "is not taken from %s, and the socket is closed before anything is executed",
    async (_, payload, code) => {
      const { server } = await openWorld();
      await using closing = server;
      using client = await WsClient.open(closing.url);

      client.send({ type: "connection_init", payload });
      client.send({ type: "subscribe", id: "1", payload: WHO });

      expect((await client.closed).code).toSatisfy((closed: number) => [code, 4401].includes(closed));
      expect(client.received).toEqual([]);
    },
  );

  it("is not taken from the handshake: neither from its headers nor from its address", async () => {
    const { server, token } = await openWorld();
    await using closing = server;
    const headers = { ...bearer(token), cookie: `token=${token}` };
    using client = await WsClient.open(closing.url, { headers });

    client.send({ type: "connection_init" });

    expect((await client.closed).code).toBe(4401);
  });

  it("is asked for before anything else", async () => {
    const { server } = await openWorld();
    await using closing = server;
    using client = await WsClient.open(closing.url);

    client.send({ type: "subscribe", id: "1", payload: WHO });

    expect((await client.closed).code).toBe(4401);
  });
});

describe("A server that asks who asks", () => {
  it("tells everybody whether it is alive and ready, and only an admin of all databases what it counts", async () => {
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

  it("counts those whom it refused", async () => {
    const { server, admin } = await openWorld();
    await using closing = server;
    using connection = new HttpConnection(closing.url);
    await connection.post(WHO);
    await connection.post(WHO, bearer("x"));

    const series = `tidemark_failures_total{code="UNAUTHENTICATED",limit=""}`;
    expect(await readMetric(closing.url, series, bearer(admin))).toBe(2);
  });

  it("writes no token into its log, neither a good one nor a bad one", async () => {
    const { server, token, log } = await openWorld();
    await using closing = server;
    using connection = new HttpConnection(closing.url);
    const almost = `${token}x`;

    await connection.post(WHO, bearer(token));
    await connection.post(WHO, bearer(almost));
    using stream = await SseStream.open(closing.url, WATCH, bearer(almost));
    using client = await WsClient.open(closing.url);
    client.send({ type: "connection_init", payload: { token: almost } });
    await client.closed;

    expect(stream.status).toBe(401);
    expect(log.lines.filter(({ message }) => message === "a token was refused")).toHaveLength(3);
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
