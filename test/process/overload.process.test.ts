import { setInterval } from "node:timers";
import { describe, expect, it } from "vitest";
import { assert } from "../../src/util/assert.js";
import { dataOf, readMetric } from "../kit/network/raw-http.js";
import { WsClient, type ServerMessage } from "../kit/network/ws-client.js";
import { RestartableServer } from "../kit/server/restartable-server.js";

/**
 * Many watchers that are behind at the same time, while updates go on. They share the work and become live, however slow
 * the machine is. bench/overload.bench.ts measures how long it takes.
 */

const WATCHERS = 200;
const JOBS = 100;
const UPDATE_EVERY_MS = 10;
/** Executions for each event that a watcher receives. A watcher that catches up alone costs a hundred times as much. */
const EXECUTED_MAX = 0.02;

describe(`${WATCHERS} watchers of ${JOBS} jobs`, () => {
  it("share the work of catching up, and become live, when all return after a restart", async () => {
    await using server = await serverWithJobs();
    const positions = await positionsAfterLife(server.url);
    await server.kill();
    await server.startAgain();
    using updates = new Updates(server.url);
    using watchers = await Watchers.open(server.url, (at) => positions[at]);
    await watchers.untilLive();
    expect(updates.count).toBeGreaterThan(0);
    expect(watchers.kinds).not.toContain("Reset");
    expect(await executionsPerEvent(server.url)).toBeLessThan(EXECUTED_MAX);
  });

  it("share the work of the first snapshot, and become live, when all subscribe at once", async () => {
    await using server = await serverWithJobs();
    using updates = new Updates(server.url);
    using watchers = await Watchers.open(server.url, () => undefined);
    await watchers.untilLive();
    expect(updates.count).toBeGreaterThan(0);
    expect(watchers.kinds).toContain("Reset");
    expect(await executionsPerEvent(server.url)).toBeLessThan(EXECUTED_MAX);
  });
});

const STORE = `mutation ($input: StoreTaskInput!) { storeTask(input: $input) { __typename } }`;
const UPDATE = `mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { __typename } }`;
const EVENTS = `subscription ($after: Position) { taskEvents(database: "d", after: $after) {
  kind: __typename position
  ... on TaskStored { userTask { jobId version task { progress { done } } } }
  ... on TaskUpdated { userTask { jobId version } changed { path progress { done } } }
} }`;

async function serverWithJobs(): Promise<RestartableServer> {
  const server = await RestartableServer.start();
  const subTasks = [{ description: "part", volume: 1_000_000 }];
  const store = (at: number): Promise<unknown> =>
    dataOf(server.url, STORE, { input: { ...jobAt(at), task: { description: "job", subTasks } } });
  await Promise.all(Array.from({ length: JOBS }, (_, at) => store(at)));
  return server;
}

/** Watches for a while, and returns a different position for each watcher, none of which has all changes. */
async function positionsAfterLife(url: string): Promise<string[]> {
  using client = await WsClient.connect(url);
  client.subscribe({ query: EVENTS });
  await client.next(isCaughtUp);
  const live = client.received.length;
  using updates = new Updates(url);
  await client.next(() => client.received.length >= live + WATCHERS, live);
  assert(updates.count >= WATCHERS, "each update is an event");
  return client.received.slice(live, live + WATCHERS).map((message) => eventIn(message)!.position);
}

function jobAt(at: number): object {
  return { database: "d", username: "u", jobId: `job${at % JOBS}` };
}

/** Updates at a steady rate. */
class Updates implements Disposable {
  readonly #url: string;
  readonly #timer: NodeJS.Timeout;
  count = 0;

  constructor(url: string) {
    this.#url = url;
    this.#timer = setInterval(() => void this.#update(this.count++), UPDATE_EVERY_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** One that fails because the server ends does not matter. */
  async #update(at: number): Promise<void> {
    const input = { ...jobAt(at * 7), updates: [{ path: "0", add: 1 }] };
    await dataOf(this.#url, UPDATE, { input }).catch(() => {});
  }
}

class Watchers implements Disposable {
  readonly #clients: readonly WsClient[];

  /** All connect at once. */
  static async open(url: string, afterOf: (at: number) => string | undefined): Promise<Watchers> {
    const open = async (_: unknown, at: number): Promise<WsClient> => {
      const client = await WsClient.connect(url);
      client.subscribe({ query: EVENTS, variables: { after: afterOf(at) } });
      return client;
    };
    return new Watchers(await Promise.all(Array.from({ length: WATCHERS }, open)));
  }

  private constructor(clients: readonly WsClient[]) {
    this.#clients = clients;
  }

  get kinds(): ReadonlySet<string | undefined> {
    return new Set(
      this.#clients.flatMap(({ received }) => received.map((message) => eventIn(message)?.kind)),
    );
  }

  async untilLive(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.next(isCaughtUp)));
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client[Symbol.dispose]();
  }
}

interface Event {
  readonly kind: string;
  readonly position: string;
}

function eventIn({ payload }: ServerMessage): Event | undefined {
  return (payload as { data?: { taskEvents: Event } } | undefined)?.data?.taskEvents; // safe: so it is selected
}

function isCaughtUp(message: ServerMessage): boolean {
  return eventIn(message)?.kind === "CaughtUp";
}

async function executionsPerEvent(url: string): Promise<number> {
  const executed = await readMetric(url, "tidemark_events_executed_total");
  return executed / (await readMetric(url, "tidemark_events_told_total"));
}
