import { getIntrospectionQuery } from "graphql";
import { describe, expect, it } from "vitest";
import { createMemoryJournal } from "../../src/journal/memory/memory-journal.js";
import { LIMIT_SETTINGS } from "../../src/config/limit-settings.js";
import { DEFAULT_LIMITS, type Limits } from "../../src/protocol/limits.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { observeJournal } from "../kit/journal/observed-journal.js";
import {
  graphqlResultOf,
  ask,
  dataOf,
  HttpConnection,
  metricReaches,
  RawConnection,
  readMetric,
} from "../kit/network/raw-http.js";
import { RESERVED_CONNECTIONS } from "../../src/server/http/connection-limiter.js";
import { startServer } from "../kit/server/server.js";
import { ssePost } from "../kit/network/sse-client.js";
import { untilIdle, until } from "../kit/deterministic/turns.js";
import { upgrade, WsClient } from "../kit/network/ws-client.js";
import { SERVER_JOB_KEY, removeTask, repeated, store, storeTask, taskCount, update } from "./jobs.js";
import { CASES } from "./limit-cases.js";
import { CHANGING_TRANSPORTS, API_TRANSPORTS, WATCHING_TRANSPORTS } from "./transports.js";

/** Limits without a case, and where they are tested. */
const ELSEWHERE: Partial<Record<keyof Limits, string>> = {
  connectionsMax: "below: no operation passes it",
  connectionsPerAddressMax: "below: no operation passes it",
  messagesPerSecondMax: "below: on WebSocket alone",
  connectionsPerUserMax: "caller-limits.test.ts: no single operation passes it",
  subscriptionsPerUserMax: "caller-limits.test.ts: no single operation passes it",
  operationsPerSecondMax: "caller-limits.test.ts: it needs a clock that stands still",
  mutationsPerSecondMax: "caller-limits.test.ts: it needs a clock that stands still",
  subscriptionsPerSocketMax: "below: on WebSocket alone; HTTP carries one operation at a time",
  bodyBytesMax: "below: only by POST",
  messageBytesMax: "below: on WebSocket alone",
  changesWaitingMax: "below: it needs a blocked journal",
  memoryMax: "store/memory-budget.test.ts: it needs many jobs",
  memoryPerDatabaseMax: "store/memory-budget.test.ts: it needs many jobs",
  memoryPerUserMax: "store/memory-budget.test.ts: it needs many jobs",
  databasesPerUserMax: "store/databases.test.ts: it needs several users",
  databasesOpenMax: "store/databases.test.ts: a database is closed, and no request exceeds it",
  pageSizeDefault: "below: nothing passes a default",
  logLinesPerJobMax: "below: older items are dropped, and no request exceeds it",
  requestIdsPerAttemptMax: "below: older items are dropped, and no request exceeds it",
  sharesPerUserMax: "auth/share-job.test.ts: it needs a tokens file",
  removalsKeptMax: "subscriptions.test.ts: older positions get HISTORY_GONE",
  waitingAnswerBytesMax: "unread-answers.test.ts: it needs clients that do not read",
  waitingBytesPerSocketMax: "websocket.test.ts: the server stops reading from the client",
};

describe("A limit", () => {
  it.each(CASES)(
    "$limit bounds $what over $transport.name: an error with a code and a count above $bound",
    async ({ transport, limit, bound, within, above, extensions, prepare = async () => {} }) => {
      await using server = await startServer({ [LIMIT_SETTINGS[limit].key]: String(bound) });
      await prepare(server.url);
      using client = await transport.connect(server.url);

      const accepted = await client.ask(within);
      const rejected = await client.ask(above);
      const after = await client.ask({ query: "{ __typename }" });

      expect(accepted.errors).toBeUndefined();
      expect(rejected.errors).toHaveLength(1);
      expect(rejected.errors?.[0]?.extensions).toEqual(extensions);
      expect(rejected.errors?.[0]?.message).toMatch(new RegExp(`\\b${bound}\\b`));
      expect(after).toEqual({ data: { __typename: "Query" } });
      expect(client.socketCount).toBe(1);
      expect(await readMetric(server.url, failures(extensions))).toBe(1);
    },
  );

  it.each(API_TRANSPORTS)("allows the introspection query over $name by default", async ({ connect }) => {
    await using server = await startServer();
    using client = await connect(server.url);
    const query = getIntrospectionQuery({
      descriptions: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      schemaDescription: true,
      inputValueDeprecation: true,
      oneOf: true,
    });

    const { data, errors } = await client.ask({ query });

    expect(errors).toBeUndefined();
    expect(data).toHaveProperty("__schema.queryType.name", "Query");
  });

  it.each(API_TRANSPORTS)("bounds the number of validation errors over $name", async ({ connect }) => {
    await using server = await startServer();
    using client = await connect(server.url);
    const query = `{ ${Array.from({ length: 100 }, (_, at) => `nope${at}`).join(" ")} }`;

    const { data, errors } = await client.ask({ query });

    expect(data).toBeUndefined();
    expect(errors?.map(({ extensions }) => extensions)).toEqual(repeated({ code: "BAD_USER_INPUT" }, 21));
    expect(errors?.at(-1)?.message).toContain("Too many validation errors");
  });

  it.each(CHANGING_TRANSPORTS)("allows the deepest tree over $name by default", async ({ connect }) => {
    await using server = await startServer();
    using client = await connect(server.url);

    const { errors } = await client.ask(
      storeTask({ task: chainOfIterations(DEFAULT_LIMITS.levelsPerTreeMax) }),
    );

    expect(errors).toBeUndefined();
  });

  it("has a case or a reason here", () => {
    const tested = [...CASES.map(({ limit }) => limit), ...Object.keys(ELSEWHERE)];

    expect([...new Set(tested)].toSorted()).toEqual(Object.keys(DEFAULT_LIMITS).toSorted());
  });
});

describe("bodyBytesMax", () => {
  const WITHIN = JSON.stringify({ query: "{ __typename }" }).padEnd(200);

  it.each([
    ["HTTP POST", (body: string) => ({ method: "POST", headers: JSON_HEADERS, body })],
    ["server-sent events", (body: string) => ({ ...ssePost({ query: "" }), body })],
  ])(
    "bounds a body over %s: 413 above it, with its name, and the connection stays usable",
    async (_, requestOf) => {
      await using server = await startServer({ bodyBytesMax: "200" });
      using connection = new HttpConnection(server.url);

      const accepted = await connection.request(requestOf(WITHIN));
      const rejected = await connection.request(requestOf(`${WITHIN} `));
      const after = await connection.request(requestOf(WITHIN));

      expect([accepted.status, rejected.status, after.status]).toEqual([200, 413, 200]);
      expect(rejected.body).toContain(`"extensions":{"code":"LIMIT_EXCEEDED","limit":"bodyBytesMax"}`);
      expect(connection.socketCount).toBe(1);
      expect(await readMetric(server.url, failures({ code: "LIMIT_EXCEEDED", limit: "bodyBytesMax" }))).toBe(
        1,
      );
    },
  );

  it.each(["application/json", "text/event-stream"])(
    "bounds a body without a length, with Accept: %s",
    async (accept) => {
      await using server = await startServer({ bodyBytesMax: "200" });
      using connection = await RawConnection.open(server.url);

      const accepted = await connection.ask(chunkedPost(accept, [WITHIN.slice(0, 50), WITHIN.slice(50)]));
      const rejected = await connection.ask(chunkedPost(accept, [WITHIN, " "]));

      expect(accepted).toMatch(/^HTTP\/1.1 200 /);
      expect(rejected).toMatch(/^HTTP\/1.1 413 /);
      expect(rejected).toContain(`"limit":"bodyBytesMax"`);
    },
  );

  it.each(["application/json", "text/event-stream"])(
    "rejects a long Content-Length before the body arrives, with Accept: %s",
    async (accept) => {
      await using server = await startServer({ bodyBytesMax: "200" });
      using connection = await RawConnection.open(server.url);

      const rejected = await connection.ask(
        `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: ${accept}\r\nContent-Length: 201\r\n\r\n`,
      );

      expect(rejected).toMatch(/^HTTP\/1.1 413 /);
    },
  );
});

describe("messageBytesMax", () => {
  it("bounds a message on a WebSocket: 1009 above it, while others are served", async () => {
    await using server = await startServer({ messageBytesMax: "200" });
    using other = await WsClient.connect(server.url);
    using client = await WsClient.connect(server.url);
    const message = (bytes: number): string =>
      JSON.stringify({ id: "1", type: "subscribe", payload: { query: "{ __typename }" } }).padEnd(bytes);

    client.send(message(200));
    await client.next(({ type }) => type === "complete");
    client.send(message(201));

    expect((await client.closed).code).toBe(1009);
    expect(await other.ask({ query: "{ __typename }" })).toEqual({ data: { __typename: "Query" } });
  });

  it("bounds all fragments of a message together", async () => {
    await using server = await startServer({ messageBytesMax: "200" });
    using client = await WsClient.connect(server.url);

    client.socket.send("x".repeat(150), { fin: false });
    client.socket.send("x".repeat(150), { fin: true });

    expect((await client.closed).code).toBe(1009);
  });

  it("counts each rejection", async () => {
    await using server = await startServer({ messageBytesMax: "200" });
    using client = await WsClient.connect(server.url);

    client.send("x".repeat(201));
    await client.closed;
    await metricReaches(server.url, "tidemark_websockets", 0);

    expect(await readMetric(server.url, failures({ code: "LIMIT_EXCEEDED", limit: "messageBytesMax" }))).toBe(
      1,
    );
  });
});

describe("subscriptionsPerSocketMax", () => {
  const WATCH = { query: `subscription { taskCount(database: "d") }` };

  it("bounds the subscriptions of each socket; a completed one makes room", async () => {
    await using server = await startServer({ subscriptionsPerSocketMax: "2" });
    using client = await WsClient.connect(server.url);
    using other = await WsClient.connect(server.url);

    const first = client.subscribe(WATCH);
    const second = client.subscribe(WATCH);
    const opened = [await first.next(), await second.next()];
    const rejected = await client.subscribe(WATCH).next();
    const elsewhere = await other.subscribe(WATCH).next();
    first.complete();
    await metricReaches(server.url, "tidemark_subscribers", 2);
    const again = await client.subscribe(WATCH).next();

    expect([...opened, elsewhere, again]).toEqual(repeated({ data: { taskCount: 0 } }, 4));
    expect(rejected.errors?.map(({ extensions }) => extensions)).toEqual([
      { code: "LIMIT_EXCEEDED", limit: "subscriptionsPerSocketMax" },
    ]);
    expect(
      await readMetric(server.url, failures({ code: "LIMIT_EXCEEDED", limit: "subscriptionsPerSocketMax" })),
    ).toBe(1);
  });

  it("can't be bypassed by a message inside a message", async () => {
    await using server = await startServer({ subscriptionsPerSocketMax: "2" });
    using client = await WsClient.connect(server.url);
    const hidden = (id: string): string =>
      JSON.stringify(JSON.stringify({ id, type: "subscribe", payload: WATCH }));

    ["1", "2", "3"].forEach((id) => client.send(hidden(id)));
    const first = await Promise.race([client.closed, client.next(({ id }) => id === "3")]);

    expect(first).toMatchObject({ code: 4400 });
  });
});

describe("connectionsMax", () => {
  it("bounds connections: 503 with its name and Retry-After above it; a closed one makes room", async () => {
    await using server = await startServer({ connectionsMax: "2" });
    using first = new HttpConnection(server.url);
    using second = new HttpConnection(server.url);
    using third = new HttpConnection(server.url);
    const request = { query: "{ __typename }" };

    const accepted = [await first.post(request), await second.post(request)];
    const rejected = await third.post(request);
    second[Symbol.dispose]();
    await connectionCountReaches(first, 1);
    const again = await third.post(request);

    expect([...accepted, again].map(({ status }) => status)).toEqual([200, 200, 200]);
    expect([rejected.status, rejected.headers["retry-after"], rejected.headers.connection]).toEqual([
      503,
      "1",
      "close",
    ]);
    expect(graphqlResultOf(rejected).errors?.[0]?.extensions).toEqual({
      code: "LIMIT_EXCEEDED",
      limit: "connectionsMax",
    });
  });

  it("rejects a WebSocket with 503 above it", async () => {
    await using server = await startServer({ connectionsMax: "1" });
    using first = await WsClient.connect(server.url);
    using second = await RawConnection.open(server.url);

    second.write(upgrade());
    await second.ended();

    expect(second.received).toMatch(/^HTTP\/1.1 503 /);
    expect(second.received).toContain("connectionsMax");
    expect(await first.ask({ query: "{ __typename }" })).toEqual({ data: { __typename: "Query" } });
  });

  it("counts each rejection", async () => {
    await using server = await startServer({ connectionsMax: "1" });
    using first = new HttpConnection(server.url);
    using second = new HttpConnection(server.url);

    await first.post({ query: "{ __typename }" });
    await second.post({ query: "{ __typename }" });
    using third = await RawConnection.open(server.url);
    third.write(upgrade());
    await third.ended();
    await connectionCountReaches(first, 1);
    const { body } = await first.request({ path: "/metrics" });

    expect(body).toContain(`${failures({ code: "LIMIT_EXCEEDED", limit: "connectionsMax" })} 2\n`);
  });

  it("does not affect existing connections", async () => {
    await using server = await startServer({ connectionsMax: "2" });
    using first = new HttpConnection(server.url);
    using socket = await WsClient.connect(server.url);
    await first.post({ query: "{ __typename }" });

    using idle = await RawConnection.open(server.url);
    using rejected = await RawConnection.open(server.url);
    rejected.write("GET /graphql HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await rejected.ended();
    const served = await first.post({ query: "{ __typename }" });

    expect([rejected.received.slice(0, 12), idle.received]).toEqual(["HTTP/1.1 503", ""]);
    expect(served.status).toBe(200);
    expect(await socket.ask({ query: "{ __typename }" })).toEqual({ data: { __typename: "Query" } });
  });

  it.each(["/health", "/ready", "/metrics"])(
    "does not affect %s, whose connection then closes",
    async (path) => {
      await using server = await startServer({ connectionsMax: "1" });
      using first = await WsClient.connect(server.url);
      using second = new HttpConnection(server.url);

      const answer = await second.request({ path });

      expect([answer.status, answer.headers.connection]).toEqual([200, "close"]);
      expect(await first.ask({ query: "{ __typename }" })).toEqual({ data: { __typename: "Query" } });
    },
  );

  it("lets no idle connections keep a health probe out, or the next client", async () => {
    await using server = await startServer({ connectionsMax: "3" });
    using first = await WsClient.connect(server.url);
    const others = [await WsClient.connect(server.url), await WsClient.connect(server.url)];
    const idle = await Promise.all(Array.from({ length: 400 }, () => RawConnection.open(server.url)));
    using probe = new HttpConnection(server.url);
    using client = new HttpConnection(server.url);

    const answer = await probe.request({ path: "/health" });
    const open = await readMetric(server.url, "tidemark_connections");
    for (const socket of others) socket[Symbol.dispose]();
    await metricReaches(server.url, "tidemark_websockets", 1);
    const served = await client.post({ query: "{ __typename }" });
    for (const connection of idle) connection[Symbol.dispose]();

    expect([answer.status, open, served.status]).toEqual([200, 3 + RESERVED_CONNECTIONS, 200]);
    expect(await first.ask({ query: "{ __typename }" })).toEqual({ data: { __typename: "Query" } });
  });
});

describe("connectionsPerAddressMax", () => {
  const request = { query: "{ __typename }" };
  const TOO_MANY = { code: "LIMIT_EXCEEDED", limit: "connectionsPerAddressMax" };

  it("bounds connections from one address: 429 with its name above it; a closed one makes room", async () => {
    await using server = await startServer({ connectionsPerAddressMax: "2" });
    using first = new HttpConnection(server.url);
    using second = new HttpConnection(server.url);
    using third = new HttpConnection(server.url);

    const accepted = [await first.post(request), await second.post(request)];
    const rejected = await third.post(request);
    second[Symbol.dispose]();
    await connectionCountReaches(first, 1);
    const again = await third.post(request);
    const { body } = await first.request({ path: "/metrics" });

    expect([...accepted, again].map(({ status }) => status)).toEqual([200, 200, 200]);
    expect([rejected.status, rejected.headers["retry-after"], rejected.headers.connection]).toEqual([
      429,
      "1",
      "close",
    ]);
    expect(graphqlResultOf(rejected).errors?.[0]?.extensions).toEqual(TOO_MANY);
    expect(body).toContain(`${failures(TOO_MANY)} 1\n`);
  });

  it("rejects a WebSocket with 429 above it, while existing ones continue", async () => {
    await using server = await startServer({ connectionsPerAddressMax: "1" });
    using first = await WsClient.connect(server.url);
    using second = await RawConnection.open(server.url);

    second.write(upgrade());
    await second.ended();

    expect(second.received).toMatch(/^HTTP\/1.1 429 Too Many Requests\r\n/);
    expect(await first.ask(request)).toEqual({ data: { __typename: "Query" } });
  });

  it("ignores X-Forwarded-For by default, since clients can forge it", async () => {
    await using server = await startServer({ connectionsPerAddressMax: "1" });
    using first = new HttpConnection(server.url);
    using second = new HttpConnection(server.url);

    await first.post(request);
    const rejected = await second.post(request, { "x-forwarded-for": "203.0.113.9" });

    expect(rejected.status).toBe(429);
  });

  it("counts what each client has open behind a trusted proxy, by the address that the proxy added", async () => {
    await using server = await startServer({ connectionsPerAddressMax: "1", trustProxy: "on" });
    using watcher = new HttpConnection(server.url);
    using other = new HttpConnection(server.url);
    using third = new HttpConnection(server.url);
    const watch = { query: `subscription { taskCount(database: "d") }` };
    const from = (addresses: string): Record<string, string> => ({ "x-forwarded-for": addresses });

    const stream = await watcher.open(ssePost(watch, from("203.0.113.9")));
    const rejected = await other.post(request, from("198.51.100.1, 203.0.113.9"));
    const accepted = await third.post(request, from("203.0.113.9, 198.51.100.1"));
    using socket = await RawConnection.open(server.url);
    socket.write(upgrade({ "X-Forwarded-For": "203.0.113.9" }));
    await socket.ended();
    stream.destroy();
    await metricReaches(server.url, "tidemark_event_streams", 0);
    const again = await third.post(request, from("203.0.113.9"));

    expect([rejected.status, accepted.status, again.status]).toEqual([429, 200, 200]);
    expect(socket.received).toMatch(/^HTTP\/1.1 429 /);
  });
});

describe("messagesPerSecondMax", () => {
  it("bounds messages per second on a WebSocket: 4421 with its name above it, while others are served", async () => {
    const clock = new ManualClock();
    await using server = await startServer({ messagesPerSecondMax: "4" }, { clock });
    using other = await WsClient.connect(server.url);
    using client = await WsClient.connect(server.url);

    const within = [await client.ask(request), await client.ask(request), await client.ask(request)];
    clock.advance(1_000);
    const later = await client.ask(request);
    for (let count = 0; count < 4; count++) client.send({ type: "ping" });

    expect([...within, later].map(({ errors }) => errors)).toEqual(repeated(undefined, 4));
    expect(await client.closed).toEqual({
      code: 4421,
      reason: expect.stringContaining("messagesPerSecondMax"),
    });
    expect(await other.ask(request)).toEqual({ data: { __typename: "Query" } });
    expect(
      await readMetric(server.url, failures({ code: "LIMIT_EXCEEDED", limit: "messagesPerSecondMax" })),
    ).toBe(1);
  });

  it("also counts WebSocket pings", async () => {
    await using server = await startServer({ messagesPerSecondMax: "4" }, { clock: new ManualClock() });
    using client = await WsClient.connect(server.url);

    for (let count = 0; count < 4; count++) client.socket.ping();

    expect((await client.closed).code).toBe(4421);
  });

  const request = { query: "{ __typename }" };
});

describe("changesWaitingMax", () => {
  it.each(CHANGING_TRANSPORTS)("bounds changes that wait for the journal over $name", async ({ connect }) => {
    const journal = observeJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using server = await startServer({ changesWaitingMax: "2" }, { journal });
    using client = await connect(server.url);
    const release = journal.holdAppends();

    const written = ask(server.url, storeTask({ jobId: "written" }));
    await until(() => journal.appends.length === 1);
    const waiting = ["1", "2", "3"].map((jobId) => ask(server.url, storeTask({ jobId })));
    const rejectedWaiting = await Promise.race(waiting);
    const rejected = await client.ask(storeTask({ jobId: "4" }));
    release();
    const answers = await Promise.all([written, ...waiting]);
    const after = await client.ask(storeTask({ jobId: "5" }));

    expect(rejected.errors?.[0]?.extensions).toEqual({ code: "LIMIT_EXCEEDED", limit: "changesWaitingMax" });
    expect(rejectedWaiting.errors).toEqual(rejected.errors);
    expect(answers.filter(({ errors }) => errors === undefined)).toHaveLength(3);
    expect(after.errors).toBeUndefined();
    expect(await taskCount(server.url)).toBe(4);
    expect(
      await readMetric(server.url, failures({ code: "LIMIT_EXCEEDED", limit: "changesWaitingMax" })),
    ).toBe(2);
  });
});

describe("databasesMax", () => {
  it.each(WATCHING_TRANSPORTS)("bounds watched databases without jobs over $name", async ({ connect }) => {
    await using server = await startServer({ databasesMax: "1" });
    using watcher = await WsClient.connect(server.url);
    using client = await connect(server.url);
    await watcher.subscribe({ query: `subscription { taskCount(database: "a") }` }).next();

    const rejected = await client.ask({ query: `subscription { taskCount(database: "b") }` });

    expect(rejected.errors?.[0]?.extensions).toEqual({ code: "LIMIT_EXCEEDED", limit: "databasesMax" });
    expect((await client.ask({ query: "{ __typename }" })).errors).toBeUndefined();
  });

  it("does not count databases that are only read", async () => {
    await using server = await startServer({ databasesMax: "1" });

    await dataOf(server.url, `{ a: taskCount(database: "a") b: taskCount(database: "b") }`);

    expect(await store(server.url, { database: "c" })).toMatchObject({ attempt: 1 });
  });
});

describe("jobsPerDatabaseMax", () => {
  it("allows a job to be stored again, and another one after a removal", async () => {
    await using server = await startServer({ maxJobs: "1" });
    await store(server.url, { jobId: "1" });

    const again = await ask(server.url, storeTask({ jobId: "1" }));
    const rejected = await ask(server.url, storeTask({ jobId: "2" }));
    await ask(server.url, removeTask({ jobId: "1" }));
    const instead = await ask(server.url, storeTask({ jobId: "2" }));

    expect(again.errors).toBeUndefined();
    expect(rejected.errors?.[0]?.extensions?.["limit"]).toBe("jobsPerDatabaseMax");
    expect(instead.errors).toBeUndefined();
  });

  it("evicts the job that ended first to make room", async () => {
    await using server = await startServer({ maxJobs: "2" });
    await store(server.url, { jobId: "1" });
    await store(server.url, { jobId: "2" });
    await update(server.url, { jobId: "2", updates: [{ status: "FINISHED" }] });

    const instead = await ask(server.url, storeTask({ jobId: "3" }));
    const rejected = await ask(server.url, storeTask({ jobId: "4" }));
    const jobs = await dataOf(server.url, `{ tasks(database: "d") { nodes { jobId } } }`);

    expect(instead.errors).toBeUndefined();
    expect(rejected.errors?.[0]?.extensions).toEqual({ code: "LIMIT_EXCEEDED", limit: "jobsPerDatabaseMax" });
    expect(jobs).toEqual({ tasks: { nodes: [{ jobId: "3" }, { jobId: "1" }] } });
  });
});

describe("a limit that one input of updateTasks exceeds", () => {
  it("rejects only that input, with its code", async () => {
    await using server = await startServer({ updatesPerInputMax: "1" });
    await store(server.url);
    const input = (count: number): object => ({
      ...SERVER_JOB_KEY,
      updates: repeated({ message: "m" }, count),
    });

    const { updateTasks: results } = await dataOf<{ updateTasks: unknown }>(
      server.url,
      "mutation ($inputs: [UpdateTaskInput!]!) { updateTasks(inputs: $inputs) { userTask { version } error { code } } }",
      { inputs: [input(2), input(1)] },
    );

    expect(results).toEqual([
      { userTask: null, error: { code: "LIMIT_EXCEEDED" } },
      { userTask: { version: 2 }, error: null },
    ]);
  });

  it("is counted", async () => {
    await using server = await startServer({ updatesPerInputMax: "1" });
    await store(server.url);

    await dataOf(
      server.url,
      "mutation ($inputs: [UpdateTaskInput!]!) { updateTasks(inputs: $inputs) { error { code } } }",
      { inputs: [{ ...SERVER_JOB_KEY, updates: repeated({ message: "m" }, 2) }] },
    );

    expect(
      await readMetric(server.url, failures({ code: "LIMIT_EXCEEDED", limit: "updatesPerInputMax" })),
    ).toBe(1);
  });
});

describe("The number of kept items", () => {
  it("is pageSizeDefault for a page without a size, and at most pageSizeMax", async () => {
    await using three = await startServer({ pageSizeDefault: "3" });
    await using two = await startServer({ pageSizeDefault: "3", pageSizeMax: "2" });
    await Promise.all(
      [three, two].flatMap(({ url }) => ["1", "2", "3", "4"].map((jobId) => store(url, { jobId }))),
    );
    const page = `{ tasks(database: "d") { nodes { jobId } } }`;

    const [ofThree, ofTwo] = await Promise.all([three, two].map(({ url }) => dataOf<Page>(url, page)));

    expect(ofThree?.tasks.nodes).toHaveLength(3);
    expect(ofTwo?.tasks.nodes).toHaveLength(2);
  });

  it("is logLinesPerJobMax for the log of a job, the newest ones", async () => {
    await using server = await startServer({ logLinesPerJobMax: "2" });
    await store(server.url);

    await update(server.url, { log: ["1", "2"].map((message) => ({ message })) });
    await update(server.url, { log: ["3"].map((message) => ({ message })) });
    const { task } = await dataOf<{ task: { log: unknown } }>(
      server.url,
      `{ task(database: "d", username: "u", jobId: "j") { log { message } } }`,
    );

    expect(task.log).toEqual([{ message: "2" }, { message: "3" }]);
  });

  it("is requestIdsPerAttemptMax for the request ids of an attempt, the newest ones", async () => {
    await using server = await startServer({ requestIdsPerAttemptMax: "2" });
    await store(server.url);
    const add = (requestId: string): object => ({ updates: [{ add: 1 }], requestId });

    await update(server.url, add("1"));
    await update(server.url, add("2"));
    const repeatedOne = await update(server.url, add("1"));
    await update(server.url, add("3"));
    const forgottenOne = await update(server.url, add("1"));

    expect([repeatedOne.version, forgottenOne.version]).toEqual([3, 5]);
  });
});

interface Page {
  readonly tasks: { readonly nodes: readonly unknown[] };
}

const JSON_HEADERS = { "content-type": "application/json" };

function chainOfIterations(levels: number): object {
  const leaf = { description: "level" };
  return levels === 1
    ? leaf
    : { ...leaf, iterations: { mode: "OPEN", tasks: [chainOfIterations(levels - 1)] } };
}

/** The metric series for these errors. */
function failures({ code, limit = "" }: { code: string; limit?: string }): string {
  return `tidemark_failures_total{code="${code}",limit="${limit}"}`;
}

function chunkedPost(accept: string, chunks: readonly string[]): string {
  const head = `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: ${accept}\r\nTransfer-Encoding: chunked\r\n\r\n`;
  const body = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("");
  return `${head}${body}0\r\n\r\n`;
}

/** Uses an existing connection, since a new one would count. */
async function connectionCountReaches(connection: HttpConnection, count: number): Promise<void> {
  let body = "";
  while (!body.includes(`tidemark_connections ${count}\n`)) {
    await untilIdle(); // a rejected connection needs time to close
    ({ body } = await connection.request({ path: "/metrics" }));
  }
}
