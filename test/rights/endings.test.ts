import { describe, expect, it } from "vitest";
import type { TokenGrant } from "../../src/auth/issue-token.js";
import { changeTokens } from "../../src/auth/token-file.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { graphqlPost, HttpConnection, type GraphqlResult } from "../kit/network/raw-http.js";
import { ALICE, BOB, DATABASE, reportOf, storeRequestOf } from "../kit/store/requests.js";
import { startServer, type TestServer } from "../kit/server/server.js";
import { SseStream } from "../kit/network/sse-client.js";
import { Tokens } from "../kit/server/tokens.js";
import { WsClient } from "../kit/network/ws-client.js";
import { bearer } from "./entry-points.js";

const EVENTS = `subscription ($after: Position) {
  taskEvents(database: "neo4j", after: $after) {
    kind: __typename
    position
    ... on TaskUpdated { userTask { username version } }
  }
}`;

/** A subscription with a token to all events of a database. */
interface Following {
  next(): Promise<GraphqlResult>;
  /** How the server ended it; anything before the end is reported instead. */
  end(): Promise<string>;
}

interface Transport {
  readonly name: string;
  follow(url: string, token: string, after?: string): Promise<Following & Disposable>;
}

const OVER_WEBSOCKET: Transport = {
  name: "WebSocket",
  async follow(url, token, after) {
    const client = await WsClient.connect(url, { token });
    const operation = client.subscribe({ query: EVENTS, variables: { after } });
    let read = 1; // the acknowledgement
    return {
      async next() {
        const answer = await operation.next();
        read++;
        return answer;
      },
      async end() {
        const { code } = await client.closed;
        return client.received.length === read ? String(code) : "after more";
      },
      [Symbol.dispose]: () => client[Symbol.dispose](),
    };
  },
};

const OVER_SSE: Transport = {
  name: "SSE",
  async follow(url, token, after) {
    const stream = await SseStream.open(url, { query: EVENTS, variables: { after } }, bearer(token));
    return {
      next: () => stream.next(),
      async end() {
        const event = await stream.nextEvent();
        if (!event) return "no event";
        const { errors } = JSON.parse(event.data) as GraphqlResult; // safe: the server writes this format
        if (errors) await stream.ended();
        return event.id === undefined ? String(errors?.[0]?.extensions?.["code"]) : "with an id";
      },
      [Symbol.dispose]: () => stream[Symbol.dispose](),
    };
  },
};

const TRANSPORTS = [
  { transport: OVER_WEBSOCKET, end: "4403", goingAway: "1001" },
  { transport: OVER_SSE, end: "UNAUTHENTICATED", goingAway: "no event" },
];

describe.each(TRANSPORTS)("L13: a subscription ($transport.name)", ({ transport, end, goingAway }) => {
  it("continues until the instant at which its token expires, and no longer", async () => {
    const { server, clock, token } = await openWorld({ lifeMs: 2_000 });
    await using closing = server;
    using following = await transport.follow(closing.url, token);
    await caughtUp(following);

    clock.advance(1_999);
    await update(server);
    const last = await following.next();
    clock.advance(1);
    await update(server);

    expect(last).toMatchObject({ data: { taskEvents: { kind: "TaskUpdated" } } });
    expect(await following.end()).toBe(end);
  });

  it("ends on time when the clock is set back", async () => {
    const { server, clock, token } = await openWorld({ lifeMs: 2_000 });
    await using closing = server;
    using following = await transport.follow(closing.url, token);
    await caughtUp(following);

    clock.setBack(3_600_000);
    clock.advance(2_000);

    expect(await following.end()).toBe(end);
  });

  it("delivers no event after its token has expired, even before the timer fires", async () => {
    const { server, clock, token } = await openWorld({ lifeMs: 2_000 });
    await using closing = server;
    using following = await transport.follow(closing.url, token);
    await caughtUp(following);

    clock.setBack(-2_000);
    await update(server);

    expect(await following.end()).toBe(end);
  });

  it("ends when its token is revoked, while others continue", async () => {
    const { server, tokens, clock, token, admin } = await openWorld();
    await using closing = server;
    using following = await transport.follow(closing.url, token);
    using other = await transport.follow(server.url, admin);
    await caughtUp(following);
    await caughtUp(other);

    await tokens.revoke("alice");
    clock.advance(500);

    expect(await following.end()).toBe(end);
    await update(server);
    expect(await other.next()).toMatchObject({ data: { taskEvents: { kind: "TaskUpdated" } } });
  });

  it.each([
    ["its role", { role: "viewer" as const }],
    ["its databases", { databases: ["other"] }],
    ["its expiry", { expiresAt: "2100-01-01T00:00:00.000Z" }],
  ])("ends when its token changes: %s", async (_, change) => {
    const { server, tokens, clock, token } = await openWorld();
    await using closing = server;
    using following = await transport.follow(closing.url, token);
    await caughtUp(following);

    await changeTokens(tokens.path, (records) => records.map((record) => ({ ...record, ...change })));
    clock.advance(500);

    expect(await following.end()).toBe(end);
  });

  it("can be resumed with another token without losing an event", async () => {
    const { server, clock, token, lasting } = await openWorld({ lifeMs: 2_000 });
    await using closing = server;
    using before = await transport.follow(closing.url, token);
    const { position } = await caughtUp(before);
    clock.advance(2_000);
    await before.end();
    await update(server);

    using after = await transport.follow(server.url, lasting, position);

    expect([await after.next(), await after.next()]).toMatchObject([
      { data: { taskEvents: { kind: "TaskUpdated", userTask: { username: "alice", version: 2 } } } },
      { data: { taskEvents: { kind: "CaughtUp" } } },
    ]);
  });

  it("delivers only what its user may see", async () => {
    const { server, token } = await openWorld();
    await using closing = server;
    using following = await transport.follow(closing.url, token);
    await caughtUp(following);

    const store = await server.provider.getTaskStore(DATABASE);
    await store.update(BOB, reportOf({ done: 1 }));
    await store.remove(BOB, { attempt: null });
    await store.update(ALICE, reportOf({ done: 1 }));

    expect(await following.next()).toMatchObject({
      data: { taskEvents: { userTask: { username: "alice" } } },
    });
  });

  it("delivers nothing of a database that its token does not cover", async () => {
    const { server, token } = await openWorld({ databases: ["other"] });
    await using closing = server;
    using following = await transport.follow(closing.url, token);

    const first = [await following.next(), await following.next()];
    await update(server);
    const ended = following.end();
    await server.close();

    expect(first).toMatchObject([
      { data: { taskEvents: { kind: "Reset" } } },
      { data: { taskEvents: { kind: "CaughtUp", position: expect.stringMatching(/\.0$/) as unknown } } },
    ]);
    expect(await ended).toBe(goingAway);
  });
});

describe("L13: an expired token", () => {
  it("closes a WebSocket without subscriptions too", async () => {
    const { server, clock, token } = await openWorld({ lifeMs: 1_000 });
    await using closing = server;
    using client = await WsClient.connect(closing.url, { token });

    clock.advance(1_000);

    expect((await client.closed).code).toBe(4403);
  });

  it("cannot execute an operation on a WebSocket that is still open", async () => {
    const { server, clock, token } = await openWorld({ lifeMs: 1_000 });
    await using closing = server;
    using client = await WsClient.connect(closing.url, { token });

    clock.setBack(-1_000);
    const answer = await client.ask({
      query: `mutation { removeTask(input: { database: "neo4j", jobId: "job" }) { userTask { jobId } } }`,
    });

    expect(answer.errors?.[0]?.extensions).toEqual({ code: "UNAUTHENTICATED" });
    expect((await server.provider.getTaskStore(DATABASE)).get(ALICE)).toBeDefined();
  });

  it("gets a 401 over HTTP", async () => {
    const { server, clock, token } = await openWorld({ lifeMs: 1_000 });
    await using closing = server;
    using connection = new HttpConnection(closing.url);
    const status = async (): Promise<number> =>
      (await connection.request(graphqlPost({ query: "{ __typename }" }, bearer(token)))).status;

    const before = await status();
    clock.advance(1_000);

    expect([before, await status()]).toEqual([200, 401]);
  });
});

/** Jobs of Alice and Bob, and a manual clock. Tokens: one of Alice with the given grant, a lasting one of Alice, an admin's. */
async function openWorld(grant: Partial<TokenGrant> = {}) {
  const clock = new ManualClock(1_700_000_000_000);
  const tokens = new Tokens({ clock });
  const token = await tokens.grant("alice", grant);
  const lasting = await tokens.grant("alice");
  const admin = await tokens.grant("root", { role: "admin" });
  const server = await startServer({ auth: tokens.auth }, { clock });
  const store = await server.provider.getTaskStore(DATABASE);
  await store.store(storeRequestOf(BOB));
  await store.store(storeRequestOf(ALICE));
  return { server, tokens, clock, token, lasting, admin };
}

async function update({ provider }: TestServer): Promise<void> {
  const store = await provider.getTaskStore(DATABASE);
  await store.update(ALICE, reportOf({ add: 1 }));
}

async function caughtUp(following: Following): Promise<{ readonly position: string }> {
  for (;;) {
    const { data } = await following.next();
    const { taskEvents } = data as { taskEvents: { kind: string; position: string } }; // safe: it was subscribed to
    if (taskEvents.kind === "CaughtUp") return taskEvents;
  }
}
