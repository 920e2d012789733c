import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { CloseCode } from "../../src/protocol/close-codes.js";
import type { TaskSpec } from "../../src/tasks/task-spec.js";
import { DATABASE, manyKeys, reportOf, storeRequestOf } from "../kit/store/requests.js";
import {
  dataOf,
  metricReaches,
  readMetric,
  type GraphqlResult,
  type GraphqlRequest,
} from "../kit/network/raw-http.js";
import { startServer, type TestServer } from "../kit/server/server.js";
import { isComment, SseStream } from "../kit/network/sse-client.js";
import { WsClient } from "../kit/network/ws-client.js";

const CLOSED = "tidemark_slow_readers_closed_total";
const SUBSCRIBERS = "tidemark_subscribers";
const DELIVERED = "tidemark_events_told_total";

/** A reader that a test can pause. */
interface Reader extends Disposable {
  next(): Promise<GraphqlResult>;
  /** Reads nothing until it is resumed. */
  pause(): void;
  resume(): void;
  /** Reads the rest. Resolves when the server closes the connection, with the answers and the end. */
  ended(): Promise<{ answers: GraphqlResult[]; how: string }>;
}

interface ReaderTransport {
  readonly name: string;
  /** No pings for WebSockets, since a paused reader does not answer them; heartbeats of a stream need no answer. */
  readonly keepAlive: string;
  /** How the server closes the connection of a slow reader. */
  readonly end: string;
  /** Opens a paused reader. */
  open(url: string, request: GraphqlRequest): Promise<Reader>;
}

const OVER_WEBSOCKET: ReaderTransport = {
  name: "WebSocket",
  keepAlive: "10m",
  end: `closed with ${CloseCode.SLOW_READER}`,
  async open(url, request) {
    const client = await WsClient.connect(url);
    client.socket.pause();
    const operation = client.subscribe(request);
    return {
      next: () => operation.next(),
      pause: () => client.socket.pause(),
      resume: () => client.socket.resume(),
      async ended() {
        const { code } = await client.closed;
        const results = client.received.filter(({ type }) => type === "next");
        return {
          answers: results.map(({ payload }) => payload as GraphqlResult), // safe: the protocol defines it
          how: `closed with ${code}`,
        };
      },
      [Symbol.dispose]: () => client[Symbol.dispose](),
    };
  },
};

const OVER_SSE: ReaderTransport = {
  name: "server-sent events",
  keepAlive: "100ms",
  end: "cut off",
  async open(url, request) {
    const stream = await SseStream.open(url, request);
    stream.pause();
    return {
      next: () => stream.next(),
      pause: () => stream.pause(),
      resume: () => stream.resume(),
      async ended() {
        const answers: GraphqlResult[] = [];
        const how = await readAll(stream, answers).then(
          () => "complete",
          () => "cut off",
        );
        return { answers, how };
      },
      [Symbol.dispose]: () => stream[Symbol.dispose](),
    };
  },
};

describe.each([OVER_WEBSOCKET, OVER_SSE])("Over $name, a reader", ({ open, keepAlive, end }) => {
  it("is disconnected when it reads nothing of its pending data, and its subscriber is freed", async () => {
    await using server = await startServer({ slowReader: "300ms", keepAlive });
    await fill(server);
    using reader = await open(server.url, WATCH);

    await metricReaches(server.url, CLOSED, 1);
    reader.resume();
    const { answers, how } = await reader.ended();

    expect(how).toBe(end);
    expect(answers.length).toBeLessThan(JOBS.length);
    await metricReaches(server.url, SUBSCRIBERS, 0);
    expect(await readMetric(server.url, CLOSED)).toBe(1);
  });

  it("can resume from its position after it was disconnected, and reaches the last state of every job", async () => {
    await using server = await startServer({ slowReader: "300ms", keepAlive });
    await fill(server);
    using reader = await open(server.url, WATCH);
    await metricReaches(server.url, CLOSED, 1);
    await change(server, 7);
    reader.resume();
    const before = eventsOf((await reader.ended()).answers);

    using again = await open(server.url, watchAfter(before.at(-1)!.position));
    again.resume();
    const after = await eventsUntilCaughtUp(again);

    expect(before[0]?.kind).toBe("Reset");
    expect(after.map(({ kind }) => kind)).not.toContain("Reset");
    expect(versionsIn([...before, ...after])).toEqual(await versionsOf(server));
  });

  it("is not disconnected when it reads slowly but steadily", async () => {
    await using server = await startServer({ slowReader: "1500ms", keepAlive });
    await fill(server);
    using reader = await open(server.url, WATCH);
    const start = performance.now();

    const events: WatchedEvent[] = [];
    while (events.at(-1)?.kind !== "CaughtUp") {
      await othersAreServedUntil(server.url, start + events.length * STEP_MS);
      reader.resume();
      events.push(...(await takeUpTo(reader, 1)));
      reader.pause();
    }

    expect(events.length * STEP_MS).toBeGreaterThan(1_500);
    expect(versionsIn(events)).toEqual(await versionsOf(server));
    expect(await readMetric(server.url, CLOSED)).toBe(0);
  });

  it("is not disconnected when it reads again in time, and reaches the last state", async () => {
    await using server = await startServer({ slowReader: "1m", keepAlive });
    await fill(server);
    using reader = await open(server.url, WATCH);
    const delivered = await standstill(server.url);

    await change(server, 7);
    reader.resume();
    const events = await eventsUntilCaughtUp(reader);

    expect(delivered).toBeLessThan(JOBS.length);
    expect(versionsIn(events)).toEqual(await versionsOf(server));
    expect(await readMetric(server.url, CLOSED)).toBe(0);
  });

  it("is not disconnected while it has no pending data", async () => {
    await using server = await startServer({ slowReader: "200ms", keepAlive: "10m" });
    await fill(server);
    using idle = await open(server.url, WATCH);
    idle.resume();
    await eventsUntilCaughtUp(idle);
    using stuck = await open(server.url, WATCH);

    await metricReaches(server.url, CLOSED, 1); // the idle one has been idle for longer
    stuck.resume();
    await stuck.ended();
    await change(server, 1);

    expect(eventsOf([await idle.next()])).toMatchObject([{ kind: "TaskUpdated" }]);
    expect(await readMetric(server.url, CLOSED)).toBe(1);
  });
});

describe("A WebSocket whose client reads nothing", () => {
  it("is not closed as half-open, although pings wait behind its pending data", async () => {
    await using server = await startServer({ slowReader: "10m", keepAlive: "1s" });
    await fill(server);
    using pacemaker = await WsClient.connect(server.url);
    using reader = await OVER_WEBSOCKET.open(server.url, WATCH);
    await standstill(server.url);

    for (let pings = 0; pings < 3; pings++) await once(pacemaker.socket, "ping");
    reader.resume();

    expect(versionsIn(await eventsUntilCaughtUp(reader))).toEqual(await versionsOf(server));
  });

  it("receives no more of one batch than it has room for", async () => {
    await using server = await startServer({ slowReader: "10m", keepAlive: "10m" });
    using client = await WsClient.connect(server.url);
    const watch = client.subscribe(WATCH);
    await watch.take(2);
    const before = await readMetric(server.url, DELIVERED);

    client.socket.pause();
    await fill(server);
    const delivered = (await standstill(server.url)) - before;
    client.socket.resume();

    expect(delivered).toBeLessThan(JOBS.length / 2);
    expect((await watch.take(delivered)).length).toBe(delivered);
  });

  it("pauses all its subscriptions: pending data does not grow with their number", async () => {
    await using server = await startServer({ slowReader: "10m", keepAlive: "10m" });
    using client = await WsClient.connect(server.url);
    const subscriptions = Array.from({ length: 100 }, () => client.subscribe(WATCH));
    await Promise.all(subscriptions.map((subscription) => subscription.take(2)));
    const before = await readMetric(server.url, DELIVERED);

    client.socket.pause();
    await fill(server);
    const delivered = (await standstill(server.url)) - before;

    expect(before).toBe(2 * subscriptions.length);
    expect(delivered).toBeLessThan(subscriptions.length);
    expect(await readMetric(server.url, SUBSCRIBERS)).toBe(subscriptions.length);
  });
});

describe("An event stream whose client reads nothing", () => {
  it("gets no heartbeats, which would only add to its pending data", async () => {
    await using server = await startServer({ slowReader: "10m", keepAlive: "5ms" });
    await fill(server);
    using idle = await SseStream.open(server.url, { query: `subscription { taskCount(database: "empty") }` });
    using stuck = await SseStream.open(server.url, WATCH);
    stuck.pause();
    await idle.next();
    await standstill(server.url);

    for (let comments = 0; comments < 200; comments++) await idle.nextComment();
    stuck.resume();
    const blocks = await blocksUntilCaughtUp(stuck);

    expect(blocks.filter(isComment).length).toBeLessThan(100);
  });
});

const JOBS = manyKeys(40);

/** An event of this tree has half a megabyte, so all jobs together exceed the network buffers. */
const WIDE: TaskSpec = {
  description: "wide",
  subTasks: Array.from({ length: 2_000 }, (_, index) => ({
    description: `${index}`.padStart(200, "."),
    volume: 1_000,
  })),
};

const EVENTS = `($after: Position) {
  taskEvents(database: "${DATABASE}", after: $after) {
    kind: __typename position
    ... on TaskStored { userTask { ...Job } }
    ... on TaskUpdated { userTask { ...Job } }
  }
}
fragment Job on UserTask { username version tasks { description } }`;
const WATCH = { query: `subscription ${EVENTS}` };

function watchAfter(after: string): GraphqlRequest {
  return { ...WATCH, variables: { after } };
}

interface WatchedEvent {
  readonly kind: string;
  readonly position: string;
  readonly userTask?: { readonly username: string; readonly version: number };
}

/** Stores the jobs directly, without the network. */
async function fill({ provider }: TestServer): Promise<void> {
  const store = await provider.getTaskStore(DATABASE);
  await Promise.all(JOBS.map((key) => store.store(storeRequestOf(key, { spec: WIDE }))));
}

async function change({ provider }: TestServer, jobCount: number): Promise<void> {
  const store = await provider.getTaskStore(DATABASE);
  for (const key of JOBS.slice(0, jobCount)) await store.update(key, reportOf({ path: "0", add: 1 }));
}

/** Resolves with the number of delivered events once it no longer grows. */
async function standstill(url: string): Promise<number> {
  let delivered = await readMetric(url, DELIVERED);
  for (let same = 0; same < 20; same++) {
    const now = await readMetric(url, DELIVERED);
    if (now !== delivered) same = -1;
    delivered = now;
  }
  return delivered;
}

/** Minimum time between two events that a slow reader reads. */
const STEP_MS = 45;

/** Resolves at a time. Polls sequentially, so that a step takes hardly longer on a busy machine. */
async function othersAreServedUntil(url: string, time: number): Promise<void> {
  do await readMetric(url, DELIVERED);
  while (performance.now() < time);
}

function eventsOf(answers: readonly GraphqlResult[]): WatchedEvent[] {
  return answers.map(({ data }) => (data as { taskEvents: WatchedEvent }).taskEvents); // safe: WATCH selects it
}

/** The next `count` events, or up to CaughtUp. */
async function takeUpTo(reader: Reader, count: number): Promise<WatchedEvent[]> {
  const events: WatchedEvent[] = [];
  while (events.length < count && events.at(-1)?.kind !== "CaughtUp")
    events.push(...eventsOf([await reader.next()]));
  return events;
}

function eventsUntilCaughtUp(reader: Reader): Promise<WatchedEvent[]> {
  return takeUpTo(reader, Infinity);
}

async function readAll(stream: SseStream, answers: GraphqlResult[]): Promise<void> {
  for (let event; (event = await stream.nextEvent());) answers.push(JSON.parse(event.data) as GraphqlResult);
}

async function blocksUntilCaughtUp(stream: SseStream): Promise<string[]> {
  const blocks: string[] = [];
  while (!blocks.at(-1)?.includes("CaughtUp")) blocks.push((await stream.nextBlock())!);
  return blocks;
}

/** The version of each job by the events. */
function versionsIn(events: readonly WatchedEvent[]): Record<string, number> {
  const jobs = events.flatMap(({ userTask }) => userTask ?? []);
  return Object.fromEntries(jobs.map(({ username, version }) => [username, version]));
}

/** The version of each job on the server. */
async function versionsOf({ url }: TestServer): Promise<Record<string, number>> {
  const query = `{ tasks(database: "${DATABASE}", first: 100) { nodes { username version } } }`;
  const { tasks } = await dataOf<{ tasks: { nodes: { username: string; version: number }[] } }>(url, query);
  return Object.fromEntries(tasks.nodes.map(({ username, version }) => [username, version]));
}
