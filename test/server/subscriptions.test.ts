import { describe, expect, it } from "vitest";
import { ask, dataOf } from "../kit/network/raw-http.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { startServer } from "../kit/server/server.js";
import { untilIdle } from "../kit/deterministic/turns.js";
import { addTasks, removeTask, store, update } from "./jobs.js";
import {
  taskEventsUntil,
  nextEvent,
  Replica,
  queryState,
  takeEvents,
  taskEvents,
  type TaskEvent,
} from "./task-events.js";
import { OVER_SSE, OVER_WEBSOCKET } from "./transports.js";

const TREE = {
  description: "tree",
  subTasks: [
    { description: "a", volume: 10 },
    { description: "b", volume: 10 },
  ],
};

describe.each([OVER_WEBSOCKET, OVER_SSE])("taskEvents over $name", ({ watch }) => {
  it("delivers Reset, the state and CaughtUp, then each change as it happens", async () => {
    await using server = await startServer();
    await store(server.url, { jobId: "1", task: TREE });
    await store(server.url, { jobId: "2" });
    using watcher = await watch(server.url, taskEvents());

    const snapshot = await taskEventsUntil(watcher, "CaughtUp");
    await update(server.url, { jobId: "1", updates: [{ path: "1", done: 3 }] });
    await store(server.url, { jobId: "3" });
    await store(server.url, { jobId: "3" });
    await ask(server.url, removeTask({ jobId: "2" }));
    const live = await takeEvents(watcher, 4);

    expect(snapshot).toEqual([
      expect.objectContaining({ kind: "Reset", cause: "INITIAL" }),
      expect.objectContaining({ kind: "TaskStored", outcome: "CREATED", userTask: jobOf("1", 1, 1) }),
      expect.objectContaining({ kind: "TaskStored", outcome: "CREATED", userTask: jobOf("2", 1, 1) }),
      expect.objectContaining({ kind: "CaughtUp" }),
    ]);
    expect(live).toEqual([
      expect.objectContaining({
        kind: "TaskUpdated",
        userTask: jobOf("1", 1, 2),
        changed: [
          { path: "", status: "RUNNING", message: null, progress: { done: 3 } },
          { path: "1", status: "RUNNING", message: null, progress: { done: 3 } },
        ],
      }),
      expect.objectContaining({ kind: "TaskStored", outcome: "CREATED", userTask: jobOf("3", 1, 1) }),
      expect.objectContaining({
        kind: "TaskStored",
        outcome: "OVERWRITTEN",
        userTask: jobOf("3", 2, 2),
      }),
      expect.objectContaining({ kind: "TaskRemoved", username: "u", jobId: "2", reason: "REMOVED" }),
    ]);
  });

  it("delivers concurrent changes of a live job in order and once", async () => {
    await using server = await startServer();
    await store(server.url, { task: { description: "leaf", volume: 100 } });
    using watcher = await watch(server.url, taskEvents());
    await taskEventsUntil(watcher, "CaughtUp");

    await Promise.all(Array.from({ length: 50 }, () => update(server.url, { updates: [{ add: 1 }] })));
    const events = [await nextEvent(watcher)];
    while (versionOf(events.at(-1)) < 51) events.push(await nextEvent(watcher));

    const changes = events.filter(({ kind }) => kind !== "CaughtUp");
    expect(revisionsOf(changes)).toEqual(revisionsOf(changes).toSorted((a, b) => a - b));
    expect(new Set(revisionsOf(changes)).size).toBe(changes.length);
    expect(changes.at(-1)?.userTask?.tasks[0]?.progress.done).toBe(50);
  });

  it.each([
    ["a user", { username: "u" }, ["1", "2"]],
    ["a job id", { jobId: "2" }, ["2", "2"]],
    ["both", { username: "u", jobId: "2" }, ["2"]],
    ["an unknown user", { username: "nobody" }, []],
  ])("can be filtered by %s", async (_, filter, jobIds) => {
    await using server = await startServer();
    const jobs = [
      { jobId: "1" },
      { jobId: "2" },
      { username: "other", jobId: "2" },
      { username: "other", jobId: "3" },
    ];
    for (const job of jobs) await store(server.url, job);
    using watcher = await watch(server.url, taskEvents(filter));
    using all = await watch(server.url, taskEvents());

    const snapshot = await taskEventsUntil(watcher, "CaughtUp");
    await taskEventsUntil(all, "CaughtUp");
    for (const job of jobs) await update(server.url, { ...job, updates: [{ done: 1 }] });
    for (const job of jobs) await ask(server.url, removeTask(job));
    await takeEvents(all, 2 * jobs.length); // the unfiltered stream has them all
    const live = await takeEvents(watcher, 2 * jobIds.length);

    expect(snapshot.slice(1, -1).map(({ userTask }) => userTask?.jobId)).toEqual(jobIds);
    expect(live.map(jobIdOf)).toEqual([...jobIds, ...jobIds]);
  });

  it("watches a database before its first job, with one epoch from the first event on", async () => {
    await using server = await startServer();
    using watcher = await watch(server.url, taskEvents());

    const [reset, caughtUp] = await takeEvents(watcher, 2);
    const { databases } = await dataOf<{ databases: unknown }>(server.url, "{ databases { name } }");
    const stored = await store(server.url);
    const event = await nextEvent(watcher);

    expect([reset?.kind, caughtUp?.kind, event.kind]).toEqual(["Reset", "CaughtUp", "TaskStored"]);
    expect(databases).toEqual([]);
    expect(event.position).toBe(stored.position);
    expect(new Set([reset, caughtUp, event].map((each) => epochOf(each!.position))).size).toBe(1);
  });

  it("resumes from the position of an empty database as from the start", async () => {
    await using server = await startServer();
    using first = await watch(server.url, taskEvents());
    const [, caughtUp] = await takeEvents(first, 2);
    await store(server.url);

    using second = await watch(server.url, taskEvents({ after: caughtUp!.position }));
    const events = await taskEventsUntil(second, "CaughtUp");

    expect(events.map(wordOf)).toEqual(["INITIAL", "TaskStored", "CaughtUp"]);
  });

  it("reports each job that a purge removes, and continues in the same epoch", async () => {
    await using server = await startServer();
    for (const jobId of ["1", "2", "3"]) await store(server.url, { jobId });
    using watcher = await watch(server.url, taskEvents());
    const snapshot = await taskEventsUntil(watcher, "CaughtUp");

    await dataOf(server.url, `mutation { purgeDatabase(database: "d") { removed } }`);
    await store(server.url, { jobId: "2" });
    const events = await takeEvents(watcher, 4);

    const removals = events.slice(0, 3);
    expect(removals.map(({ jobId }) => jobId).toSorted()).toEqual(["1", "2", "3"]);
    expect(removals.map(({ reason }) => reason)).toEqual(["PURGED", "PURGED", "PURGED"]);
    expect(events[3]?.userTask).toMatchObject({ jobId: "2", attempt: 2 });
    expect(revisionsOf(events)).toEqual([4, 5, 6, 7]);
    expect(epochOf(events[3]!.position)).toBe(epochOf(snapshot[0]!.position));
  });

  it("reports a job that expires", async () => {
    const clock = new ManualClock();
    await using server = await startServer({ retention: "1m" }, { clock });
    await store(server.url);
    await update(server.url, { updates: [{ status: "FINISHED" }] });
    using watcher = await watch(server.url, taskEvents());
    await taskEventsUntil(watcher, "CaughtUp");

    clock.advance(2 * MINUTE_MS);

    expect(await nextEvent(watcher)).toMatchObject({
      kind: "TaskRemoved",
      jobId: "j",
      reason: "EXPIRED",
    });
  });

  it("ignores the case of a database name", async () => {
    await using server = await startServer();
    using watcher = await watch(server.url, taskEvents({ database: "Straße" }));
    await taskEventsUntil(watcher, "CaughtUp");

    await store(server.url, { database: "STRAßE" });

    expect(await nextEvent(watcher)).toMatchObject({ kind: "TaskStored" });
  });
});

/** Law 8: a client can resume from any position that it received. */
describe("A position in `after`", () => {
  const KINDS = [
    ["the Reset of a snapshot", 0, ["INITIAL"]],
    ["the first job of a snapshot", 1, []],
    ["the last job of a snapshot", 3, []],
    ["CaughtUp", 4, []],
    ["TaskUpdated", 5, []],
    ["TaskStored", 6, []],
    ["TaskStored over another", 7, []],
    ["TaskRemoved", 8, []],
  ] as const;

  it.each(KINDS)("from %s delivers all later changes", async (_, index, resets) => {
    await using server = await startServer();
    const events = await watchSomeChanges(server.url);
    const replica = new Replica().apply(events.slice(0, index + 1));
    await changeMore(server.url);

    using watcher = await OVER_WEBSOCKET.watch(server.url, taskEvents({ after: events[index]!.position }));
    const since = await taskEventsUntil(watcher, "CaughtUp");
    const { jobs, position } = await queryState(server.url);

    expect(events.map(({ kind }) => kind)).toEqual(EVENT_KINDS);
    expect(replica.apply(since).jobs).toEqual(jobs);
    expect(since.at(-1)?.position).toBe(position);
    expect(since.filter(({ kind }) => kind === "Reset").map(wordOf)).toEqual(resets);
  });

  it.each(KINDS.slice(1))("from %s delivers only CaughtUp when nothing has changed", async (_, index) => {
    await using server = await startServer();
    const events = (await watchSomeChanges(server.url)).slice(0, index + 1);
    const { position } = events.at(-1)!;

    using watcher = await OVER_WEBSOCKET.watch(server.url, taskEvents({ after: position }));
    const since = await taskEventsUntil(watcher, "CaughtUp");

    expect(new Replica().apply([...events, ...since]).jobs).toEqual((await queryState(server.url)).jobs);
    expect(since.at(-1)?.kind).toBe("CaughtUp");
  });

  it("reaches the same state when the client resumes after every event", async () => {
    await using server = await startServer();
    const events = await watchSomeChanges(server.url);
    const replica = new Replica().apply(events.slice(0, 3));
    await changeMore(server.url);

    let event = events[2]!;
    let count = 0;
    while (event.kind !== "CaughtUp") {
      using watcher = await OVER_WEBSOCKET.watch(server.url, taskEvents({ after: event.position }));
      event = await nextEvent(watcher);
      replica.apply([event]);
      count++;
    }

    expect(replica.jobs).toEqual((await queryState(server.url)).jobs);
    expect(count).toBeLessThan(10);
  });

  it.each([
    ["a list", `{ tasks(database: "d") { position } }`, "tasks"],
    ["a database", `{ database(name: "d") { position } }`, "database"],
    ["the job that changed last", `{ task(database: "d", username: "u", jobId: "c") { position } }`, "task"],
  ])("from a query for %s loses nothing in between", async (_, query, root) => {
    await using server = await startServer();
    for (const jobId of ["a", "b", "c"]) await store(server.url, { jobId });
    const replica = new Replica((await queryState(server.url)).jobs);
    const data = await dataOf<Record<string, { position: string }>>(server.url, query);

    await update(server.url, { jobId: "a", updates: [{ done: 1 }] });
    await ask(server.url, removeTask({ jobId: "b" }));
    using watcher = await OVER_WEBSOCKET.watch(server.url, taskEvents({ after: data[root]!.position }));
    const since = await taskEventsUntil(watcher, "CaughtUp");

    expect(since.map(({ kind }) => kind)).toEqual(["TaskUpdated", "TaskRemoved", "CaughtUp"]);
    expect(replica.apply(since).jobs).toEqual((await queryState(server.url)).jobs);
  });

  it("continues live after CaughtUp", async () => {
    await using server = await startServer();
    const { position } = await store(server.url);
    using watcher = await OVER_WEBSOCKET.watch(server.url, taskEvents({ after: position }));

    const [caughtUp] = await taskEventsUntil(watcher, "CaughtUp");
    await update(server.url, { updates: [{ done: 1 }] });

    expect(caughtUp?.kind).toBe("CaughtUp");
    expect(await nextEvent(watcher)).toMatchObject({ kind: "TaskUpdated", userTask: { version: 2 } });
  });

  it("merges the changes of a job, and its version counts them", async () => {
    await using server = await startServer();
    const { position } = await store(server.url, { task: TREE });
    for (const done of [1, 2, 3]) await update(server.url, { updates: [{ path: "0", done }] });

    using watcher = await OVER_WEBSOCKET.watch(server.url, taskEvents({ after: position }));
    const events = await taskEventsUntil(watcher, "CaughtUp");

    expect(events).toHaveLength(2);
    expect(events[0]).toMatchObject({
      kind: "TaskUpdated",
      userTask: { version: 4 },
      changed: [{ path: "" }, { path: "0", progress: { done: 3 } }],
    });
  });
});

/** Law 9: a client learns of every loss. */
describe("A position that cannot be resumed", () => {
  it("delivers Reset HISTORY_GONE and the state when later removals were compacted", async () => {
    await using server = await startServer({ removalsKeptMax: "1" });
    const jobs = ["1", "2", "3"].map((jobId) => ({ jobId }));
    for (const job of jobs) await store(server.url, job);
    const { position } = await queryState(server.url);
    await ask(server.url, removeTask(jobs[0]));
    await ask(server.url, removeTask(jobs[1]));

    using watcher = await OVER_WEBSOCKET.watch(server.url, taskEvents({ after: position }));
    const events = await taskEventsUntil(watcher, "CaughtUp");

    expect(events.map(wordOf)).toEqual(["HISTORY_GONE", "TaskStored", "CaughtUp"]);
    expect(new Replica(OLD).apply(events).jobs).toEqual((await queryState(server.url)).jobs);
  });

  it("does not occur while all later removals are kept", async () => {
    await using server = await startServer({ removalsKeptMax: "1" });
    const jobs = ["1", "2"].map((jobId) => ({ jobId }));
    for (const job of jobs) await store(server.url, job);
    const { position } = await queryState(server.url);
    await ask(server.url, removeTask(jobs[0]));

    using watcher = await OVER_WEBSOCKET.watch(server.url, taskEvents({ after: position }));
    const events = await taskEventsUntil(watcher, "CaughtUp");

    expect(events.map(({ kind }) => kind)).toEqual(["TaskRemoved", "CaughtUp"]);
  });

  it("delivers Reset HISTORY_GONE and the state when it lies in the future", async () => {
    await using server = await startServer();
    const { position } = await store(server.url);

    using watcher = await OVER_WEBSOCKET.watch(
      server.url,
      taskEvents({ after: `${epochOf(position)}.1000001` }),
    );
    const events = await taskEventsUntil(watcher, "CaughtUp");

    expect(events.map(wordOf)).toEqual(["HISTORY_GONE", "TaskStored", "CaughtUp"]);
  });

  it("delivers Reset EPOCH_CHANGED and the state when it is from another database", async () => {
    await using server = await startServer();
    await store(server.url);
    const { position } = await store(server.url, { database: "another" });

    using watcher = await OVER_WEBSOCKET.watch(server.url, taskEvents({ after: position }));
    const events = await taskEventsUntil(watcher, "CaughtUp");

    expect(events.map(wordOf)).toEqual(["EPOCH_CHANGED", "TaskStored", "CaughtUp"]);
  });

  it("delivers Reset EPOCH_CHANGED and the state when it is from another server", async () => {
    await using server = await startServer();
    await using other = await startServer();
    await store(server.url);
    const { position } = await store(other.url);

    using watcher = await OVER_WEBSOCKET.watch(server.url, taskEvents({ after: position }));
    const events = await taskEventsUntil(watcher, "CaughtUp");

    expect(events.map(wordOf)).toEqual(["EPOCH_CHANGED", "TaskStored", "CaughtUp"]);
  });

  it("does not include revision 0 of any epoch, which counts as no position", async () => {
    await using server = await startServer();
    await store(server.url);

    using watcher = await OVER_WEBSOCKET.watch(server.url, taskEvents({ after: "AAAAAAAAAAAA.0" }));
    const events = await taskEventsUntil(watcher, "CaughtUp");

    expect(events.map(wordOf)).toEqual(["INITIAL", "TaskStored", "CaughtUp"]);
  });
});

describe.each([OVER_WEBSOCKET, OVER_SSE])("An invalid position over $name", ({ watch }) => {
  it.each([
    ["nothing", ""],
    ["a word", "x"],
    ["a number", "1"],
    ["an epoch alone", "AAAAAAAAAAAA"],
    ["no revision", "AAAAAAAAAAAA."],
    ["a revision below 0", "AAAAAAAAAAAA.-1"],
    ["a revision with a leading 0", "AAAAAAAAAAAA.01"],
    ["half of a catch-up", "AAAAAAAAAAAA.1.0"],
    ["more than a catch-up", "AAAAAAAAAAAA.1.0.1.1"],
    ["a catch-up that starts after its base", "AAAAAAAAAAAA.1.2.3"],
    ["a revision above the safe integers", "AAAAAAAAAAAA.9007199254740992"],
    ["a short epoch", "AAAAAAAAAAA.1"],
    ["a trailing space", "AAAAAAAAAAAA.1 "],
    ["a digit of another script", "AAAAAAAAAAAA.\u0661"],
    ["10,000 characters", "A".repeat(10_000)],
  ])("is BAD_USER_INPUT with a short message: %s", async (_, after) => {
    await using server = await startServer();
    using watcher = await watch(server.url, taskEvents({ after }));

    const { data, errors } = await watcher.next();

    expect(data).toBeUndefined();
    expect(errors?.map(({ extensions }) => extensions)).toEqual([{ code: "BAD_USER_INPUT" }]);
    expect(errors?.[0]?.message.length).toBeLessThan(1_000);
  });
});

describe("A subscriber with minIntervalMs", () => {
  it("receives the state immediately, then merged changes at most once per interval", async () => {
    const clock = new ManualClock();
    await using server = await startServer({}, { clock });
    await store(server.url, { task: TREE });
    using limited = await OVER_WEBSOCKET.watch(server.url, taskEvents({ minIntervalMs: 1_000 }));
    using live = await OVER_WEBSOCKET.watch(server.url, taskEvents());
    await taskEventsUntil(limited, "CaughtUp");
    await taskEventsUntil(live, "CaughtUp");

    for (const done of [1, 2, 3]) await update(server.url, { updates: [{ path: "0", done }] });
    await takeEvents(live, 3);
    let isDelivered = false;
    const events = nextEvent(limited).finally(() => (isDelivered = true));
    clock.advance(999);
    await untilIdle();
    const wasToldBefore = isDelivered;
    clock.advance(1);

    expect(wasToldBefore).toBe(false);
    expect(await events).toMatchObject({
      kind: "TaskUpdated",
      userTask: { version: 4 },
      changed: [{ path: "" }, { path: "0", progress: { done: 3 } }],
    });
    expect(await nextEvent(limited)).toMatchObject({ kind: "CaughtUp" });
  });

  it("receives only the newest state of a job or a count", async () => {
    const clock = new ManualClock();
    await using server = await startServer({}, { clock });
    await store(server.url);
    using task = await OVER_WEBSOCKET.watch(server.url, watchTask({ minIntervalMs: 1_000 }));
    using count = await OVER_WEBSOCKET.watch(server.url, {
      query: `subscription { taskCount(database: "d", minIntervalMs: 1000) }`,
    });
    using live = await OVER_WEBSOCKET.watch(server.url, taskEvents());
    await Promise.all([task.next(), count.next(), taskEventsUntil(live, "CaughtUp")]);

    for (const done of [1, 2, 3]) await update(server.url, { updates: [{ done }] });
    for (const jobId of ["1", "2"]) await store(server.url, { jobId });
    await takeEvents(live, 5);
    await untilIdle();
    clock.advance(1_000);

    expect(await task.next()).toEqual({ data: { task: expect.objectContaining({ version: 4 }) } });
    expect(await count.next()).toEqual({ data: { taskCount: 3 } });
  });

  it.each([OVER_WEBSOCKET, OVER_SSE])(
    "gets an error for an interval outside 0 to 1 hour over $name",
    async ({ watch }) => {
      await using server = await startServer();
      using below = await watch(server.url, taskEvents({ minIntervalMs: -1 }));
      using above = await watch(server.url, taskEvents({ minIntervalMs: 3_600_001 }));
      using most = await watch(server.url, taskEvents({ minIntervalMs: 3_600_000 }));

      const rejected = [await below.next(), await above.next()];

      expect(rejected.map(({ errors }) => errors?.[0]?.extensions)).toEqual([
        { code: "BAD_USER_INPUT" },
        { code: "BAD_USER_INPUT" },
      ]);
      expect((await nextEvent(most)).kind).toBe("Reset");
    },
  );
});

describe.each([OVER_WEBSOCKET, OVER_SSE])("task over $name", ({ watch }) => {
  it("is null until the job exists, then the job after each change, and completes when it ends", async () => {
    await using server = await startServer();
    using watcher = await watch(server.url, watchTask());

    const before = await watcher.next();
    await store(server.url);
    const stored = await watcher.next();
    await update(server.url, { updates: [{ done: 1 }] });
    const updated = await watcher.next();
    await update(server.url, { updates: [{ status: "FAILED", message: "disk full" }] });
    const failed = await watcher.next();
    await watcher.ended();

    expect([before, stored, updated, failed].map(({ data }) => data)).toEqual([
      { task: null },
      { task: { attempt: 1, version: 1, task: { status: "PENDING", message: null } } },
      { task: { attempt: 1, version: 2, task: { status: "RUNNING", message: null } } },
      { task: { attempt: 1, version: 3, task: { status: "FAILED", message: "disk full" } } },
    ]);
  });

  it.each(["FINISHED", "FAILED", "CANCELED"])(
    "delivers a job that is %s once, then completes",
    async (status) => {
      await using server = await startServer();
      await store(server.url);
      await update(server.url, { updates: [{ status }] });
      using watcher = await watch(server.url, watchTask());

      const { data } = await watcher.next();
      await watcher.ended();

      expect(data).toMatchObject({ task: { task: { status } } });
    },
  );

  it("continues with the next attempt when untilEnded is false", async () => {
    await using server = await startServer();
    await store(server.url);
    await update(server.url, { updates: [{ status: "FINISHED" }] });
    using watcher = await watch(server.url, watchTask({ untilEnded: false }));

    const ended = await watcher.next();
    await store(server.url);
    const again = await watcher.next();
    await ask(server.url, removeTask());
    const removed = await watcher.next();
    await store(server.url);

    expect([ended, again, removed, await watcher.next()].map(({ data }) => data)).toEqual([
      { task: { attempt: 1, version: 2, task: { status: "FINISHED", message: null } } },
      { task: { attempt: 2, version: 3, task: { status: "PENDING", message: null } } },
      { task: null },
      { task: { attempt: 3, version: 5, task: { status: "PENDING", message: null } } },
    ]);
  });

  it("delivers nothing for other jobs or for reports without a change", async () => {
    await using server = await startServer();
    await store(server.url);
    using watcher = await watch(server.url, watchTask());
    await watcher.next();

    await store(server.url, { jobId: "another" });
    await store(server.url, { username: "another" });
    await update(server.url, { updates: [{ done: 0 }] });
    await update(server.url, { updates: [{ done: 1 }] });

    expect(await watcher.next()).toMatchObject({ data: { task: { version: 2 } } });
  });
});

describe.each([OVER_WEBSOCKET, OVER_SSE])("The field of a subscription over $name", ({ watch }) => {
  it.each([
    ["an alias", `subscription { mine: taskCount(database: "d") }`],
    ["a fragment", `subscription { ...F } fragment F on Subscription { mine: taskCount(database: "d") }`],
    ["an inline fragment", `subscription { ... on Subscription { mine: taskCount(database: "d") } }`],
    ["a directive", `subscription { mine: taskCount(database: "d") @skip(if: false) @include(if: true) }`],
    ["a repeated field", `subscription { mine: taskCount(database: "d") mine: taskCount(database: "d") }`],
  ])("can be selected by %s", async (_, query) => {
    await using server = await startServer();
    using watcher = await watch(server.url, { query });
    expect(await watcher.next()).toEqual({ data: { mine: 0 } });
    await store(server.url);
    expect(await watcher.next()).toEqual({ data: { mine: 1 } });
  });

  it.each([
    ["a skipped field", `subscription { taskCount(database: "d") @skip(if: true) }`],
    [
      "a skipped fragment",
      `subscription { ...F @include(if: false) } fragment F on Subscription { taskCount(database: "d") }`,
    ],
  ])("must not be missing because of %s", async (_, query) => {
    await using server = await startServer();
    using watcher = await watch(server.url, { query });
    expect(await watcher.next()).toMatchObject({
      errors: [
        {
          message: "The subscription selects no field, because a directive excludes it. Select one field.",
          extensions: { code: "BAD_USER_INPUT" },
        },
      ],
    });
  });
});

describe.each([OVER_WEBSOCKET, OVER_SSE])("taskCount over $name", ({ watch }) => {
  it("delivers the count now and whenever it changes", async () => {
    await using server = await startServer();
    await store(server.url, { jobId: "1" });
    using watcher = await watch(server.url, { query: `subscription { taskCount(database: "d") }` });

    const before = await watcher.next();
    await update(server.url, { jobId: "1", updates: [{ done: 1 }] });
    await store(server.url, { jobId: "1" });
    await store(server.url, { jobId: "2" });
    const after = await watcher.next();
    await ask(server.url, removeTask({ jobId: "1" }));

    expect([before, after, await watcher.next()].map(({ data }) => data)).toEqual([
      { taskCount: 1 },
      { taskCount: 2 },
      { taskCount: 1 },
    ]);
  });

  it("can count the jobs of one user or of one status", async () => {
    await using server = await startServer();
    await store(server.url, { jobId: "1" });
    await store(server.url, { username: "another", jobId: "2" });
    using ofUser = await watch(server.url, {
      query: `subscription { taskCount(database: "d", username: "u") }`,
    });
    using running = await watch(server.url, {
      query: `subscription { taskCount(database: "d", status: [RUNNING]) }`,
    });
    using ofNone = await watch(server.url, {
      query: `subscription { taskCount(database: "d", status: []) }`,
    });

    const before = [await ofUser.next(), await running.next(), await ofNone.next()];
    await update(server.url, { jobId: "1", updates: [{ done: 1 }] });
    const afterUpdate = await running.next();
    await store(server.url, { jobId: "3" });
    const afterStore = await ofUser.next();

    expect(before.map(({ data }) => data)).toEqual([{ taskCount: 1 }, { taskCount: 0 }, { taskCount: 0 }]);
    expect([afterUpdate.data, afterStore.data]).toEqual([{ taskCount: 1 }, { taskCount: 2 }]);
  });
});

const MINUTE_MS = 60_000;

/** The state of a client before the Reset. */
const OLD = [{ username: "u", jobId: "old", attempt: 1, version: 1, revision: 1, health: "OK", tasks: [] }];

const EVENT_KINDS: TaskEvent["kind"][] = [
  "Reset",
  "TaskStored",
  "TaskStored",
  "TaskStored",
  "CaughtUp",
  "TaskUpdated",
  "TaskStored",
  "TaskStored",
  "TaskRemoved",
];

/** All events that a watcher of `EVENT_KINDS` receives. */
async function watchSomeChanges(url: string): Promise<TaskEvent[]> {
  for (const jobId of ["a", "b", "c"]) await store(url, { jobId, task: TREE });
  using watcher = await OVER_WEBSOCKET.watch(url, taskEvents());
  const snapshot = await taskEventsUntil(watcher, "CaughtUp");
  await update(url, { jobId: "b", updates: [{ path: "0", done: 1 }] });
  await store(url, { jobId: "d", task: TREE });
  await store(url, { jobId: "b", task: TREE });
  await ask(url, removeTask({ jobId: "c" }));
  return [...snapshot, ...(await takeEvents(watcher, 4))];
}

/** Changes every job, in every way, while no client watches. */
async function changeMore(url: string): Promise<void> {
  await update(url, { jobId: "a", updates: [{ path: "1", done: 5, message: "half" }] });
  await store(url, { jobId: "b", task: { ...TREE, description: "again" } });
  await ask(url, addTasks({ jobId: "a", tasks: [{ description: "c" }] }));
  await ask(url, removeTask({ jobId: "d" }));
  await store(url, { jobId: "c", task: TREE });
  await store(url, { jobId: "e", task: TREE });
  await ask(url, removeTask({ jobId: "e" }));
}

function watchTask(variables: { untilEnded?: boolean; minIntervalMs?: number } = {}): {
  query: string;
  variables: Record<string, unknown>;
} {
  const query = `subscription ($untilEnded: Boolean! = true, $minIntervalMs: Int! = 0) {
    task(database: "d", username: "u", jobId: "j", untilEnded: $untilEnded, minIntervalMs: $minIntervalMs) {
      attempt version task { status message }
    }
  }`;
  return { query, variables };
}

function jobOf(jobId: string, attempt: number, version: number): unknown {
  return expect.objectContaining({ username: "u", jobId, attempt, version });
}

/** The cause of a Reset, or the kind of another event. */
function wordOf({ kind, cause }: TaskEvent): string {
  return cause ?? kind;
}

/** The id of the event's job. */
function jobIdOf({ jobId, userTask }: TaskEvent): string | undefined {
  return jobId ?? userTask?.jobId;
}

function versionOf(event: TaskEvent | undefined): number {
  return event?.userTask?.version ?? 0;
}

function epochOf(position: string): string {
  return position.split(".")[0]!;
}

function revisionsOf(events: readonly TaskEvent[]): number[] {
  return events.map(({ position }) => Number(position.split(".")[1]));
}
