import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import type { Watch, WatchEvent } from "../../../src/client/index.js";
import { ManualClock } from "../../kit/deterministic/manual-clock.js";
import { ask, dataOf, metricReaches } from "../../kit/network/raw-http.js";
import { startServer } from "../../kit/server/server.js";
import { removeTask, store, update } from "../../server/jobs.js";
import { watchEventsUntil, kindsOf, SDK_TRANSPORTS, waitUntil, watchBy } from "./test-watches.js";

const TREE = {
  description: "Import",
  subTasks: [
    { description: "read", volume: 10 },
    { description: "write", volume: 10 },
  ],
};

describe.each(SDK_TRANSPORTS)("A watch (%s)", (transport) => {
  it("delivers the state, then each change, and holds the newest jobs", async () => {
    await using server = await startServer();
    await store(server.url, { task: TREE });
    await using watched = watchBy(new ManualClock(), { url: server.url, transport });

    const state = await watchEventsUntil(watched, "CaughtUp");
    await update(server.url, { updates: [{ path: "1", done: 4, message: "half" }] });
    const [updated] = await watchEventsUntil(watched, "TaskUpdated");

    expect(kindsOf(state)).toEqual(["Reset", "TaskStored", "CaughtUp"]);
    expect(updated).toMatchObject({
      kind: "TaskUpdated",
      changed: [{ path: "" }, { path: "1", message: "half" }],
    });
    expect(watched.status).toEqual({ kind: "live" });
    expect(watched.job("u", "j")?.task).toMatchObject({
      description: "Import",
      status: "RUNNING",
      progress: { done: 4, volume: 20, knownVolume: 20, percent: "20%" },
      subTasks: [
        { path: "0", status: "PENDING", progress: { done: 0, volume: 10 } },
        { path: "1", status: "RUNNING", message: "half", progress: { done: 4, volume: 10 } },
      ],
    });
  });

  it.each([
    [{ username: "alice" }, ["alice/1", "alice/2"]],
    [{ jobId: "2" }, ["alice/2", "bob/2"]],
    [{ username: "bob", jobId: "2" }, ["bob/2"]],
  ])("holds only the jobs that match the filter: %o", async (filter, names) => {
    await using server = await startServer();
    for (const username of ["alice", "bob"])
      for (const jobId of ["1", "2"]) await store(server.url, { username, jobId });
    await using watched = watchBy(new ManualClock(), { url: server.url, transport, ...filter });
    await watched.untilLive();

    expect(namesOf(watched).toSorted()).toEqual(names);
  });

  it("holds the ratio that the server computes", async () => {
    await using server = await startServer();
    const subTasks = [
      { description: "all", volume: 8 },
      { description: "none", volume: 0 },
      { description: "unknown" },
    ];
    await store(server.url, { task: { description: "Import", subTasks } });
    const updates = [
      { path: "0", done: 3 },
      { path: "2", done: 3 },
    ];
    await update(server.url, { updates });
    await using watched = watchBy(new ManualClock(), { url: server.url, transport });
    await watched.untilLive();
    const ratios = [watched.job("u", "j")!.task.progress.ratio, ...ratiosOf(watched)];
    await update(server.url, {
      updates: [
        { path: "0", done: 9 },
        { path: "2", volume: 4 },
      ],
    });
    await waitUntil(watched, () => versionOf(watched, "j") === 3);
    const query = `{ task(database: "d", username: "u", jobId: "j") { tasks { progress { ratio } } } }`;
    const { task } = await dataOf<{ task: { tasks: { progress: { ratio: number } }[] } }>(server.url, query);

    expect(ratios).toEqual([null, 0.375, 1, null]);
    expect([watched.job("u", "j")!.task.progress.ratio, ...ratiosOf(watched)]).toEqual([1, 1, 1, 0.75]);
    expect(task.tasks.map(({ progress }) => progress.ratio)).toEqual([1, 1, 1, 0.75]);
  });

  it("holds the job's declared resources and its expiry", async () => {
    await using server = await startServer({ retention: "1h" });
    const memory = { minBytes: 1_000, maxBytes: 2_000 };
    await store(server.url, { task: { ...TREE, maxConcurrency: 4 }, memory });
    await update(server.url, { updates: [{ path: "", status: "FINISHED" }] });
    await using watched = watchBy(new ManualClock(), { url: server.url, transport });
    await watched.untilLive();

    const job = watched.job("u", "j")!;

    expect(job).toMatchObject({ memory, task: { maxConcurrency: 4, subTasks: [{ maxConcurrency: 4 }, {}] } });
    expect(Date.parse(job.expiresAt!) - Date.parse(job.endedAt!)).toBe(3_600_000);
  });

  it("releases everything when a for-await loop exits early", async () => {
    await using server = await startServer();
    const clock = new ManualClock();
    const { signal } = new AbortController();
    const watched = watchBy(clock, { url: server.url, transport, signal });

    const first = await firstOf(watched);

    expect(first).toEqual({ kind: "Reset", cause: "INITIAL" });
    expect(watched.status).toEqual({ kind: "closed" });
    expect(await watched.next()).toEqual({ done: true, value: undefined });
    expect(clock.timerCount).toBe(0);
    expect(getEventListeners(signal, "abort")).toEqual([]);
    await metricReaches(server.url, "tidemark_subscribers", 0);
  });

  it("ends immediately on abort, even while it waits for an event or connects", async () => {
    await using server = await startServer();
    const clock = new ManualClock();
    const [early, late] = [new AbortController(), new AbortController()];
    const connecting = watchBy(clock, { url: server.url, transport, signal: early.signal });
    const live = watchBy(clock, { url: server.url, transport, signal: late.signal });
    early.abort();
    await watchEventsUntil(live, "CaughtUp");
    const next = live.next();
    late.abort();

    expect(await next).toEqual({ done: true, value: undefined });
    expect(await connecting.next()).toEqual({ done: true, value: undefined });
    expect(clock.timerCount).toBe(0);
  });

  it("ends with the server's error when the subscription is rejected, and throws it once", async () => {
    await using server = await startServer();
    await using watched = watchBy(new ManualClock(), { url: server.url, transport, minIntervalMs: -1 });
    const error: unknown = expect.objectContaining({ name: "TidemarkError", code: "BAD_USER_INPUT" });

    await expect(watched.untilLive()).rejects.toEqual(error);
    expect(watched.status).toEqual({ kind: "closed", error });
    await expect(watched.next()).rejects.toEqual(error);
    expect(await watched.next()).toEqual({ done: true, value: undefined });
  });
});

describe("A watch", () => {
  it("merges the pending events of each job for a slow consumer", async () => {
    await using server = await startServer();
    await using watched = watchBy(new ManualClock(), { url: server.url });
    await watchEventsUntil(watched, "CaughtUp");

    await store(server.url, { jobId: "kept", task: TREE });
    await store(server.url, { jobId: "passing" });
    await watchEventsUntil(watched, "TaskStored");
    for (const done of [1, 2, 3]) await update(server.url, { jobId: "kept", updates: [{ path: "0", done }] });
    await ask(server.url, removeTask({ jobId: "passing" }));
    await update(server.url, { jobId: "kept", updates: [{ path: "1", done: 1 }] });
    await waitUntil(watched, () => versionOf(watched, "kept") === 5);

    expect(await watchEventsUntil(watched, "TaskUpdated")).toEqual([
      {
        kind: "TaskUpdated",
        job: watched.job("u", "kept"),
        changed: [
          expect.objectContaining({ path: "" }),
          expect.objectContaining({ path: "0", progress: expect.objectContaining({ done: 3 }) as unknown }),
          expect.objectContaining({ path: "1" }),
        ],
      },
    ]);
  });

  it("delivers the state first to an iteration that starts late", async () => {
    await using server = await startServer();
    await using watched = watchBy(new ManualClock(), { url: server.url });
    await store(server.url);
    await waitUntil(watched, () => watched.jobs.size === 1);

    expect(kindsOf(await watchEventsUntil(watched, "CaughtUp"))).toEqual(["Reset", "TaskStored", "CaughtUp"]);
  });

  it("orders jobs by their store, whatever is reported", async () => {
    const clock = new ManualClock();
    await using server = await startServer({}, { clock });
    for (const jobId of ["a", "b", "c"]) await storeLater(server.url, clock, jobId);
    await using watched = watchBy(new ManualClock(), { url: server.url });
    await watched.untilLive();
    const before = namesOf(watched);
    await update(server.url, { jobId: "b", updates: [{ path: "", done: 1 }] });
    await storeLater(server.url, clock, "a");
    await waitUntil(watched, () => versionOf(watched, "a") === 2);

    expect(before).toEqual(["u/c", "u/b", "u/a"]);
    expect(namesOf(watched)).toEqual(["u/a", "u/c", "u/b"]);
  });

  it("keeps the objects of unchanged tasks", async () => {
    await using server = await startServer();
    await using watched = watchBy(new ManualClock(), { url: server.url });
    await store(server.url, { task: TREE });
    await waitUntil(watched, () => watched.jobs.size === 1);
    const before = watched.job("u", "j")!.task;
    await update(server.url, { updates: [{ path: "1", done: 4 }] });
    await waitUntil(watched, () => versionOf(watched, "j") === 2);
    const after = watched.job("u", "j")!.task;

    expect(after).not.toBe(before);
    expect(after.subTasks[0]).toBe(before.subTasks[0]);
    expect(before.subTasks[1]!.progress.done).toBe(0);
  });

  it.each(["", "/", "/graphql", "/graphql/"])(
    "finds the API at an address that ends in '%s'",
    async (path) => {
      await using server = await startServer();
      await using watched = watchBy(new ManualClock(), { url: `${server.url}${path}` });

      await expect(watched.untilLive()).resolves.toBeUndefined();
    },
  );

  it.each(["nowhere", "localhost:4000"])("rejects an invalid address: %s", (url) => {
    expect(() => watchBy(new ManualClock(), { url })).toThrow(
      new TypeError(
        `Invalid server address "${url}": expected one like http://127.0.0.1:4000, or several with commas.`,
      ),
    );
  });
});

async function firstOf(watched: Watch): Promise<WatchEvent | undefined> {
  for await (const event of watched) return event;
  return undefined;
}

function namesOf(watched: Watch): string[] {
  return [...watched.jobs.values()].map(({ username, jobId }) => `${username}/${jobId}`);
}

function ratiosOf(watched: Watch): (number | null)[] {
  return watched.job("u", "j")!.task.subTasks.map(({ progress }) => progress.ratio);
}

function versionOf(watched: Watch, jobId: string): number | undefined {
  return watched.job("u", jobId)?.version;
}

async function storeLater(url: string, clock: ManualClock, jobId: string): Promise<void> {
  clock.advance(1_000);
  await store(url, { jobId });
}
