import { once } from "node:events";
import { isDeepStrictEqual } from "node:util";
import { createClient, type Client } from "graphql-ws";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { createMemoryJournal } from "../../src/journal/memory/memory-journal.js";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { parseDatabaseName } from "../../src/tasks/names.js";
import { observeJournal, type ObservedJournal } from "../kit/journal/observed-journal.js";
import { ask, metricReaches, RawConnection, readMetric } from "../kit/network/raw-http.js";
import { RecordingLog } from "../kit/server/recording-log.js";
import { manyKeys, storeRequestOf } from "../kit/store/requests.js";
import { startServer } from "../kit/server/server.js";
import { untilIdle, until } from "../kit/deterministic/turns.js";
import { textFrame, upgrade, WsClient, type ServerMessage } from "../kit/network/ws-client.js";
import { addTasks, store, storeTask, taskCount, update, updateTask } from "./jobs.js";

const TYPENAME = { query: "{ __typename }" };
const COUNT = { query: `subscription { taskCount(database: "d") }` };
const SUBSCRIBERS = "tidemark_subscribers";

describe("The client of graphql-ws", () => {
  it("receives the results of a query and a mutation", async () => {
    await using server = await startServer();
    await using client = connectLibrary(server.url);

    const stored = await firstOf(client, storeTask());
    const counted = await firstOf(client, { query: `{ taskCount(database: "d") }` });

    expect(stored).toMatchObject({ data: { storeTask: { userTask: { attempt: 1 } } } });
    expect(counted).toEqual({ data: { taskCount: 1 } });
  });

  it("receives the events of a subscription until it completes it", async () => {
    await using server = await startServer();
    await using client = connectLibrary(server.url);
    const counts = client.iterate(COUNT);

    const before = await counts.next();
    await store(server.url);
    const after = await counts.next();
    await counts.return?.();
    await metricReaches(server.url, SUBSCRIBERS, 0);

    expect([before.value, after.value]).toEqual([{ data: { taskCount: 0 } }, { data: { taskCount: 1 } }]);
  });

  it("receives the error of one operation while its others continue", async () => {
    await using server = await startServer();
    await using client = connectLibrary(server.url);
    const counts = client.iterate(COUNT);
    await counts.next();

    const rejected = client.iterate({ query: "{ nope" }).next();

    await expect(rejected).rejects.toEqual([
      expect.objectContaining({ extensions: { code: "BAD_USER_INPUT" } }),
    ]);
    await store(server.url);
    expect((await counts.next()).value).toEqual({ data: { taskCount: 1 } });
  });
});

describe("A socket", () => {
  it.each([
    ["can't be parsed", { query: "{" }],
    ["is not valid", { query: "{ nope }" }],
    ["is unknown", { query: "query A { __typename }", operationName: "B" }],
    ["fails", { query: `subscription { taskCount(database: "") }` }],
  ])("continues its other operations when one %s", async (_, request) => {
    await using server = await startServer();
    using client = await WsClient.connect(server.url);
    const counts = client.subscribe(COUNT);
    await counts.next();

    const { errors } = await client.ask(request);
    await store(server.url);

    expect(errors?.[0]?.extensions).toEqual({ code: "BAD_USER_INPUT" });
    expect(await counts.next()).toEqual({ data: { taskCount: 1 } });
  });

  it("carries subscriptions up to the limit, each with its own results", async () => {
    await using server = await startServer();
    using client = await WsClient.connect(server.url);
    const numbers = Array.from({ length: DEFAULT_LIMITS.subscriptionsPerSocketMax }, (_, number) => number);
    const counts = numbers.map((number) =>
      client.subscribe({ query: `subscription { taskCount(database: "d${number}") }` }),
    );

    const before = await Promise.all(counts.map((count) => count.next()));
    await Promise.all(numbers.map((number) => store(server.url, { database: `d${number}` })));
    const after = await Promise.all(counts.map((count) => count.next()));

    expect(before).toEqual(numbers.map(() => ({ data: { taskCount: 0 } })));
    expect(after).toEqual(numbers.map(() => ({ data: { taskCount: 1 } })));
    expect(await readMetric(server.url, SUBSCRIBERS)).toBe(numbers.length);
  });

  it("answers any number of queries and mutations beside subscriptions at the limit", async () => {
    await using server = await startServer();
    using client = await WsClient.connect(server.url);
    const counts = Array.from({ length: DEFAULT_LIMITS.subscriptionsPerSocketMax }, () =>
      client.subscribe(COUNT),
    );
    await Promise.all(counts.map((count) => count.next()));
    const numbers = Array.from({ length: 150 }, (_, number) => number);

    const mutations = numbers.map((number) =>
      client.ask(storeTask({ database: "other", jobId: `${number}` })),
    );
    const queries = numbers.map((number) => client.ask({ query: `{ n${number}: __typename }` }));
    const stored = await Promise.all(mutations);
    const answers = await Promise.all(queries);
    await store(server.url);

    expect(stored.filter(({ errors }) => errors)).toEqual([]);
    expect(await taskCount(server.url, "other")).toBe(numbers.length);
    expect(answers).toEqual(numbers.map((number) => ({ data: { [`n${number}`]: "Query" } })));
    expect(await Promise.all(counts.map((count) => count.next()))).toEqual(
      counts.map(() => ({ data: { taskCount: 1 } })),
    );
  });

  it("gets an error for a subscription above the limit, while all else continues", async () => {
    await using server = await startServer();
    using client = await WsClient.connect(server.url);
    const counts = Array.from({ length: DEFAULT_LIMITS.subscriptionsPerSocketMax }, () =>
      client.subscribe(COUNT),
    );
    await Promise.all(counts.map((count) => count.next()));

    const rejected = client.subscribe(COUNT);
    const { errors } = await rejected.next();
    await rejected.ended();
    const answered = await client.ask(storeTask());
    const after = await Promise.all(counts.map((count) => count.next()));

    expect(errors?.map(({ extensions }) => extensions)).toEqual([
      { code: "LIMIT_EXCEEDED", limit: "subscriptionsPerSocketMax" },
    ]);
    expect(answered.errors).toBeUndefined();
    expect(after).toEqual(counts.map(() => ({ data: { taskCount: 1 } })));
    expect(await readMetric(server.url, SUBSCRIBERS)).toBe(counts.length);
  });

  it("serves all its subscriptions, even if the first ones have many events", async () => {
    await using server = await startServer();
    const jobs = await server.provider.getTaskStore(parseDatabaseName("large", DEFAULT_LIMITS));
    await Promise.all(manyKeys(1_000).map((key) => jobs.store(storeRequestOf(key))));
    using client = await WsClient.connect(server.url);
    const large = Array.from({ length: 20 }, () =>
      client.subscribe({ query: `subscription { taskEvents(database: "large") { position } }` }),
    );

    await client.subscribe(COUNT, "small").next();
    const before = client.received.filter(({ id }) => id !== "small").length;
    await Promise.all(large.map((events) => events.take(1_002)));

    expect(before).toBeLessThan(10_000);
  });

  it("answers a ping with its payload, even before connection_ack", async () => {
    await using server = await startServer();
    using client = await WsClient.open(server.url);

    client.send({ type: "ping", payload: { a: 1 } });

    expect(await client.next(({ type }) => type === "pong")).toEqual({ type: "pong", payload: { a: 1 } });
  });

  it("is counted while it is open", async () => {
    await using server = await startServer();
    using client = await WsClient.connect(server.url);

    const open = await readMetric(server.url, "tidemark_websockets");
    client.socket.close();
    await metricReaches(server.url, "tidemark_websockets", 0);

    expect(open).toBe(1);
  });
});

/**
 * The protocol lets a client reuse an id once it has completed the operation, which may still run on the server. In each
 * test the server holds the old operation until the new one has begun.
 */
describe("An id that is reused after complete", () => {
  const ID = "again";

  it("gets only the results of a new query while the old mutation still runs", async () => {
    const journal = observeJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using server = await startServer({}, { journal });
    using client = await WsClient.connect(server.url);
    const release = await holdMutation(client, journal, ID);
    const from = client.received.length;

    client.complete(ID);
    const query = client.subscribe(TYPENAME, ID);
    await query.next();
    await query.ended();
    release();
    await settled(server.url, client);

    expect(messagesOf(client, ID, from)).toEqual([next({ __typename: "Query" }), complete()]);
    expect(await taskCount(server.url)).toBe(1);
  });

  it("keeps a new subscription when the old mutation ends", async () => {
    const journal = observeJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using server = await startServer({}, { journal });
    using client = await WsClient.connect(server.url);
    const release = await holdMutation(client, journal, ID);
    const from = client.received.length;

    client.complete(ID);
    const counts = client.subscribe({ query: `subscription { taskCount(database: "other") }` }, ID);
    await counts.next();
    release();
    await settled(server.url, client);
    await store(server.url, { database: "other" });
    await counts.next();

    expect(messagesOf(client, ID, from)).toEqual([next({ taskCount: 0 }), next({ taskCount: 1 })]);
  });

  it("gets only the result of a new mutation when both were held", async () => {
    const journal = observeJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using server = await startServer({}, { journal });
    using client = await WsClient.connect(server.url);
    const release = await holdMutation(client, journal, ID);
    const from = client.received.length;

    client.complete(ID);
    const second = client.subscribe(storeTask({ database: "second", jobId: "2" }), ID);
    await until(() => journal.appends.length === 2);
    release();
    const result = await second.next();
    await second.ended();
    await settled(server.url, client);

    expect(result).toMatchObject({ data: { storeTask: { userTask: { version: 1 } } } });
    expect(messagesOf(client, ID, from)).toHaveLength(2);
  });

  it("gets only the results of the third operation while two old ones still run", async () => {
    const journal = observeJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using server = await startServer({}, { journal });
    using client = await WsClient.connect(server.url);
    const release = await holdMutation(client, journal, ID);
    const from = client.received.length;

    client.complete(ID);
    client.subscribe(storeTask({ database: "second" }), ID);
    await until(() => journal.appends.length === 2);
    client.complete(ID);
    const counts = client.subscribe({ query: `subscription { taskCount(database: "other") }` }, ID);
    await counts.next();
    release();
    await settled(server.url, client);
    await store(server.url, { database: "other" });
    await counts.next();

    expect(messagesOf(client, ID, from)).toEqual([next({ taskCount: 0 }), next({ taskCount: 1 })]);
  });

  it("gets only the results of a new subscription while the old one still opens", async () => {
    const journal = observeJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using server = await startServer({}, { journal });
    using client = await WsClient.connect(server.url);
    const from = client.received.length;
    const release = journal.holdOpenings(SLOW);
    client.subscribe({ query: `subscription { taskCount(database: "slow") }` }, ID);
    await until(() => journal.opened.includes(SLOW));

    client.complete(ID);
    const counts = client.subscribe(COUNT, ID);
    await counts.next();
    release();
    await settled(server.url, client);
    await store(server.url, { database: "slow" });
    await store(server.url);
    await counts.next();

    expect(messagesOf(client, ID, from)).toEqual([next({ taskCount: 0 }), next({ taskCount: 1 })]);
    expect(await readMetric(server.url, SUBSCRIBERS)).toBe(1);
  });

  it("gets only the result of a query after a live subscription", async () => {
    await using server = await startServer();
    using client = await WsClient.connect(server.url);
    await client.subscribe(COUNT, ID).next();
    const from = client.received.length;

    client.complete(ID);
    const query = client.subscribe(TYPENAME, ID);
    await query.next();
    await query.ended();
    await store(server.url);
    await settled(server.url, client);

    expect(messagesOf(client, ID, from)).toEqual([next({ __typename: "Query" }), complete()]);
    expect(await readMetric(server.url, SUBSCRIBERS)).toBe(0);
  });

  it("ends the new operation when the client completes it again", async () => {
    const journal = observeJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using server = await startServer({}, { journal });
    using client = await WsClient.connect(server.url);
    const release = await holdMutation(client, journal, ID);

    client.complete(ID);
    const counts = client.subscribe({ query: `subscription { taskCount(database: "other") }` }, ID);
    await counts.next();
    counts.complete();

    await metricReaches(server.url, SUBSCRIBERS, 0);
    release();
    expect(await client.ask(TYPENAME)).toEqual({ data: { __typename: "Query" } });
  });

  it("gets the results of the last operation last when it is reused many times at once", async () => {
    await using server = await startServer();
    using client = await WsClient.connect(server.url);
    const numbers = Array.from({ length: 50 }, (_, number) => number);

    for (const number of numbers) {
      client.subscribe({ query: `{ n${number}: __typename }` }, ID);
      client.complete(ID);
    }
    const last = client.subscribe({ query: "{ last: __typename }" }, ID);
    await client.next((message) => isDeepStrictEqual(message, { id: ID, ...next({ last: "Query" }) }));
    await settled(server.url, client);

    const messages = messagesOf(client, ID, 0);
    const results = messages.map(({ payload }) => JSON.stringify(payload)).filter(Boolean);
    expect(last.id).toBe(ID);
    expect(messages.slice(-2)).toEqual([next({ last: "Query" }), complete()]);
    expect(new Set(results).size).toBe(results.length);
  });
});

describe("An id that is in use", () => {
  it("closes the socket with 4409 when a subscription has it, and frees the subscribers", async () => {
    await using server = await startServer();
    using client = await WsClient.connect(server.url);
    await client.subscribe(COUNT, "mine").next();

    client.subscribe(TYPENAME, "mine");

    expect(await client.closed).toEqual({ code: 4409, reason: "Subscriber for mine already exists" });
    await metricReaches(server.url, SUBSCRIBERS, 0);
  });

  it("closes the socket with 4409 when a running mutation has it", async () => {
    const journal = observeJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using server = await startServer({}, { journal });
    using client = await WsClient.connect(server.url);
    const release = await holdMutation(client, journal, "mine");

    client.subscribe(TYPENAME, "mine");
    const { code } = await client.closed;
    release();

    expect(code).toBe(4409);
  });

  it("can be used by another socket", async () => {
    await using server = await startServer();
    using first = await WsClient.connect(server.url);
    using second = await WsClient.connect(server.url);
    const counts = first.subscribe(COUNT, "same");
    await counts.next();

    const query = second.subscribe(TYPENAME, "same");
    await query.next();
    await query.ended();
    await store(server.url);

    expect(await counts.next()).toEqual({ data: { taskCount: 1 } });
    expect(first.received.map(({ type }) => type)).toEqual(["connection_ack", "next", "next"]);
  });
});

describe("A hostile id", () => {
  const IDS = [
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "1",
    "2",
    " ",
    '"',
    `\\"},{"id":"1`,
    "'",
    "\u0000",
    "\u2028",
    "\ud83d\ude00",
    "é",
    "e\u0301",
    "undefined",
    "null",
    "x".repeat(100_000),
  ];

  it("works like any other, together with all the others", async () => {
    await using server = await startServer();
    using client = await WsClient.connect(server.url);

    const counts = IDS.map((id) => client.subscribe(COUNT, id));
    const before = await Promise.all(counts.map((count) => count.next()));
    await store(server.url);
    const after = await Promise.all(counts.map((count) => count.next()));
    for (const count of counts) count.complete();
    await metricReaches(server.url, SUBSCRIBERS, 0);
    const queries = IDS.map((id) => client.subscribe(TYPENAME, id));
    const again = await Promise.all(queries.map((query) => query.next()));

    expect(before).toEqual(IDS.map(() => ({ data: { taskCount: 0 } })));
    expect(after).toEqual(IDS.map(() => ({ data: { taskCount: 1 } })));
    expect(again).toEqual(IDS.map(() => ({ data: { __typename: "Query" } })));
  });

  it("is ignored in complete when no operation has it", async () => {
    await using server = await startServer();
    using client = await WsClient.connect(server.url);
    const counts = client.subscribe(COUNT, "counts");
    await counts.next();

    for (const id of IDS) client.complete(id);
    await client.roundTrip();
    await store(server.url);

    expect(await counts.next()).toEqual({ data: { taskCount: 1 } });
  });
});

describe("An invalid message", () => {
  const SUBSCRIBE = { id: "1", type: "subscribe", payload: TYPENAME };

  it.each([
    ["invalid JSON", "nope"],
    ["nothing", ""],
    ["a list", "[]"],
    ["null", "null"],
    ["a message in a string", JSON.stringify(JSON.stringify(SUBSCRIBE))],
    ["no type", "{}"],
    ["a type that is a number", `{"type": 1}`],
    ["an unknown type", `{"type": "start", "id": "1", "payload": {}}`],
    ["a type for servers", `{"type": "next", "id": "1", "payload": {}}`],
    ["an acknowledgement", `{"type": "connection_ack"}`],
    ["no id", JSON.stringify({ ...SUBSCRIBE, id: undefined })],
    ["an empty id", JSON.stringify({ ...SUBSCRIBE, id: "" })],
    ["an id that is a number", JSON.stringify({ ...SUBSCRIBE, id: 1 })],
    ["an id that is an object", JSON.stringify({ ...SUBSCRIBE, id: { toString: "1" } })],
    ["a batch", JSON.stringify([SUBSCRIBE, { ...SUBSCRIBE, id: "2" }])],
    ["complete without an id", `{"type": "complete"}`],
    ["a ping with a string", `{"type": "ping", "payload": "x"}`],
    ["a connection_init with a string", `{"type": "connection_init", "payload": "x"}`],
  ])("closes the socket with 4400: %s", async (_, text) => {
    const log = new RecordingLog();
    await using server = await startServer({}, { log });
    using client = await WsClient.connect(server.url);
    using other = await WsClient.connect(server.url);

    client.send(text);
    const first = await Promise.race([client.closed, client.next(({ id }) => id !== undefined)]);

    expect(first).toEqual({ code: 4400, reason: "Invalid message received" });
    expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
    expect(await other.ask(TYPENAME)).toEqual({ data: { __typename: "Query" } });
  });

  it("closes the socket with 4401 when it is an operation before connection_ack", async () => {
    await using server = await startServer();
    using client = await WsClient.open(server.url);

    client.subscribe(storeTask());

    expect((await client.closed).code).toBe(4401);
    expect(await taskCount(server.url)).toBe(0);
  });

  it("does not replace connection_init, without which the socket closes with 4408", async () => {
    await using server = await startServer({ initTimeout: "200ms" });
    using client = await WsClient.open(server.url);

    client.send({ type: "ping" });

    expect((await client.closed).code).toBe(4408);
    expect(client.received).toEqual([{ type: "pong" }]);
  });

  it("closes the socket with 4429 when it is a second connection_init", async () => {
    await using server = await startServer();
    using client = await WsClient.connect(server.url);

    client.send({ type: "connection_init" });

    expect((await client.closed).code).toBe(4429);
  });

  it.each([
    ["an unmasked frame", Buffer.from([0x81, 0x01, 0x41]), 1002],
    ["a frame with a reserved bit", Buffer.from([0xf1, 0x80, 0, 0, 0, 0]), 1002],
    ["a text that is not UTF-8", Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff]), 1007],
    [
      "a message in too many frames",
      Buffer.concat(Array.from({ length: 70 }, (_, at) => fragment(at))),
      1008,
    ],
    [
      "a message in too many empty frames",
      Buffer.concat(Array.from({ length: 70 }, (_, at) => fragment(at, ""))),
      1008,
    ],
    ["a frame with an unknown opcode", Buffer.from([0x83, 0x80, 0, 0, 0, 0]), 1002],
  ])("closes the socket with the code of ws: %s", async (_, frame, code) => {
    await using server = await startServer();
    using connection = await openRaw(server.url);

    connection.write(frame);
    await connection.ended();

    expect(connection.received.endsWith(closing(code))).toBe(true);
    expect(await ask(server.url, TYPENAME)).toEqual({ data: { __typename: "Query" } });
  });
});

describe("A handshake", () => {
  it.each([
    ["no subprotocol", undefined],
    ["the old subprotocol", "graphql-ws"],
    ["a list of other subprotocols", "graphql-ws, mqtt"],
  ])("with %s ends with 4406", async (_, subprotocol) => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);

    connection.write(upgrade({ "Sec-WebSocket-Protocol": subprotocol }));
    await connection.until((received) => received.endsWith("Subprotocol not acceptable"));

    expect(connection.received).not.toMatch(/^Sec-WebSocket-Protocol:/im);
    expect(connection.received).toContain(closing(4406, "Subprotocol not acceptable"));
  });

  it("selects its subprotocol among others", async () => {
    await using server = await startServer();
    using client = await WsClient.connect(server.url, { protocols: ["mqtt", "graphql-transport-ws"] });

    expect(client.socket.protocol).toBe("graphql-transport-ws");
  });

  it("declines compression", async () => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);

    connection.write(upgrade({ "Sec-WebSocket-Extensions": "permessage-deflate" }));
    await connection.until((received) => received.includes("\r\n\r\n"));

    expect(connection.received).toMatch(/^HTTP\/1.1 101 /);
    expect(connection.received).not.toMatch(/^Sec-WebSocket-Extensions:/im);
  });

  it.each(["/", "/graphql/", "/health", "/metrics", "/graphqlx"])("at %s is 404", async (path) => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);

    connection.write(upgrade({}, path));
    await connection.ended();

    expect(connection.received).toMatch(/^HTTP\/1.1 404 Not Found\r\n/);
    await metricReaches(server.url, "tidemark_connections", 1);
  });

  it("accepts a query in its URL", async () => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);

    connection.write(upgrade({}, "/graphql?token=x"));
    await connection.until((received) => received.includes("\r\n\r\n"));

    expect(connection.received).toMatch(/^HTTP\/1.1 101 /);
  });

  it.each([
    ["another site", "http://evil.example"],
    ["another port", "http://tidemark.example:4001"],
    ["a subdomain", "http://x.tidemark.example:4000"],
    ["a site with the same prefix", "http://tidemark.example:4000.evil.example"],
    ["a URL with that user name", "http://tidemark.example:4000@evil.example"],
    ["a file", "null"],
    ["an invalid origin", "tidemark.example:4000"],
    ["an empty origin", ""],
  ])("from a page of %s is 403", async (_, origin) => {
    await using server = await startServer({ allowHost: "tidemark.example" });
    using connection = await RawConnection.open(server.url);

    connection.write(upgrade({ Host: "tidemark.example:4000", Origin: origin }));
    await connection.until((received) => received.includes("\r\n\r\n"));

    expect(connection.received).toMatch(/^HTTP\/1.1 403 Forbidden\r\n/);
  });

  it.each([
    ["the same origin", { Host: "tidemark.example:4000", Origin: "http://tidemark.example:4000" }],
    ["the same origin behind TLS", { Host: "tidemark.example", Origin: "https://tidemark.example" }],
    ["no page at all", { Host: "tidemark.example:4000" }],
  ])("from %s is accepted", async (_, headers) => {
    await using server = await startServer({ allowHost: "tidemark.example" });
    using connection = await RawConnection.open(server.url);

    connection.write(upgrade(headers));
    await connection.until((received) => received.includes("\r\n\r\n"));

    expect(connection.received).toMatch(/^HTTP\/1.1 101 /);
  });

  it.each([
    ["an old version", upgrade({ "Sec-WebSocket-Version": "7" })],
    ["no key", upgrade({ "Sec-WebSocket-Key": undefined })],
    ["another method", upgrade().replace("GET", "POST")],
    ["headers that are too long", upgrade({ "X-Long": "x".repeat(20_000) })],
    ["an invalid subprotocol", upgrade({ "Sec-WebSocket-Protocol": `${"b".padEnd(10_000)}x` })],
  ])("with %s is rejected and does not count as a socket", async (_, text) => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);

    connection.write(text);
    await connection.ended();

    expect(connection.received).toMatch(/^HTTP\/1.1 4\d\d /);
    expect(await readMetric(server.url, "tidemark_websockets")).toBe(0);
  });
});

describe("A handshake with more headers than Node.js reads", () => {
  it("is answered as a plain request or rejected as too long, and does not count as a socket", async () => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);

    connection.write(upgrade().replace("Connection", `${"a: b\r\n".repeat(2_100)}Connection`));
    await connection.until((received) => received.includes("\r\n\r\n"));

    expect(connection.received).toMatch(/^HTTP\/1.1 (400|431) /); // the latter by newer versions of Node.js
    expect(await readMetric(server.url, "tidemark_websockets")).toBe(0);
  });
});

describe("The heartbeat", () => {
  it("closes a half-open socket within two intervals and frees its subscribers", async () => {
    await using server = await startServer({ keepAlive: "500ms" });
    using connection = await openRaw(server.url);
    connection.write(textFrame(JSON.stringify({ type: "connection_init" })));
    connection.write(textFrame(JSON.stringify({ id: "1", type: "subscribe", payload: COUNT })));
    await connection.until((received) => received.includes("taskCount"));

    await connection.ended();

    const pings = connection.received.split(PING_FRAME).length - 1;
    expect(pings).toBe(1);
    await metricReaches(server.url, SUBSCRIBERS, 0);
    await metricReaches(server.url, "tidemark_websockets", 0);
  });

  it("keeps a socket that answers", async () => {
    await using server = await startServer({ keepAlive: "400ms" });
    using client = await WsClient.connect(server.url);

    for (let count = 0; count < 4; count++) await once(client.socket, "ping");

    expect(await client.ask(TYPENAME)).toEqual({ data: { __typename: "Query" } });
  });
});

describe("A client with more operations than the server reads at a time", () => {
  it("is not closed as half-open while its answers take long", async () => {
    const journal = observeJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using server = await startServer({ keepAlive: "500ms" }, { journal });
    using client = await WsClient.connect(server.url);
    using other = await WsClient.connect(server.url);
    const release = journal.holdAppends();

    const answers = Array.from({ length: 150 }, (_, number) =>
      client.ask(storeTask({ jobId: `${number}`, task: { description: "t", subTasks: BULK } })),
    );
    for (let count = 0; count < 4; count++) await once(other.socket, "ping");
    release();

    expect((await Promise.all(answers)).filter(({ errors }) => errors)).toEqual([]);
  });
});

/** Large enough that the messages of a client arrive in several chunks. */
const BULK = Array.from({ length: 50 }, (_, at) => ({ description: `part ${at}`, volume: 1 }));

describe("A client that does not read", () => {
  const WAITING = { waitingBytesPerSocketMax: "100000", keepAlive: "10m" };
  const MESSAGE_BYTES = 16_000;
  const ROUNDS = 200;

  it.each([
    [
      "queries",
      {
        id: "1",
        type: "subscribe",
        payload: { query: "{ __schema { types { name description fields { name description } } } }" },
      },
    ],
    ["pings", { type: "ping", payload: { padding: "x".repeat(15_000) } }],
  ])("is not read from while it sends %s, and others are served meanwhile", async (_, message) => {
    await using server = await startServer(WAITING);
    using other = await WsClient.connect(server.url);
    using client = await WsClient.connect(server.url);
    client.socket.pause();
    let count = 0;

    for (let round = 0; round < ROUNDS; round++) {
      for (let index = 0; index < 16; index++) {
        client.send(JSON.stringify({ ...message, id: `${count++}` }).padEnd(MESSAGE_BYTES));
      }
      // An answer to another client shows that the server had the chance to read.
      await other.ask(TYPENAME);
    }

    const sent = count * MESSAGE_BYTES;
    expect(client.socket.bufferedAmount).toBeGreaterThan(sent / 4);
    await untilIdle();
    expect(client.socket.bufferedAmount).toBeGreaterThan(sent / 4);
  });

  it("is closed when it sends WebSocket pings: pending pongs are bounded", async () => {
    await using server = await startServer({ keepAlive: "10m", slowReader: "10m" });
    using other = await WsClient.connect(server.url);
    using connection = await openRaw(server.url);
    const ping = Buffer.concat([Buffer.from([0x89, 0xfd, 0, 0, 0, 0]), Buffer.alloc(125)]);
    const pings = Buffer.concat(Array.from({ length: 500 }, () => ping));
    connection.write(textFrame(JSON.stringify({ type: "connection_init" })));
    await connection.until((received) => received.includes("connection_ack"));
    connection.socket.pause();

    while ((await readMetric(server.url, "tidemark_websockets")) > 1) connection.write(pings);

    expect(await other.ask(TYPENAME)).toEqual({ data: { __typename: "Query" } });
  });

  it("is read from again once it reads, and loses nothing", async () => {
    await using server = await startServer(WAITING);
    using client = await WsClient.connect(server.url);
    client.socket.pause();
    const numbers = Array.from({ length: 1_500 }, (_, number) => number);

    for (const number of numbers)
      client.send({ type: "ping", payload: { number, padding: "x".repeat(15_000) } });
    await untilIdle();
    client.socket.resume();
    await client.next(({ payload }) => (payload as { number?: number })?.number === numbers.length - 1);

    const pongs = client.received.filter(({ type }) => type === "pong");
    expect(pongs.map(({ payload }) => (payload as { number: number }).number)).toEqual(numbers);
    expect(await client.ask(TYPENAME)).toEqual({ data: { __typename: "Query" } });
  });

  it("does not affect others with its subscription, and receives the last state once it reads", async () => {
    await using server = await startServer({ keepAlive: "10m" });
    await store(server.url, { task: WIDE_TREE });
    using slow = await WsClient.connect(server.url);
    using quick = await WsClient.connect(server.url);
    const wide = slow.subscribe({ query: WATCH_TREE });
    const narrow = quick.subscribe({ query: WATCH_VERSION });
    await Promise.all([wide.next(), narrow.next()]);
    const changeCount = 300;

    slow.socket.pause();
    for (let done = 1; done <= changeCount; done++)
      await update(server.url, { updates: [{ path: "0", done }] });
    const seenByQuick = await versionsUntil(narrow, changeCount + 1);
    slow.socket.resume();
    const seenBySlow = await versionsUntil(wide, changeCount + 1);

    expect(seenByQuick.at(-1)).toBe(changeCount + 1);
    expect(seenBySlow).toEqual(seenBySlow.toSorted((a, b) => a - b));
    expect(seenBySlow.length).toBeLessThan(changeCount);
  });
});

describe("When a client disconnects", () => {
  const EVENTS = { query: `subscription { taskEvents(database: "d") { position } }` };
  const TASK = { query: `subscription { task(database: "d", username: "u", jobId: "j") { version } }` };

  it.each<[string, (client: WsClient) => void]>([
    ["closes its socket", (client) => client.socket.close()],
    ["is killed", (client) => client.socket.terminate()],
    ["breaks the protocol", (client) => client.send("nope")],
    ["completes each", (client) => ["1", "2", "3"].forEach((id) => client.complete(id))],
  ])("or %s, the server frees its subscribers", async (_, leave) => {
    await using server = await startServer();
    using client = await WsClient.connect(server.url);
    await Promise.all([
      client.subscribe(EVENTS, "1").next(),
      client.subscribe(TASK, "2").next(),
      client.subscribe(COUNT, "3").next(),
    ]);
    const before = await readMetric(server.url, SUBSCRIBERS);

    leave(client);

    await metricReaches(server.url, SUBSCRIBERS, 0);
    expect(before).toBe(3);
  });

  it("while its subscription opens, the server frees everything", async () => {
    const journal = observeJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using server = await startServer({}, { journal });
    using client = await WsClient.connect(server.url);
    const release = journal.holdOpenings(SLOW);
    client.subscribe({ query: `subscription { taskCount(database: "slow") }` });
    await until(() => journal.opened.includes(SLOW));

    client.socket.terminate();
    await metricReaches(server.url, "tidemark_websockets", 0);
    release();

    await until(() => journal.openHandleCount === 0);
    expect(await readMetric(server.url, SUBSCRIBERS)).toBe(0);
  });

  it("its mutation in progress is still executed", async () => {
    const journal = observeJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using server = await startServer({}, { journal });
    using client = await WsClient.connect(server.url);
    const release = await holdMutation(client, journal, "1");

    client.socket.terminate();
    await metricReaches(server.url, "tidemark_websockets", 0);
    release();

    expect(await taskCount(server.url)).toBe(1);
  });
});

describe("When the server stops", () => {
  it("every client receives all answers and then 1001", async () => {
    await using server = await startServer();
    using idle = await WsClient.open(server.url);
    using client = await WsClient.connect(server.url);
    const counts = client.subscribe(COUNT);
    await counts.next();

    const answered = await client.ask(addTasksToNothing());
    await server.close();

    expect(answered.errors?.[0]?.extensions?.["code"]).toBe("NOT_FOUND");
    expect([await client.closed, await idle.closed]).toEqual(
      Array.from({ length: 2 }, () => ({ code: 1001, reason: "Going away" })),
    );
  });

  it("a client that never answers does not delay it", async () => {
    const server = await startServer();
    using connection = await openRaw(server.url);

    await server.close();

    await connection.ended();
    expect(connection.received).toContain(closing(1001, "Going away"));
  });
});

const SLOW = parseDatabaseName("slow", DEFAULT_LIMITS);

/** An event of this tree has about 90 kB, so that a few of them fill the network buffers. */
const WIDE_TREE = {
  description: "wide",
  subTasks: Array.from({ length: 400 }, (_, index) => ({
    description: `${index}`.padStart(200, "."),
    volume: 1_000,
  })),
};
const WATCH_TREE = `subscription { task(database: "d", username: "u", jobId: "j") { version tasks { description } } }`;
const WATCH_VERSION = `subscription { task(database: "d", username: "u", jobId: "j") { version } }`;

const PING_FRAME = "\x89\x00";

function connectLibrary(url: string): Client & AsyncDisposable {
  const client = createClient({
    url: `${url.replace("http", "ws")}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
  });
  return { ...client, [Symbol.asyncDispose]: async () => client.dispose() };
}

async function firstOf(
  client: Client,
  request: { query: string; variables?: Record<string, unknown> },
): Promise<unknown> {
  const results = client.iterate(request);
  const { value } = await results.next();
  const { done } = await results.next();
  return done ? value : undefined;
}

/** A socket without a client library: it answers no ping. */
async function openRaw(url: string): Promise<RawConnection> {
  const connection = await RawConnection.open(url);
  connection.write(upgrade());
  await connection.until((received) => received.includes("\r\n\r\n"));
  return connection;
}

/** Starts a mutation that has written. Its answer waits until the returned function is called. */
async function holdMutation(client: WsClient, journal: ObservedJournal, id: string): Promise<() => void> {
  const release = journal.holdAppends();
  client.subscribe(storeTask(), id);
  await until(() => journal.appends.length === 1);
  return release;
}

/** Waits until the client has received all answers to its operations. */
async function settled(url: string, client: WsClient): Promise<void> {
  await ask(url, updateTask({ jobId: "nobody" }));
  await untilIdle();
  await client.roundTrip();
}

/** The messages with an id, without the id. */
function messagesOf(client: WsClient, id: string, from: number): Omit<ServerMessage, "id">[] {
  return client.received
    .slice(from)
    .filter((message) => message.id === id)
    .map(({ id: _, ...message }) => message);
}

function next(data: object): object {
  return { type: "next", payload: { data } };
}

function complete(): object {
  return { type: "complete" };
}

function addTasksToNothing(): ReturnType<typeof addTasks> {
  return addTasks({ tasks: [{ description: "t" }] });
}

async function versionsUntil(
  operation: { next(): Promise<{ data?: unknown }> },
  last: number,
): Promise<number[]> {
  const versions: number[] = [];
  while (versions.at(-1) !== last) {
    const { data } = await operation.next();
    versions.push((data as { task: { version: number } }).task.version);
  }
  return versions;
}

/** The first frame of a message or a continuation, never the last frame. */
function fragment(at: number, text = " "): Buffer {
  const head = [at === 0 ? 0x01 : 0x00, 0x80 + text.length, 0, 0, 0, 0];
  return Buffer.concat([Buffer.from(head), Buffer.from(text)]);
}

/** The close frame of a server. */
function closing(code: number, reason = ""): string {
  return `\x88${String.fromCharCode(2 + reason.length, code >> 8, code & 0xff)}${reason}`;
}
