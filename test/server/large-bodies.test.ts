import { describe, expect, it } from "vitest";
import { graphqlResultOf, HttpConnection, readMetric } from "../kit/network/raw-http.js";
import { WsClient } from "../kit/network/ws-client.js";
import { startServer } from "../kit/server/server.js";
import { storeTask, taskCount } from "./jobs.js";
import { API_TRANSPORTS } from "./transports.js";

const TYPENAME = { query: "{ __typename }" };
const COUNT = `subscription { taskCount(database: "d") }`;
const LARGE = { ignored: Array.from({ length: 100 }, () => "x".repeat(1_000)) };
const BRACKETS = `{"query":"{ __typename }","variables":{"a":${"[".repeat(50_000)}${"]".repeat(50_000)}}}`;

describe("A large request", () => {
  it.each(API_TRANSPORTS.filter(({ name }) => name !== "HTTP GET"))(
    "is answered over $name",
    async ({ connect }) => {
      await using server = await startServer();
      using client = await connect(server.url);

      const answers = await Promise.all([
        client.ask({ ...TYPENAME, variables: LARGE }),
        client.ask(TYPENAME),
        client.ask({ ...TYPENAME, variables: LARGE }),
      ]);

      expect(answers).toEqual(answers.map(() => ({ data: { __typename: "Query" } })));
    },
  );

  it("is rejected over HTTP if it is nothing but brackets, and its connection goes on", async () => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const rejected = await connection.post(BRACKETS);
    const after = await connection.post(TYPENAME);

    expect(rejected.status).toBe(400);
    expect(graphqlResultOf(rejected).errors).toMatchObject([
      { message: expect.stringContaining("1000 levels"), extensions: { code: "BAD_USER_INPUT" } },
    ]);
    expect([after.status, connection.socketCount]).toEqual([200, 1]);
  });

  it("closes a WebSocket if it is nothing but brackets, and no other", async () => {
    await using server = await startServer();
    using client = await WsClient.connect(server.url);
    using other = await WsClient.connect(server.url);

    client.send(`{"id":"1","type":"subscribe","payload":${BRACKETS}}`);

    expect(await client.closed).toEqual({ code: 4400, reason: "Invalid message received" });
    expect(await other.ask(TYPENAME)).toEqual({ data: { __typename: "Query" } });
  });

  it("is handled before the messages behind it on its WebSocket", async () => {
    await using server = await startServer();
    using client = await WsClient.connect(server.url);

    client.send({ id: "1", type: "subscribe", payload: { query: COUNT, variables: LARGE } });
    client.send({ id: "1", type: "complete" });
    client.send({ type: "ping" });
    await client.next(({ type }) => type === "pong");
    await client.ask(TYPENAME);

    expect(await readMetric(server.url, "tidemark_subscribers")).toBe(0);
  });

  it("is the last of its WebSocket if it is invalid", async () => {
    await using server = await startServer();
    using client = await WsClient.connect(server.url);

    client.send(BRACKETS);
    client.send({ id: "1", type: "subscribe", payload: storeTask() });

    expect(await client.closed).toEqual({ code: 4400, reason: "Invalid message received" });
    expect(await taskCount(server.url)).toBe(0);
  });
});
