import { GraphQLInt } from "graphql";
import { describe, expect, it } from "vitest";
import {
  graphqlPost,
  graphqlResultOf,
  HttpConnection,
  RawConnection,
  type HttpRequest,
} from "../kit/network/raw-http.js";
import { ssePost, SseStream } from "../kit/network/sse-client.js";
import { upgrade, WsClient } from "../kit/network/ws-client.js";
import { startExtendedServer } from "../kit/server/extended-schema-server.js";
import { startServer } from "../kit/server/server.js";

const TYPENAME = { query: "{ __typename }" };
const FRIEND = "https://friend.example";
const PREFLIGHT = { origin: FRIEND, "access-control-request-method": "POST" };
const FAILS = { query: "{ fails }" };

describe("The id of a request", () => {
  it.each<[string, HttpRequest]>([
    ["a POST", graphqlPost(TYPENAME)],
    ["a POST that is not JSON", graphqlPost("{")],
    ["a POST of a form", { method: "POST", headers: { "content-type": "text/plain" }, body: "x" }],
    ["a GET", { path: "/graphql?query=%7B__typename%7D" }],
    ["an answer as server-sent events", ssePost(TYPENAME)],
    ["another method", { method: "PUT" }],
    ["a preflight", { method: "OPTIONS", headers: PREFLIGHT }],
    ["GraphiQL", { headers: { accept: "text/html" } }],
    ["/health", { path: "/health" }],
    ["/ready", { path: "/ready" }],
    ["/metrics", { path: "/metrics" }],
    ["/about", { path: "/about" }],
    ["the dashboard", { path: "/" }],
    ["a missing page", { path: "/nowhere" }],
    ["the demonstration", { method: "GET", path: "/demo" }],
    ["a page of another site", { headers: { origin: "https://stranger.example" } }],
    ["an unknown host", { path: "/health", headers: { host: "stranger.example" } }],
  ])("is in the answer to %s, one for each request", async (_, request) => {
    await using server = await startServer({ allowOrigin: FRIEND });
    using connection = new HttpConnection(server.url);

    const first = await connection.request(request);
    const second = await connection.request(request);
    const given = await connection.request({
      ...request,
      headers: { ...request.headers, "x-request-id": "trace/7" },
    });

    expect(first.headers["x-request-id"]).toMatch(/^[0-9a-f]{12}-[0-9a-z]+$/);
    expect(second.headers["x-request-id"]).not.toBe(first.headers["x-request-id"]);
    expect(given.headers["x-request-id"]).toBe("trace/7");
  });

  it("is in the answer to an upgrade, accepted or not", async () => {
    await using server = await startServer();
    const heads = [{ "X-Request-Id": "a" }, { "X-Request-Id": "b", Origin: "https://stranger.example" }];

    const answers = await Promise.all(
      heads.map(async (headers) => {
        using connection = await RawConnection.open(server.url);
        connection.write(upgrade(headers));
        return await connection.until((received) => received.includes("\r\n\r\n"));
      }),
    );

    expect(answers).toEqual([
      expect.stringMatching(/^HTTP\/1.1 101 [^]*\r\nX-Request-Id: a\r\n/),
      expect.stringMatching(/^HTTP\/1.1 403 [^]*\r\nX-Request-Id: b\r\n/),
    ]);
  });

  it.each(["", "two words", 'a"quote', "x".repeat(129), "tab\tbed"])(
    "is made by the server if the given one is not safe to log: %j",
    async (given) => {
      await using server = await startServer();
      using connection = new HttpConnection(server.url);

      const { headers } = await connection.post(TYPENAME, { "x-request-id": given });

      expect(headers["x-request-id"]).toMatch(/^[0-9a-f]{12}-/);
    },
  );

  it("is in an internal error over HTTP, and in the log", async () => {
    await using server = await startFailingServer();
    using connection = new HttpConnection(server.url);

    const { errors } = graphqlResultOf(await connection.post(FAILS, { "x-request-id": "r-1" }));

    expect(errors).toMatchObject([{ extensions: { code: "INTERNAL", requestId: "r-1" } }]);
    expect(server.log.lines).toMatchObject([{ level: "error", fields: { requestId: "r-1" } }]);
  });

  it("is in an internal error over server-sent events, and in the log", async () => {
    await using server = await startFailingServer();
    using stream = await SseStream.open(server.url, FAILS, { "x-request-id": "r-2" });

    const { errors } = await stream.next();

    expect(errors).toMatchObject([{ extensions: { code: "INTERNAL", requestId: "r-2" } }]);
    expect(server.log.lines).toMatchObject([{ level: "error", fields: { requestId: "r-2" } }]);
  });

  it("names the socket and the operation over WebSocket", async () => {
    await using server = await startFailingServer();
    using client = await WsClient.connect(server.url, { headers: { "X-Request-Id": "r-3" } });

    await client.ask(TYPENAME);
    const { errors } = await client.ask(FAILS);

    expect(errors).toMatchObject([{ extensions: { code: "INTERNAL", requestId: "r-3:2" } }]);
    expect(server.log.lines).toMatchObject([{ level: "error", fields: { requestId: "r-3:2" } }]);
  });
});

function startFailingServer() {
  const resolve = (): never => {
    throw new Error("a defect");
  };
  return startExtendedServer({ query: { fails: { type: GraphQLInt, resolve } } });
}
