import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Journal } from "../../src/journal/journal.js";
import { createMemoryJournal } from "../../src/journal/memory/memory-journal.js";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { withHandles } from "../kit/journal/observed-journal.js";
import {
  graphqlResultOf,
  ask,
  dataOf,
  graphqlPost,
  HttpConnection,
  metricReaches,
  RawConnection,
  readMetric,
  type HttpRequest,
} from "../kit/network/raw-http.js";
import { createHeldJournal } from "../api/held-journal.js";
import { RecordingLog } from "../kit/server/recording-log.js";
import { startServer } from "../kit/server/server.js";
import { storeTask, store, taskCount } from "./jobs.js";
import { CHANGING_TRANSPORTS, disposeAll, API_TRANSPORTS } from "./transports.js";

const TYPENAME = { query: "{ __typename }" };

/** Stores a job in "d", so that the count shows whether it was executed. */
const STORE = `mutation { storeTask(input: { database: "d", task: { description: "t" } }) { outcome } }`;

const STORE_BODY = JSON.stringify({ query: STORE });

const JSON_TYPE = "application/json";
const GRAPHQL_TYPE = "application/graphql-response+json";

describe("A request by POST", () => {
  it.each([
    ["a form", "application/x-www-form-urlencoded", `query=${encodeURIComponent(STORE)}`],
    ["plain text", "text/plain", JSON.stringify({ query: STORE })],
    ["plain text with a JSON parameter", "text/plain; application/json", JSON.stringify({ query: STORE })],
    ["GraphQL", "application/graphql", STORE],
    ["another kind of JSON", "application/graphql+json", JSON.stringify({ query: STORE })],
    ["several types", "application/json, text/plain", JSON.stringify({ query: STORE })],
    ["no type", "", JSON.stringify({ query: STORE })],
    [
      "a multipart form",
      "multipart/form-data; boundary=x",
      `--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n${JSON.stringify({ query: STORE })}\r\n` +
        `--x\r\nContent-Disposition: form-data; name="map"\r\n\r\n{}\r\n--x--\r\n`,
    ],
  ])("of %s gets a 415 and executes nothing", async (_, type, body) => {
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
    ["application/json; charset=UTF-8"],
    ["application/json; Charset=utf8"],
    [`application/json; charset="utf-8"`],
    [`application/json; charset="UTF8"; profile=x`],
    ["application/json; profile=x"],
    ["application/json;"],
  ])("of type %s is accepted", async (type) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const answer = await connection.post(TYPENAME, { "content-type": type });

    expect([answer.status, answer.body]).toEqual([200, `{"data":{"__typename":"Query"}}`]);
  });

  it.each([
    "application/json; charset=iso-8859-1",
    "application/json; charset=latin1",
    "application/json;charset=utf-16",
    `application/json; charset="utf-7"`,
    "application/json; charset=utf-8; charset=iso-8859-1",
    "application/json; charset=",
    "application/json; profile=x; CHARSET=us-ascii",
  ])("of type %s gets a 415 and executes nothing", async (type) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const answer = await connection.request({
      method: "POST",
      headers: { "content-type": type },
      body: Buffer.from(STORE_BODY, "latin1"),
    });

    expect([answer.status, answer.headers["accept-post"]]).toEqual([415, JSON_TYPE]);
    expect(graphqlResultOf(answer).errors?.[0]?.message).toContain("Send the body as UTF-8.");
    expect(await taskCount(server.url)).toBe(0);
  });

  it.each(["identity", "Identity", " identity "])("with the coding %j is accepted", async (coding) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const answer = await connection.post(TYPENAME, { "content-encoding": coding });

    expect(answer.body).toBe(`{"data":{"__typename":"Query"}}`);
  });

  it("may begin with a byte order mark", async () => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const answer = await connection.post(`\ufeff${JSON.stringify(TYPENAME)}`);

    expect(answer.body).toBe(`{"data":{"__typename":"Query"}}`);
  });

  it.each([JSON_TYPE, GRAPHQL_TYPE, "text/event-stream", "*/*"])(
    "with a batch gets a 400 and executes nothing, with Accept: %s",
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
  )("with a body compressed by %s is not decompressed, with Accept: %s", async (coding, accept, body) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);
    const headers = { "content-type": JSON_TYPE, "content-encoding": coding, accept };

    const answer = await connection.request({ method: "POST", headers, body });

    expect([answer.status, answer.headers["accept-encoding"]]).toEqual([415, "identity"]);
    expect(answer.body).toContain(`Unsupported Content-Encoding \\"${coding}\\"`);
    expect(await taskCount(server.url)).toBe(0);
  });

  it.each([
    ["nothing", ""],
    ["invalid JSON", "{nope"],
    ["truncated JSON", `{"query": "{ __typename }"`],
    ["more than one value", `{"query": "{ __typename }"} {}`],
    ["null", "null"],
    ["a number", "5"],
    ["a string", `"{ __typename }"`],
    ["no query", "{}"],
    ["a query that is an object", `{"query": {"a": 1}}`],
    ["variables that are a list", `{"query": "{ __typename }", "variables": [1]}`],
    ["variables that are a string", `{"query": "{ __typename }", "variables": "{}"}`],
    ["a prototype", `{"__proto__": {"query": "{ __typename }"}}`],
  ])("with %s in its body gets a BAD_USER_INPUT without internals", async (_, body) => {
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
  it("can execute a query", async () => {
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
      "the mutation of two operations",
      "application/json",
      { query: `query A { __typename } ${STORE}`.replace("mutation", "mutation B"), operationName: "B" },
    ],
  ])("gets a 405 with Allow: POST for a mutation: %s", async (_, accept, params) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const answer = await connection.get(params, { accept });

    expect([answer.status, answer.headers.allow]).toEqual([405, "POST"]);
    expect(answer.body).toContain(`"extensions":{"code":"BAD_USER_INPUT"}`);
    expect(await taskCount(server.url)).toBe(0);
  });

  it.each([
    ["variables that are not JSON", "query={__typename}&variables={nope"],
    ["extensions that are not JSON", "query={__typename}&extensions={nope"],
    ["variables that are not an object", "query={__typename}&variables=5"],
    ["no query", ""],
    ["an invalid encoding", "query=%E0%A4%A"],
  ])("with %s gets a BAD_USER_INPUT without internals", async (_, search) => {
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

  it("treats a query that looks like the path of a probe as a query", async () => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const answer = await connection.request({ path: "/graphql?query={__typename}&x=/health" });

    expect(answer.body).toBe(`{"data":{"__typename":"Query"}}`);
  });
});

describe("A request by another method", () => {
  it.each(["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])("%s gets a 405", async (method) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const answer = await connection.request({ method });

    expect([answer.status, answer.headers.allow]).toEqual([405, "GET, POST"]);
  });

  it("that offers to upgrade to HTTP/2 gets an answer over HTTP/1.1, as Java's client expects", async () => {
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

  it.each(["h2c", "foo/2"])(
    "is answered in order if each of a pipeline offers to upgrade to %s",
    async (protocol) => {
      await using server = await startServer();
      using connection = await RawConnection.open(server.url);
      const offer = `Host: localhost\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
      const requests = Array.from({ length: 20 }, (_, at) => {
        const body = JSON.stringify({ query: `{ a${at}: __typename }` });
        return (
          `GET /graphql?query=${encodeURIComponent(`{ b${at}: __typename }`)} HTTP/1.1\r\n${offer}\r\n` +
          `POST /graphql HTTP/1.1\r\n${offer}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
        );
      });

      connection.write(`${requests.join("")}GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      await connection.until((received) => received.includes(`"alive"`));

      const answered = [...connection.received.matchAll(/\{"([ab]\d+)":"Query"/g)].map(([, name]) => name);
      expect(answered).toEqual(Array.from({ length: 20 }, (_, at) => [`b${at}`, `a${at}`]).flat());
      expect(connection.received.match(/HTTP\/1.1 200/g)).toHaveLength(41);
    },
  );

  it("that offers to upgrade to HTTP/2 leaves nothing behind on its connection", async () => {
    const warnings: Error[] = [];
    const warn = (warning: Error): void => void warnings.push(warning);
    process.on("warning", warn);
    onTestFinished(() => void process.off("warning", warn));
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);

    for (let count = 0; count < 20; count++)
      await connection.ask(
        "GET /graphql?query={__typename} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
      );

    expect(warnings).toEqual([]);
  });

  it("that offers to upgrade to HTTP/2 behind an unanswered one may be reset", async () => {
    const journal = createHeldJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using server = await startServer({}, { journal });
    using connection = await RawConnection.open(server.url);
    const body = JSON.stringify(storeTask());

    journal.hold();
    connection.write(
      `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}` +
        "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    );
    await journal.written;
    connection.socket.resetAndDestroy();
    await metricReaches(server.url, "tidemark_connections", 1);
    journal.release();

    expect(await dataOf(server.url, `{ taskCount(database: "d") }`)).toEqual({ taskCount: 1 });
  });

  it.each([
    ["a page of another site", "Content-Type: application/json\r\nOrigin: http://evil.example", 5, 403],
    ["a form", "Content-Type: text/plain", 5, 415],
    ["a body that is too large", "Content-Type: application/json", 1_000_001, 413],
  ])(
    "that offers to upgrade to HTTP/2 is rejected like any other: %s",
    async (_, headers, length, status) => {
      await using server = await startServer();
      using connection = await RawConnection.open(server.url);

      const answer = await connection.ask(
        `POST /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n${headers}\r\nContent-Length: ${length}\r\n\r\n`,
      );

      expect(answer.slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
    },
  );
});

describe("The status", () => {
  const FAILURES = [
    ["an answer", { query: "{ __typename }" }, 200, 200],
    ["a field that failed", { query: `{ tasks(database: "") { totalCount } }` }, 200, 200],
    ["a document with a syntax error", { query: "{ nope" }, 200, 400],
    ["a field that does not exist", { query: "{ nope }" }, 200, 400],
    ["a missing variable", { query: "query ($d: String!) { taskCount(database: $d) }" }, 200, 400],
    ["an unknown operation", { query: "query A { __typename }", operationName: "B" }, 200, 400],
  ] as const;

  it.each(FAILURES)("of %s is 200 for a JSON client", async (_, request, status) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const answer = await connection.post(request, { accept: JSON_TYPE });

    expect([answer.status, answer.headers["content-type"]]).toEqual([
      status,
      "application/json; charset=utf-8",
    ]);
  });

  it.each(FAILURES)(
    "of %s tells a GraphQL client whether it was executed",
    async (_, request, __, status) => {
      await using server = await startServer();
      using connection = new HttpConnection(server.url);

      const answer = await connection.post(request, { accept: GRAPHQL_TYPE });

      expect([answer.status, answer.headers["content-type"]]).toEqual([
        status,
        `${GRAPHQL_TYPE}; charset=utf-8`,
      ]);
      expect(answer.body).not.toContain(`"http"`);
    },
  );

  it.each([
    ["a bug", brokenJournal()],
    ["an unreadable journal", unreadableJournal()],
  ])("of %s is a 5xx", async (_, journal) => {
    await using server = await startServer({}, { journal });
    using connection = new HttpConnection(server.url);

    const { status } = await connection.post({ query: "{ databases { name } }" }, { accept: GRAPHQL_TYPE });

    expect(status).toBeGreaterThanOrEqual(500);
  });

  it("of a request that accepts no supported type is 406", async () => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    expect((await connection.post(TYPENAME, { accept: "text/xml" })).status).toBe(406);
  });

  it.each([
    ["POST", "application/xml"],
    ["POST", "application/json;q=0"],
    ["POST", "text/event-stream;q=0, application/json; q=0.0"],
    ["POST", "*/*;q=0"],
    ["GET", "text/plain"],
    ["GET", "image/png, image/*;q=0.8"],
  ])("of a %s that accepts only %s says in JSON what is available", async (method, accept) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);
    const requests: Readonly<Record<string, HttpRequest>> = {
      POST: graphqlPost({ query: STORE }),
      GET: { path: "/graphql?query={__typename}" },
    };
    const request = requests[method];

    const answer = await connection.request({ ...request, headers: { ...request?.headers, accept } });

    expect([answer.status, answer.headers["content-type"]]).toEqual([406, `${JSON_TYPE}; charset=utf-8`]);
    expect(graphqlResultOf(answer)).toEqual({
      errors: [
        {
          message: `Not acceptable: ${JSON.stringify(accept)}. Accept application/json, application/graphql-response+json or text/event-stream.`,
          extensions: { code: "BAD_USER_INPUT" },
        },
      ],
    });
    expect(await taskCount(server.url)).toBe(0);
  });
});

describe("A page of another origin", () => {
  const ORIGIN = { origin: "http://evil.example" };

  it.each([
    ["a request", graphqlPost(TYPENAME, ORIGIN)],
    ["a request by GET", { path: "/graphql?query={__typename}", headers: ORIGIN }],
    ["a preflight", { method: "OPTIONS", headers: { ...ORIGIN, "access-control-request-method": "POST" } }],
    ["the metrics", { path: "/metrics", headers: ORIGIN }],
    ["the health", { path: "/health", headers: ORIGIN }],
    ["server-sent events", graphqlPost(TYPENAME, { ...ORIGIN, accept: "text/event-stream" })],
  ])("gets no CORS headers, so it can read nothing: %s", async (_, request) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const { headers } = await connection.request(request);

    expect(Object.keys(headers).filter((name) => name.startsWith("access-control-"))).toEqual([]);
  });
});

describe("A connection", () => {
  it("stays open for the next request, even after a rejected one", async () => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    await connection.post(TYPENAME);
    await connection.post("{nope");
    await connection.request({ path: "/nope" });
    await connection.request({ path: "/health" });
    await connection.get(TYPENAME);

    expect(connection.socketCount).toBe(1);
  });

  it("does not block others when it sends slowly or endlessly", async () => {
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
      "an unknown transfer coding",
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: xchunked\r\n\r\n",
    ],
    [
      "chunks before another coding",
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
    ],
    [
      "a chunk with an invalid length",
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    [
      "two lengths and an offer to upgrade",
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    ],
  ])("with %s gets a 400 and is closed", async (_, text) => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);

    connection.write(text);
    await connection.ended();

    expect(connection.received).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
    expect(connection.received).not.toMatch(INSIDES);
  });
});

describe("Invalid HTTP", () => {
  it("gets a 400, even after a valid request", async () => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);
    await connection.ask("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");

    connection.write("NONSENSE\r\n\r\n");
    await connection.ended();

    expect(connection.received).toMatch(/HTTP\/1.1 400 Bad Request\r\nConnection: close\r\n\r\n$/);
  });

  it("gets a 431 if the headers are too long", async () => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);

    connection.write(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(20_000)}\r\n\r\n`);
    await connection.ended();

    expect(connection.received).toMatch(/^HTTP\/1.1 431 /);
  });
});

describe("An unknown path", () => {
  it.each([
    "/nope",
    "/graphql/",
    "/graphqlx",
    "//graphql",
    "/GRAPHQL",
    "/__proto__",
    "/health/",
    "/%2e%2e/etc/passwd",
  ])("is a 404: %s", async (path) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const { status, body } = await connection.request({ path });

    expect(status).toBe(404);
    expect(body).toContain("/graphql");
    expect(body).not.toContain(path);
  });
});

describe("/health", () => {
  it("is 200 even while the journal is not writable", async () => {
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
  it("is 200 while the server can serve and write", async () => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const { status, body } = await connection.request({ path: "/ready" });

    expect([status, body]).toEqual([200, `{"status":"ready"}\n`]);
  });

  it("is 503 while the journal is not writable, then 200 again", async () => {
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

  it("is 503 for connected clients while the server stops", async () => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);
    // The answer shows that the request has begun, so the connection is in use from here.
    await connection.ask("GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\nGET /ready HTTP/1.1\r\n");

    const stopped = server.close();
    connection.write("Host: localhost\r\n\r\n");
    await stopped;
    await connection.ended();

    expect(connection.received).toContain("HTTP/1.1 503 ");
    expect(connection.received).toContain(`{"status":"stopping"}`);
  });
});

describe("A request in progress when the server stops", () => {
  it("is answered with Connection: close", async () => {
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
  it("has the format of Prometheus", async () => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const { status, headers, body } = await connection.request({ path: "/metrics" });

    expect([status, headers["content-type"]]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
    expect(body).toContain("# TYPE tidemark_failures_total counter\n");
    expect(body).toContain("tidemark_connections 1\n");
    expect(body).toContain("process_resident_memory_bytes ");
  });

  it.each(API_TRANSPORTS)("counts each error over $name once, by code", async ({ connect }) => {
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
  });

  it("has no labels that clients can choose", async () => {
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

describe("An internal error", () => {
  it.each(API_TRANSPORTS)(
    "is masked by an id over $name, and the log has the details under that id",
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
            extensions: {
              code: "INTERNAL",
              errorId: expect.stringMatching(/^[0-9a-f-]{36}$/),
              requestId: expect.any(String),
            },
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

  it.each(CHANGING_TRANSPORTS)("is masked by an id over $name in a mutation", async ({ connect }) => {
    await using server = await startServer({}, { journal: brokenJournal() });
    using client = await connect(server.url);

    const { errors } = await client.ask(storeTask());

    expect(errors?.[0]?.extensions?.["code"]).toBe("INTERNAL");
    expect(JSON.stringify(errors)).not.toMatch(INSIDES);
    expect(await readMetric(server.url, `tidemark_failures_total{code="INTERNAL",limit=""}`)).toBe(1);
  });

  it.each(API_TRANSPORTS)(
    "of the journal is UNAVAILABLE over $name, without its message",
    async ({ connect }) => {
      await using server = await startServer({}, { journal: unreadableJournal() });
      using client = await connect(server.url);

      const answer = await client.ask({ query: "{ databases { name } }" });

      expect(answer.errors?.[0]?.extensions).toEqual({
        code: "UNAVAILABLE",
        requestId: expect.any(String),
      });
      expect(JSON.stringify(answer)).not.toMatch(/secret|EIO|fdatasync/);
    },
  );
});

describe("Hostile input", () => {
  const JSON_BODY = JSON.stringify(TYPENAME);
  const headed = (headers: string): string =>
    `POST /graphql HTTP/1.1\r\n${headers}\r\nContent-Type: application/json\r\nContent-Length: ${JSON_BODY.length}\r\n\r\n${JSON_BODY}`;

  it.each([
    ["an invalid host", headed("Host: [")],
    ["a host with a space", headed("Host: a b")],
    ["a host with an invalid port", headed("Host: x:99999999")],
    ["a host with a path", headed("Host: x/../..")],
    ["an invalid origin", headed("Host: localhost\r\nOrigin: ://")],
    ["an invalid absolute URL", `GET http://[/graphql HTTP/1.1\r\nHost: localhost\r\n\r\n`],
    ["a URL without a slash", `GET graphql HTTP/1.1\r\nHost: localhost\r\n\r\n`],
    ["a query with an invalid encoding", `GET /graphql?query=%ff%00 HTTP/1.1\r\nHost: localhost\r\n\r\n`],
    ["an unsupported encoding", headed("Host: localhost\r\nContent-Encoding: gzip")],
    [
      "an exotic charset",
      headed("Host: localhost").replace("application/json", "application/json; charset=utf-7"),
    ],
    ["many accepted types", headed(`Host: localhost\r\nAccept: ${"a/b;q=0.1,".repeat(500)}`)],
    ["an invalid accepted type", headed("Host: localhost\r\nAccept: ;;=,")],
  ])("never reveals internals: %s", async (_, text) => {
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
    ["half a surrogate pair", { query: `{ tasks(database: "\ud800") { totalCount } }` }],
    ["a name with a null", { query: `{ tasks(database: "\\u0000") { totalCount } }` }],
    ["fields named like properties of every object", { query: "{ __proto__ constructor toString }" }],
    [
      "an operation named like a property of every object",
      { query: "{ __typename }", operationName: "__proto__" },
    ],
    [
      "variables named like properties of every object",
      { query: "query ($x: Int) { __typename }", variables: JSON.parse(`{"__proto__":{"x":1}}`) as object },
    ],
    ["a huge number", { query: `{ listProgress(database: "d", first: ${"9".repeat(400)}) { jobId } }` }],
    ["an invalid id", { query: `{ node(id: "${"A".repeat(1_000)}") { id } }` }],
    [
      "an invalid cursor",
      { query: `{ tasks(database: "d", after: "${"1".repeat(1_000)}") { totalCount } }` },
    ],
    ["a recursive fragment", { query: "{ ...A } fragment A on Query { ...A }" }],
    ["conflicting fields", { query: `{ ${"task: __typename ".repeat(20)} }` }],
    ["a field repeated up to the limit", { query: `{ ${"__typename ".repeat(990)} }` }],
    ["an unterminated string", { query: `{ tasks(database: "` }],
    ["unclosed nested fields", { query: "{ a ".repeat(2_000) }],
    ["deeply nested fields", { query: inside(400, "{ a ", " }") }],
    ["nested lists", { query: `{ tasks(database: ${inside(450, "[", "]")}) { totalCount } }` }],
    ["nested objects", { query: `{ tasks(database: ${inside(240, "{ a: ", "}")}) { totalCount } }` }],
    ["a nested list type", { query: `query ($x: ${inside(450, "[", "]", "Int")}) { __typename }` }],
    ["nested fragments", { query: `{ ${inside(300, "... { ", " }", "__typename")} }` }],
  ] as const)("gets an answer without internals over every transport: %s", async (_, request) => {
    const log = new RecordingLog();
    await using server = await startServer({}, { log });
    const clients = await Promise.all(API_TRANSPORTS.map(({ connect }) => connect(server.url)));
    using all = disposeAll(clients);

    const answers = await Promise.all(all.members.map((client) => client.ask(request as { query: string })));

    expect(answers).toHaveLength(4);
    expect(JSON.stringify(answers)).not.toMatch(INSIDES);
    expect(
      answers.flatMap(({ errors = [] }) => errors.map(({ extensions }) => extensions?.["code"])),
    ).not.toContain("INTERNAL");
    expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});

/** Text inside `depth` layers. */
function inside(layers: number, begin: string, end: string, core = ""): string {
  return begin.repeat(layers) + core + end.repeat(layers);
}

const POST_BODY = JSON.stringify(TYPENAME);
const POST_HEAD = `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${JSON_TYPE}\r\nContent-Length: ${POST_BODY.length}\r\n\r\n`;

/** Matches stack traces, paths and library messages. */
const INSIDES =
  /\n {4}at |:\d+:\d+\)|node_modules|file:\/\/|\/src\/|\/dist\/|\.[jt]s\b|TypeError|RangeError|AssertionError|Unexpected token|in JSON at|Unexpected end|Maximum call|Cannot read|is not a function|yoga|whatwg|pothos|Law \d/i;

function unchanged(): object {
  return {};
}

/** A journal that assigns invalid revisions and can't list its databases. */
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

/** Many connections, each with a started request. */
async function openMany(
  url: string,
  requestStart: string,
): Promise<{ connections: RawConnection[] } & Disposable> {
  const connections = await Promise.all(Array.from({ length: 50 }, () => RawConnection.open(url)));
  for (const connection of connections) connection.write(requestStart);
  return {
    connections,
    [Symbol.dispose]: () => connections.forEach((connection) => connection[Symbol.dispose]()),
  };
}
