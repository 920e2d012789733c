import { describe, expect, it } from "vitest";
import { HttpConnection, RawConnection, readMetric, type HttpRequest } from "../kit/network/raw-http.js";
import { startServer } from "../kit/server/server.js";
import { ssePost } from "../kit/network/sse-client.js";
import { upgrade } from "../kit/network/ws-client.js";
import { store, taskCount } from "./jobs.js";

/**
 * What web pages may do. A browser sends the requests of any site's page, with the network access of this machine. It
 * only hides the answer from the page.
 */
const TYPENAME = "{ __typename }";
const STORE = `mutation { storeTask(input: { database: "d", task: { description: "t" } }) { outcome } }`;
const EVENTS = `subscription { taskEvents(database: "d") { position } }`;
const FRIEND = "https://friend.example";
const STRANGER = "https://stranger.example";

function post(query: string, headers: Readonly<Record<string, string>>): HttpRequest {
  return {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query }),
  };
}

function get(query: string, headers: Readonly<Record<string, string>>): HttpRequest {
  return { path: `/graphql?${new URLSearchParams({ query })}`, headers };
}

function preflight(origin: string): HttpRequest {
  return {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type",
    },
  };
}

describe("A page of another site", () => {
  it.each([
    ["a query", post(TYPENAME, { origin: STRANGER })],
    ["a mutation", post(STORE, { origin: STRANGER })],
    ["a query by GET", get(TYPENAME, { origin: STRANGER })],
    ["a subscription", ssePost({ query: EVENTS }, { origin: STRANGER })],
    ["an EventSource", get(EVENTS, { origin: STRANGER, accept: "text/event-stream" })],
    ["a page without an origin", post(STORE, { origin: "null" })],
    ["an image", get(TYPENAME, { accept: "image/avif,*/*;q=0.8", "sec-fetch-site": "cross-site" })],
    ["a script", get(TYPENAME, { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" })],
    ["a script of another port", get(TYPENAME, { "sec-fetch-site": "same-site" })],
    [
      "a stream in no-cors mode",
      get(EVENTS, { accept: "text/event-stream", "sec-fetch-site": "cross-site" }),
    ],
    ["a preflight", preflight(STRANGER)],
  ])("is rejected before anything is executed: %s", async (_, request) => {
    await using server = await startServer({ allowOrigin: FRIEND });
    using connection = new HttpConnection(server.url);

    const { status, headers, body } = await connection.request(request);

    expect(status).toBe(403);
    expect(body).toContain(`"code":"FORBIDDEN"`);
    expect(headers).not.toHaveProperty("access-control-allow-origin");
    expect(await taskCount(server.url)).toBe(0);
    expect(await readMetric(server.url, `tidemark_failures_total{code="FORBIDDEN",limit=""}`)).toBe(1);
  });

  it.each([
    ["a form", "application/x-www-form-urlencoded", `query=${encodeURIComponent(STORE)}`],
    ["a multipart form", "multipart/form-data; boundary=x", `--x\r\n\r\n${STORE}\r\n--x--`],
    ["plain text", "text/plain", JSON.stringify({ query: STORE })],
    ["no type", "", JSON.stringify({ query: STORE })],
  ])(
    "cannot execute anything by a simple request, even if the browser sends no origin: %s",
    async (_, type, body) => {
      await using server = await startServer();
      using connection = new HttpConnection(server.url);

      const answers = await Promise.all(
        ["application/json", "text/event-stream", "*/*"].map((accept) =>
          connection.request({ method: "POST", headers: { "content-type": type, accept }, body }),
        ),
      );

      expect(answers.map(({ status }) => status)).toEqual([415, 415, 415]);
      expect(await taskCount(server.url)).toBe(0);
    },
  );

  it("can link to GraphiQL", async () => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const headers = { accept: "text/html", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    const { status } = await connection.request({ path: "/graphql", headers });

    expect(status).toBe(200);
  });
});

describe("A page of an allowed origin", () => {
  it.each([
    ["a query", post(TYPENAME, { origin: FRIEND })],
    ["a query by GET", get(TYPENAME, { origin: FRIEND, "sec-fetch-site": "cross-site" })],
    ["an invalid query", post("{ nope }", { origin: FRIEND })],
    ["a request that Yoga handles", post(TYPENAME, { origin: FRIEND, accept: "application/json;q=0.5" })],
  ])("can read the answer, without credentials: %s", async (_, request) => {
    await using server = await startServer({ allowOrigin: `${FRIEND},http://other.example` });
    using connection = new HttpConnection(server.url);

    const { status, headers } = await connection.request(request);

    expect(status).toBe(200);
    expect(headers).toMatchObject({ "access-control-allow-origin": FRIEND, vary: "Origin" });
    expect(headers).not.toHaveProperty("access-control-allow-credentials");
  });

  it.each([
    ["https://*.friend.example", "https://a.b.friend.example"],
    ["https://*.friend.example:8443", "https://a.friend.example:8443"],
    ["tauri://localhost", "tauri://localhost"],
    ["chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop"],
  ])("may be allowed as %s", async (allowOrigin, origin) => {
    await using server = await startServer({ allowOrigin });
    using connection = new HttpConnection(server.url);

    const answers = [
      await connection.request(preflight(origin)),
      await connection.request(post(TYPENAME, { origin })),
    ];

    expect(answers.map(({ status }) => status)).toEqual([204, 200]);
    expect(answers.map(({ headers }) => headers["access-control-allow-origin"])).toEqual([origin, origin]);
  });

  it("can read a stream", async () => {
    await using server = await startServer({ allowOrigin: FRIEND });
    using connection = new HttpConnection(server.url);

    const { statusCode, headers } = await connection.open(ssePost({ query: EVENTS }, { origin: FRIEND }));

    expect([statusCode, headers["access-control-allow-origin"]]).toEqual([200, FRIEND]);
  });

  it("gets its preflight answered, which executes nothing", async () => {
    await using server = await startServer({ allowOrigin: FRIEND, allowHeader: "X-Tenant" });
    using connection = new HttpConnection(server.url);

    const { status, headers, body } = await connection.request(preflight(FRIEND));

    expect([status, body]).toEqual([204, ""]);
    expect(headers).toMatchObject({
      "access-control-allow-origin": FRIEND,
      "access-control-allow-methods": "GET, POST",
      "access-control-allow-headers":
        "Authorization, Content-Type, Last-Event-ID, X-Request-Id, traceparent, tracestate, baggage, sentry-trace, X-Tenant",
      "access-control-max-age": "7200",
      vary: "Origin",
    });
    expect(headers).not.toHaveProperty("access-control-allow-credentials");
  });

  it("gets Vary: Origin, so that caches keep its answers apart", async () => {
    await using server = await startServer({ allowOrigin: FRIEND });
    using connection = new HttpConnection(server.url);

    const { headers } = await connection.request(get(TYPENAME, {}));

    expect(headers.vary).toBe("Origin");
    expect(headers).not.toHaveProperty("access-control-allow-origin");
  });

  it.each([
    ["an allowed origin", FRIEND, 101],
    ["another origin", STRANGER, 403],
    ["a name with the same prefix", `${FRIEND}.evil.example`, 403],
    ["another scheme", FRIEND.replace("https", "http"), 403],
  ])("is the only one that can open a WebSocket: %s", async (_, origin, status) => {
    await using server = await startServer({ allowOrigin: FRIEND });
    using connection = await RawConnection.open(server.url);

    connection.write(upgrade({ Origin: origin }));
    await connection.until((received) => received.includes("\r\n\r\n"));

    expect(connection.received.slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
  });
});

describe("A page of this server", () => {
  it.each([
    ["sends Sec-Fetch-Site: same-origin", { "sec-fetch-site": "same-origin" }],
    ["was opened by its URL", { "sec-fetch-site": "none" }],
  ])("is accepted when it %s", async (_, headers) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);
    const own = { ...headers, origin: server.url };

    const answers = [
      await connection.request(get(TYPENAME, headers)),
      await connection.request(post(TYPENAME, own)),
    ];

    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe("A page of this server under another spelling of its address", () => {
  it.each([
    ["localhost:443", "https://localhost"],
    ["localhost:80", "http://localhost"],
    ["LOCALHOST:4000", "http://localhost:4000"],
    ["localhost.:4000", "http://localhost.:4000"],
    ["[0:0:0:0:0:0:0:1]:4000", "http://[::1]:4000"],
  ])("is accepted over HTTP and WebSocket: Host %s, Origin %s", async (host, origin) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);
    using socket = await RawConnection.open(server.url);

    const { status } = await connection.request(post(TYPENAME, { host, origin }));
    socket.write(upgrade({ Host: host, Origin: origin }));
    await socket.until((received) => received.includes("\r\n\r\n"));

    expect([status, socket.received.slice(0, 12)]).toEqual([200, "HTTP/1.1 101"]);
  });
});

describe("A host name that another site points at this machine", () => {
  const UNKNOWN = [
    ["evil.example"],
    ["evil.example:4000"],
    ["localhost.evil.example"],
    ["127.0.0.1.evil.example"],
  ];

  it.each(UNKNOWN)("is rejected on every path: %s", async (host) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);
    await store(server.url);

    const answers = await Promise.all(
      [
        post(STORE, { host }),
        post(STORE, { host, origin: `http://${host}` }),
        get(TYPENAME, { host }),
        ssePost({ query: EVENTS }, { host }),
        { path: "/metrics", headers: { host } },
        { path: "/graphql", headers: { host, accept: "text/html" } },
        { path: "/", headers: { host } },
      ].map((request) => connection.request(request)),
    );

    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403, 403, 403]);
    expect(answers.map(({ body }) => body).join("")).not.toContain("evil");
    expect(await taskCount(server.url)).toBe(1);
  });

  it.each(UNKNOWN)("can open no WebSocket: %s", async (host) => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);

    connection.write(upgrade({ Host: host, Origin: `http://${host}` }));
    await connection.ended();

    expect(connection.received).toMatch(/^HTTP\/1.1 403 Forbidden\r\n/);
  });

  it.each([
    ["localhost:4000"],
    ["tidemark.localhost"],
    ["127.0.0.1"],
    ["[::1]:4000"],
    ["192.168.1.5"],
    ["tidemark.example:4000"],
    ["TIDEMARK.example"],
  ])("does not include the known name %s", async (host) => {
    await using server = await startServer({ allowHost: "tidemark.example" });
    using connection = new HttpConnection(server.url);

    const { status } = await connection.request(post(TYPENAME, { host }));

    expect(status).toBe(200);
  });

  it("is accepted by a server that other machines can reach", async () => {
    await using server = await startServer({ host: "0.0.0.0", allowOpen: true });
    using connection = new HttpConnection(server.url);

    const { status } = await connection.request(post(TYPENAME, { host: "tidemark.example" }));

    expect(status).toBe(200);
  });
});

describe("Every response", () => {
  it.each([
    ["a query that Yoga handles", get(TYPENAME, {})],
    ["a rejected request", post(TYPENAME, { origin: STRANGER })],
    ["a form", { method: "POST", headers: { "content-type": "text/plain" }, body: "x" }],
    ["the page", { path: "/graphql", headers: { accept: "text/html" } }],
    ["the redirect to it", { path: "/" }],
    ["an unknown path", { path: "/nope" }],
    ["the metrics", { path: "/metrics" }],
    ["the health", { path: "/health" }],
    ["the readiness", { path: "/ready" }],
  ])("has security headers and sets no cookie: %s", async (_, request) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const { headers } = await connection.request(request);

    expect(headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "content-security-policy": expect.stringMatching(/^default-src 'none'.*frame-ancestors 'none'/),
    });
    expect(headers).not.toHaveProperty("set-cookie");
  });

  it.each([
    ["a query", post(TYPENAME, {})],
    ["a syntax error", post("{", { accept: "application/graphql-response+json" })],
  ])("forbids content sniffing, also on the fast path: %s", async (_, request) => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const { headers } = await connection.request(request);

    expect(headers).toMatchObject({ "x-content-type-options": "nosniff" });
  });

  it("has security headers on an event stream too", async () => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const { headers } = await connection.open(ssePost({ query: EVENTS }));

    expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" });
  });
});
