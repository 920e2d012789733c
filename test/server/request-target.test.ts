import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RawConnection } from "../kit/network/raw-http.js";
import { textFrame, upgrade } from "../kit/network/ws-client.js";
import { startServer, type TestServer } from "../kit/server/server.js";

const BODY = `{"query":"{ __typename }"}`;
const ANSWER = `{"data":{"__typename":"Query"}}`;
const JSON_HEADERS = `Content-Type: application/json\r\nContent-Length: ${BODY.length}\r\n`;

describe("A request with an absolute URL, as a client sends it to a proxy,", () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer();
  });

  afterAll(() => server.close());

  it.each([
    ["a POST", "POST http://localhost/graphql", `Host: localhost\r\n${JSON_HEADERS}`, BODY],
    ["another scheme", "POST HTTPS://localhost:4000/graphql", `Host: localhost\r\n${JSON_HEADERS}`, BODY],
    ["an IP address", "POST http://127.0.0.1/graphql", `Host: localhost\r\n${JSON_HEADERS}`, BODY],
    ["an IPv6 address", "POST http://[::1]:4000/graphql", `Host: localhost\r\n${JSON_HEADERS}`, BODY],
    ["a GET", "GET http://localhost/graphql?query={__typename}", "Host: localhost\r\n", ""],
    [
      "server-sent events",
      "GET http://localhost/graphql?query={__typename}",
      "Host: localhost\r\nAccept: text/event-stream\r\n",
      "",
    ],
    [
      "an unknown Host, which does not count",
      "POST http://localhost/graphql",
      `Host: x.example\r\n${JSON_HEADERS}`,
      BODY,
    ],
    [
      "an allowed origin",
      "POST http://localhost:99/graphql",
      `Host: other\r\nOrigin: http://localhost:99\r\n${JSON_HEADERS}`,
      BODY,
    ],
  ])("is answered: %s", async (_, line, headers, body) => {
    expect(await answerTo(server, `${line} HTTP/1.1\r\n${headers}\r\n${body}`)).toContain(ANSWER);
  });

  it.each([
    ["/health", `{"status":"alive"}`],
    ["/about", `"version"`],
    ["", "Location: graphql"],
    ["?a=/health", "Location: graphql"],
  ])("is routed by its path %j", async (path, part) => {
    await using bare = await startServer({ dashboard: "off" });

    expect(await answerTo(bare, `GET http://localhost${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)).toContain(
      part,
    );
  });

  it.each([
    ["of an unknown host", "POST http://evil.example/graphql", "localhost", 403],
    ["of no host", "POST http:///graphql", "localhost", 400],
    ["of an invalid host", "POST http://[/graphql", "localhost", 400],
    ["of an invalid port", "POST http://localhost:99999/graphql", "localhost", 400],
    ["of another path", "POST http://localhost/nope", "localhost", 404],
    ["of another protocol", "POST ftp://localhost/graphql", "localhost", 404],
  ])("is rejected if it is the URL %s", async (_, line, host, status) => {
    const answer = await answerTo(server, `${line} HTTP/1.1\r\nHost: ${host}\r\n${JSON_HEADERS}\r\n${BODY}`);

    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  it("opens a WebSocket", async () => {
    using connection = await RawConnection.open(server.url);

    connection.write(upgrade({}, "http://localhost/graphql"));
    connection.write(textFrame(`{"type":"connection_init"}`));

    expect(await connection.until((received) => received.includes("connection_ack"))).toMatch(
      /^HTTP\/1.1 101 /,
    );
  });

  it("opens no WebSocket of an unknown host", async () => {
    using connection = await RawConnection.open(server.url);

    connection.write(upgrade({}, "http://evil.example/graphql"));
    await connection.ended();

    expect(connection.received).toMatch(/^HTTP\/1.1 403 /);
  });
});

describe("A request with several Host headers", () => {
  it.each([
    ["equal ones", "Host: localhost\r\nHost: localhost"],
    ["different ones", "Host: localhost\r\nHost: evil.example"],
    ["others between them", "Host: localhost\r\nA: b\r\nhost: localhost"],
    ["an empty one", "Host: localhost\r\nHOST:"],
  ])("gets a 400: %s", async (_, hosts) => {
    await using server = await startServer();

    const answers = [
      await answerTo(server, `POST /graphql HTTP/1.1\r\n${hosts}\r\n${JSON_HEADERS}\r\n${BODY}`),
      await answerTo(server, `GET /health HTTP/1.1\r\n${hosts}\r\n\r\n`),
      await answerTo(server, upgrade().replace("Host: localhost", hosts)),
    ];

    expect(answers.map((answer) => /^HTTP\/1.1 400 .*several Host headers/s.test(answer))).toEqual([
      true,
      true,
      true,
    ]);
  });
});

/** Everything that the server sends until it closes the connection. */
async function answerTo({ url }: TestServer, request: string): Promise<string> {
  using connection = await RawConnection.open(url);
  connection.write(request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
  await connection.ended();
  return connection.received;
}
