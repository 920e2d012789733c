/** A server whose journal is stored in an engine, such as a database server, that stops answering. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMemoryJournal } from "../../src/journal/memory/memory-journal.js";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { ManualEngine } from "../kit/journal/manual-engine.js";
import { ask, HttpConnection, readMetric } from "../kit/network/raw-http.js";
import { SseStream } from "../kit/network/sse-client.js";
import { WsClient } from "../kit/network/ws-client.js";
import { RecordingLog } from "../kit/server/recording-log.js";
import { startServer, type TestServer } from "../kit/server/server.js";
import { Tokens } from "../kit/server/tokens.js";
import { connectInOrder } from "./connect-in-order.js";
import { store, storeTask, update } from "./jobs.js";
import { OVER_SSE, OVER_WEBSOCKET } from "./transports.js";

const STORE = "postgres://tidemark:s3cret@db.example/jobs";
const TYPENAME = { query: "{ __typename }" };
const COUNT = { query: `{ tasks(database: "d") { totalCount } }` };
const WATCH = { query: `subscription { taskCount(database: "d") }` };
const CLOSED = {
  code: 1013,
  reason: "The database server does not answer. Reconnect with your position, to another server if possible.",
};
const UNAVAILABLE = {
  message:
    "The database server has not answered for 12 s, so this server cannot tell what is current. Retry later, or on another server.",
  extensions: expect.objectContaining({ code: "UNAVAILABLE" }) as unknown,
};

let clock: ManualClock;
let engine: ManualEngine;
let log: RecordingLog;
let server: TestServer;

beforeEach(async () => {
  clock = new ManualClock(Date.UTC(2026, 1, 3));
  engine = new ManualEngine(clock);
  log = new RecordingLog();
  server = await start();
  await store(server.url);
});

afterEach(() => server.close());

describe("while the engine has not answered for less than the grace", () => {
  beforeEach(() => {
    engine.fallSilent();
    clock.advance(9_000);
  });

  it("serves reads and subscriptions, and rejects changes with UNAVAILABLE", async () => {
    using client = await WsClient.connect(server.url);

    expect(await ask(server.url, COUNT)).toEqual({ data: { tasks: { totalCount: 1 } } });
    expect(await client.subscribe(WATCH).next()).toEqual({ data: { taskCount: 1 } });
    expect((await ask(server.url, storeTask({ jobId: "2" }))).errors).toMatchObject([
      { extensions: { code: "UNAVAILABLE" } },
    ]);
  });

  it("is ready and lists the problem", async () => {
    expect(await probe("/ready")).toEqual([
      200,
      { status: "ready", problems: [`${notAnswered("9 s")}: changes fail (${SHOWN_STORE})`] },
    ]);
    expect(log.lines).toEqual([
      {
        level: "warn",
        message: "the database server does not answer: changes fail",
        fields: { err: engine.failure, address: SHOWN_STORE, silentMs: 1_000 },
      },
    ]);
  });
});

describe("in the first moment of an outage", () => {
  it("is ready and lists the problem", async () => {
    engine.fallSilent();

    expect(await probe("/ready")).toEqual([
      200,
      { status: "ready", problems: ["the database server does not answer: changes fail"] },
    ]);
  });
});

describe("while the engine answers polls, but does not confirm a change", () => {
  it("is ready, lists the problem, and logs its beginning and its end", async () => {
    engine.beginWaiting();
    clock.advance(3_000);

    expect(await readMetric(server.url, "tidemark_engine_oldest_append_seconds")).toBe(3);
    expect(await probe("/ready")).toEqual([200, { status: "ready", problems: [unconfirmed("3 s")] }]);
    engine.confirm();
    clock.advance(200);
    expect(await probe("/ready")).toEqual([200, { status: "ready" }]);
    expect(log.lines).toEqual([
      { level: "warn", message: unconfirmed("1 s"), fields: { address: SHOWN_STORE, waitedMs: 1_400 } },
      {
        level: "info",
        message: "PostgreSQL confirms changes again",
        fields: { address: SHOWN_STORE, waitedMs: 3_000 },
      },
    ]);
  });
});

describe("once the engine has not answered for the grace", () => {
  it.each([OVER_WEBSOCKET, OVER_SSE])(
    "refuses reads, changes and new subscriptions over $name with UNAVAILABLE",
    async ({ watch }) => {
      engine.fallSilent();
      clock.advance(12_000);
      using watcher = await watch(server.url, WATCH);

      expect((await watcher.next()).errors).toMatchObject([UNAVAILABLE]);
      expect((await ask(server.url, COUNT)).errors).toMatchObject([UNAVAILABLE]);
      expect((await ask(server.url, storeTask({ jobId: "2" }))).errors).toMatchObject([UNAVAILABLE]);
      expect(await ask(server.url, TYPENAME)).toEqual({ data: { __typename: "Query" } });
    },
  );

  it("is not ready, says why, and stays alive", async () => {
    engine.fallSilent();
    clock.advance(12_000);

    expect(await probe("/ready")).toEqual([
      503,
      { status: "not serving", problems: [`${notAnswered("12 s")} (${SHOWN_STORE})`] },
    ]);
    expect(await probe("/health")).toEqual([200, { status: "alive" }]);
  });

  it("names the address of the engine only to an admin of all databases", async () => {
    const tokens = new Tokens();
    await tokens.grant("ada");
    await using guarded = await start({ auth: tokens.auth });
    engine.fallSilent();
    clock.advance(12_000);

    expect(await probe("/ready", guarded)).toEqual([
      503,
      { status: "not serving", problems: [notAnswered("12 s")] },
    ]);
  });

  it("disconnects watchers at a steady pace: WebSockets with 1013, event streams without `complete`", async () => {
    using stream = await SseStream.open(server.url, WATCH);
    await stream.nextEvent();
    using clients = await connectInOrder(server.url, 7);
    const { members } = clients;

    engine.fallSilent();
    clock.advance(10_200);
    const first = await Promise.all(members.slice(0, 5).map((client) => client.closed));
    await Promise.all(members.slice(5).map((client) => client.roundTrip()));
    clock.advance(50);
    const rest = await Promise.all(members.slice(5).map((client) => client.closed));

    expect([...first, ...rest]).toEqual(members.map(() => CLOSED));
    expect(await stream.nextEvent()).toBeUndefined();
  });

  it("leaves the remaining watchers connected when the engine answers again", async () => {
    using clients = await connectInOrder(server.url, 40);
    engine.fallSilent();
    clock.advance(10_200);
    await clients.members[0]!.closed;
    engine.answer();
    clock.advance(1_000);

    expect(await clients.members.at(-1)!.subscribe(WATCH).next()).toEqual({ data: { taskCount: 1 } });
  });

  it("serves again as soon as the engine answers, and logs how long it was away", async () => {
    engine.fallSilent();
    clock.advance(60_000);
    engine.answer();

    expect(await probe("/ready")).toEqual([200, { status: "ready" }]);
    expect(await ask(server.url, COUNT)).toEqual({ data: { tasks: { totalCount: 1 } } });
    await update(server.url, { updates: [{ done: 1 }] });
    clock.advance(200);
    expect(log.lines.map(({ level, message, fields }) => [level, message, fields])).toEqual([
      ["warn", "the database server does not answer: changes fail", { err: engine.failure, ...said(1_000) }],
      [
        "error",
        "the database server does not answer: disconnecting all watchers",
        { err: engine.failure, ...said(10_200) },
      ],
      ["info", "the database server answers again", said(60_000)],
    ]);
  });
});

describe("the password of the store", () => {
  it("is on no page that the server answers without a token, also while the engine is away", async () => {
    engine.fallSilent();
    clock.advance(12_000);
    using connection = new HttpConnection(server.url);
    const paths = ["/", "/about", "/ready", "/health", "/metrics", "/nowhere"];
    const answers = await Promise.all(paths.map((path) => connection.request({ path })));

    expect(answers.map(({ body }) => body).join("\n")).not.toContain("s3cret");
    expect(JSON.stringify(log.lines)).not.toContain("s3cret");
  });
});

describe("the metrics of an engine", () => {
  it("show how long it has been silent, and what the server did with it", async () => {
    engine.fallSilent();
    clock.advance(3_000);

    expect(await readMetric(server.url, "tidemark_engine_silent_seconds")).toBe(3);
    expect(await readMetric(server.url, "tidemark_engine_appends_total")).toBe(2);
    expect(await readMetric(server.url, "tidemark_engine_appended_changes_total")).toBe(30);
    expect(await readMetric(server.url, "tidemark_engine_append_seconds_total")).toBe(0.4);
    expect(await readMetric(server.url, "tidemark_engine_conflicts_total")).toBe(5);
    expect(await readMetric(server.url, "tidemark_engine_polls_total")).toBe(60);
    expect(await readMetric(server.url, "tidemark_engine_poll_seconds_total")).toBe(7);
    expect(await readMetric(server.url, "tidemark_engine_lag_revisions")).toBe(8);
    expect(await readMetric(server.url, "tidemark_engine_generations_total")).toBe(9);
    expect(await readMetric(server.url, "tidemark_engine_leases")).toBe(10);
    expect(await readMetric(server.url, "tidemark_engine_failed_appends_total")).toBe(6);
  });
});

const SHOWN_STORE = "postgres://tidemark:***@db.example/jobs";

function notAnswered(duration: string): string {
  return `the database server has not answered for ${duration}`;
}

function unconfirmed(duration: string): string {
  return `PostgreSQL has not confirmed a change for ${duration}: changes are not answered. A synchronous standby may be missing.`;
}

function said(silentMs: number): object {
  return { address: SHOWN_STORE, silentMs };
}

function start(flags: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  const journal = engine.storing(createMemoryJournal(DEFAULT_LIMITS));
  return startServer({ store: STORE, ...flags }, { clock, log, journal });
}

async function probe(path: string, of: TestServer = server): Promise<[number, unknown]> {
  using connection = new HttpConnection(of.url);
  const { status, body } = await connection.request({ path });
  return [status, JSON.parse(body)];
}
