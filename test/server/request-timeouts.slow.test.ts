import { describe, expect, it } from "vitest";
import { ask, RawConnection, readMetric } from "../kit/network/raw-http.js";
import { startServer } from "../kit/server/server.js";
import { upgrade, WsClient } from "../kit/network/ws-client.js";

/** These tests wait for real timeouts, so they run concurrently in a separate file. */
describe.concurrent("A client that sends too slowly is disconnected", () => {
  it.each([
    ["sends nothing", ""],
    ["stops in the middle of a header", "POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-Slow: "],
    [
      "stops in the middle of its body",
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    ],
    [
      "stops between two chunks",
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    ],
  ])("when it %s", async (_, partialRequest) => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);

    connection.write(partialRequest);
    await connection.ended();

    expect(connection.received).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n|^$/);
    expect(await ask(server.url, { query: "{ __typename }" })).toEqual({ data: { __typename: "Query" } });
  });

  it("when it keeps sending single bytes", async () => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);
    connection.write("POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    const trickle = setInterval(() => connection.write("x"), 500);

    await connection.ended();
    clearInterval(trickle);

    expect(await ask(server.url, { query: "{ __typename }" })).toEqual({ data: { __typename: "Query" } });
  });
});

describe.concurrent("A timeout for slow senders is configurable and counts each disconnect", () => {
  it.each([
    [
      "headers, --headers-timeout",
      { headersTimeout: "400ms" },
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    ],
    ["the headers of a handshake", { headersTimeout: "400ms" }, upgrade().slice(0, -2)],
    [
      "a whole request, --request-timeout",
      { requestTimeout: "400ms" },
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
    ],
    [
      "a request for an event stream",
      { requestTimeout: "400ms" },
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\nContent-Length: 9\r\n\r\n{",
    ],
    [
      "a body with an offer to upgrade",
      { requestTimeout: "400ms" },
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
    ],
  ])("%s", async (_, flags, partialRequest) => {
    await using server = await startServer(flags);
    using connection = await RawConnection.open(server.url);

    connection.write(partialRequest);
    await connection.ended();

    expect(connection.received).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n/);
    expect(await readMetric(server.url, "tidemark_slow_senders_closed_total")).toBe(1);
  });

  it("connection_init of a WebSocket, --init-timeout: 4408", async () => {
    await using server = await startServer({ initTimeout: "100ms" });
    using client = await WsClient.open(server.url);

    expect((await client.closed).code).toBe(4408);
    expect(await readMetric(server.url, "tidemark_slow_senders_closed_total")).toBe(1);
  });

  it("a long response to a timely request is not interrupted", async () => {
    await using server = await startServer({ headersTimeout: "100ms", requestTimeout: "100ms" });
    using client = await WsClient.connect(server.url);
    const watching = client.subscribe({ query: `subscription { taskCount(database: "d") }` });
    await watching.next();
    using idle = await RawConnection.open(server.url);
    await idle.ended();

    expect((await client.ask({ query: "{ __typename }" })).errors).toBeUndefined();
  });
});
