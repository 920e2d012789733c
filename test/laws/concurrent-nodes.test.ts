import { describe, expect, it } from "vitest";
import type { TaskEvent } from "../../src/hub/task-event.js";
import type { Journal } from "../../src/journal/journal.js";
import { DEFAULT_LIMITS, type Limits } from "../../src/protocol/limits.js";
import type { TaskStore } from "../../src/store/task-store.js";
import type { UserTask } from "../../src/tasks/user-task.js";
import { delayJournal } from "../kit/journal/delayed-journal.js";
import { ForkingJournal } from "../kit/journal/forking-journal.js";
import { withHandles } from "../kit/journal/observed-journal.js";
import { inRandomRounds } from "../kit/deterministic/random-rounds.js";
import { randomTurns, until, untilIdle } from "../kit/deterministic/turns.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import { branch, leaf } from "../kit/store/edits.js";
import { createNodes, type Nodes } from "../kit/store/nodes.js";
import { RecordingListener, type RecordedCall } from "../kit/store/recording-listener.js";
import {
  addTasksRequestOf,
  ALICE,
  ANY_ATTEMPT,
  BOB,
  cancelRequestOf,
  DATABASE,
  logReportOf,
  manyKeys,
  rejection,
  reportOf,
  storeRequestOf,
} from "../kit/store/requests.js";
import { comparableState } from "../kit/store/comparable-state.js";
import { exactTree } from "../kit/store/tree-parts.js";
import { retentionOf } from "../kit/store/task-stores.js";

/**
 * The tests of concurrent provider access for several servers that store the same databases. Each has its own store of a
 * database, and all of them have the same jobs (law 1). Their journal is in memory, with random delays, so that every round
 * is repeated by its seed.
 */

const TEN = manyKeys(10);

describe("ten writers on three nodes", () => {
  it("have one store on each node, with all ten jobs", async () => {
    await inRounds(async (random) => {
      await using nodes = createDelayedNodes(random);
      const stored = await Promise.all(TEN.map((key, at) => storeOn(nodes, at, key)));
      const stores = await storesOf(nodes);

      await nodes.inSync();

      expect(nodes.all.map(({ provider }) => provider.openStores())).toEqual(stores.map((store) => [store]));
      expect(stored.map(({ stamp }) => stamp.revision).toSorted(byNumber)).toEqual(numbersTo(10));
      expect(stores.map((store) => store.taskCount())).toEqual([10, 10, 10]);
      expect(stores.map((store) => store.usernames(20))).toEqual(
        stores.map(() => TEN.map(({ username }) => username)),
      );
      expect(stores.map(contentOf)).toEqual(stores.map(() => contentOf(stores[0]!)));
    });
  });

  it("of one key get an attempt each, and leave the tree of the last one everywhere", async () => {
    await inRounds(async (random) => {
      await using nodes = createDelayedNodes(random);
      const stored = await Promise.all(
        TEN.map((_, at) => storeOn(nodes, at, ALICE, { spec: leaf(`Task ${at}`) })),
      );
      await nodes.inSync();
      const last = stored.find(({ attempt }) => attempt === 10)!;

      expect(stored.map(({ attempt }) => attempt).toSorted(byNumber)).toEqual(numbersTo(10));
      const jobs = (await storesOf(nodes)).map((store) => comparableState(store.get(ALICE)));
      expect(jobs).toEqual(jobs.map(() => comparableState(last)));
    });
  });

  it("of one key with REJECT are accepted once", async () => {
    await inRounds(async (random) => {
      await using nodes = createDelayedNodes(random);
      const answers = await Promise.allSettled(
        TEN.map((_, at) => storeOn(nodes, at, ALICE, { onConflict: "REJECT" })),
      );

      expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect(answers.filter(({ status }) => status === "rejected")).toEqual(
        numbersTo(9).map(() => ({
          status: "rejected",
          reason: expect.objectContaining(rejection("ALREADY_EXISTS")) as unknown,
        })),
      );
    });
  });
});

describe("listeners on every node", () => {
  it("are told of every change once, in order, and of the same changes", async () => {
    await inRounds(async (random) => {
      await using nodes = createDelayedNodes(random);
      const listeners = await listenEverywhere(nodes);

      await Promise.all(
        TEN.map(async (key, at) => {
          await storeOn(nodes, at, key);
          const store = await nodes.all[(at + 1) % 3]!.store();
          await store.update(key, reportOf({ done: at }));
          await store.update(key, reportOf({ status: "FINISHED" }));
        }),
      );
      await (await nodes.all[1]!.store()).purge();
      await nodes.inSync();

      expect(listeners.map(({ revisions }) => revisions)).toEqual(listeners.map(() => numbersTo(39)));
      expect(listeners.map(changesOf)).toEqual(listeners.map(() => changesOf(listeners[0]!)));
    });
  });

  it("can read a change and all before it when they are told", async () => {
    await inRounds(async (random) => {
      await using nodes = createDelayedNodes(random);
      const stores = await storesOf(nodes);
      const reads: [revision: number, count: number][] = [];
      for (const store of stores)
        store.addListener(
          new RecordingListener(() => reads.push([store.position.revision, store.taskCount()])),
        );

      await Promise.all(TEN.map((key, at) => storeOn(nodes, at, key)));
      await nodes.inSync();

      expect(reads).toHaveLength(30);
      expect(reads.map(([, count]) => count)).toEqual(reads.map(([revision]) => revision));
    });
  });
});

describe("two nodes that report the same job", () => {
  it("lose nothing, count nothing twice, and keep the order of each worker", async () => {
    await inRounds(async (random) => {
      await using nodes = createDelayedNodes(random);
      await storeOn(nodes, 0, ALICE, { spec: branch("root", leaf("a", 1_000), leaf("b", 1_000)) });
      const [listener] = await listenEverywhere(nodes);

      await Promise.all(
        [0, 1, 2].map(async (at) => {
          for (const round of numbersTo(10)) {
            const store = await nodes.all[at]!.store();
            const report = { ...reportOf({ path: "0", add: 1 }), ...logOf(`${at}:${round}`) };
            await persistently(() => store.update(ALICE, report));
            await randomTurns(random);
          }
        }),
      );
      await nodes.inSync();

      const jobs = (await storesOf(nodes)).map((store) => store.get(ALICE)!);
      expect(jobs.map(({ task, version }) => [task.done, version])).toEqual(jobs.map(() => [30, 31]));
      const lines = jobs[0]!.log.map(({ message }) => message);
      expect([0, 1, 2].map((at) => lines.filter((line) => line.startsWith(`${at}:`)))).toEqual(
        [0, 1, 2].map((at) => numbersTo(10).map((round) => `${at}:${round}`)),
      );
      expect(jobs.map((job) => exactTree(job.task))).toEqual(jobs.map(() => exactTree(jobs[0]!.task)));
      expect(listener!.revisions).toEqual(numbersTo(31).slice(1));
    });
  });

  it("count a report once if it is repeated on another node with its request id", async () => {
    await inRounds(async (random) => {
      await using nodes = createDelayedNodes(random);
      await storeOn(nodes, 0, ALICE, { requestId: "store" });
      const report = { ...reportOf({ add: 1 }), requestId: "report" };

      const answers = await Promise.all(
        numbersTo(9).map(async (at) => (await nodes.all[at % 3]!.store()).update(ALICE, report)),
      );
      const again = await storeOn(nodes, 2, ALICE, { requestId: "store" });

      expect(answers.map(({ task, version }) => [task.done, version])).toEqual(answers.map(() => [1, 2]));
      expect([again.attempt, again.task.done]).toEqual([1, 1]);
    });
  });

  it("let one of them end it, and reject what the other reports later, from the newest state", async () => {
    await inRounds(async (random) => {
      await using nodes = createDelayedNodes(random);
      await storeOn(nodes, 0, ALICE);
      const [one, other] = await storesOf(nodes);

      await one!.update(ALICE, reportOf({ status: "FINISHED" }));

      await expect(other!.update(ALICE, reportOf({ status: "FAILED" }))).rejects.toMatchObject(
        rejection("ILLEGAL_TRANSITION"),
      );
      await expect(other!.update(ALICE, reportOf({ message: "late" }))).rejects.toMatchObject(
        rejection("ILLEGAL_TRANSITION"),
      );
      expect(await other!.update(ALICE, reportOf({ status: "FINISHED" }))).toMatchObject({ version: 2 });
    });
  });
});

describe("a request that a node decides without writing", () => {
  it("is answered from the newest state of all nodes", async () => {
    await inRounds(async (random) => {
      await using nodes = createDelayedNodes(random);
      const [one, other] = await storesOf(nodes);
      await expect(other!.update(ALICE, reportOf({ done: 1 }))).rejects.toMatchObject(rejection("NOT_FOUND"));

      await one!.store(storeRequestOf(ALICE));
      expect(await other!.update(ALICE, reportOf({ done: 0 }))).toMatchObject({ attempt: 1, version: 1 });

      await one!.store(storeRequestOf(ALICE));
      await expect(other!.update(ALICE, { ...reportOf({ done: 1 }), attempt: 1 })).rejects.toMatchObject(
        rejection("STALE_ATTEMPT"),
      );

      await one!.remove(ALICE, ANY_ATTEMPT);
      expect(await other!.remove(ALICE, ANY_ATTEMPT)).toBeNull();
      await expect(other!.addTasks(ALICE, addTasksRequestOf("", leaf("a")))).rejects.toMatchObject(
        rejection("NOT_FOUND"),
      );
      expect(await other!.purge()).toBe(0);
    });
  });

  it("is rejected if the jobs of all nodes together have reached a limit", async () => {
    await inRounds(async (random) => {
      await using nodes = createDelayedNodes(random, { jobsPerDatabaseMax: 5 });
      for (const [at, key] of TEN.slice(0, 5).entries()) await storeOn(nodes, at, key);
      await nodes.inSync();

      const answers = await Promise.allSettled([0, 1, 2].map((at) => storeOn(nodes, at, ALICE)));
      await (await nodes.all[0]!.store()).remove(TEN[4]!, ANY_ATTEMPT);
      const stored = await storeOn(nodes, 1, BOB);

      expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
      expect(stored).toMatchObject({ attempt: 1 });
    });
  });

  it("evicts the job that ended first on any node if the database is full", async () => {
    await inRounds(async (random) => {
      await using nodes = createDelayedNodes(random, { jobsPerDatabaseMax: 2 });
      const [one, other] = await storesOf(nodes);
      const [first, second] = TEN;
      await one!.store(storeRequestOf(first!));
      await other!.store(storeRequestOf(second!));
      await one!.update(second!, reportOf({ status: "FINISHED" }));

      await other!.store(storeRequestOf(ALICE));
      await nodes.inSync();

      expect(one!.query().map(({ username }) => username)).toEqual([ALICE.username, first!.username]);
    });
  });
});

describe("a cancel request on one node", () => {
  it("reaches the worker that reports on another, with the answer to its next report", async () => {
    await inRounds(async (random) => {
      await using nodes = createDelayedNodes(random);
      await storeOn(nodes, 0, ALICE);
      const [one, other] = await storesOf(nodes);
      const reporting = reportOften(other!, 5);

      const canceled = await one!.requestCancel(ALICE, cancelRequestOf("enough"));
      const reported = await reporting;
      const last = await other!.update(ALICE, reportOf({ add: 1 }));

      expect(canceled.cancelRequest).toMatchObject({ reason: "enough" });
      expect(last).toMatchObject({ cancelRequest: canceled.cancelRequest, version: 8 });
      expect(last.task.done).toBe(6);
      expect(reported.map(({ task }) => task.done)).toEqual(numbersTo(5));
    });
  });

  it("is kept when others follow", async () => {
    await inRounds(async (random) => {
      await using nodes = createDelayedNodes(random);
      await storeOn(nodes, 0, ALICE);
      const answers = await Promise.all(
        (await storesOf(nodes)).map((store, at) => store.requestCancel(ALICE, cancelRequestOf(`from ${at}`))),
      );

      expect(new Set(answers.map(({ cancelRequest }) => cancelRequest!.reason)).size).toBe(1);
      expect(answers.map(({ version }) => version)).toEqual([2, 2, 2]);
    });
  });
});

describe("removals by one node", () => {
  it("are seen by listeners on the others: a purge", async () => {
    await inRounds(async (random) => {
      await using nodes = createDelayedNodes(random);
      await Promise.all(TEN.map((key, at) => storeOn(nodes, at, key)));
      const listeners = await listenEverywhere(nodes);

      const [count, reported] = await Promise.all([
        (await nodes.all[0]!.store()).purge(),
        Promise.allSettled(
          TEN.map(async (key) => (await nodes.all[1]!.store()).update(key, reportOf({ done: 1 }))),
        ),
      ]);
      await nodes.inSync();

      expect(count).toBe(10);
      const accepted = reported.filter(({ status }) => status === "fulfilled").length;
      expect(listeners.map(({ calls }) => calls.length)).toEqual(listeners.map(() => 10 + accepted));
      expect(listeners.map(changesOf)).toEqual(listeners.map(() => changesOf(listeners[0]!)));
    });
  });

  it("are made by the node with the lease alone: health and expiry", async () => {
    await inRounds(async (random) => {
      await using nodes = createDelayedNodes(random);
      await Promise.all(TEN.map((key, at) => storeOn(nodes, at, key, { leaseMs: 1_000 })));
      await nodes.inSync();
      const listeners = await listenEverywhere(nodes);
      nodes.leaseHolder = 2;

      nodes.clock.advance(1_500);
      await untilIdle();
      await nodes.inSync();
      const silent = (await storesOf(nodes)).map((store) => store.query().map(({ health }) => health));
      nodes.clock.advance(10_000);
      await until(() => nodes.all.every(({ provider }) => healthsOf(provider.openStores()[0]!) === "LOST"));
      await Promise.all(nodes.all.map(async (node) => (await node.store()).expire(retentionOf(0))));
      await nodes.inSync();

      expect(silent).toEqual([1, 2, 3].map(() => TEN.map(() => "SILENT")));
      expect(listeners.map(({ calls }) => calls.length)).toEqual([30, 30, 30]);
      expect((await storesOf(nodes)).map((store) => store.taskCount())).toEqual([0, 0, 0]);
    });
  });

  it("take the whole database away on all of them, and leave a new epoch", async () => {
    await inRounds(async (random) => {
      await using nodes = createDelayedNodes(random);
      await Promise.all(TEN.map((key, at) => storeOn(nodes, at, key)));
      const stores = await storesOf(nodes);
      await nodes.inSync();
      const { epoch } = stores[0]!.position;
      const replaced = new Set<number>();
      for (const [at, store] of stores.entries()) {
        store.addListener({
          onTaskAdded() {},
          onTaskUpdated() {},
          onTaskRemoved() {},
          onHistoryReplaced: () => void replaced.add(at),
        });
      }

      await nodes.all[0]!.provider.delete(DATABASE);
      await until(() => stores.every((store) => store.position.epoch !== epoch));
      const stored = await storeOn(nodes, 1, ALICE);
      await nodes.inSync();

      expect(stored).toMatchObject({ attempt: 1, version: 1 });
      expect([...replaced].toSorted(byNumber)).toEqual([0, 1, 2]);
      expect(new Set((await storesOf(nodes)).map((store) => store.position.epoch)).size).toBe(1);
      expect((await storesOf(nodes)).map((store) => store.query().map(({ username }) => username))).toEqual(
        stores.map(() => [ALICE.username]),
      );
    });
  });
});

describe("a node whose connection fails", () => {
  it("writes every change once, although it does not know the outcome, while others write", async () => {
    await inRounds(async (random) => {
      await using nodes = createDelayedNodes(random);
      await storeOn(nodes, 0, ALICE);
      const listeners = await listenEverywhere(nodes);
      const [faulty] = nodes.all;
      numbersTo(3).forEach(() => faulty!.faults.failNextAppend("after writing"));

      const answers = await Promise.all(
        numbersTo(9).map(async (at) => {
          const store = await nodes.all[at % 3]!.store();
          return persistently(() => store.update(ALICE, reportOf({ add: 1 })));
        }),
      );
      await nodes.inSync();

      expect(answers).toHaveLength(9);
      const jobs = (await storesOf(nodes)).map((store) => store.get(ALICE)!);
      expect(jobs.map(({ task, version }) => [task.done, version])).toEqual(jobs.map(() => [9, 10]));
      expect(listeners.map(({ revisions }) => revisions)).toEqual(
        listeners.map(() => numbersTo(10).slice(1)),
      );
    });
  });

  it("goes on to follow the others after a while", async () => {
    await inRounds(async (random) => {
      await using nodes = createDelayedNodes(random);
      const listeners = await listenEverywhere(nodes);
      nodes.all[2]!.faults.failNextRead();

      await Promise.all(TEN.map((key, at) => storeOn(nodes, at % 2, key)));
      await until(() => nodes.all[2]!.log.lines.length > 0);
      nodes.clock.advance(1_000);
      await until(() => listeners.every(({ calls }) => calls.length === 10));

      expect(listeners.map(({ revisions }) => revisions)).toEqual(listeners.map(() => numbersTo(10)));
    });
  });
});

describe("a node that has fallen further behind than the journal keeps entries", () => {
  it("loads the newest state, and its subscribers receive it at once, without a Reset", async () => {
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    await using nodes = createNodes({
      count: 2,
      journal: (journal, node) => holdNews(journal, [Promise.resolve(), released][node]!),
    });
    await storeOn(nodes, 0, ALICE);
    const [store, behind] = await storesOf(nodes);
    const stream = await nodes.all[1]!.hub.taskEvents({ database: DATABASE, minIntervalMs: 0 });
    const first = await kindsUntil(stream, 1);
    await Promise.all(numbersTo(2_500).map(() => store!.update(ALICE, ADD_ONE)));

    release();
    const then = await kindsUntil(stream, 2_501);
    await stream.return();

    expect(first).toEqual(["Reset", "TaskStored", "CaughtUp"]);
    expect(new Set(then)).toEqual(new Set(["TaskUpdated", "CaughtUp"]));
    expect(contentOf(behind!)).toEqual(contentOf(store!));
    expect(behind!.get(ALICE)!.task.done).toBe(2_500);
  });
});

describe("a node that reads a change before a failover loses it", () => {
  it("does not apply it after it has heard of the failover", async () => {
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    const service = new ForkingJournal(DEFAULT_LIMITS);
    await using nodes = createNodes({
      count: 2,
      service,
      journal: (journal, node) => holdNews(journal, [Promise.resolve(), released][node]!),
    });
    await storeOn(nodes, 0, ALICE);
    const [store, other] = await storesOf(nodes);
    await store!.store(storeRequestOf(BOB));
    await untilIdle();

    await service.failOver(1);
    await expect(other!.update(BOB, ADD_ONE)).rejects.toMatchObject(rejection("NOT_FOUND"));
    release();
    await untilIdle();

    expect(other!.get(BOB)).toBeUndefined();
    expect(other!.position).toEqual(store!.position);
    expect(contentOf(other!)).toEqual(contentOf(store!));
  });
});

const ADD_ONE = reportOf({ add: 1 });

/** Holds what a store follows until `released`, but not what it reads to catch up. */
function holdNews(journal: Journal, released: Promise<void>): Journal {
  return withHandles(journal, (handle) => {
    let held: Promise<void> | undefined = released;
    return {
      async *follow(point, signal) {
        const gate = held;
        held = undefined;
        for await (const news of handle.follow(point, signal)) {
          await gate;
          yield news;
        }
      },
    };
  });
}

/** The kinds of the events up to the `CaughtUp` at `revision`. */
async function kindsUntil(stream: AsyncIterator<TaskEvent>, revision: number): Promise<string[]> {
  const kinds: string[] = [];
  for (;;) {
    const event = (await stream.next()).value as TaskEvent;
    kinds.push(event.kind);
    if (event.kind === "CaughtUp" && event.position.revision === revision) return kinds;
  }
}

function inRounds(round: (random: () => number) => Promise<void>): Promise<void> {
  return inRandomRounds(round, IS_FULL_LENGTH ? 100 : 10);
}

function createDelayedNodes(random: () => number, limits: Partial<Limits> = {}): Nodes {
  return createNodes({ limits, journal: (journal) => delayJournal(journal, random) });
}

function storesOf(nodes: Nodes) {
  return Promise.all(nodes.all.map((node) => node.store()));
}

async function storeOn(
  nodes: Nodes,
  at: number,
  key: typeof ALICE,
  fields: Parameters<typeof storeRequestOf>[1] = {},
): Promise<UserTask> {
  const store = await nodes.all[at % nodes.all.length]!.store();
  return store.store(storeRequestOf(key, fields));
}

async function listenEverywhere(nodes: Nodes): Promise<RecordingListener[]> {
  const stores = await storesOf(nodes);
  await nodes.inSync();
  return stores.map((store) => {
    const listener = new RecordingListener();
    store.addListener(listener);
    return listener;
  });
}

async function reportOften(store: TaskStore, times: number): Promise<UserTask[]> {
  const answers: UserTask[] = [];
  while (answers.length < times) answers.push((await store.update(ALICE, reportOf({ add: 1 })))!);
  return answers;
}

/** Tries again as long as the answer is that nothing has changed. */
async function persistently<T>(request: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (!String(error).includes("Nothing has changed. Try again.")) throw error;
    }
  }
}

/** What a listener was told, as plain data. */
function changesOf({ calls }: RecordingListener): unknown[] {
  return calls.map((call) => ({ kind: call.kind, now: comparableState(stateOf(call)) }));
}

function stateOf(call: RecordedCall) {
  return call.kind === "removed" ? call.removal : call.userTask;
}

function contentOf(store: TaskStore): unknown {
  return store.query().map((job) => ({ ...comparableState(job), task: exactTree(job.task) }));
}

/** The health of all jobs, if it is the same. */
function healthsOf(store: TaskStore): string {
  return [...new Set(store.query().map(({ health }) => health))].join();
}

function logOf(message: string) {
  const { log } = logReportOf(message);
  return { log };
}

function byNumber(a: number, b: number): number {
  return a - b;
}

function numbersTo(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at + 1);
}
