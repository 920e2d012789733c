import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { HAS_POSTGRES, NEEDS_POSTGRES } from "../kit/postgres/installation.js";
import { startPostgres } from "../kit/postgres/postgres-server.js";
import { Program, startTidemark } from "../kit/process/child-process.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import type { GraphqlResult, GraphqlRequest } from "../kit/network/raw-http.js";
import { storeTask, taskCount } from "../server/jobs.js";
import { taskEventsUntil, nextEvent, queryState, taskEvents, type TaskEvent } from "../server/task-events.js";
import { OVER_WEBSOCKET } from "../server/transports.js";

/**
 * The store provider tests of Neo4j GDS, which use ten threads, with ten concurrent processes: law 1 (one store
 * per database), law 2 (the same key overwrites) and law 12 (each change is delivered once).
 */
const SETUPS: readonly Setup[] = [
  { name: "a server with memory:", start: () => startServers(1, "memory:") },
  { name: "a server with lmdb:", start: () => startWithFolder() },
  ...(HAS_POSTGRES && IS_FULL_LENGTH
    ? [{ name: `three servers on one PostgreSQL ${NEEDS_POSTGRES}`, start: () => startWithPostgres() }]
    : []),
];

describe.each(SETUPS)("ten processes that store at the same time, at $name", ({ start }) => {
  const NUMBERS = Array.from({ length: 10 }, (_, number) => number);
  const ROUNDS = Array.from({ length: 10 }, (_, round) => `db${round}`);
  let servers: Servers;
  let workers: readonly Worker[];

  beforeAll(async () => {
    servers = await start();
    workers = await Promise.all(NUMBERS.map(() => Worker.start()));
  });

  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
    await servers[Symbol.asyncDispose]();
  });

  it.each(ROUNDS)("leave ten jobs under separate keys in the new database %s", async (database) => {
    const answers = await atOnce((n) => storeTask({ database, username: `user${n}`, jobId: `job${n}` }));

    expect(answers.map(attemptOf)).toEqual(NUMBERS.map(() => 1));
    for (const url of servers.urls) {
      await expect.poll(() => taskCount(url, database)).toBe(10);
      const revisions = (await queryState(url, database)).jobs.map(({ revision }) => revision);
      expect(revisions.toSorted((a, b) => a - b)).toEqual(NUMBERS.map((n) => n + 1));
    }
  });

  it.each(ROUNDS)("leave one job under one key in %s, with one attempt each", async (round) => {
    const database = `same-${round}`;

    const answers = await atOnce(() => storeTask({ database, username: "alice", jobId: "shared" }));

    expect(answers.map(attemptOf).toSorted((a, b) => a - b)).toEqual(NUMBERS.map((n) => n + 1));
    const last = { username: "alice", jobId: "shared", attempt: 10, version: 10 };
    for (const url of servers.urls)
      await expect.poll(async () => (await queryState(url, database)).jobs).toMatchObject([last]);
  });

  it.each(ROUNDS)("produce one event each for a subscriber of %s, in order", async (round) => {
    const database = `events-${round}`;
    const watchers = await watchEverywhere(database);

    await atOnce((n) => storeTask({ database, username: `user${n}`, jobId: "job" }));
    const stores = await Promise.all(watchers.map((watcher) => tenStores(watcher)));

    for (const received of stores) {
      const users = received.map(({ userTask }) => userTask?.username);
      expect(users.toSorted()).toEqual(NUMBERS.map((n) => `user${n}`));
      expect(received.map(({ userTask }) => userTask?.revision)).toEqual(NUMBERS.map((n) => n + 1));
      expect(received.map(({ userTask }) => userTask?.username)).toEqual(
        stores[0]!.map(({ userTask }) => userTask?.username),
      );
    }
  });

  it("produce events in order under one key, ending with the last attempt", async () => {
    const database = "events-same";
    const watchers = await watchEverywhere(database);

    await atOnce(() => storeTask({ database, username: "alice", jobId: "shared" }));
    for (const watcher of watchers) {
      const events: TaskEvent[] = [];
      while (events.at(-1)?.userTask?.attempt !== 10) events.push(await nextEvent(watcher));

      const attempts = storesOf(events).map(({ userTask }) => Number(userTask?.attempt));
      expect(attempts).toEqual([...new Set(attempts)].toSorted((a, b) => a - b));
    }
  });

  /** Makes every worker send its request at the same time, to the servers in turn. */
  function atOnce(requestOf: (number: number) => GraphqlRequest): Promise<GraphqlResult[]> {
    const { urls } = servers;
    return Promise.all(
      workers.map((worker, number) => worker.ask(urls[number % urls.length]!, requestOf(number))),
    );
  }

  /** A watcher at each server, which has caught up. */
  function watchEverywhere(database: string): Promise<Watcher[]> {
    return Promise.all(
      servers.urls.map(async (url) => {
        const watcher = await OVER_WEBSOCKET.watch(url, taskEvents({ database }));
        onTestFinished(() => watcher[Symbol.dispose]());
        await taskEventsUntil(watcher, "CaughtUp");
        return watcher;
      }),
    );
  }
});

interface Setup {
  readonly name: string;
  readonly start: () => Promise<Servers>;
}

interface Servers extends AsyncDisposable {
  readonly urls: readonly string[];
}

type Watcher = Awaited<ReturnType<typeof OVER_WEBSOCKET.watch>>;

async function startServers(count: number, store: string): Promise<Servers> {
  const started = await Promise.all(Array.from({ length: count }, () => startTidemark(["--store", store])));
  return {
    urls: started.map(({ url }) => url),
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map((server) => server[Symbol.asyncDispose]()));
    },
  };
}

async function startWithFolder(): Promise<Servers> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-"));
  return disposedWith(await startServers(1, `lmdb:${folder}`), async () =>
    rmSync(folder, { recursive: true }),
  );
}

async function startWithPostgres(): Promise<Servers> {
  const postgres = await startPostgres();
  const servers = await startServers(3, await postgres.createDatabase());
  return disposedWith(servers, () => postgres[Symbol.asyncDispose]());
}

function disposedWith(servers: Servers, dispose: () => Promise<void>): Servers {
  return {
    urls: servers.urls,
    async [Symbol.asyncDispose]() {
      await servers[Symbol.asyncDispose]();
      await dispose();
    },
  };
}

/** Reads until ten jobs were stored. */
async function tenStores(watcher: Watcher): Promise<TaskEvent[]> {
  const events: TaskEvent[] = [];
  while (storesOf(events).length < 10) events.push(await nextEvent(watcher));
  return storesOf(events);
}

/** A process that sends requests. */
class Worker implements AsyncDisposable {
  readonly #program: Program;

  static async start(): Promise<Worker> {
    const program = Program.node(["test/process/worker.mjs"]);
    await program.line((line) => line === "ready");
    return new Worker(program);
  }

  private constructor(program: Program) {
    this.#program = program;
  }

  async ask(url: string, request: GraphqlRequest): Promise<GraphqlResult> {
    const from = this.#program.out.length;
    this.#program.write(`${JSON.stringify({ url, ...request })}\n`);
    return JSON.parse(await this.#program.line(() => true, from)) as GraphqlResult;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#program[Symbol.asyncDispose]();
  }
}

function attemptOf({ data, errors }: GraphqlResult): number {
  if (errors) throw new Error(JSON.stringify(errors));
  return (data as { storeTask: { userTask: { attempt: number } } }).storeTask.userTask.attempt;
}

function storesOf(events: readonly TaskEvent[]): TaskEvent[] {
  return events.filter(({ kind }) => kind === "TaskStored");
}
