import { describe, expect, it } from "vitest";
import {
  DEFAULT_LIMITS,
  ERROR_CODES,
  formatPosition,
  loadConfig,
  matches,
  parseDatabaseName,
  parseJobId,
  parsePosition,
  parseUsername,
  progressOf,
  startApp,
  TaskRegistry,
  TidemarkError,
  type App,
  type TaskSpec,
  type TaskStoreListener,
  type UserTask,
} from "../../src/index.js";
import { createMemoryJournal } from "../../src/journal/memory/memory-journal.js";
import { branch, leaf } from "../kit/store/edits.js";
import { Api } from "./api.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { storing } from "../kit/journal/entries.js";
import { observeJournal } from "../kit/journal/observed-journal.js";
import { untilIdle, until } from "../kit/deterministic/turns.js";

// Tidemark is imported only from src/index.ts, as an embedding program does.

const neo4j = parseDatabaseName("neo4j", DEFAULT_LIMITS);
const key = {
  username: parseUsername("anonymous", DEFAULT_LIMITS),
  jobId: parseJobId("job", DEFAULT_LIMITS),
};

describe("a program that embeds Tidemark", () => {
  it("starts it with a config, and finds it at its url", async () => {
    await using app = await startApp(config());

    expect(app.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await (await fetch(`${app.url}/health`)).json()).toEqual({ status: "alive" });
    expect(await (await fetch(`${app.url}/ready`)).json()).toEqual({ status: "ready" });
  });

  it("can stop it twice, after which the port is closed", async () => {
    const app = await startApp(config());

    await Promise.all([app.stop(), app.stop()]);
    await app[Symbol.asyncDispose]();

    await expect(fetch(`${app.url}/health`)).rejects.toThrow(/fetch failed/);
  });

  it("can abort the start while databases open, and receives the reason", async () => {
    const memory = observeJournal(createMemoryJournal(DEFAULT_LIMITS));
    await (await memory.open(neo4j)).append([storing(key)]);
    const release = memory.holdOpenings(neo4j);
    const ending = new AbortController();
    const journal = { ...memory, recent: async () => [neo4j] };
    const starting = startApp(config(), { journal, signal: ending.signal });
    const ended = starting.catch((reason: unknown) => reason);
    await until(() => memory.opened.length === 2);
    ending.abort("enough");
    release();
    expect(await ended).toBe("enough");
    expect(await journal.isWritable()).toBe(false);
  });

  it("can run several servers, each with its own jobs", async () => {
    await using one = await startApp(config());
    await using two = await startApp(config());
    await apiOf(one).storeTask();

    expect(await apiOf(one).taskCount()).toBe(1);
    expect(await apiOf(two).taskCount()).toBe(0);
  });

  it("reads jobs that were stored over HTTP, as domain objects", async () => {
    await using app = await startApp(config());
    const api = apiOf(app);
    await api.storeTask({ task: branch("root", leaf("a", 10), leaf("b", 10)) });
    await api.update({ path: "0", done: 5 });

    const store = await app.provider.getTaskStore(neo4j);
    const userTask = store.get(key);

    expect(progressOf(userTask!.task)).toEqual({ done: 5, volume: 20, knownVolume: 20, ratio: 0.25 });
    expect(store.query()).toEqual([userTask]);
    expect(matches({ statuses: ["RUNNING"] }, userTask!)).toBe(true);
    expect(store.taskCount()).toBe(1);
    expect(formatPosition(store.position)).toBe((await api.tasks()).position);
    expect(parsePosition((await api.tasks()).position)).toEqual(store.position);
  });

  it("stores and reports itself, and clients see it", async () => {
    await using app = await startApp(config());
    const api = apiOf(app);
    const store = await app.provider.getTaskStore(neo4j);

    await store.store({ ...STORE, ...key, spec: leaf("mine", 10) });
    await store.update(key, { attempt: 1, updates: [{ path: "", done: 5 }], log: [], requestId: null });

    expect(await api.task()).toMatchObject({
      version: 2,
      tasks: [{ description: "mine", progress: { done: 5 } }],
    });
  });

  it("receives a TidemarkError with the code that a client would receive", async () => {
    await using app = await startApp(config());
    const store = await app.provider.getTaskStore(neo4j);

    const error: unknown = await store
      .update(key, { attempt: null, updates: [], log: [], requestId: null })
      .catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(TidemarkError);
    expect(error).toMatchObject({ code: "NOT_FOUND" });
    expect(ERROR_CODES).toContain("NOT_FOUND");
  });

  it("receives the same store of a database each time", async () => {
    await using app = await startApp(config());

    const stores = await Promise.all(Array.from({ length: 10 }, () => app.provider.getTaskStore(neo4j)));

    expect(new Set(stores).size).toBe(1);
    expect(app.provider.peek(neo4j)).toBe(stores[0]);
  });

  it("registers a job through a TaskRegistry, which rejects its id while it runs", async () => {
    await using app = await startApp(config());
    const api = apiOf(app);
    const registry = new TaskRegistry(await app.provider.getTaskStore(neo4j), key);

    const userTask = await registry.registerTask({
      spec: leaf("mine"),
      memory: null,
      leaseMs: 1_000,
      requestId: null,
    });

    expect(registry.containsTask(userTask)).toBe(true);
    await expect(api.storeTask({ onConflict: "REJECT" })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
    await registry.unregisterTask();
    expect(await api.storeTask({ onConflict: "REJECT" })).toMatchObject({ outcome: "CREATED" });
    expect(registry.containsTask(userTask)).toBe(false);
  });
});

describe("a listener of a store", () => {
  it("receives each change made over HTTP once, in order, with the state before", async () => {
    await using app = await startApp(config());
    const api = apiOf(app);
    const { listener, calls } = recordingListener();
    (await app.provider.getTaskStore(neo4j)).addListener(listener);

    await api.storeTask();
    await api.update({ done: 4 });
    await api.requestCancel();
    await api.storeTask();
    await api.removeTask();
    await api.storeTask({ jobId: "other" });
    await api.purgeDatabase();

    expect(calls).toEqual([
      "1 added job 1.1, before nothing",
      "2 updated job 1.2, before job 1.1",
      "3 updated job 1.3, before job 1.2",
      "4 added job 2.4, before job 1.3",
      "5 removed job 2.4, REMOVED",
      "6 added other 1.1, before nothing",
      "7 removed other 1.1, PURGED",
    ]);
  });

  it("can read a change that it receives, before the client is answered", async () => {
    await using app = await startApp(config());
    const api = apiOf(app);
    const store = await app.provider.getTaskStore(neo4j);
    const read: boolean[] = [];
    store.addListener({
      onTaskAdded: (userTask) => void read.push(store.get(key) === userTask),
      onTaskUpdated: (userTask) => void read.push(store.get(key) === userTask),
      onTaskRemoved: () => void read.push(store.get(key) === undefined),
    });

    await api.storeTask();
    expect(read).toEqual([true]);
    await api.update({ done: 1 });
    expect(read).toEqual([true, true]);
    await api.removeTask();
    expect(read).toEqual([true, true, true]);
  });

  it("receives each report of a batch, but not those that are rejected or change nothing", async () => {
    await using app = await startApp(config());
    const api = apiOf(app);
    await api.storeTask();
    const { listener, calls } = recordingListener();
    (await app.provider.getTaskStore(neo4j)).addListener(listener);

    await api.updateTasks([
      { updates: [{ done: 1 }] },
      { updates: [{ done: 1 }] },
      { updates: [{ path: "9" }] },
      { updates: [{ done: 2 }] },
    ]);
    await expect(api.update({ status: "PENDING" })).rejects.toThrow(/PENDING/);

    expect(calls).toEqual(["2 updated job 1.2, before job 1.1", "3 updated job 1.3, before job 1.2"]);
  });

  it("receives nothing of other databases, of earlier changes, or after it is removed", async () => {
    await using app = await startApp(config());
    const api = apiOf(app);
    await api.storeTask();
    const { listener, calls } = recordingListener();
    const store = await app.provider.getTaskStore(neo4j);
    store.addListener(listener);
    store.addListener(listener);

    await api.storeTask({ database: "movies" });
    expect(calls).toEqual([]);
    await api.update({ done: 1 });
    expect(calls).toHaveLength(1);
    store.removeListener(listener);
    store.removeListener(listener);
    await api.update({ done: 2 });
    expect(calls).toHaveLength(1);
  });

  it("keeps the store open, which otherwise closes when idle and reopens with its content", async () => {
    const clock = new ManualClock(0);
    await using app = await startApp(config({ idle: "1m", lease: "1h" }), { clock });
    const api = apiOf(app);
    await api.storeTask();
    const { listener, calls } = recordingListener();
    const store = await app.provider.getTaskStore(neo4j);
    store.addListener(listener);
    await pass(clock, 180_000);
    await api.update({ done: 1 });
    expect(calls).toHaveLength(1);

    store.removeListener(listener);
    await pass(clock, 180_000);
    expect(app.provider.openStores()).toEqual([]);
    expect(await api.task()).toMatchObject({ attempt: 1, revision: 2 });
    expect(app.provider.peek(neo4j)?.position).toEqual(store.position);
    await expect(store.purge()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  it("receives the removal of an expired job", async () => {
    const clock = new ManualClock(0);
    await using app = await startApp(config({ retention: "1h" }), { clock });
    const api = apiOf(app);
    await api.storeTask();
    await api.update({ status: "FINISHED" });
    const { listener, calls } = recordingListener();
    (await app.provider.getTaskStore(neo4j)).addListener(listener);

    clock.advance(3_660_000);
    await api.taskCount();

    expect(calls).toEqual(["3 removed job 1.2, EXPIRED"]);
  });
});

/** Advances the clock in thirty steps and runs the work that falls due. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let step = 0; step < 30; step++) {
    clock.advance(ms / 30);
    await untilIdle();
  }
}

const STORE = {
  database: neo4j,
  onConflict: "OVERWRITE",
  memory: null,
  leaseMs: 60_000,
  requestId: null,
  spec: { description: "a task" } satisfies TaskSpec,
} as const;

function config(flags: Record<string, string> = {}) {
  return loadConfig({ flags: { port: "0", store: "memory:", ...flags }, env: {}, readFile: noFile });
}

function noFile(path: string): string {
  throw new Error(`no test reads the file ${path}`);
}

/** The clock of this client does not drive the app. */
function apiOf(app: App): Api {
  return new Api({ ...app, close: app.stop }, new ManualClock());
}

/** A listener that records each call: revision, event, and the job as `jobId attempt.version`. */
function recordingListener(): { listener: TaskStoreListener; calls: string[] } {
  const calls: string[] = [];
  const shown = (userTask: UserTask | undefined): string =>
    userTask ? `${userTask.jobId} ${userTask.attempt}.${userTask.version}` : "nothing";
  const listener: TaskStoreListener = {
    onTaskAdded: (userTask, replaced) =>
      void calls.push(`${userTask.stamp.revision} added ${shown(userTask)}, before ${shown(replaced)}`),
    onTaskUpdated: (userTask, before) =>
      void calls.push(`${userTask.stamp.revision} updated ${shown(userTask)}, before ${shown(before)}`),
    onTaskRemoved: (userTask, { stamp, reason }) =>
      void calls.push(`${stamp.revision} removed ${shown(userTask)}, ${reason}`),
  };
  return { listener, calls };
}
