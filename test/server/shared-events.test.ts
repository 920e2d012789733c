import { describe, expect, it } from "vitest";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import {
  metricReaches,
  readMetric,
  type GraphqlResult,
  type GraphqlRequest,
} from "../kit/network/raw-http.js";
import { startSchemaServer } from "../kit/server/extended-schema-server.js";
import { faultySchema } from "../kit/server/faulty-schema.js";
import { startServer } from "../kit/server/server.js";
import { SseStream } from "../kit/network/sse-client.js";
import { WsClient, type Operation } from "../kit/network/ws-client.js";
import { store, update } from "./jobs.js";
import { disposeAll } from "./transports.js";

const EXECUTED = "tidemark_events_executed_total";
const TEXT_BYTES = "tidemark_event_text_bytes";
const DELIVERED = "tidemark_events_told_total";

const EVENTS = `subscription ($after: Position, $username: String, $minIntervalMs: Int! = 0) {
  taskEvents(database: "d", after: $after, username: $username, minIntervalMs: $minIntervalMs) {
    kind: __typename
    position
    ... on TaskUpdated { userTask { username version } }
  }
}`;
const EVERYTHING = { query: EVENTS };

describe("A thousand subscribers with the same minIntervalMs", () => {
  it("cost one execution per event and tick, and each receives every event", async () => {
    const clock = new ManualClock();
    await using server = await startServer({}, { clock });
    using clients = disposeAll(
      await Promise.all(Array.from({ length: 10 }, () => WsClient.connect(server.url))),
    );
    const request = { query: EVENTS, variables: { minIntervalMs: 100 } };
    const subscribers = clients.members.flatMap((client) =>
      Array.from({ length: 100 }, () => client.subscribe(request)),
    );

    const answers = [await takeAll(subscribers, 2)];
    const counts = [await counted(server.url)];
    const report = (done: number): Promise<unknown> => update(server.url, { updates: [{ done }] });
    for (const change of [() => store(server.url), () => report(1), () => report(2)]) {
      await change();
      clock.advance(100);
      answers.push(await takeAll(subscribers, 2));
      counts.push(await counted(server.url));
    }

    expect(answers.map(([first]) => kindsOf(first!))).toEqual([
      ["Reset", "CaughtUp"],
      ["TaskStored", "CaughtUp"],
      ["TaskUpdated", "CaughtUp"],
      ["TaskUpdated", "CaughtUp"],
    ]);
    expect(answers.map(differing)).toEqual([0, 0, 0, 0]);
    expect(counts).toEqual([
      { executed: 2, delivered: 2_000 },
      { executed: 4, delivered: 4_000 },
      { executed: 6, delivered: 6_000 },
      { executed: 8, delivered: 8_000 },
    ]);
  });
});

describe("Subscribers with the same operation", () => {
  it("share each execution, whether they stayed or resumed", async () => {
    await using server = await startServer();
    const { position } = await store(server.url);
    using client = await WsClient.connect(server.url);
    const there = client.subscribe(EVERYTHING);
    await there.take(3);
    const resumed = client.subscribe({ query: EVENTS, variables: { after: position } });
    await resumed.take(1);
    const before = await counted(server.url);

    await update(server.url, { updates: [{ done: 1 }] });
    const answers = [await there.next(), await resumed.next()];

    expect(kindsOf(answers)).toEqual(["TaskUpdated", "TaskUpdated"]);
    expect(answers[0]).toEqual(answers[1]);
    expect(await growth(server.url, before)).toEqual({ executed: 1, delivered: 2 });
  });

  it("share each execution over both transports", async () => {
    await using server = await startServer();
    using client = await WsClient.connect(server.url);
    const operation = client.subscribe(EVERYTHING);
    using stream = await SseStream.open(server.url, EVERYTHING);
    await Promise.all([operation.take(2), stream.take(2)]);
    const before = await counted(server.url);

    await store(server.url);
    const answers = [await operation.next(), await stream.next()];

    expect(answers[0]).toEqual(answers[1]);
    expect(await growth(server.url, before)).toEqual({ executed: 1, delivered: 2 });
  });

  it.each([
    [
      "a job",
      `subscription { task(database: "d", username: "u", jobId: "j") { version } }`,
      { task: null },
      { task: { version: 1 } },
    ],
    ["a count", `subscription { taskCount(database: "d") }`, { taskCount: 0 }, { taskCount: 1 }],
  ])("share each execution of %s too", async (_, query, first, second) => {
    await using server = await startServer();
    using client = await WsClient.connect(server.url);
    const subscribers = Array.from({ length: 10 }, () => client.subscribe({ query }));

    const before = await takeAll(subscribers, 1);
    await store(server.url);
    const after = await takeAll(subscribers, 1);

    expect(before).toEqual(subscribers.map(() => [{ data: first }]));
    expect(after).toEqual(subscribers.map(() => [{ data: second }]));
    expect(await counted(server.url)).toEqual({ executed: 2, delivered: 20 });
  });

  it("release the texts that they shared when the last of them ends", async () => {
    await using server = await startServer();
    await store(server.url);
    const client = await WsClient.connect(server.url);
    await takeAll([client.subscribe(EVERYTHING), client.subscribe(EVERYTHING)], 3);

    const shared = await readMetric(server.url, TEXT_BYTES);
    client[Symbol.dispose]();

    expect(shared).toBeGreaterThan(0);
    await metricReaches(server.url, TEXT_BYTES, 0);
  });

  it("all receive an error of a shared execution", async () => {
    await using server = await startSchemaServer(faultySchema("UserTask.tasks"));
    using client = await WsClient.connect(server.url);
    const query = `subscription {
      taskEvents(database: "d") { kind: __typename ... on TaskStored { userTask { tasks { description } } } }
    }`;
    const subscribers = [client.subscribe({ query }), client.subscribe({ query })];
    await takeAll(subscribers, 2);
    const before = await counted(server.url);

    await store(server.url, { task: { description: "t", subTasks: ["a", "b"].map(described) } });
    const answers = (await takeAll(subscribers, 1)).flat();

    expect(answers[0]?.errors).toMatchObject([{ extensions: { code: "INTERNAL" } }]);
    expect(answers[1]).toEqual(answers[0]);
    expect(await growth(server.url, before)).toEqual({ executed: 1, delivered: 2 });
  });

  it("receive correct results when one leaves and another joins after the last has left", async () => {
    await using server = await startServer();
    await store(server.url);
    using client = await WsClient.connect(server.url);
    const [first, second] = [client.subscribe(EVERYTHING), client.subscribe(EVERYTHING)];
    await takeAll([first, second], 3);

    first.complete();
    await metricReaches(server.url, "tidemark_subscribers", 1);
    await update(server.url, { updates: [{ done: 1 }] });
    const toSecond = await second.next();
    second.complete();
    await metricReaches(server.url, "tidemark_subscribers", 0);
    const toThird = await client.subscribe(EVERYTHING).take(3);

    expect(kindsOf([toSecond, ...toThird])).toEqual(["TaskUpdated", "Reset", "TaskStored", "CaughtUp"]);
  });
});

describe("Subscribers receive their own results when they differ", () => {
  const IF = `subscription ($isPlaced: Boolean!) {
    taskEvents(database: "d") { kind: __typename position @include(if: $isPlaced) }
  }`;
  const NAMED = `
    subscription A { taskEvents(database: "d") { kind: __typename a: __typename } }
    subscription B { taskEvents(database: "d") { kind: __typename b: __typename } }`;

  it.each<[string, GraphqlRequest, GraphqlRequest, object, object]>([
    [
      "by their selection",
      { query: `subscription { taskEvents(database: "d") { kind: __typename a: __typename } }` },
      { query: `subscription { taskEvents(database: "d") { kind: __typename b: __typename } }` },
      { kind: "TaskStored", a: "TaskStored" },
      { kind: "TaskStored", b: "TaskStored" },
    ],
    [
      "by the operation of one document",
      { query: NAMED, operationName: "A" },
      { query: NAMED, operationName: "B" },
      { kind: "TaskStored", a: "TaskStored" },
      { kind: "TaskStored", b: "TaskStored" },
    ],
    [
      "by a variable",
      { query: IF, variables: { isPlaced: true } },
      { query: IF, variables: { isPlaced: false } },
      { kind: "TaskStored", position: expect.stringMatching(/\.1$/) },
      { kind: "TaskStored" },
    ],
  ])("%s", async (_, first, second, toFirst, toSecond) => {
    await using server = await startServer();
    using client = await WsClient.connect(server.url);
    const subscribers = [client.subscribe(first), client.subscribe(second)];
    await takeAll(subscribers, 2);
    const before = await counted(server.url);

    await store(server.url);
    const answers = (await takeAll(subscribers, 1)).flat();

    expect(answers).toEqual([toFirst, toSecond].map((taskEvents) => ({ data: { taskEvents } })));
    expect(await growth(server.url, before)).toEqual({ executed: 2, delivered: 2 });
  });

  it("by the watched user", async () => {
    await using server = await startServer();
    for (const username of ["alice", "bob"]) await store(server.url, { username });
    using client = await WsClient.connect(server.url);
    const [alice, bob, all] = [{ username: "alice" }, { username: "bob" }, {}].map((variables) =>
      client.subscribe({ query: EVENTS, variables }),
    ) as [Operation, Operation, Operation];
    await Promise.all([alice.take(3), bob.take(3), all.take(4)]);

    for (const username of ["bob", "alice"]) {
      await update(server.url, { username, updates: [{ done: 1 }] });
      await all.next();
    }

    expect(userOf(await alice.next())).toBe("alice");
    expect(userOf(await bob.next())).toBe("bob");
  });

  it("by position: one resumes with missed events, the other receives none of them twice", async () => {
    await using server = await startServer();
    const { position } = await store(server.url);
    await update(server.url, { updates: [{ done: 1 }] });
    using client = await WsClient.connect(server.url);

    const behind = client.subscribe({ query: EVENTS, variables: { after: position } });
    const missed = await behind.take(2);
    const { position: newest } = await update(server.url, { updates: [{ done: 1, message: "x" }] });
    const ahead = client.subscribe({ query: EVENTS, variables: { after: newest } });

    expect(kindsOf(missed)).toEqual(["TaskUpdated", "CaughtUp"]);
    expect(kindsOf([await behind.next()])).toEqual(["TaskUpdated"]);
    expect(kindsOf([await ahead.next()])).toEqual(["CaughtUp"]);
  });
});

interface Counts {
  readonly executed: number;
  readonly delivered: number;
}

async function counted(url: string): Promise<Counts> {
  return { executed: await readMetric(url, EXECUTED), delivered: await readMetric(url, DELIVERED) };
}

async function growth(url: string, before: Counts): Promise<Counts> {
  const { executed, delivered } = await counted(url);
  return { executed: executed - before.executed, delivered: delivered - before.delivered };
}

/** The next `count` results of each subscriber. */
function takeAll(subscribers: readonly Operation[], count: number): Promise<GraphqlResult[][]> {
  return Promise.all(subscribers.map((subscriber) => subscriber.take(count)));
}

/** The number of subscribers whose results differ from the first one's. */
function differing(answers: readonly (readonly GraphqlResult[])[]): number {
  return new Set(answers.map((each) => JSON.stringify(each))).size - 1;
}

interface Event {
  readonly kind: string;
  readonly userTask?: { readonly username: string };
}

function kindsOf(answers: readonly GraphqlResult[]): string[] {
  return answers.map((answer) => eventIn(answer).kind);
}

function userOf(answer: GraphqlResult): string | undefined {
  return eventIn(answer).userTask?.username;
}

function eventIn({ data }: GraphqlResult): Event {
  return (data as { taskEvents: Event }).taskEvents; // safe: the documents select it
}

function described(description: string): object {
  return { description, volume: 1 };
}
