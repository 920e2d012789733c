import { describe, expect, it } from "vitest";
import { createMemoryJournal } from "../../src/journal/memory/memory-journal.js";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { parsePosition } from "../../src/protocol/position.js";
import { parseDatabaseName } from "../../src/tasks/names.js";
import { observeJournal } from "../kit/journal/observed-journal.js";
import {
  graphqlPath,
  graphqlPost,
  HttpConnection,
  metricReaches,
  RawConnection,
  readMetric,
} from "../kit/network/raw-http.js";
import { startServer } from "../kit/server/server.js";
import { SseStream, ssePost, type ServerSentEvent } from "../kit/network/sse-client.js";
import { untilIdle, until } from "../kit/deterministic/turns.js";
import { store, storeTask, update } from "./jobs.js";
import { disposeAll } from "./transports.js";

const SUBSCRIBERS = "tidemark_subscribers";
const COUNT = { query: `subscription { taskCount(database: "d") }` };
const TASK = { query: `subscription { task(database: "d", username: "u", jobId: "j") { version } }` };
const EVENTS = { query: `subscription { taskEvents(database: "d") { kind: __typename } }` };
const POSITIONS = { query: `subscription { taskEvents(database: "d") { kind: __typename position } }` };
const EVENTS_AFTER = `subscription ($after: Position) {
  taskEvents(database: "d", after: $after) { kind: __typename }
}`;

describe("A stream of server-sent events", () => {
  it("has the type text/event-stream, is not cached, and starts before the first event", async () => {
    await using server = await startServer();
    using connection = new HttpConnection(server.url);

    const response = await connection.open(ssePost(EVENTS));
    const [first] = await chunksOf(response, 1);

    expect([response.statusCode, response.headers["content-type"]]).toEqual([200, "text/event-stream"]);
    expect(response.headers["cache-control"]).toBe("no-cache, no-transform");
    expect(first).toMatch(/^:\n\n/);
  });

  it("delivers the events of a database", async () => {
    await using server = await startServer();
    using stream = await SseStream.open(server.url, EVENTS);

    const snapshot = await stream.take(2);
    await store(server.url);
    await update(server.url, { updates: [{ done: 1 }] });
    const live = await stream.take(2);

    expect(kindsOf(snapshot)).toEqual(["Reset", "CaughtUp"]);
    expect(kindsOf(live)).toEqual(["TaskStored", "TaskUpdated"]);
  });

  it("delivers one job until it has ended, then completes", async () => {
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

  it("delivers the number of jobs", async () => {
    await using server = await startServer();
    using stream = await SseStream.open(server.url, COUNT);

    const before = await stream.next();
    await store(server.url);

    expect([before, await stream.next()]).toEqual([{ data: { taskCount: 0 } }, { data: { taskCount: 1 } }]);
  });

  it("can be opened by GET, as a browser's EventSource does", async () => {
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
  ])("delivers the single answer of %s", async (_, request, answer) => {
    await using server = await startServer();
    using stream = await SseStream.open(server.url, request);

    expect(await stream.next()).toEqual(answer);
    await stream.ended();
  });

  it.each([
    ["a document with a syntax error", "subscription {"],
    ["a field that does not exist", "subscription { nope }"],
    ["two root fields", `subscription { a: taskCount(database: "d") b: taskCount(database: "d") }`],
    ["an invalid name", `subscription { taskCount(database: "") }`],
    ["an invalid position", `subscription { taskEvents(database: "d", after: "x") { position } }`],
    ["an interval below 0", `subscription { taskCount(database: "d", minIntervalMs: -1) }`],
    ["an interval above an hour", `subscription { taskCount(database: "d", minIntervalMs: 3600001) }`],
  ])("delivers the error of %s, then ends", async (_, query) => {
    await using server = await startServer();
    using stream = await SseStream.open(server.url, { query });

    const { errors } = await stream.next();
    await stream.ended();

    expect(errors?.map(({ extensions }) => extensions)).toEqual([{ code: "BAD_USER_INPUT" }]);
    expect(await readMetric(server.url, SUBSCRIBERS)).toBe(0);
  });

  it("can be one of many", async () => {
    await using server = await startServer();
    const opened = Array.from({ length: 50 }, () => SseStream.open(server.url, COUNT));
    using streams = disposeAll(await Promise.all(opened));

    const before = await Promise.all(streams.members.map((stream) => stream.next()));
    await store(server.url);
    const after = await Promise.all(streams.members.map((stream) => stream.next()));

    expect(before).toEqual(streams.members.map(() => ({ data: { taskCount: 0 } })));
    expect(after).toEqual(streams.members.map(() => ({ data: { taskCount: 1 } })));
  });

  it("does not affect others while its client reads nothing, and delivers the last state afterwards", async () => {
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

describe("The connection of a stream", () => {
  const QUERY = { query: "{ __typename }" };
  const ENDING = { query: `subscription { task(database: "d", username: "u", jobId: "j") { version } }` };
  const requestOf = (line: string, headers: string, body: string): string =>
    `${line}\r\nHost: localhost\r\nAccept: text/event-stream\r\n${headers}Content-Type: application/json\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${body}`;

  it.each([
    ["a subscription by POST", "POST /graphql HTTP/1.1", ENDING],
    ["a query by POST", "POST /graphql HTTP/1.1", QUERY],
    ["a rejected request", "POST /graphql HTTP/1.1", {}],
    ["a subscription by GET", `GET ${graphqlPath(ENDING)} HTTP/1.1`, {}],
    ["a query by GET", `GET ${graphqlPath(QUERY)} HTTP/1.1`, {}],
    ["a client of HTTP/1.0", "POST /graphql HTTP/1.0", ENDING],
  ])("closes after its end if the client sends Connection: close: %s", async (_, line, params) => {
    await using server = await startServer();
    await store(server.url);
    await update(server.url, { updates: [{ status: "FINISHED" }] });
    using connection = await RawConnection.open(server.url);

    connection.write(requestOf(line, "Connection: close\r\n", JSON.stringify(params)));
    await connection.ended();

    expect(connection.received).toContain("event: complete");
    expect(connection.received).toMatch(/^connection: close\r$/im);
    expect(connection.received).not.toMatch(/^connection: keep-alive\r$/im);
  });

  it("serves the next request after its end otherwise", async () => {
    await using server = await startServer();
    using connection = await RawConnection.open(server.url);
    const request = requestOf("POST /graphql HTTP/1.1", "", JSON.stringify(QUERY));

    const answers = [await connection.ask(request), await connection.ask(request)];

    expect(answers.map((answer) => answer.includes("event: complete"))).toEqual([true, true]);
  });
});

describe("The id of a server-sent event", () => {
  it("is its position, even if the document does not select it", async () => {
    await using server = await startServer();
    await store(server.url);
    using stream = await SseStream.open(server.url, POSITIONS);
    using blind = await SseStream.open(server.url, EVENTS);

    const snapshot = await takeWritten(stream, 3);
    const blindSnapshot = await takeWritten(blind, 3);
    await update(server.url, { updates: [{ done: 1 }] });
    const events = [...snapshot, ...(await takeWritten(stream, 1))];
    const blindEvents = [...blindSnapshot, ...(await takeWritten(blind, 1))];

    expect(events.map(kindOf)).toEqual(["Reset", "TaskStored", "CaughtUp", "TaskUpdated"]);
    expect(events.map(({ id }) => id)).toEqual(events.map(positionOf));
    expect(new Set(events.map(positionOf)).size).toBe(events.length);
    expect(blindEvents.map(kindOf)).toEqual(events.map(kindOf));
    expect(blindEvents.map(({ id }) => parsePosition(id!).revision)).toEqual([0, 1, 1, 2]);
    expect(blindEvents.map(positionOf)).toEqual(events.map(() => undefined));
  });

  it.each([
    ["a job", TASK],
    ["a count", COUNT],
  ])("is absent for results without a position: %s", async (_, request) => {
    await using server = await startServer();
    using stream = await SseStream.open(server.url, request);

    const first = await stream.nextEvent();
    await store(server.url);
    const second = await stream.nextEvent();

    expect([first, second].map((event) => Object.keys(event!))).toEqual([
      ["event", "data"],
      ["event", "data"],
    ]);
  });
});

describe("Last-Event-ID", () => {
  const byPost = (url: string, request: { query: string }, id: string): Promise<SseStream> =>
    SseStream.open(url, request, { "last-event-id": id });
  const byGet = async (url: string, request: { query: string }, id: string): Promise<SseStream> => {
    const connection = new HttpConnection(url);
    const headers = { accept: "text/event-stream", "last-event-id": id };
    return new SseStream(await connection.open({ path: graphqlPath(request), headers }), connection);
  };

  it.each([
    ["POST", byPost],
    ["GET, as an EventSource does", byGet],
  ])("resumes after the event with that id, by %s", async (_, open) => {
    await using server = await startServer();
    await store(server.url);
    const before = await open(server.url, EVENTS, "");
    const events = await takeWritten(before, 3);
    before[Symbol.dispose]();
    await update(server.url, { updates: [{ done: 1 }] });

    using after = await open(server.url, EVENTS, events.at(-1)!.id!);
    const missed = await takeWritten(after, 2);

    expect(events.map(kindOf)).toEqual(["Reset", "TaskStored", "CaughtUp"]);
    expect(missed.map(kindOf)).toEqual(["TaskUpdated", "CaughtUp"]);
  });

  it("resumes in the middle of a snapshot", async () => {
    await using server = await startServer();
    for (const jobId of ["1", "2", "3"]) await store(server.url, { jobId });
    const before = await byPost(server.url, EVENTS, "");
    const events = await takeWritten(before, 2);
    before[Symbol.dispose]();

    using after = await byPost(server.url, EVENTS, events.at(-1)!.id!);

    expect((await takeWritten(after, 3)).map(kindOf)).toEqual(["TaskStored", "TaskStored", "CaughtUp"]);
  });

  it("takes precedence over the `after` of the document", async () => {
    await using server = await startServer();
    const begin = await store(server.url);
    await update(server.url, { updates: [{ done: 1 }] });
    const { position } = await update(server.url, { updates: [{ done: 2 }] });
    const request = { query: EVENTS_AFTER, variables: { after: begin.position } };

    using without = await SseStream.open(server.url, request);
    using stream = await byPost(server.url, request, position);

    expect((await takeWritten(without, 2)).map(kindOf)).toEqual(["TaskUpdated", "CaughtUp"]);
    expect((await takeWritten(stream, 1)).map(kindOf)).toEqual(["CaughtUp"]);
  });

  it("is ignored when it is empty", async () => {
    await using server = await startServer();
    using stream = await byPost(server.url, EVENTS, "");

    expect((await takeWritten(stream, 2)).map(kindOf)).toEqual(["Reset", "CaughtUp"]);
  });

  it.each(["garbage", "1", "AAAAAAAAAAAA.-1", "AAAAAAAAAAAA.1.2.3"])(
    "is rejected when it is invalid: %s",
    async (id) => {
      await using server = await startServer();
      using stream = await byPost(server.url, EVENTS, id);
      using connection = new HttpConnection(server.url);
      const accept = "application/graphql-response+json";

      const { errors } = await stream.next();
      await stream.ended();
      const { status } = await connection.post(EVENTS, { accept, "last-event-id": id });

      expect(errors?.map(({ extensions }) => extensions)).toEqual([{ code: "BAD_USER_INPUT" }]);
      expect(status).toBe(400);
      expect(await readMetric(server.url, SUBSCRIBERS)).toBe(0);
    },
  );
});

describe("The heartbeat of a stream", () => {
  it("is a comment while the stream is idle, not an event", async () => {
    await using server = await startServer({ keepAlive: "20ms" });
    using stream = await SseStream.open(server.url, COUNT);
    await stream.next();

    const comments = [await stream.nextComment(), await stream.nextComment(), await stream.nextComment()];
    await store(server.url);

    expect(comments).toEqual([":", ":", ":"]);
    expect(await stream.next()).toEqual({ data: { taskCount: 1 } });
  });
});

describe("When the client of a stream disconnects", () => {
  it.each([
    ["events", EVENTS],
    ["a job", TASK],
    ["a count", COUNT],
  ])("the server frees its subscriber: %s", async (_, request) => {
    await using server = await startServer();
    const stream = await SseStream.open(server.url, request);
    await stream.next();
    const before = await readMetric(server.url, SUBSCRIBERS);

    stream[Symbol.dispose]();

    await metricReaches(server.url, SUBSCRIBERS, 0);
    expect(before).toBe(1);
  });

  it("while the stream opens, the server frees everything", async () => {
    const journal = observeJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using server = await startServer({}, { journal });
    const connection = await openRaw(server.url, { query: `subscription { taskCount(database: "slow") }` });
    const release = journal.holdOpenings(SLOW);
    connection.begin();
    await until(() => journal.opened.includes(SLOW));

    connection[Symbol.dispose]();
    await metricReaches(server.url, "tidemark_connections", 1);
    release();
    await untilIdle();

    expect(await readMetric(server.url, SUBSCRIBERS)).toBe(0);
    expect(journal.openHandleCount).toBe(0);
  });

  it("the server closes its database if nothing was stored there", async () => {
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

describe("A subscription of a client that does not accept event streams", () => {
  it.each(["application/json", "application/graphql-response+json", "text/html", "text/xml"])(
    "gets a 406 and leaves nothing open: %s",
    async (accept) => {
      await using server = await startServer();
      using connection = new HttpConnection(server.url);

      const { status } = await connection.request(graphqlPost(COUNT, { accept }));

      expect(status).toBe(406);
      expect(await readMetric(server.url, SUBSCRIBERS)).toBe(0);
    },
  );

  it("opens no database", async () => {
    const journal = observeJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using server = await startServer({}, { journal });
    using connection = new HttpConnection(server.url);

    await connection.request(graphqlPost(COUNT, { accept: "application/json" }));

    expect(journal.openHandleCount).toBe(0);
  });
});

describe("When the server stops", () => {
  it("a stream ends without `complete`, so that its client reconnects", async () => {
    await using server = await startServer();
    using stream = await SseStream.open(server.url, COUNT);
    await stream.next();

    const stopped = server.close();

    expect(await stream.nextEvent()).toBeUndefined();
    await stopped;
  });

  it("a stream ends immediately, while requests in progress are answered", async () => {
    const journal = observeJournal(createMemoryJournal(DEFAULT_LIMITS));
    await using server = await startServer({}, { journal });
    using stream = await SseStream.open(server.url, COUNT);
    using connection = new HttpConnection(server.url);
    await stream.next();
    const release = journal.holdAppends();
    const ended: string[] = [];
    const answered = connection.post(storeTask()).then(({ status }) => ended.push(`answered ${status}`));
    await until(() => journal.appends.length === 1);

    const stopped = server.close().then(() => ended.push("stopped"));
    await stream.nextEvent().then(() => ended.push("the stream"));
    release();
    await Promise.all([answered, stopped]);

    expect(ended).toEqual(["the stream", "answered 200", "stopped"]);
  });
});

const SLOW = parseDatabaseName("slow", DEFAULT_LIMITS);

/** An event of this tree has about 90 kB, so that a few of them fill the network buffers. */
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

async function takeWritten(stream: SseStream, count: number): Promise<ServerSentEvent[]> {
  const events: ServerSentEvent[] = [];
  while (events.length < count) events.push((await stream.nextEvent())!);
  return events;
}

function kindOf(event: ServerSentEvent): string {
  return eventOf(event).kind;
}

function positionOf(event: ServerSentEvent): string | undefined {
  return eventOf(event).position;
}

function eventOf({ data }: ServerSentEvent): { kind: string; position?: string } {
  // Safe: the documents select it.
  const answer = JSON.parse(data) as { data: { taskEvents: { kind: string; position?: string } } };
  return answer.data.taskEvents;
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

/** A connection that requests a stream when `send` is called. */
async function openRaw(url: string, request: { query: string }): Promise<Disposable & { begin(): void }> {
  const connection = await RawConnection.open(url);
  const body = JSON.stringify(request);
  const begin = (): void =>
    connection.write(
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n" +
        `Content-Length: ${body.length}\r\n\r\n${body}`,
    );
  return { begin, [Symbol.dispose]: () => connection[Symbol.dispose]() };
}
