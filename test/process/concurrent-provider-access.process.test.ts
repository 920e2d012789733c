import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Program, startTidemark, type Tidemark } from "../kit/process/child-process.js";
import type { GraphqlResult, GraphqlRequest } from "../kit/network/raw-http.js";
import { storeTask, taskCount } from "../server/jobs.js";
import { taskEventsUntil, nextEvent, queryState, taskEvents, type TaskEvent } from "../server/task-events.js";
import { OVER_WEBSOCKET } from "../server/transports.js";

/**
 * The store provider tests of Neo4j GDS, which use ten threads, with ten concurrent processes: law 1 (one store
 * per database), law 2 (the same key overwrites) and law 12 (each change is delivered once).
 */
const STORES = ["memory:", "lmdb:"] as const;

describe.each(STORES)("ten processes that store at the same time, in %s", (scheme) => {
  const NUMBERS = Array.from({ length: 10 }, (_, number) => number);
  const ROUNDS = Array.from({ length: 10 }, (_, round) => `db${round}`);
  const folder = mkdtempSync(join(tmpdir(), "tidemark-"));
  let tidemark: Tidemark;
  let workers: readonly Worker[];

  beforeAll(async () => {
    tidemark = await startTidemark(["--store", scheme === "lmdb:" ? `lmdb:${folder}` : scheme]);
    workers = await Promise.all(NUMBERS.map(() => Worker.start()));
  });

  afterAll(async () => {
    await Promise.all([...workers, tidemark].map((each) => each[Symbol.asyncDispose]()));
    rmSync(folder, { recursive: true });
  });

  it.each(ROUNDS)("leave ten jobs under separate keys in the new database %s", async (database) => {
    const answers = await atOnce((n) => storeTask({ database, username: `user${n}`, jobId: `job${n}` }));

    expect(answers.map(attemptOf)).toEqual(NUMBERS.map(() => 1));
    expect(await taskCount(tidemark.url, database)).toBe(10);
    const revisions = (await queryState(tidemark.url, database)).jobs.map(({ revision }) => revision);
    expect(revisions.toSorted((a, b) => a - b)).toEqual(NUMBERS.map((n) => n + 1));
  });

  it.each(ROUNDS)("leave one job under one key in %s, with one attempt each", async (round) => {
    const database = `same-${round}`;

    const answers = await atOnce(() => storeTask({ database, username: "alice", jobId: "shared" }));

    expect(answers.map(attemptOf).toSorted((a, b) => a - b)).toEqual(NUMBERS.map((n) => n + 1));
    expect(await taskCount(tidemark.url, database)).toBe(1);
    expect((await queryState(tidemark.url, database)).jobs).toEqual([
      expect.objectContaining({ username: "alice", jobId: "shared", attempt: 10, version: 10 }),
    ]);
  });

  it.each(ROUNDS)("produce one event each for a subscriber of %s, in order", async (round) => {
    const database = `events-${round}`;
    using watcher = await OVER_WEBSOCKET.watch(tidemark.url, taskEvents({ database }));
    await taskEventsUntil(watcher, "CaughtUp");

    await atOnce((n) => storeTask({ database, username: `user${n}`, jobId: "job" }));
    const events: TaskEvent[] = [];
    while (storesOf(events).length < 10) events.push(await nextEvent(watcher));

    expect(
      storesOf(events)
        .map(({ userTask }) => userTask?.username)
        .toSorted(),
    ).toEqual(NUMBERS.map((n) => `user${n}`));
    expect(storesOf(events).map(({ userTask }) => userTask?.revision)).toEqual(NUMBERS.map((n) => n + 1));
  });

  it("produce events in order under one key, ending with the last attempt", async () => {
    const database = "events-same";
    using watcher = await OVER_WEBSOCKET.watch(tidemark.url, taskEvents({ database }));
    await taskEventsUntil(watcher, "CaughtUp");

    await atOnce(() => storeTask({ database, username: "alice", jobId: "shared" }));
    const events: TaskEvent[] = [];
    while (events.at(-1)?.userTask?.attempt !== 10) events.push(await nextEvent(watcher));

    const attempts = storesOf(events).map(({ userTask }) => Number(userTask?.attempt));
    expect(attempts).toEqual([...new Set(attempts)].toSorted((a, b) => a - b));
  });

  /** Makes every worker send its request at the same time. */
  function atOnce(requestOf: (number: number) => GraphqlRequest): Promise<GraphqlResult[]> {
    return Promise.all(workers.map((worker, number) => worker.ask(tidemark.url, requestOf(number))));
  }
});

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
