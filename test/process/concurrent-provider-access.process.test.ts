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
 * The tests that the origin of this project had for its store provider, ten threads at once, from ten
 * processes at once: law 1 (one store a database), law 2 (the same key overwrites), law 12 (told once).
 */
const STORES = ["memory:", "lmdb:"] as const;

describe.each(STORES)("Ten processes that store at the same moment, in %s", (scheme) => {
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

  it.each(ROUNDS)(
    "under keys of their own in %s, which nobody stored in before, leave ten jobs",
    async (database) => {
      const answers = await atOnce((n) => storeTask({ database, username: `user${n}`, jobId: `job${n}` }));

      expect(answers.map(attemptOf)).toEqual(NUMBERS.map(() => 1));
      expect(await taskCount(tidemark.url, database)).toBe(10);
      const revisions = (await queryState(tidemark.url, database)).jobs.map(({ revision }) => revision);
      expect(revisions.toSorted((a, b) => a - b)).toEqual(NUMBERS.map((n) => n + 1));
    },
  );

  it.each(ROUNDS)("under one key in %s leave one job, at an attempt each", async (round) => {
    const database = `same-${round}`;

    const answers = await atOnce(() => storeTask({ database, username: "alice", jobId: "shared" }));

    expect(answers.map(attemptOf).toSorted((a, b) => a - b)).toEqual(NUMBERS.map((n) => n + 1));
    expect(await taskCount(tidemark.url, database)).toBe(1);
    expect((await queryState(tidemark.url, database)).jobs).toEqual([
      expect.objectContaining({ username: "alice", jobId: "shared", attempt: 10, version: 10 }),
    ]);
  });

  it.each(ROUNDS)("are told to a subscriber of %s once each, in order", async (round) => {
    const database = `told-${round}`;
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

  it("under one key are told to a subscriber in order, the last one last", async () => {
    const database = "told-same";
    using watcher = await OVER_WEBSOCKET.watch(tidemark.url, taskEvents({ database }));
    await taskEventsUntil(watcher, "CaughtUp");

    await atOnce(() => storeTask({ database, username: "alice", jobId: "shared" }));
    const events: TaskEvent[] = [];
    while (events.at(-1)?.userTask?.attempt !== 10) events.push(await nextEvent(watcher));

    const attempts = storesOf(events).map(({ userTask }) => Number(userTask?.attempt));
    expect(attempts).toEqual([...new Set(attempts)].toSorted((a, b) => a - b));
  });

  /** Every worker sends its request in the same moment. */
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

  async ask(url: string, asked: GraphqlRequest): Promise<GraphqlResult> {
    const from = this.#program.out.length;
    this.#program.write(`${JSON.stringify({ url, ...asked })}\n`);
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
