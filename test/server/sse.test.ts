import { describe, expect, it } from "vitest";
import { createMemoryJournal } from "../../src/journal/memory-journal.js";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { parseDatabaseName } from "../../src/tasks/names.js";
import { observeJournal } from "../kit/observed-journal.js";
import {
  graphqlPath,
  graphqlPost,
  HttpConnection,
  metricReaches,
  RawConnection,
  readMetric,
} from "../kit/raw-http.js";
import { startServer } from "../kit/server.js";
import { SseStream, ssePost } from "../kit/sse-client.js";
import { rest, until } from "../kit/turns.js";
import { store, storeTask, update } from "./jobs.js";
import { disposeAll } from "./transports.js";

const SUBSCRIBERS = "tidemark_subscribers";
const COUNT = { query: `subscription { taskCount(database: "d") }` };
const TASK = { query: `subscription { task(database: "d", username: "u", jobId: "j") { version } }` };
const EVENTS = { query: `subscription { taskEvents(database: "d") { kind: __typename } }` };

describe("A stream of server-sent events", () => {
  it("has the type that browsers ask for, is not kept, and begins before there is anything to tell", async () => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const response = await connection.open(ssePost(EVENTS));
    const [first] = await chunksOf(response, 1);

    expect([response.statusCode, response.headers["content-type"]]).toEqual([200, "text/event-stream"]);
    expect(response.headers["cache-control"]).toBe("no-cache, no-transform");
    expect(first).toMatch(/^:\n\n/);
  });

  it("tells the events of a database", async () => {
    await using server = await startServer();
    using stream = await SseStream.open(server.url, EVENTS);

    const snapshot = await stream.take(2);
    await store(server.url);
    await update(server.url, { updates: [{ done: 1 }] });
    const live = await stream.take(2);

    expect(kindsOf(snapshot)).toEqual(["Reset", "CaughtUp"]);
    expect(kindsOf(live)).toEqual(["TaskStored", "TaskUpdated"]);
  });

  it("tells of one job until it has ended, then completes", async () => {
    await using server = await startServer();
    using stream = await SseStream.open(server.url, TASK);

    const before = await stream.next();
    await store(server.url);
    const stored = await stream.next();
    await update(server.url, { updates: [{ status: "FINISHED" }] });
    const ended = await stream.next();
    await stream.ended();

    expect([before, stored, ended]).toEqual([
      { data: { task: null } },
      { data: { task: { version: 1 } } },
      { data: { task: { version: 2 } } },
    ]);
  });

  it("tells how many jobs there are", async () => {
    await using server = await startServer();
    using stream = await SseStream.open(server.url, COUNT);

    const before = await stream.next();
    await store(server.url);

    expect([before, await stream.next()]).toEqual([{ data: { taskCount: 0 } }, { data: { taskCount: 1 } }]);
  });

  it("can be asked for by GET, as a browser's EventSource does", async () => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const stream = new SseStream(
      await connection.open({ path: graphqlPath(COUNT), headers: { accept: "text/event-stream" } }),
    );

    expect(await stream.next()).toEqual({ data: { taskCount: 0 } });
  });

  it.each([
    ["a query", { query: "{ __typename }" }, { data: { __typename: "Query" } }],
    [
      "a mutation",
      storeTask(),
      { data: { storeTask: { userTask: expect.objectContaining({ version: 1 }) } } },
    ],
  ])("carries the one answer of %s", async (_, asked, answer) => {
    await using server = await startServer();
    using stream = await SseStream.open(server.url, asked);

    expect(await stream.next()).toEqual(answer);
    await stream.ended();
  });

  it.each([
    ["a text that is no GraphQL", "subscription {"],
    ["a field that does not exist", "subscription { nope }"],
    ["two fields at once", `subscription { a: taskCount(database: "d") b: taskCount(database: "d") }`],
    ["a name that is none", `subscription { taskCount(database: "") }`],
    ["a position that never was one", `subscription { taskEvents(database: "d", after: "x") { position } }`],
    ["an interval below 0", `subscription { taskCount(database: "d", minIntervalMs: -1) }`],
    ["an interval above an hour", `subscription { taskCount(database: "d", minIntervalMs: 3600001) }`],
  ])("carries the refusal of %s, and ends", async (_, query) => {
    await using server = await startServer();
    using stream = await SseStream.open(server.url, { query });

    const { errors } = await stream.next();
    await stream.ended();

    expect(errors?.map(({ extensions }) => extensions)).toEqual([{ code: "BAD_USER_INPUT" }]);
    expect(await readMetric(server.url, SUBSCRIBERS)).toBe(0);
  });

  it("is one of many", async () => {
    await using server = await startServer();
    const opened = Array.from({ length: 50 }, () => SseStream.open(server.url, COUNT));
    using streams = disposeAll(await Promise.all(opened));

    const before = await Promise.all(streams.members.map((stream) => stream.next()));
    await store(server.url);
    const after = await Promise.all(streams.members.map((stream) => stream.next()));

    expect(before).toEqual(streams.members.map(() => ({ data: { taskCount: 0 } })));
    expect(after).toEqual(streams.members.map(() => ({ data: { taskCount: 1 } })));
  });

  it("that is not read harms no one, and tells the last state when it is read again", async () => {
    await using server = await startServer();
    await store(server.url, { task: WIDE_TREE });
    using slow = await SseStream.open(server.url, { query: WATCH_TREE });
    using quick = await SseStream.open(server.url, TASK);
    await Promise.all([slow.next(), quick.next()]);
    const changeCount = 300;

    slow.pause();
    for (let done = 1; done <= changeCount; done++)
      await update(server.url, { updates: [{ path: "0", done }] });
    const seenByQuick = await versionsUntil(quick, changeCount + 1);
    slow.resume();
    const seenBySlow = await versionsUntil(slow, changeCount + 1);

    expect(seenByQuick.at(-1)).toBe(changeCount + 1);
    expect(seenBySlow).toEqual(seenBySlow.toSorted((a, b) => a - b));
    expect(seenBySlow.length).toBeLessThan(changeCount);
  });
});

describe("When the reader of a stream goes away", () => {
  it.each([
    ["events", EVENTS],
    ["a job", TASK],
    ["a count", COUNT],
  ])("its subscriber is freed: %s", async (_, asked) => {
    await using server = await startServer();
    const stream = await SseStream.open(server.url, asked);
    await stream.next();
    const before = await readMetric(server.url, SUBSCRIBERS);

    stream[Symbol.dispose]();

    await metricReaches(server.url, SUBSCRIBERS, 0);
    expect(before).toBe(1);
  });

  it("while it is still being opened, nothing of it stays", async () => {
    const journal = observeJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using server = await startServer({}, { journal });
    const connection = await openRaw(server.url, { query: `subscription { taskCount(database: "slow") }` });
    const release = journal.holdOpenings(SLOW);
    connection.begin();
    await until(() => journal.opened.includes(SLOW));

    connection[Symbol.dispose]();
    await metricReaches(server.url, "tidemark_connections", 1);
    release();
    await rest();

    expect(await readMetric(server.url, SUBSCRIBERS)).toBe(0);
    expect(journal.openHandleCount).toBe(0);
  });

  it("after it was read for a while, its database that nobody stored in is given up", async () => {
    const journal = observeJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using server = await startServer({}, { journal });
    const stream = await SseStream.open(server.url, COUNT);
    await stream.next();
    const before = journal.openHandleCount;

    stream[Symbol.dispose]();

    await until(() => journal.openHandleCount === 0);
    expect(before).toBe(1);
  });
});

describe("A subscription whose results the client can't take", () => {
  it.each(["application/json", "application/graphql-response+json", "text/html", "text/xml"])(
    "is refused with 406, and nothing of it stays: %s",
    async (accept) => {
      await using server = await startServer();
      using connection = new HttpConnection(server.url);

      const { status } = await connection.request(graphqlPost(COUNT, { accept }));

      expect(status).toBe(406);
      expect(await readMetric(server.url, SUBSCRIBERS)).toBe(0);
    },
  );

  it("is not opened first: a database that is watched in vain takes no room", async () => {
    const journal = observeJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using server = await startServer({}, { journal });
    using connection = new HttpConnection(server.url);

    await connection.request(graphqlPost(COUNT, { accept: "application/json" }));

    expect(journal.openHandleCount).toBe(0);
  });
});

describe("When the server stops", () => {
  it("a stream ends, and the server does not wait for its reader", async () => {
    await using server = await startServer();
    using stream = await SseStream.open(server.url, COUNT);
    await stream.next();

    await server.close();

    await expect(stream.next()).rejects.toThrow(/has ended|aborted/);
  });
});

const SLOW = parseDatabaseName("slow", DEFAULT_LIMITS);

/** Events of this tree are of some 90 kB, so that few of them fill what the network holds. */
const WIDE_TREE = {
  description: "wide",
  subTasks: Array.from({ length: 400 }, (_, index) => ({
    description: `${index}`.padStart(200, "."),
    volume: 1_000,
  })),
};
const WATCH_TREE = `subscription { task(database: "d", username: "u", jobId: "j") { version tasks { description } } }`;

function kindsOf(answers: readonly { data?: unknown }[]): string[] {
  return answers.map(({ data }) => (data as { taskEvents: { kind: string } }).taskEvents.kind);
}

async function versionsUntil(stream: SseStream, last: number): Promise<number[]> {
  const versions: number[] = [];
  while (versions.at(-1) !== last) {
    const { data } = await stream.next();
    versions.push((data as { task: { version: number } }).task.version);
  }
  return versions;
}

async function chunksOf(response: AsyncIterable<unknown>, count: number): Promise<string[]> {
  const chunks: string[] = [];
  for await (const chunk of response) {
    chunks.push(String(chunk));
    if (chunks.length === count) break;
  }
  return chunks;
}

/** A connection that asks for a stream once it is told to. */
async function openRaw(url: string, asked: { query: string }): Promise<Disposable & { begin(): void }> {
  const connection = await RawConnection.open(url);
  const body = JSON.stringify(asked);
  const begin = (): void =>
    connection.write(
      "POST /graphql HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n" +
        `Content-Length: ${body.length}\r\n\r\n${body}`,
    );
  return { begin, [Symbol.dispose]: () => connection[Symbol.dispose]() };
}
