/** A server that drains before it stops: the connections of watchers are closed at a steady pace. */
import { describe, expect, it } from "vitest";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { ask, HttpConnection } from "../kit/network/raw-http.js";
import { SseStream } from "../kit/network/sse-client.js";
import { WsClient, type Closing } from "../kit/network/ws-client.js";
import { startServer } from "../kit/server/server.js";
import { connectInOrder } from "./connect-in-order.js";

const STEP_MS = 50;
const TYPENAME = { query: "{ __typename }" };
const COUNT = { query: `subscription { taskCount(database: "d") }` };
const GOING_AWAY = { code: 1001, reason: "Going away" };

describe("a drain", () => {
  it.each([
    ["closes few WebSockets in groups of five", "1h", 20, 5],
    ["closes many WebSockets in equal groups over its time", "200ms", 40, 10],
  ])("%s, the oldest first", async (_, drain, count, perStep) => {
    const clock = new ManualClock();
    await using server = await startServer({ drain }, { clock });
    using clients = await connectInOrder(server.url, count);
    const { members } = clients;

    const drained = server.drain();
    await closed(members.slice(0, perStep));
    await Promise.all(members.slice(perStep).map((client) => client.roundTrip()));
    clock.advance(STEP_MS);
    await closed(members.slice(0, 2 * perStep));
    await Promise.all(members.slice(2 * perStep).map((client) => client.roundTrip()));
    clock.advance(2 * STEP_MS);
    await drained;

    expect(await closed(members)).toEqual(members.map(() => GOING_AWAY));
  });

  it("ends event streams without `complete`, so that their clients resume", async () => {
    await using server = await startServer();
    using stream = await SseStream.open(server.url, COUNT);
    await stream.nextEvent();

    await server.drain();

    expect(await stream.nextEvent()).toBeUndefined();
  });

  it("answers /ready with 503, and serves everything else until it ends", async () => {
    const clock = new ManualClock();
    await using server = await startServer({ drain: "200ms" }, { clock });
    using clients = await connectInOrder(server.url, 6);
    using connection = new HttpConnection(server.url);

    const drained = server.drain();
    const ready = await connection.request({ path: "/ready" });
    const alive = await connection.request({ path: "/health" });
    using newcomer = await WsClient.connect(server.url);

    expect([ready.status, ready.body]).toEqual([503, `{"status":"stopping"}\n`]);
    expect([alive.status, alive.headers.connection]).toEqual([200, "close"]);
    expect(await ask(server.url, TYPENAME)).toEqual({ data: { __typename: "Query" } });
    expect(await newcomer.subscribe(COUNT).next()).toEqual({ data: { taskCount: 0 } });
    clock.advance(4 * STEP_MS);
    await drained;
    expect(await closed([...clients.members, newcomer])).toEqual(Array.from({ length: 7 }, () => GOING_AWAY));
  });

  it("ends at once when no watcher is connected", async () => {
    await using server = await startServer({ drain: "1h" });
    await ask(server.url, TYPENAME);
    expect(await server.drain()).toBeUndefined();
  });

  it("closes nothing before the stop with --drain 0s", async () => {
    await using server = await startServer({ drain: "0s" });
    using client = await WsClient.connect(server.url);
    await server.drain();
    expect(await client.ask(TYPENAME)).toEqual({ data: { __typename: "Query" } });
  });

  it("ends with a stop, which closes the remaining connections at once", async () => {
    const clock = new ManualClock();
    await using server = await startServer({ drain: "1h" }, { clock });
    using clients = await connectInOrder(server.url, 12);

    const drained = server.drain();
    await server.stop();
    await drained;

    expect(await closed(clients.members)).toEqual(clients.members.map(() => GOING_AWAY));
  });
});

function closed(clients: readonly WsClient[]): Promise<Closing[]> {
  return Promise.all(clients.map((client) => client.closed));
}
