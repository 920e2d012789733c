import { describe, expect, it } from "vitest";
import { ask, RawConnection } from "../kit/raw-http.js";
import { startServer } from "../kit/server.js";

/** These take as long as the server is patient: they wait together, in a file of their own. */
describe.concurrent("A client that sends too slowly is cut off", () => {
  it.each([
    ["says nothing at all", ""],
    ["stops in the middle of a header", "POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-Slow: "],
    [
      "stops in the middle of its body",
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    ],
    [
      "stops between two chunks",
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    ],
  ])("when it %s", async (_, begun) => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);

    connection.write(begun);
    await connection.ended();

    expect(connection.received).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n|^$/);
    expect(await ask(server.url, { query: "{ __typename }" })).toEqual({ data: { __typename: "Query" } });
  });

  it("when it trickles on and on", async () => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);
    connection.write("POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    const trickle = setInterval(() => connection.write("x"), 500);

    await connection.ended();
    clearInterval(trickle);

    expect(await ask(server.url, { query: "{ __typename }" })).toEqual({ data: { __typename: "Query" } });
  });
});
