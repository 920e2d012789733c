import { describe, expect, it } from "vitest";
import {
  resumable,
  type ResumableOptions,
  type ResumableSubscriptions,
  type SubscriptionClient,
} from "../../../src/client/index.js";
import { metricReaches } from "../../kit/network/raw-http.js";
import { SeverableProxy } from "../../kit/network/severable-proxy.js";
import { startSchemaServer } from "../../kit/server/extended-schema-server.js";
import { faultySchema } from "../../kit/server/faulty-schema.js";
import { startServer } from "../../kit/server/server.js";
import { Tokens } from "../../kit/server/tokens.js";
import { store, update } from "../../server/jobs.js";
import { CLIENT_KINDS, overSse, overWebSocket } from "./resumed-clients.js";

const EVENTS = `subscription ($after: Position, $jobId: ID) {
  taskEvents(database: "d", jobId: $jobId, after: $after) {
    kind: __typename
    position
    ... on Reset { cause }
    ... on TaskUpdated { userTask { version } changed { progress { done } } }
  }
}`;
const TASK = `subscription { task(database: "d", username: "u", jobId: "j") { task { status } } }`;

interface Event {
  readonly kind: string;
  readonly cause?: string;
  readonly changed?: readonly { readonly progress: { readonly done: number } }[];
}

describe.each(CLIENT_KINDS)("A resumed subscription ($name)", ({ open }) => {
  it("begins anew with a Reset if the server lost its history", async () => {
    await using server = await startServer();
    await using other = await startServer();
    await using network = await SeverableProxy.open(server.url);
    await store(server.url);
    using client = disposable(open(network.url));
    const events = client.iterate<{ taskEvents: Event }>({ query: EVENTS });
    const before = await take(events, 3);

    await store(other.url);
    network.redirectTo(other.url);
    network.sever();
    const after = await take(events, 3);

    expect(before.map(wordOf)).toEqual(["INITIAL", "TaskStored", "CaughtUp"]);
    expect(after.map(wordOf)).toEqual(["EPOCH_CHANGED", "TaskStored", "CaughtUp"]);
  });

  it("ends with the error of a server that rejects it", async () => {
    await using server = await startServer();
    using client = disposable(open(server.url));
    const events = client.iterate({ query: EVENTS, variables: { after: "nowhere" } });

    await expect(events.next()).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  it("ends with UNAUTHENTICATED if the server rejects the token twice", async () => {
    await using server = await startServer({ auth: (await grantedTokens()).auth });
    using client = disposable(open(server.url));

    await expect(client.iterate({ query: EVENTS }).next()).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });

  it("unsubscribes when it is left, even while it waits for an event", async () => {
    await using server = await startServer();
    using client = disposable(open(server.url));
    const events = client.iterate<{ taskEvents: Event }>({ query: EVENTS });
    await take(events, 2);

    const waiting = events.next();
    await events.return!();

    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await events.next()).toEqual({ done: true, value: undefined });
    await metricReaches(server.url, "tidemark_subscribers", 0);
  });

  it("delivers an event that the server can't build with its errors, and goes on", async () => {
    const faults = [true, false];
    await using server = await startSchemaServer(faultySchema("TaskUpdated.changed", () => faults.shift()!));
    await store(server.url);
    using client = disposable(open(server.url));
    const results = client.iterate<{ taskEvents: Event }>({ query: EVENTS });
    await take(results, 3);

    await update(server.url, { updates: [{ done: 1 }] });
    const failed = await results.next();
    await update(server.url, { updates: [{ done: 2 }] });
    const [next] = await take(results, 1);

    expect(failed.value).toMatchObject({ data: null, errors: [{ extensions: { code: "INTERNAL" } }] });
    expect(next).toMatchObject({ kind: "TaskUpdated", userTask: { version: 3 } });
  });

  it("completes when the server does", async () => {
    await using server = await startServer();
    await store(server.url);
    using client = disposable(open(server.url));
    const results = client.iterate({ query: TASK });

    await results.next();
    await update(server.url, { updates: [{ status: "FINISHED" }] });

    expect((await results.next()).value).toEqual({ data: { task: { task: { status: "FINISHED" } } } });
    expect(await results.next()).toEqual({ done: true, value: undefined });
  });
});

describe("resumable()", () => {
  it("sends a slow loop the newest state, and holds at most 1,000 results meanwhile", async () => {
    await using server = await startServer();
    await store(server.url, { task: { description: "work", volume: 10_000 } });
    using client = disposable(resumable(overWebSocket(server.url)));
    const events = client.iterate<{ taskEvents: Event }>({ query: EVENTS });
    await take(events, 3);

    for (let done = 1; done <= 1_200; done++) await update(server.url, { updates: [{ done }] });
    const updates = await takeUntil(events, ({ changed }) => changed?.[0]?.progress.done === 1_200);

    expect(updates.length).toBe(1_001);
    expect(updates.at(-1)).toMatchObject({ userTask: { version: 1_201 } });
  });

  it("sends another token after a rejected one", async () => {
    const tokens = new Tokens();
    const token = await tokens.grant("alice");
    await using server = await startServer({ auth: tokens.auth });
    const waiting = ["expired", token];
    const connectionParams = () => ({ authorization: `Bearer ${waiting.shift()}` });
    using client = disposable(resumable(overWebSocket(server.url, { connectionParams })));

    const [first] = await take(client.iterate<{ taskEvents: Event }>({ query: EVENTS }), 1);

    expect(first).toMatchObject({ kind: "Reset" });
    expect(waiting).toEqual([]);
  });

  it("passes errors and the disconnections to a sink, and keeps the other functions of the client", async () => {
    await using server = await startServer();
    const causes: unknown[] = [];
    const client = resumable(overSse(server.url), { onDisconnected: (cause) => causes.push(cause) });
    await server.close();
    const ended = new Promise((resolve) => {
      client.subscribe(
        { query: EVENTS },
        { next: () => {}, error: resolve, complete: () => resolve("over") },
      );
    });

    while (causes.length === 0) await new Promise(setImmediate);
    client.dispose();

    expect(causes).toEqual([expect.objectContaining({ message: "fetch failed" })]);
    expect(await ended).toBe("over");
  });

  it("passes an error with a text for the event that a browser passes", async () => {
    const causes: unknown[] = [];
    const event = new Event("error");
    const inBrowser: SubscriptionClient = {
      subscribe(_, { error }) {
        queueMicrotask(() => error(event));
        return () => {};
      },
    };
    const client = resumable(inBrowser, { onDisconnected: (cause) => causes.push(cause) });
    const stop = client.subscribe({ query: EVENTS }, { next: () => {}, error: () => {}, complete: () => {} });
    while (causes.length === 0) await new Promise(setImmediate);
    stop();

    expect(causes[0]).toEqual(new Error("The connection failed or was lost.", { cause: event }));
  });

  it.each([
    ['mutation { purgeDatabase(database: "d") { removed } }', "could repeat a mutation"],
    [`subscription { taskEvents(database: "d") { position } }`, "Declare $after"],
    [
      `subscription ($after: Position) { taskEvents(database: "d", after: $after) { at } }`,
      "select `position`",
    ],
  ])("rejects a document that it can't resume: %s", (query, reason) => {
    const client = resumable(overSse("http://127.0.0.1:1"));

    expect(() => client.iterate({ query })).toThrow(reason);
    expect(() => client.iterate({ query })).toThrow(expect.objectContaining({ code: "BAD_USER_INPUT" }));
  });

  it("rejects an unknown option", () => {
    const options = { retries: 3 } as ResumableOptions;
    expect(() => resumable(overSse("http://127.0.0.1:1"), options)).toThrow(TypeError);
  });
});

async function grantedTokens(): Promise<Tokens> {
  const tokens = new Tokens();
  await tokens.grant("alice");
  return tokens;
}

type Opened = ResumableSubscriptions & { dispose(): void | Promise<void> };

function disposable<Client extends Opened>(client: Client): Client & Disposable {
  return { ...client, [Symbol.dispose]: () => void client.dispose() };
}

type Results = AsyncIterableIterator<{ readonly data?: { readonly taskEvents: Event } | null | undefined }>;

async function take(results: Results, count: number): Promise<Event[]> {
  let left = count;
  return takeUntil(results, () => --left === 0);
}

async function takeUntil(results: Results, isLast: (event: Event) => boolean): Promise<Event[]> {
  const events: Event[] = [];
  do events.push((await results.next()).value!.data!.taskEvents);
  while (!isLast(events.at(-1)!));
  return events;
}

function wordOf({ kind, cause }: Event): string {
  return cause ?? kind;
}
