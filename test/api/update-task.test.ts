import { describe, expect, it } from "vitest";
import type { TaskUpdate } from "../../src/tasks/task-update.js";
import { branch, iterative, leaf } from "../kit/store/edits.js";
import { instant, openApi, apiError, statusesOf, taskOf, type ApiJob, type UpdateTaskInput } from "./api.js";

/** Reports over the API. Their rules are tested in test/tasks. */

type Update = Partial<TaskUpdate>;

const TWO_LEAVES = branch("root", leaf("a", 10), leaf("b", 10));
const THREE_LEVELS = branch("root", branch("phase", leaf("a", 10), leaf("b", 10)), leaf("c", 10));

describe("updateTask", () => {
  it("makes one change of all updates and log lines: one version and one revision more", async () => {
    await using api = await openApi();
    await api.storeTask({ jobId: "other" });
    await api.storeTask({ task: TWO_LEAVES });

    const job = await api.updateTask({
      updates: [
        { path: "0", done: 3, message: "half", status: "FINISHED" },
        { path: "1", add: 3 },
      ],
      log: [{ message: "one" }, { message: "two" }],
    });

    expect(job).toMatchObject({ attempt: 1, version: 2, revision: 3 });
    expect(job.position).toMatch(/\.3$/);
  });

  it("returns the same job as a query", async () => {
    await using api = await openApi();
    await api.storeTask();

    const job = await api.update({ done: 4 });

    expect(await api.task()).toEqual(job);
  });

  it("updates the root when the path is left out", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TWO_LEAVES });

    const job = await api.update({ status: "RUNNING", message: "on its way" });

    expect(job.tasks.map(({ path, message }) => [path, message])).toEqual([
      ["", "on its way"],
      ["0", null],
      ["1", null],
    ]);
  });

  it("answers with the progress of the task and of those above it", async () => {
    await using api = await openApi();
    await api.storeTask({ task: THREE_LEVELS });

    const job = await api.update({ path: "0.1", done: 5 });

    expect(percentages(job)).toEqual({ "": "16.67%", "0": "25%", "0.0": "0%", "0.1": "50%", "1": "0%" });
    expect(taskOf(job).progress).toMatchObject({ done: 5, volume: 30 });
  });

  it.each<Update>([
    { status: null, done: null, add: null, volume: null, message: null, iteration: null },
    {},
  ])("changes nothing when every field is null or left out: %j", async (nothing) => {
    await using api = await openApi();
    await api.storeTask();
    await api.update({ done: 4, message: "half way" });
    const before = await api.everything();

    await api.update(nothing);

    expect(await api.everything()).toEqual(before);
  });

  it("applies every field of an update", async () => {
    await using api = await openApi();
    await api.storeTask({
      task: branch("root", leaf("a"), leaf("b"), iterative("c", "OPEN", null, leaf("d"))),
    });

    const job = await api.update(
      { path: "0", volume: 20, done: 15, message: "reading" },
      { path: "1", volume: 30, add: 3, status: "FAILED" },
      { path: "2", iteration: 2 },
    );

    expect(taskOf(job, "0")).toMatchObject({ message: "reading", progress: { done: 15, volume: 20 } });
    expect(taskOf(job, "1")).toMatchObject({ status: "FAILED", progress: { done: 3, volume: 30 } });
    expect(statusesOf(job)).toMatchObject({ "2": "RUNNING", "2.0": "CANCELED", "2.1": "PENDING" });
  });

  it("keeps any character of a message", async () => {
    await using api = await openApi();
    await api.storeTask();
    const message = "\u001b[31mError\u001b[0m\n\tat <b>\u0000 __proto__ 💾";

    expect(taskOf(await api.update({ message })).message).toBe(message);
  });

  it("counts every one of many concurrent reports", async () => {
    await using api = await openApi();
    await api.storeTask({ task: leaf("a", 100) });

    await Promise.all(Array.from({ length: 20 }, () => api.update({ add: 5 })));

    expect(taskOf(await api.task()).progress).toMatchObject({ done: 100, percent: "100%" });
  });

  it("looks for a job of the caller when the username is left out", async () => {
    await using api = await openApi();
    await api.storeTask({ username: "alice" });

    await expect(api.update({ done: 1 })).rejects.toMatchObject(apiError("NOT_FOUND", /"anonymous"/));
    expect(await api.updateTask({ username: "alice", updates: [{ done: 1 }] })).toMatchObject({ version: 2 });
  });

  it("finds the job by its normalized names", async () => {
    await using api = await openApi();
    await api.storeTask({ database: "caf\u00e9", username: "Jos\u00e9", jobId: "\u00c5" });

    const names = { database: "CAFE\u0301", username: "Jose\u0301", jobId: "A\u030a" };

    expect(await api.updateTask({ ...names, updates: [{ done: 1 }] })).toMatchObject({ version: 2 });
  });

  it.each<[string, UpdateTaskInput]>([
    ["job id", { jobId: "other" }],
    ["user", { username: "other" }],
    ["database", { database: "other" }],
  ])("rejects an unknown %s with NOT_FOUND and creates nothing", async (_, names) => {
    await using api = await openApi();
    await api.storeTask();
    const before = await api.everything();

    await expect(api.updateTask({ ...names, updates: [{ done: 1 }] })).rejects.toMatchObject(
      apiError("NOT_FOUND", /"other".* Store /),
    );
    await expect(api.updateTask(names)).rejects.toMatchObject(apiError("NOT_FOUND"));
    expect(await api.everything()).toEqual(before);
  });
});

describe("a rejected update", () => {
  it.each<[string, Update]>([
    ["NOT_FOUND", { path: "7" }],
    ["NOT_A_LEAF", { done: 1 }],
    ["ILLEGAL_TRANSITION", { path: "1", status: "PENDING" }],
    ["BAD_USER_INPUT", { path: "1", iteration: 1 }],
    ["LIMIT_EXCEEDED", { path: "1", add: Number.MAX_SAFE_INTEGER }],
  ])("fails with %s and undoes the updates before and after it", async (code, update) => {
    await using api = await openApi();
    await api.storeTask({ task: TWO_LEAVES });
    const before = await api.everything();

    await expect(
      api.updateTask({
        updates: [{ path: "0", done: 3 }, update, { path: "0", done: 4 }],
        log: [{ message: "m" }],
      }),
    ).rejects.toMatchObject(apiError(code));
    expect(await api.everything()).toEqual(before);
  });

  it("names the setting when the tree would grow too large", async () => {
    await using api = await openApi();
    await api.storeTask({ task: iterative("open", "OPEN", null, leaf("a")) });

    await expect(api.update({ iteration: 2 ** 31 - 1 })).rejects.toMatchObject({
      ...apiError("LIMIT_EXCEEDED"),
      limit: "tasksPerTreeMax",
    });
  });

  it.each(
    (["done", "add", "volume"] as const).flatMap((field) =>
      [-1, 0.5, Number.MAX_SAFE_INTEGER + 1].map((number) => ({ field, number })),
    ),
  )("fails with BAD_USER_INPUT when $field is $number", async ({ field, number }) => {
    await using api = await openApi();
    await api.storeTask();

    await expect(api.update({ [field]: number })).rejects.toMatchObject(
      apiError("BAD_USER_INPUT", /a whole number from 0 to 9007199254740991/),
    );
  });
});

describe("a job that ends", () => {
  it("is removed when its retention is over", async () => {
    await using api = await openApi({ retention: "1h" });
    await api.storeTask();
    api.clock.advance(2_000);

    const job = await api.update({ status: "FINISHED" });

    expect(job).toMatchObject({ endedAt: instant(2_000), expiresAt: instant(3_602_000) });
    api.clock.advance(3_600_000 - 1);
    expect(await api.task()).toEqual(job);
    api.clock.advance(60_001);
    expect(await api.task()).toBeNull();
    expect(await api.databaseNames()).toEqual([]);
  });

  it("expires after the retention of its database and outcome", async () => {
    await using api = await openApi({ retention: "1h,staging-*=1m", retentionFailed: "2h,staging-*=2m" });
    const expiryOf = async (database: string, status: "FINISHED" | "FAILED") => {
      await api.storeTask({ database });
      return (await api.updateTask({ database, updates: [{ status }] })).expiresAt;
    };

    expect(await expiryOf("neo4j", "FINISHED")).toBe(instant(3_600_000));
    expect(await expiryOf("neo4j", "FAILED")).toBe(instant(7_200_000));
    expect(await expiryOf("Staging-EU", "FINISHED")).toBe(instant(60_000));
    expect(await expiryOf("Staging-EU", "FAILED")).toBe(instant(120_000));
  });

  it.each([
    ["FAILED", 7],
    ["CANCELED", 1],
  ] as const)("as %s expires after %d days by default", async (status, days) => {
    await using api = await openApi();
    await api.storeTask();

    expect(await api.update({ status })).toMatchObject({
      endedAt: instant(),
      expiresAt: instant(days * 86_400_000),
    });
  });
});

describe("the elapsed time of a task", () => {
  it("runs from its start to now, and stops at its end", async () => {
    await using api = await openApi();
    await api.storeTask({ task: branch("root", leaf("a", 10), leaf("b", 10), leaf("c", 10)) });
    api.clock.advance(1_000);
    await api.update({ path: "0", done: 1 }, { path: "2", status: "CANCELED" });
    api.clock.advance(500);
    await api.update({ path: "0", status: "FINISHED" });
    api.clock.advance(250);

    const job = await api.task();

    expect(["", "0", "1", "2"].map((path) => taskOf(job, path).elapsedMs)).toEqual([750, 500, null, null]);
    expect(taskOf(job, "0")).toMatchObject({ startedAt: instant(1_000), endedAt: instant(1_500) });
  });
});

describe("the attempt of a report", () => {
  it("is accepted when it is the attempt of the job, null or left out", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.storeTask();

    await api.updateTask({ attempt: 2, updates: [{ done: 1 }] });
    await api.updateTask({ attempt: null, updates: [{ done: 2 }] });

    expect(taskOf(await api.task()).progress.done).toBe(2);
  });

  it.each([1, 3, -1])("is rejected with STALE_ATTEMPT when it is %d and the job is at 2", async (attempt) => {
    await using api = await openApi();
    await api.storeTask();
    await api.storeTask();
    const before = await api.everything();

    await expect(api.updateTask({ attempt, updates: [{ done: 1 }] })).rejects.toMatchObject(
      apiError("STALE_ATTEMPT", new RegExp(`is at attempt 2, but the request is for attempt ${attempt}`)),
    );
    expect(await api.everything()).toEqual(before);
  });
});

describe("a heartbeat", () => {
  it.each<UpdateTaskInput>([{}, { updates: [], log: [] }, { updates: null, log: null }])(
    "may be written as %j and renews the lease once a quarter of it has passed",
    async (input) => {
      await using api = await openApi({ lease: "60s" });
      await api.storeTask();
      api.clock.advance(14_999);
      expect(await api.updateTask(input)).toMatchObject({ version: 1, reportedAt: instant() });
      api.clock.advance(1);

      const job = await api.updateTask(input);

      expect(job).toMatchObject({ version: 2, revision: 2, reportedAt: instant(15_000) });
      expect(taskOf(job)).toMatchObject({ status: "PENDING", startedAt: null });
    },
  );
});

describe("the log of a job", () => {
  it("lists lines oldest first, with level, path and time", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TWO_LEAVES });
    await api.updateTask({ log: [{ message: "one" }, { level: "ERROR", message: "two", path: "1" }] });
    api.clock.advance(1_000);

    const job = await api.updateTask({ log: [{ level: "DEBUG", message: "three", path: "0" }] });

    expect(job.log).toEqual([
      { at: instant(), level: "INFO", path: "", message: "one" },
      { at: instant(), level: "ERROR", path: "1", message: "two" },
      { at: instant(1_000), level: "DEBUG", path: "0", message: "three" },
    ]);
    expect(job).toMatchObject({ version: 3, reportedAt: instant(1_000) });
  });

  it("shows the newest 20 lines of INFO and above unless the query asks for others", async () => {
    await using api = await openApi();
    await api.storeTask();
    const levels = ["DEBUG", "INFO", "WARNING", "ERROR"] as const;
    const log = Array.from({ length: 40 }, (_, index) => ({
      level: levels[index % 4]!,
      message: `${index}`,
    }));
    await api.updateTask({ log });

    const { task } = await api.data<{ task: Record<string, { message: string }[]> }>(
      `fragment Line on LogEntry { message }
      { task(database: "neo4j", username: "anonymous", jobId: "job") {
        default: log { ...Line }
        nulls: log(last: null, level: null) { ...Line }
        all: log(last: 200, level: DEBUG) { ...Line }
        warnings: log(last: 3, level: WARNING) { ...Line }
        errors: log(level: ERROR) { ...Line }
        none: log(last: 0) { ...Line }
      } }`,
    );

    const lines = Object.fromEntries(
      Object.entries(task).map(([name, entries]) => [name, entries.map(({ message }) => Number(message))]),
    );
    const numbers = Array.from({ length: 40 }, (_, index) => index);
    const infos = numbers.filter((number) => number % 4 > 0);
    expect(lines).toEqual({
      default: infos.slice(-20),
      nulls: infos.slice(-20),
      all: numbers,
      warnings: [35, 38, 39],
      errors: numbers.filter((number) => number % 4 === 3),
      none: [],
    });
  });

  it.each([
    [-1, "BAD_USER_INPUT", /^Invalid last -1: expected a whole number from 0/],
    [201, "LIMIT_EXCEEDED", /^last is 201;/],
  ])("rejects a query for its last %d lines with %s", async (last, code, message) => {
    await using api = await openApi();
    await api.storeTask();

    await expect(
      api.data(
        `query ($last: Int) { task(database: "neo4j", username: "anonymous", jobId: "job") { log(last: $last) { at } } }`,
        { last },
      ),
    ).rejects.toMatchObject(apiError(code, message));
  });

  it("rejects a line for a task that does not exist, with the whole report", async () => {
    await using api = await openApi();
    await api.storeTask();
    const before = await api.everything();

    await expect(
      api.updateTask({ updates: [{ done: 1 }], log: [{ message: "fine" }, { message: "not", path: "3" }] }),
    ).rejects.toMatchObject(apiError("NOT_FOUND"));
    expect(await api.everything()).toEqual(before);
  });
});

describe("the requestId of a report", () => {
  it("makes a repeated report answer without changing anything", async () => {
    await using api = await openApi();
    await api.storeTask();
    const report = { updates: [{ add: 3 }], log: [{ message: "three" }], requestId: "r" };
    const first = await api.updateTask(report);

    expect(await api.updateTask(report)).toEqual(first);
    expect(await api.task()).toEqual(first);
  });

  it("belongs to one job", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.storeTask({ jobId: "other" });
    await api.updateTask({ updates: [{ add: 1 }], requestId: "r" });

    const other = await api.updateTask({ jobId: "other", updates: [{ add: 1 }], requestId: "r" });

    expect(taskOf(other).progress.done).toBe(1);
  });
});

describe("a report", () => {
  it("has at most 100 updates", async () => {
    await using api = await openApi();
    await api.storeTask({ task: leaf("a", 200) });
    const updates = Array.from({ length: 100 }, () => ({ add: 1 }));

    expect(taskOf(await api.update(...updates)).progress.done).toBe(100);
    await expect(api.update(...updates, { add: 1 })).rejects.toMatchObject({
      ...apiError("LIMIT_EXCEEDED", /has 101 updates; the limit is 100/),
      limit: "updatesPerInputMax",
    });
  });

  it("has at most 100 log lines", async () => {
    await using api = await openApi();
    await api.storeTask();
    const log = Array.from({ length: 100 }, () => ({ message: "line" }));

    expect((await api.updateTask({ log })).log).toHaveLength(100);
    await expect(api.updateTask({ log: [...log, ...log] })).rejects.toMatchObject({
      ...apiError("LIMIT_EXCEEDED", /has 200 log lines/),
      limit: "logLinesPerInputMax",
    });
  });
});

function percentages(job: ApiJob): Record<string, string> {
  return Object.fromEntries(job.tasks.map(({ path, progress: { percent } }) => [path, percent]));
}
