import { describe, expect, it } from "vitest";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import {
  graphqlResultOf,
  HttpConnection,
  metricReaches,
  readMetric,
  type GraphqlRequest,
} from "../kit/network/raw-http.js";
import { startServer } from "../kit/server/server.js";
import { SseStream, ssePost } from "../kit/network/sse-client.js";
import { WsClient } from "../kit/network/ws-client.js";
import { repeated, storeTask } from "./jobs.js";
import { CHANGING_TRANSPORTS, disposeAll, OVER_SSE, OVER_WEBSOCKET, API_TRANSPORTS } from "./transports.js";

/** The limits per user, over all connections. Without authentication all clients are one user. */
const TYPENAME: GraphqlRequest = { query: "{ __typename }" };
const WATCH: GraphqlRequest = { query: `subscription { taskCount(database: "d") }` };

describe("operationsPerSecondMax", () => {
  it.each(API_TRANSPORTS)(
    "limits operations per second over $name and returns retryAfterMs",
    async ({ connect }) => {
      const clock = new ManualClock();
      await using server = await startServer({ operationsPerSecondMax: "2" }, { clock });
      using client = await connect(server.url);

      const first = [await client.ask(TYPENAME), await client.ask(TYPENAME)];
      const rejected = await client.ask(TYPENAME);
      clock.advance(499);
      const stillRefused = await client.ask(TYPENAME);
      clock.advance(1);
      const again = await client.ask(TYPENAME);

      expect([...first, again]).toEqual(repeated({ data: { __typename: "Query" } }, 3));
      expect(rejected.errors?.[0]?.extensions).toEqual({ ...TOO_MANY_OPERATIONS, retryAfterMs: 500 });
      expect(stillRefused.errors?.[0]?.extensions).toEqual({ ...TOO_MANY_OPERATIONS, retryAfterMs: 1 });
      expect(client.socketCount).toBe(1);
      expect(await readMetric(server.url, failures("operationsPerSecondMax"))).toBe(2);
    },
  );

  it("counts all operations of a user over all transports, even invalid ones", async () => {
    await using server = await startServer({ operationsPerSecondMax: "4" }, { clock: new ManualClock() });
    using all = disposeAll(await Promise.all(API_TRANSPORTS.map(({ connect }) => connect(server.url))));

    for (const client of all.members) await client.ask({ query: "{ nope" });
    const rejected = await Promise.all(all.members.map((client) => client.ask(TYPENAME)));

    expect(rejected.map(({ errors }) => errors?.[0]?.extensions)).toEqual(
      repeated({ ...TOO_MANY_OPERATIONS, retryAfterMs: 250 }, 4),
    );
  });

  it.each([
    ["a plain request", { accept: "application/json" }],
    ["a request for the GraphQL type", { accept: "application/graphql-response+json" }],
    ["a request that Yoga handles", { accept: "application/json;q=0.9" }],
  ])("is 429 with Retry-After for %s", async (_, headers) => {
    await using server = await startServer({ operationsPerSecondMax: "1" }, { clock: new ManualClock() });
    using connection = new HttpConnection(server.url);
    await connection.post(TYPENAME);

    const answer = await connection.post(TYPENAME, headers);

    expect([answer.status, answer.headers["retry-after"]]).toEqual([429, "1"]);
    expect(graphqlResultOf(answer).errors?.[0]?.extensions).toEqual({
      ...TOO_MANY_OPERATIONS,
      retryAfterMs: 1_000,
    });
  });
});

describe("mutationsPerSecondMax", () => {
  it.each(CHANGING_TRANSPORTS)("limits mutations over $name, and nothing else", async ({ connect }) => {
    const clock = new ManualClock();
    await using server = await startServer({ mutationsPerSecondMax: "1" }, { clock });
    using client = await connect(server.url);

    const first = await client.ask(storeTask({ jobId: "1" }));
    const rejected = await client.ask(storeTask({ jobId: "2" }));
    const query = await client.ask({ query: `{ taskCount(database: "d") }` });
    clock.advance(1_000);
    const again = await client.ask(storeTask({ jobId: "3" }));

    expect([first.errors, again.errors]).toEqual([undefined, undefined]);
    expect(rejected.errors?.[0]?.extensions).toEqual({
      code: "LIMIT_EXCEEDED",
      limit: "mutationsPerSecondMax",
      retryAfterMs: 1_000,
    });
    expect(query).toEqual({ data: { taskCount: 1 } });
    expect(await readMetric(server.url, failures("mutationsPerSecondMax"))).toBe(1);
  });
});

describe("subscriptionsPerUserMax", () => {
  it.each([OVER_SSE, OVER_WEBSOCKET])(
    "limits open subscriptions over $name; an ended one makes room",
    async ({ watch }) => {
      await using server = await startServer({ subscriptionsPerUserMax: "2" });
      using first = await watch(server.url, WATCH);
      using second = await watch(server.url, WATCH);
      await Promise.all([first.next(), second.next()]);

      using third = await watch(server.url, WATCH);
      const rejected = await third.next();
      second[Symbol.dispose]();
      await metricReaches(server.url, "tidemark_subscribers", 1);
      using fourth = await watch(server.url, WATCH);
      const again = await fourth.next();

      expect(rejected.errors?.[0]?.extensions).toEqual({
        code: "LIMIT_EXCEEDED",
        limit: "subscriptionsPerUserMax",
      });
      expect(again).toEqual({ data: { taskCount: 0 } });
      expect(await readMetric(server.url, failures("subscriptionsPerUserMax"))).toBe(1);
    },
  );

  it("does not count rejected or completed subscriptions", async () => {
    await using server = await startServer({ subscriptionsPerUserMax: "1" });
    using client = await WsClient.connect(server.url);

    const rejected = await client.subscribe({ query: `subscription { taskCount(database: "") }` }).next();
    const first = client.subscribe(WATCH);
    await first.next();
    first.complete();
    await metricReaches(server.url, "tidemark_subscribers", 0);
    const again = await client.subscribe(WATCH).next();

    expect(rejected.errors?.[0]?.extensions?.["code"]).toBe("BAD_USER_INPUT");
    expect(again).toEqual({ data: { taskCount: 0 } });
  });
});

describe("connectionsPerUserMax", () => {
  it("limits WebSockets: one more is closed with 4421, and a closed one makes room", async () => {
    await using server = await startServer({ connectionsPerUserMax: "1" });
    using first = await WsClient.connect(server.url);
    using second = await WsClient.open(server.url);

    second.send({ type: "connection_init" });
    const closing = await second.closed;
    const answer = await first.ask(TYPENAME);
    first[Symbol.dispose]();
    await metricReaches(server.url, "tidemark_websockets", 0);
    using third = await WsClient.connect(server.url);

    expect(closing).toEqual({ code: 4421, reason: expect.stringContaining("connectionsPerUserMax") });
    expect(answer).toEqual({ data: { __typename: "Query" } });
    expect((await third.ask(TYPENAME)).errors).toBeUndefined();
    expect(await readMetric(server.url, failures("connectionsPerUserMax"))).toBe(1);
  });

  it("limits event streams together with WebSockets, and no other requests", async () => {
    await using server = await startServer({ connectionsPerUserMax: "2" });
    using socket = await WsClient.connect(server.url);
    using stream = await SseStream.open(server.url, WATCH);
    await stream.next();
    using connection = new HttpConnection(server.url);

    const rejected = await connection.request(ssePost(WATCH));
    const query = await connection.post(TYPENAME);
    stream[Symbol.dispose]();
    await metricReaches(server.url, "tidemark_event_streams", 0);
    using again = await SseStream.open(server.url, WATCH);

    expect(rejected.body).toContain(`"limit":"connectionsPerUserMax"`);
    expect(query.status).toBe(200);
    expect(await again.next()).toEqual({ data: { taskCount: 0 } });
    expect((await socket.ask(TYPENAME)).errors).toBeUndefined();
  });
});

const TOO_MANY_OPERATIONS = { code: "LIMIT_EXCEEDED", limit: "operationsPerSecondMax" };

function failures(limit: string): string {
  return `tidemark_failures_total{code="LIMIT_EXCEEDED",limit="${limit}"}`;
}
