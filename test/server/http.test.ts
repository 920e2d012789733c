import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Journal } from "../../src/journal/journal.js";
import { createMemoryJournal } from "../../src/journal/memory/memory-journal.js";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { withHandles } from "../kit/journal/observed-journal.js";
import {
  graphqlResultOf,
  ask,
  graphqlPost,
  HttpConnection,
  RawConnection,
  readMetric,
} from "../kit/network/raw-http.js";
import { RecordingLog } from "../kit/server/recording-log.js";
import { startServer } from "../kit/server/server.js";
import { storeTask, store, taskCount } from "./jobs.js";
import { CHANGING_TRANSPORTS, disposeAll, API_TRANSPORTS } from "./transports.js";

const TYPENAME = { query: "{ __typename }" };

/** Stores a job in "d": had it been executed, the count would tell. */
const STORE = `mutation { storeTask(input: { database: "d", task: { description: "t" } }) { outcome } }`;

const STORE_BODY = JSON.stringify({ query: STORE });

const JSON_TYPE = "application/json";
const GRAPHQL_TYPE = "application/graphql-response+json";

describe("A request by POST", () => {
  it.each([
    ["a form", "application/x-www-form-urlencoded", `query=${encodeURIComponent(STORE)}`],
    ["plain text", "text/plain", JSON.stringify({ query: STORE })],
    ["plain text that says it is JSON", "text/plain; application/json", JSON.stringify({ query: STORE })],
    ["GraphQL", "application/graphql", STORE],
    ["another kind of JSON", "application/graphql+json", JSON.stringify({ query: STORE })],
    ["several types", "application/json, text/plain", JSON.stringify({ query: STORE })],
    ["no type", "", JSON.stringify({ query: STORE })],
    [
      "a form in parts",
      "multipart/form-data; boundary=x",
      `--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n${JSON.stringify({ query: STORE })}\r\n` +
        `--x\r\nContent-Disposition: form-data; name="map"\r\n\r\n{}\r\n--x--\r\n`,
    ],
  ])("of %s is refused with 415, and nothing of it is executed", async (_, type, body) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const answer = await connection.request({ method: "POST", headers: { "content-type": type }, body });

    expect(answer.status).toBe(415);
    expect(graphqlResultOf(answer).errors?.[0]?.extensions).toEqual({ code: "BAD_USER_INPUT" });
    expect(await taskCount(server.url)).toBe(0);
  });

  it.each([
    ["application/json"],
    ["application/json; charset=utf-8"],
    ["Application/JSON"],
    ["application/json ;charset=utf-8"],
  ])("of %s is answered", async (type) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const answer = await connection.post(TYPENAME, { "content-type": type });

    expect([answer.status, answer.body]).toEqual([200, `{"data":{"__typename":"Query"}}`]);
  });

  it.each([JSON_TYPE, GRAPHQL_TYPE, "text/event-stream", "*/*"])(
    "with a batch is refused with 400, and nothing of it is executed, whoever asks for %s",
    async (accept) => {
      await using server = await startServer();
      using connection = new HttpConnection(server.url);
      const batch = JSON.stringify([{ query: STORE }, { query: STORE }]);

      const { status, body } = await connection.post(batch, { accept });

      expect(status).toBe(400);
      expect(body).toContain(`"extensions":{"code":"BAD_USER_INPUT"}`);
      expect(await taskCount(server.url)).toBe(0);
    },
  );

  it.each(
    [JSON_TYPE, "text/event-stream"].flatMap((accept) => [
      ["gzip", accept, gzipSync(STORE_BODY)] as const,
      ["deflate", accept, deflateSync(STORE_BODY)] as const,
      ["br", accept, brotliCompressSync(STORE_BODY)] as const,
    ]),
  )(
    "whose body is packed by %s is not unpacked, and so can't grow, whoever asks for %s",
    async (coding, accept, body) => {
      await using server = await startServer();
      using connection = new HttpConnection(server.url);
      const headers = { "content-type": JSON_TYPE, "content-encoding": coding, accept };

      const { status } = await connection.request({ method: "POST", headers, body });

      expect(status).toBe(400);
      expect(await taskCount(server.url)).toBe(0);
    },
  );

  it.each([
    ["nothing", ""],
    ["no JSON", "{nope"],
    ["half of it", `{"query": "{ __typename }"`],
    ["more than one value", `{"query": "{ __typename }"} {}`],
    ["null", "null"],
    ["a number", "5"],
    ["a text", `"{ __typename }"`],
    ["no query", "{}"],
    ["a query of another kind", `{"query": {"a": 1}}`],
    ["variables in a list", `{"query": "{ __typename }", "variables": [1]}`],
    ["variables in a text", `{"query": "{ __typename }", "variables": "{}"}`],
    ["something else", `{"query": "{ __typename }", "extra": 1}`],
    ["a prototype", `{"__proto__": {"query": "{ __typename }"}}`],
  ])("with %s in its body is a bad request, told in plain words", async (_, body) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const answer = await connection.post(body, { accept: GRAPHQL_TYPE });
    const after = await connection.post(TYPENAME);

    expect(answer.status).toBe(400);
    expect(graphqlResultOf(answer)).toEqual({
      errors: [{ message: expect.not.stringMatching(INSIDES), extensions: { code: "BAD_USER_INPUT" } }],
    });
    expect(after.status).toBe(200);
  });
});

describe("A request by GET", () => {
  it("is answered when it asks for something", async () => {
    await using server = await startServer();
    await store(server.url);
    using connection = new HttpConnection(server.url);

    const answer = await connection.get({
      query: "query A($d: String!) { taskCount(database: $d) } query B { __typename }",
      operationName: "A",
      variables: { d: "d" },
    });

    expect(graphqlResultOf(answer)).toEqual({ data: { taskCount: 1 } });
  });

  it.each([
    ["JSON", "application/json", { query: STORE }],
    ["server-sent events", "text/event-stream", { query: STORE }],
    ["anything", "*/*", { query: STORE }],
    [
      "the one of two that changes",
      "application/json",
      { query: `query A { __typename } ${STORE}`.replace("mutation", "mutation B"), operationName: "B" },
    ],
  ])("changes nothing, whoever asks for %s: 405, and POST is named", async (_, accept, asked) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const answer = await connection.get(asked, { accept });

    expect([answer.status, answer.headers.allow]).toEqual([405, "POST"]);
    expect(answer.body).toContain(`"extensions":{"code":"BAD_USER_INPUT"}`);
    expect(await taskCount(server.url)).toBe(0);
  });

  it.each([
    ["variables that are no JSON", "query={__typename}&variables={nope"],
    ["extensions that are no JSON", "query={__typename}&extensions={nope"],
    ["variables that are no object", "query={__typename}&variables=5"],
    ["no query", ""],
    ["what can't be decoded", "query=%E0%A4%A"],
  ])("with %s is a bad request, told in plain words", async (_, search) => {
    const log = new RecordingLog();
    await using server = await startServer({}, { log });
    using connection = new HttpConnection(server.url);

    const answer = await connection.request({
      path: `/graphql?${search}`,
      headers: { accept: GRAPHQL_TYPE },
    });

    expect(answer.status).toBe(400);
    expect(answer.body).not.toMatch(INSIDES);
    expect(graphqlResultOf(answer).errors?.[0]?.extensions).toEqual({ code: "BAD_USER_INPUT" });
    expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("of a query that looks like a probe's path is a query", async () => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const answer = await connection.request({ path: "/graphql?query={__typename}&x=/health" });

    expect(answer.body).toBe(`{"data":{"__typename":"Query"}}`);
  });
});

describe("A request by another method", () => {
  it.each(["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])("%s is refused with 405", async (method) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const answer = await connection.request({ method });

    expect([answer.status, answer.headers.allow]).toEqual([405, "GET, POST"]);
  });

  it("that offers another protocol is answered in this one, as Java's client expects", async () => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);
    const body = JSON.stringify(TYPENAME);

    connection.write(
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" +
        "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nContent-Type: application/json\r\n" +
        `Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    await connection.until((received) => received.includes("\r\n\r\n"));

    expect(connection.received).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  });

  it.each([
    ["a page of another site", "Content-Type: application/json\r\nOrigin: http://evil.example", 5, 403],
    ["a form", "Content-Type: text/plain", 5, 415],
    ["a body that is too large", "Content-Type: application/json", 1_000_001, 413],
  ])("that offers another protocol is refused as any: %s", async (_, headers, length, status) => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);

    const answer = await connection.ask(
      `POST /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n${headers}\r\nContent-Length: ${length}\r\n\r\n`,
    );

    expect(answer.slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
  });
});

describe("The status", () => {
  const FAILURES = [
    ["an answer", { query: "{ __typename }" }, 200, 200],
    ["a field that failed", { query: `{ tasks(database: "") { totalCount } }` }, 200, 200],
    ["a text that is no GraphQL", { query: "{ nope" }, 200, 400],
    ["a field that does not exist", { query: "{ nope }" }, 200, 400],
    ["a variable that is missing", { query: "query ($d: String!) { taskCount(database: $d) }" }, 200, 400],
    ["an operation that is not there", { query: "query A { __typename }", operationName: "B" }, 200, 400],
  ] as const;

  it.each(FAILURES)("of %s is one that JSON clients read", async (_, asked, status) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const answer = await connection.post(asked, { accept: JSON_TYPE });

    expect([answer.status, answer.headers["content-type"]]).toEqual([
      status,
      "application/json; charset=utf-8",
    ]);
  });

  it.each(FAILURES)("of %s tells GraphQL clients whether it was executed", async (_, asked, __, status) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const answer = await connection.post(asked, { accept: GRAPHQL_TYPE });

    expect([answer.status, answer.headers["content-type"]]).toEqual([
      status,
      `${GRAPHQL_TYPE}; charset=utf-8`,
    ]);
    expect(answer.body).not.toContain(`"http"`);
  });

  it.each([
    ["a defect", brokenJournal()],
    ["a journal that can't be read", unreadableJournal()],
  ])("of %s is not the client's fault", async (_, journal) => {
    await using server = await startServer({}, { journal });
    using connection = new HttpConnection(server.url);

    const { status } = await connection.post({ query: "{ databases { name } }" }, { accept: GRAPHQL_TYPE });

    expect(status).toBeGreaterThanOrEqual(500);
  });

  it("of a request for a type that there is not is 406", async () => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    expect((await connection.post(TYPENAME, { accept: "text/xml" })).status).toBe(406);
  });
});

describe("A page of another origin", () => {
  const ORIGIN = { origin: "http://evil.example" };

  it.each([
    ["a request", graphqlPost(TYPENAME, ORIGIN)],
    ["a request by GET", { path: "/graphql?query={__typename}", headers: ORIGIN }],
    [
      "a question beforehand",
      { method: "OPTIONS", headers: { ...ORIGIN, "access-control-request-method": "POST" } },
    ],
    ["the metrics", { path: "/metrics", headers: ORIGIN }],
    ["the health", { path: "/health", headers: ORIGIN }],
    ["server-sent events", graphqlPost(TYPENAME, { ...ORIGIN, accept: "text/event-stream" })],
  ])("is allowed to read nothing: no CORS header in the answer to %s", async (_, request) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const { headers } = await connection.request(request);

    expect(Object.keys(headers).filter((name) => name.startsWith("access-control-"))).toEqual([]);
  });
});

describe("A connection", () => {
  it("is kept for the next request, after a refusal too", async () => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    await connection.post(TYPENAME);
    await connection.post("{nope");
    await connection.request({ path: "/nope" });
    await connection.request({ path: "/health" });
    await connection.get(TYPENAME);

    expect(connection.socketCount).toBe(1);
  });

  it("that sends slowly, or without end, stops nobody else", async () => {
    await using server = await startServer();
    using heads = await openMany(server.url, "POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    using bodies = await openMany(
      server.url,
      `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${JSON_TYPE}\r\nContent-Length: 900000\r\n\r\n{`,
    );
    using endless = await RawConnection.open(server.url);
    endless.write(
      `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${JSON_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    for (let count = 0; count < 40; count++) endless.write(`ffff\r\n${" ".repeat(0xffff)}\r\n`);
    await endless.until((received) => received.includes("\r\n\r\n"));

    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => ask(server.url, storeTask({ jobId: `${n}` }))),
    );

    expect(answers.filter(({ errors }) => errors)).toEqual([]);
    expect(endless.received).toMatch(/^HTTP\/1.1 413 /);
    expect([...heads.connections, ...bodies.connections].map(({ received }) => received).join("")).toBe("");
  });

  it.each([
    ["no HTTP", "NONSENSE\r\n\r\n"],
    [
      "two lengths",
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    ],
    [
      "a length and chunks",
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    [
      "a bare line feed in a header",
      "GET /graphql HTTP/1.1\r\nHost: localhost\r\nA: b\nContent-Length: 5\r\n\r\n",
    ],
    ["no host", "GET /graphql HTTP/1.1\r\n\r\n"],
    ["a length below 0", "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n"],
    ["a length with a sign", "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: +5\r\n\r\n"],
    ["a space before a colon", "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length : 5\r\n\r\n"],
    [
      "a coding that there is not",
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: xchunked\r\n\r\n",
    ],
    [
      "chunks before another coding",
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
    ],
    [
      "a chunk whose length is none",
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    [
      "two lengths beside an offer of another protocol",
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    ],
  ])("with %s is refused with 400 and closed", async (_, text) => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);

    connection.write(text);
    await connection.ended();

    expect(connection.received).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
    expect(connection.received).not.toMatch(INSIDES);
  });
});

describe("What can't be read as HTTP", () => {
  it("is told so, also after a request that was answered", async () => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);
    await connection.ask("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");

    connection.write("NONSENSE\r\n\r\n");
    await connection.ended();

    expect(connection.received).toMatch(/HTTP\/1.1 400 Bad Request\r\nConnection: close\r\n\r\n$/);
  });

  it("is told so where a head is too long: 431", async () => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);

    connection.write(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(20_000)}\r\n\r\n`);
    await connection.ended();

    expect(connection.received).toMatch(/^HTTP\/1.1 431 /);
  });
});

describe("A path", () => {
  it.each([
    "/nope",
    "/graphql/",
    "/graphqlx",
    "//graphql",
    "/GRAPHQL",
    "/__proto__",
    "/health/",
    "/%2e%2e/etc/passwd",
  ])("that is nobody's is 404: %s", async (path) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const { status, body } = await connection.request({ path });

    expect(status).toBe(404);
    expect(body).toContain("/graphql");
    expect(body).not.toContain(path);
  });
});

describe("/health", () => {
  it("says that the process lives, also when nothing can be written", async () => {
    const journal = {
      ...withHandles(createMemoryJournal(DEFAULT_LIMITS), unchanged),
      isWritable: async () => false,
    };
    await using server = await startServer({}, { journal });
    using connection = new HttpConnection(server.url);

    const { status, headers, body } = await connection.request({ path: "/health" });

    expect([status, body]).toEqual([200, `{"status":"alive"}\n`]);
    expect(headers["cache-control"]).toBe("no-store");
  });
});

describe("/ready", () => {
  it("is 200 while changes can be served and written", async () => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const { status, body } = await connection.request({ path: "/ready" });

    expect([status, body]).toEqual([200, `{"status":"ready"}\n`]);
  });

  it("is 503 while nothing can be written, and 200 again once it can", async () => {
    let isWritable = false;
    const memory = withHandles(createMemoryJournal(DEFAULT_LIMITS), unchanged);
    await using server = await startServer(
      {},
      { journal: { ...memory, isWritable: async () => isWritable } },
    );
    using connection = new HttpConnection(server.url);

    const before = await connection.request({ path: "/ready" });
    isWritable = true;
    const after = await connection.request({ path: "/ready" });

    expect([before.status, before.body]).toEqual([503, `{"status":"not writable"}\n`]);
    expect(after.status).toBe(200);
  });

  it("is 503 while the server stops, to whoever is still connected", async () => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);
    // Answered only once it has begun: from then on the connection counts as one in use.
    await connection.ask("GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\nGET /ready HTTP/1.1\r\n");

    const stopped = server.close();
    connection.write("Host: localhost\r\n\r\n");
    await stopped;
    await connection.ended();

    expect(connection.received).toContain("HTTP/1.1 503 ");
    expect(connection.received).toContain(`{"status":"stopping"}`);
  });
});

describe("A request that is under way when the server stops", () => {
  it("is answered, and told that the connection ends", async () => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);
    await connection.ask(`GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n${POST_HEAD.slice(0, -1)}`);
    const before = connection.received.length;

    const stopped = server.close();
    connection.write(POST_HEAD.slice(-1) + POST_BODY);
    await stopped;
    await connection.ended();

    expect(connection.received.slice(before)).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(connection.received.slice(before)).toMatch(/^Connection: close\r$/im);
    expect(connection.received).toContain(`{"data":{"__typename":"Query"}}`);
  });
});

describe("/metrics", () => {
  it("is what Prometheus reads", async () => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const { status, headers, body } = await connection.request({ path: "/metrics" });

    expect([status, headers["content-type"]]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
    expect(body).toContain("# TYPE tidemark_failures_total counter\n");
    expect(body).toContain("tidemark_connections 1\n");
    expect(body).toContain("process_resident_memory_bytes ");
  });

  it.each(API_TRANSPORTS)(
    "counts each failure that was told over $name once, by its code",
    async ({ connect }) => {
      await using server = await startServer();
      using client = await connect(server.url);

      await client.ask({ query: "{ nope" });
      await client.ask({ query: "{ nope }" });
      await client.ask({ query: "{ __typename }", operationName: "B" });
      await client.ask({
        query: `{ a: tasks(database: "") { totalCount } b: tasks(database: "") { totalCount } }`,
      });
      await client.ask({ query: `{ listProgress(database: "d", jobId: "j") { jobId } }` });

      expect(await readMetric(server.url, `tidemark_failures_total{code="BAD_USER_INPUT",limit=""}`)).toBe(5);
      expect(await readMetric(server.url, `tidemark_failures_total{code="NOT_FOUND",limit=""}`)).toBe(1);
    },
  );

  it("has no label that a client could choose", async () => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);
    const task = `task(database: "marker1", username: "marker2", jobId: "marker3")`;

    await store(server.url, { database: "marker1", username: "marker2", jobId: "marker3" });
    await connection.get({ query: `query marker4 { marker5: ${task} { id } marker6 }` });
    await connection.get({ query: `query marker4 { marker5: ${task} { id } }`, operationName: "marker7" });
    await connection.request({
      path: "/marker8?marker9",
      headers: { "user-agent": "marker10", origin: "http://marker11" },
    });
    await connection.request({ method: "PUT", path: "/graphql?marker12" });
    const { body } = await connection.request({ path: "/metrics" });

    expect(body).toContain("tidemark_failures_total");
    expect(body).not.toContain("marker");
  });
});

describe("A defect of the server", () => {
  it.each(API_TRANSPORTS)(
    "is told over $name as an id, under which the log has all of it",
    async ({ connect }) => {
      const log = new RecordingLog();
      await using server = await startServer({}, { log, journal: brokenJournal() });
      using client = await connect(server.url);

      const answer = await client.ask({ query: "{ databases { name } }" });
      const errorId = answer.errors?.[0]?.extensions?.["errorId"];

      expect(answer).toEqual({
        errors: [
          {
            message: `Internal server error. The server's log has the details under ${String(errorId)}.`,
            extensions: { code: "INTERNAL", errorId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
          },
        ],
      });
      expect(log.lines.filter(({ level }) => level === "error")).toEqual([
        {
          level: "error",
          message: expect.any(String),
          fields: expect.objectContaining({ errorId, err: expect.any(TypeError) }),
        },
      ]);
    },
  );

  it.each(CHANGING_TRANSPORTS)("is told over $name as an id when a change meets it", async ({ connect }) => {
    await using server = await startServer({}, { journal: brokenJournal() });
    using client = await connect(server.url);

    const { errors } = await client.ask(storeTask());

    expect(errors?.[0]?.extensions?.["code"]).toBe("INTERNAL");
    expect(JSON.stringify(errors)).not.toMatch(INSIDES);
    expect(await readMetric(server.url, `tidemark_failures_total{code="INTERNAL",limit=""}`)).toBe(1);
  });

  it.each(API_TRANSPORTS)(
    "of the journal is UNAVAILABLE over $name, without its words",
    async ({ connect }) => {
      await using server = await startServer({}, { journal: unreadableJournal() });
      using client = await connect(server.url);

      const answer = await client.ask({ query: "{ databases { name } }" });

      expect(answer.errors?.[0]?.extensions).toEqual({ code: "UNAVAILABLE" });
      expect(JSON.stringify(answer)).not.toMatch(/secret|EIO|fdatasync/);
    },
  );
});

describe("Hostile input", () => {
  const JSON_BODY = JSON.stringify(TYPENAME);
  const headed = (headers: string): string =>
    `POST /graphql HTTP/1.1\r\n${headers}\r\nContent-Type: application/json\r\nContent-Length: ${JSON_BODY.length}\r\n\r\n${JSON_BODY}`;

  it.each([
    ["a host that is none", headed("Host: [")],
    ["a host with a space", headed("Host: a b")],
    ["a host with a wrong port", headed("Host: x:99999999")],
    ["a host with a path", headed("Host: x/../..")],
    ["an origin that is none", headed("Host: localhost\r\nOrigin: ://")],
    ["an absolute address", `GET http://[/graphql HTTP/1.1\r\nHost: localhost\r\n\r\n`],
    ["an address that is no path", `GET graphql HTTP/1.1\r\nHost: localhost\r\n\r\n`],
    ["a query that can't be decoded", `GET /graphql?query=%ff%00 HTTP/1.1\r\nHost: localhost\r\n\r\n`],
    ["a wrong encoding", headed("Host: localhost\r\nContent-Encoding: gzip")],
    [
      "an exotic charset",
      headed("Host: localhost").replace("application/json", "application/json; charset=utf-7"),
    ],
    ["many types to accept", headed(`Host: localhost\r\nAccept: ${"a/b;q=0.1,".repeat(500)}`)],
    ["a type to accept that is none", headed("Host: localhost\r\nAccept: ;;=,")],
  ])("never shows the insides: %s", async (_, text) => {
    const log = new RecordingLog();
    await using server = await startServer({}, { log });
    using connection = await RawConnection.open(server.url);

    connection.write(text);
    await connection.until((received) => received.includes("\r\n\r\n"));
    const after = await ask(server.url, TYPENAME);

    expect(connection.received).not.toMatch(INSIDES);
    expect(connection.received).not.toMatch(/^HTTP\/1.1 5/);
    expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
    expect(after.errors).toBeUndefined();
  });

  it.each([
    ["half a character", { query: `{ tasks(database: "\ud800") { totalCount } }` }],
    ["a name with a null", { query: `{ tasks(database: "\\u0000") { totalCount } }` }],
    ["a field of every object", { query: "{ __proto__ constructor toString }" }],
    ["an operation of every object", { query: "{ __typename }", operationName: "__proto__" }],
    [
      "variables of every object",
      { query: "query ($x: Int) { __typename }", variables: JSON.parse(`{"__proto__":{"x":1}}`) as object },
    ],
    ["a number too large", { query: `{ listProgress(database: "d", first: ${"9".repeat(400)}) { jobId } }` }],
    ["an id that is none", { query: `{ node(id: "${"A".repeat(1_000)}") { id } }` }],
    [
      "a cursor that is none",
      { query: `{ tasks(database: "d", after: "${"1".repeat(1_000)}") { totalCount } }` },
    ],
    ["a fragment in itself", { query: "{ ...A } fragment A on Query { ...A }" }],
    ["conflicting fields", { query: `{ ${"task: __typename ".repeat(20)} }` }],
    ["a field as often as a document may have it", { query: `{ ${"__typename ".repeat(990)} }` }],
    ["an unfinished text", { query: `{ tasks(database: "` }],
    ["fields in fields without an end", { query: "{ a ".repeat(2_000) }],
    ["fields in fields, as deep as a document may be long", { query: inside(400, "{ a ", " }") }],
    ["lists in lists", { query: `{ tasks(database: ${inside(450, "[", "]")}) { totalCount } }` }],
    ["objects in objects", { query: `{ tasks(database: ${inside(240, "{ a: ", "}")}) { totalCount } }` }],
    ["a type of lists of lists", { query: `query ($x: ${inside(450, "[", "]", "Int")}) { __typename }` }],
    ["fragments in fragments", { query: `{ ${inside(300, "... { ", " }", "__typename")} }` }],
  ] as const)("is answered in plain words over every transport: %s", async (_, asked) => {
    const log = new RecordingLog();
    await using server = await startServer({}, { log });
    const clients = await Promise.all(API_TRANSPORTS.map(({ connect }) => connect(server.url)));
    using all = disposeAll(clients);

    const answers = await Promise.all(all.members.map((client) => client.ask(asked as { query: string })));

    expect(answers).toHaveLength(4);
    expect(JSON.stringify(answers)).not.toMatch(INSIDES);
    expect(
      answers.flatMap(({ errors = [] }) => errors.map(({ extensions }) => extensions?.["code"])),
    ).not.toContain("INTERNAL");
    expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});

/** What has so many layers around it. */
function inside(layers: number, begin: string, end: string, core = ""): string {
  return begin.repeat(layers) + core + end.repeat(layers);
}

const POST_BODY = JSON.stringify(TYPENAME);
const POST_HEAD = `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${JSON_TYPE}\r\nContent-Length: ${POST_BODY.length}\r\n\r\n`;

/** What a stack, a path or a library would say of itself. */
const INSIDES =
  /\n {4}at |:\d+:\d+\)|node_modules|file:\/\/|\/src\/|\/dist\/|\.[jt]s\b|TypeError|RangeError|AssertionError|Unexpected token|in JSON at|Unexpected end|Maximum call|Cannot read|is not a function|yoga|whatwg|pothos|Law \d/i;

function unchanged(): object {
  return {};
}

/** Numbers entries as no journal may, and does not say which databases there are. */
function brokenJournal(): Journal {
  const append = async () => ({ kind: "appended", firstRevision: 99 }) as const;
  const journal = withHandles(createMemoryJournal(DEFAULT_LIMITS), () => ({ append }));
  let count = 0;
  const databases = async () => (count++ % 2 === 0 ? (null as never) : []);
  return { ...journal, databases };
}

function unreadableJournal(): Journal {
  const databases = () => Promise.reject(new Error("EIO: /var/lib/secret, fdatasync"));
  return { ...withHandles(createMemoryJournal(DEFAULT_LIMITS), unchanged), databases };
}

/** Many connections that have each begun a request. */
async function openMany(url: string, begun: string): Promise<{ connections: RawConnection[] } & Disposable> {
  const connections = await Promise.all(Array.from({ length: 50 }, () => RawConnection.open(url)));
  for (const connection of connections) connection.write(begun);
  return {
    connections,
    [Symbol.dispose]: () => connections.forEach((connection) => connection[Symbol.dispose]()),
  };
}
