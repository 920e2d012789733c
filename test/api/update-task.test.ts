import { describe, expect, it } from "vitest";
import type { TaskUpdate } from "../../src/tasks/task-update.js";
import { branch, iterative, leaf } from "../kit/store/edits.js";
import {
  instant,
  openApi,
  apiError,
  statusesOf,
  taskOf,
  type Api,
  type ApiJob,
  type UpdateTaskInput,
} from "./api.js";

type Update = Partial<TaskUpdate>;

const ENDS = ["FINISHED", "CANCELED", "FAILED"] as const;
const TWO_LEAVES = branch("root", leaf("a", 10), leaf("b", 10));
const THREE_LEVELS = branch("root", branch("phase", leaf("a", 10), leaf("b", 10)), leaf("c", 10));
const ROUNDS = iterative("rounds", "DYNAMIC", 3, leaf("a", 10), leaf("b", 10));

describe("an update", () => {
  it("is one change, whatever is in it: one version and one revision more", async () => {
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

  it("is answered when it can be read", async () => {
    await using api = await openApi();
    await api.storeTask();

    const job = await api.update({ done: 4 });

    expect(await api.task()).toEqual(job);
  });

  it("without a path is of the root", async () => {
    const job = await after(TWO_LEAVES, { status: "RUNNING", message: "on its way" });

    expect(job.tasks.map(({ path, message }) => [path, message])).toEqual([
      ["", "on its way"],
      ["0", null],
      ["1", null],
    ]);
  });

  it("of a leaf shows in the sums above it", async () => {
    const job = await after(THREE_LEVELS, { path: "0.1", done: 5 });

    expect(progress(job)).toEqual({ "": "16.67%", "0": "25%", "0.0": "0%", "0.1": "50%", "1": "0%" });
    expect(taskOf(job).progress).toMatchObject({ done: 5, volume: 30 });
  });

  it.each<Update>([
    { status: null, done: null, add: null, volume: null, message: null, iteration: null },
    {},
  ])("leaves as it is what is left out or null: %j", async (nothing) => {
    await using api = await openApi();
    await api.storeTask();
    await api.update({ done: 4, message: "half way" });
    const before = await api.everything();

    await api.update(nothing);

    expect(await api.everything()).toEqual(before);
  });

  it("is one of the caller's own when the username is left out", async () => {
    await using api = await openApi();
    await api.storeTask({ username: "alice" });

    await expect(api.update({ done: 1 })).rejects.toMatchObject(apiError("NOT_FOUND", /"anonymous"/));
    expect(await api.updateTask({ username: "alice", updates: [{ done: 1 }] })).toMatchObject({ version: 2 });
  });

  it("finds its job by the normalised names", async () => {
    await using api = await openApi();
    await api.storeTask({ database: "caf\u00e9", username: "Jos\u00e9", jobId: "\u00c5" });

    const names = { database: "CAFE\u0301", username: "Jose\u0301", jobId: "A\u030a" };

    expect(await api.updateTask({ ...names, updates: [{ done: 1 }] })).toMatchObject({ version: 2 });
  });
});

describe("a path", () => {
  it.each([
    "2",
    "0.0",
    "-1",
    "00",
    "0.",
    ".0",
    "0..1",
    "a",
    " ",
    "0,1",
    "__proto__",
    "length",
    "9".repeat(2_000),
  ])("that is not there is NOT_FOUND: %s", async (path) => {
    await using api = await openApi();
    await api.storeTask({ task: TWO_LEAVES });

    await expect(api.update({ path, done: 1 })).rejects.toMatchObject(
      apiError("NOT_FOUND", /no task at path ".*child indexes/),
    );
    await expect(api.update({ path })).rejects.toMatchObject(apiError("NOT_FOUND"));
  });

  it("of an OPEN iteration is not there before the iteration begins", async () => {
    await using api = await openApi();
    await api.storeTask({ task: iterative("open", "OPEN", null, leaf("a")) });

    await expect(api.update({ path: "0", done: 1 })).rejects.toMatchObject(apiError("NOT_FOUND"));
    expect(statusesOf(await api.update({ iteration: 1 }, { path: "0", done: 1 }))).toEqual({
      "": "RUNNING",
      "0": "RUNNING",
    });
  });
});

describe("done, add and volume for a task that is no leaf", () => {
  it.each<Update>([{ done: 1 }, { add: 1 }, { volume: 1 }, { done: 0 }, { add: 0 }])(
    "are NOT_A_LEAF: %j",
    async (update) => {
      await using api = await openApi();
      await api.storeTask({ task: branch("root", ROUNDS) });

      await expect(api.update(update)).rejects.toMatchObject(
        apiError("NOT_A_LEAF", /"root" is INTERMEDIATE/),
      );
      await expect(api.update({ path: "0", ...update })).rejects.toMatchObject(
        apiError("NOT_A_LEAF", /"rounds" is ITERATIVE/),
      );
    },
  );
});

describe("asking for PENDING", () => {
  it.each<Update>([{}, { status: "RUNNING" }, { status: "FINISHED" }])(
    "is ILLEGAL_TRANSITION, also of a task that is PENDING: after %j",
    async (update) => {
      await using api = await openApi();
      await api.storeTask();
      await api.update(update);

      await expect(api.update({ status: "PENDING" })).rejects.toMatchObject(apiError("ILLEGAL_TRANSITION"));
    },
  );
});

describe("what asks for nothing new", () => {
  const NOTHING_NEW: Update[] = [
    { status: "RUNNING" },
    { volume: 10 },
    { message: "half way" },
    { add: 0 },
    { done: 4 },
    { done: 3 },
    { status: "RUNNING", volume: 10, message: "half way", done: 2 },
  ];

  it.each(NOTHING_NEW)("changes nothing and takes no revision: %j", async (update) => {
    await using api = await openApi();
    await api.storeTask();
    await api.update({ done: 4, message: "half way" });
    const before = await api.everything();

    await api.update(update);

    expect(await api.everything()).toEqual(before);
  });

  it.each(ENDS.flatMap((status) => NOTHING_NEW.slice(1, 6).map((update) => ({ status, update }))))(
    "is never refused, also after the end: $status $update",
    async ({ status, update }) => {
      await using api = await openApi();
      await api.storeTask({ task: branch("root", leaf("a", 10)) });
      await api.update({ path: "0", done: 4, message: "half way" }, { status });
      const before = await api.everything();

      await api.update({ path: "0", ...update }, { path: "0", status }, { status });

      expect(await api.everything()).toEqual(before);
    },
  );

  it("changes nothing also later, when a late report comes long after the end", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.update({ status: "FINISHED" });
    api.clock.advance(3_600_000);

    const job = await api.update({ done: 3 });

    expect(job).toMatchObject({ version: 2, reportedAt: instant(), endedAt: instant() });
  });

  it.each([1, 2])("is an iteration already begun: %d of 2", async (iteration) => {
    await using api = await openApi();
    await api.storeTask({ task: ROUNDS });
    await api.update({ iteration: 2 });
    const before = await api.everything();

    await api.update({ iteration });
    expect(await api.everything()).toEqual(before);

    const ended = await api.update({ status: "FINISHED" });
    expect(await api.update({ iteration })).toEqual(ended);
  });

  it("is an empty message where there is none", async () => {
    await using api = await openApi();
    const { userTask } = await api.storeTask();

    expect(await api.update({ message: "" })).toEqual(userTask);
  });

  it.each<Update>([{ done: 0 }, { add: 0 }])("begins nothing: %j", async (update) => {
    await using api = await openApi();
    const { userTask } = await api.storeTask({ task: TWO_LEAVES });

    expect(await api.update({ path: "0", ...update })).toEqual(userTask);
  });

  it("is a whole report that comes a second time", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TWO_LEAVES });
    const report: Update[] = [
      { path: "0", volume: 12, done: 12, message: "written", status: "FINISHED" },
      { path: "1", status: "CANCELED" },
      { status: "FINISHED", message: "all done" },
    ];
    const first = await api.update(...report);

    expect(await api.update(...report)).toEqual(first);
  });
});

describe.each(ENDS)("anything else on a task that is %s", (status) => {
  const others = ENDS.filter((other) => other !== status);

  it.each<Update>([
    { done: 11 },
    { add: 1 },
    { volume: 11 },
    { message: "late" },
    { message: "" },
    { status: "RUNNING" },
    ...others.map((other) => ({ status: other })),
  ])("is ILLEGAL_TRANSITION: %j", async (update) => {
    await using api = await openApi();
    await api.storeTask();
    const ended = await api.update({ done: 4, message: "why", status });

    await expect(api.update(update)).rejects.toMatchObject(
      apiError("ILLEGAL_TRANSITION", new RegExp(`Task "task" is ${status}`)),
    );
    expect(await api.task()).toEqual(ended);
  });

  it("is ILLEGAL_TRANSITION: an iteration that had not begun", async () => {
    await using api = await openApi();
    await api.storeTask({ task: ROUNDS });
    await api.update({ iteration: 1 }, { status });

    await expect(api.update({ iteration: 2 })).rejects.toMatchObject(apiError("ILLEGAL_TRANSITION"));
  });
});

describe.each(["CANCELED", "FAILED"] as const)("anything else below a task that is %s", (status) => {
  it.each<Update>([
    { path: "0", done: 1 },
    { path: "0", add: 1 },
    { path: "0", volume: 11 },
    { path: "0", message: "late" },
    { path: "0", status: "RUNNING" },
    { path: "0", status: "FINISHED" },
    { path: "0", status: "CANCELED" },
    { path: "1", iteration: 1 },
    { path: "1.0", done: 1 },
  ])("is ILLEGAL_TRANSITION: %j", async (update) => {
    await using api = await openApi();
    await api.storeTask({ task: branch("root", leaf("a", 10), ROUNDS) });
    const ended = await api.update({ status });

    await expect(api.update(update)).rejects.toMatchObject(apiError("ILLEGAL_TRANSITION"));
    expect(await api.task()).toEqual(ended);
  });
});

describe("a begin", () => {
  it.each<Update>([
    { status: "RUNNING" },
    { status: "FINISHED" },
    { status: "FAILED" },
    { done: 1 },
    { add: 1 },
  ])("of the task and of those above it is implied by %j", async (update) => {
    const job = await after(THREE_LEVELS, { path: "0.0", ...update });

    expect(statusesOf(job)).toMatchObject({
      "": "RUNNING",
      "0": "RUNNING",
      "0.1": "PENDING",
      "1": "PENDING",
    });
    expect(["", "0", "0.0"].map((path) => taskOf(job, path).startedAt)).toEqual([
      instant(),
      instant(),
      instant(),
    ]);
  });

  it("of the task and of those above it is implied by an iteration", async () => {
    const job = await after(branch("root", ROUNDS), { path: "0", iteration: 1 });

    expect(statusesOf(job)).toMatchObject({ "": "RUNNING", "0": "RUNNING", "0.0": "PENDING" });
  });

  it.each<Update>([{ volume: 11 }, { message: "soon" }])("is not implied by %j", async (update) => {
    const job = await after(THREE_LEVELS, { path: "0.0", ...update });

    expect(new Set(Object.values(statusesOf(job)))).toEqual(new Set(["PENDING"]));
  });

  it("is not implied by CANCELED, above the task neither", async () => {
    const job = await after(THREE_LEVELS, { path: "0.0", status: "CANCELED" });

    expect(statusesOf(job)).toMatchObject({ "": "PENDING", "0": "PENDING", "0.0": "CANCELED" });
    expect(taskOf(job, "0.0")).toMatchObject({ startedAt: null, endedAt: instant(), elapsedMs: null });
  });

  it("of siblings may be side by side", async () => {
    const job = await after(
      THREE_LEVELS,
      { path: "0.0", status: "RUNNING" },
      { path: "0.1", done: 1 },
      { path: "1", add: 1 },
    );

    expect(new Set(Object.values(statusesOf(job)))).toEqual(new Set(["RUNNING"]));
  });

  it("happens once: later reports leave it when it was", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.update({ done: 1 });
    api.clock.advance(5_000);

    expect(taskOf(await api.update({ done: 2 }))).toMatchObject({ startedAt: instant(), elapsedMs: 5_000 });
  });
});

describe("done", () => {
  it("is absolute, and never goes back: a lower one is late", async () => {
    const job = await after(leaf("a", 10), { done: 4 }, { done: 6 }, { done: 5 });

    expect(taskOf(job).progress).toMatchObject({ done: 6, percent: "60%" });
  });

  it("may pass the volume; the ratio stays 1", async () => {
    const job = await after(leaf("a", 40), { done: 44 });

    expect(taskOf(job).progress).toMatchObject({ done: 44, volume: 40, ratio: 1, percent: "100%" });
  });

  it("of an unknown volume counts, and the ratio stays unknown", async () => {
    const job = await after(branch("root", leaf("a", 100), leaf("b")), { path: "0", done: 50 });

    expect(taskOf(job).progress).toMatchObject({ done: 50, volume: null, knownVolume: 100, ratio: null });
  });

  it("after which a sum would pass 2^53 - 1 is refused with LIMIT_EXCEEDED, and changes nothing", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TWO_LEAVES });
    const before = await api.update({ path: "0", done: Number.MAX_SAFE_INTEGER });

    await expect(api.update({ path: "1", done: 1 })).rejects.toMatchObject(
      apiError("LIMIT_EXCEEDED", /task "root" would pass 2\^53 - 1/),
    );
    expect(await api.task()).toEqual(before);
  });
});

describe("add", () => {
  it("is relative", async () => {
    const job = await after(leaf("a", 10), { add: 4 }, { add: 3 });

    expect(taskOf(job).progress.done).toBe(7);
  });

  it("of many reporters at once adds up", async () => {
    await using api = await openApi();
    await api.storeTask({ task: leaf("a", 100) });

    await Promise.all(Array.from({ length: 20 }, () => api.update({ add: 5 })));

    expect(taskOf(await api.task()).progress).toMatchObject({ done: 100, percent: "100%" });
  });

  it("after which a sum would pass 2^53 - 1 is refused with LIMIT_EXCEEDED, and changes nothing", async () => {
    await using api = await openApi();
    await api.storeTask({ task: leaf("a") });
    const before = await api.update({ done: Number.MAX_SAFE_INTEGER });

    await expect(api.update({ add: 1 })).rejects.toMatchObject(apiError("LIMIT_EXCEEDED"));
    await expect(api.update({ add: Number.MAX_SAFE_INTEGER })).rejects.toMatchObject(
      apiError("LIMIT_EXCEEDED"),
    );
    expect(await api.task()).toEqual(before);
  });
});

describe("volume", () => {
  it("makes an unknown one known", async () => {
    const job = await after(branch("root", leaf("a", 10), leaf("b")), { path: "1", volume: 30 });

    expect(taskOf(job).progress).toMatchObject({ volume: 40, knownVolume: 40, ratio: 0 });
  });

  it("can be corrected at any time, also below what is done", async () => {
    const job = await after(leaf("a", 10), { done: 6 }, { volume: 20 }, { volume: 4 });

    expect(taskOf(job).progress).toMatchObject({ done: 6, volume: 4, ratio: 1 });
  });

  it("may be 0", async () => {
    expect(taskOf(await after(leaf("a"), { volume: 0 })).progress).toMatchObject({ volume: 0, ratio: 1 });
  });

  it("after which a sum would pass 2^53 - 1 is refused with LIMIT_EXCEEDED", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TWO_LEAVES });

    await expect(api.update({ path: "0", volume: Number.MAX_SAFE_INTEGER })).rejects.toMatchObject(
      apiError("LIMIT_EXCEEDED"),
    );
  });
});

describe.each(["done", "add", "volume"] as const)("%s", (field) => {
  it.each([-1, 0.5, Number.MAX_SAFE_INTEGER + 1])("of %d is BAD_USER_INPUT", async (number) => {
    await using api = await openApi();
    await api.storeTask();

    await expect(api.update({ [field]: number })).rejects.toMatchObject(
      apiError("BAD_USER_INPUT", /a whole number from 0 to 9007199254740991/),
    );
  });
});

describe("done and add together", () => {
  it.each<Update>([
    { done: 1, add: 1 },
    { done: 0, add: 0 },
  ])("are BAD_USER_INPUT: %j", async (update) => {
    await using api = await openApi();
    await api.storeTask();

    await expect(api.update(update)).rejects.toMatchObject(apiError("BAD_USER_INPUT", /Both done and add/));
  });
});

describe("a message", () => {
  it("is the worker's latest word on a task of any kind", async () => {
    const job = await after(
      branch("root", leaf("a"), ROUNDS),
      { message: "one" },
      { message: "two" },
      { path: "0", message: "three" },
      { path: "1", message: "four" },
    );

    expect(["", "0", "1"].map((path) => taskOf(job, path).message)).toEqual(["two", "three", "four"]);
  });

  it("that is empty clears it", async () => {
    expect(taskOf(await after(leaf("a"), { message: "one" }, { message: "" })).message).toBeNull();
  });

  it("with FAILED is the reason", async () => {
    const job = await after(TWO_LEAVES, { path: "0", status: "FAILED", message: "disk full" });

    expect(taskOf(job, "0")).toMatchObject({ status: "FAILED", message: "disk full" });
  });

  it("may have any character", async () => {
    const message = "\u001b[31mError\u001b[0m\n\tat <b>\u0000 __proto__ 💾";

    expect(taskOf(await after(leaf("a"), { message })).message).toBe(message);
  });

  it("may have 4,096 bytes; more is refused with the name of the setting", async () => {
    await using api = await openApi();
    await api.storeTask();

    expect(taskOf(await api.update({ message: "é".repeat(2_048) })).message).toHaveLength(2_048);
    await expect(api.update({ message: "é".repeat(2_049) })).rejects.toMatchObject(
      apiError("BAD_USER_INPUT", /has 4098 bytes; the limit is 4096 \(messageTextBytesMax\)/),
    );
  });
});

describe("FINISHED", () => {
  it("on a leaf completes it: an unknown volume becomes what is done", async () => {
    const job = await after(leaf("a"), { done: 3 }, { status: "FINISHED" });

    expect(taskOf(job).progress).toMatchObject({ done: 3, volume: 3, percent: "100%" });
  });

  it("on a leaf completes it: a known volume is reached", async () => {
    const job = await after(leaf("a", 10), { done: 3 }, { status: "FINISHED" });

    expect(taskOf(job).progress).toMatchObject({ done: 10, volume: 10 });
  });

  it("on any other task finishes what runs below it and cancels what is pending there", async () => {
    const job = await after(THREE_LEVELS, { path: "0.0", done: 3 }, { status: "FINISHED" });

    expect(statusesOf(job)).toEqual({
      "": "FINISHED",
      "0": "FINISHED",
      "0.0": "FINISHED",
      "0.1": "CANCELED",
      "1": "CANCELED",
    });
  });

  it("reads 100 %, however early: what is cancelled by it leaves the volume", async () => {
    const job = await after(THREE_LEVELS, { path: "0.0", done: 3 }, { status: "FINISHED" });

    expect(taskOf(job).progress).toMatchObject({ done: 10, volume: 10, percent: "100%" });
  });

  it("keeps what was cancelled or has failed before, and its volume", async () => {
    const job = await after(
      TWO_LEAVES,
      { path: "0", done: 4, status: "CANCELED" },
      { path: "1", done: 5, status: "FAILED" },
      { status: "FINISHED" },
    );

    expect(statusesOf(job)).toEqual({ "": "FINISHED", "0": "CANCELED", "1": "FAILED" });
    expect(taskOf(job).progress).toMatchObject({ done: 9, volume: 20, percent: "45%" });
  });

  it("does not touch the tasks above", async () => {
    const job = await after(THREE_LEVELS, { path: "0", status: "FINISHED" });

    expect(statusesOf(job)).toMatchObject({ "": "RUNNING", "0": "FINISHED", "1": "PENDING" });
  });

  it("makes the volume of OPEN iterations known", async () => {
    const job = await after(
      iterative("open", "OPEN", null, leaf("a", 5)),
      { iteration: 2 },
      { path: "1", done: 5 },
      { status: "FINISHED" },
    );

    expect(taskOf(job).progress).toMatchObject({ volume: 5, percent: "100%" });
  });

  it("of the root ends the job, which is forgotten when its retention is over", async () => {
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

  it("says when the job is forgotten by its database and its outcome", async () => {
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
});

const DAY_MS = 86_400_000;

describe.each([
  ["FAILED", 7],
  ["CANCELED", 1],
] as const)("%s", (status, retentionDays) => {
  it("does the same to what runs below; what is pending stays", async () => {
    const job = await after(THREE_LEVELS, { path: "0.0", done: 3 }, { status });

    expect(statusesOf(job)).toEqual({
      "": status,
      "0": status,
      "0.0": status,
      "0.1": "PENDING",
      "1": "PENDING",
    });
    expect(taskOf(job).progress).toMatchObject({ done: 3, volume: 30 });
  });

  it("does not touch the tasks above", async () => {
    const job = await after(THREE_LEVELS, { path: "0.0", done: 3 }, { path: "0", status });

    expect(statusesOf(job)).toEqual({
      "": "RUNNING",
      "0": status,
      "0.0": status,
      "0.1": "PENDING",
      "1": "PENDING",
    });
  });

  it("has an end time, and its elapsed time stops", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.update({ done: 1 });
    api.clock.advance(2_000);
    const job = await api.update({ status });
    api.clock.advance(2_000);

    expect(job).toMatchObject({
      endedAt: instant(2_000),
      expiresAt: instant(2_000 + retentionDays * DAY_MS),
    });
    expect(taskOf(await api.task())).toMatchObject({ endedAt: instant(2_000), elapsedMs: 2_000 });
  });
});

describe("the elapsed time of a task", () => {
  it("is from start to now, and from start to end once it has ended", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TWO_LEAVES });
    api.clock.advance(1_000);
    await api.update({ path: "0", done: 1 });
    api.clock.advance(500);
    await api.update({ path: "0", status: "FINISHED" });
    api.clock.advance(250);

    const job = await api.task();

    expect(["", "0", "1"].map((path) => taskOf(job, path).elapsedMs)).toEqual([750, 500, null]);
  });
});

describe("the order within one input", () => {
  it("is volume, then done, then status", async () => {
    const job = await after(leaf("a", 10), { status: "FINISHED", done: 15, volume: 20 });

    expect(taskOf(job).progress).toMatchObject({ done: 20, volume: 20 });
  });

  it("is add, then status", async () => {
    const job = await after(leaf("a"), { status: "FINISHED", add: 7 });

    expect(taskOf(job).progress).toMatchObject({ done: 7, volume: 7 });
  });

  it("is message, then status", async () => {
    expect(taskOf(await after(leaf("a"), { status: "FINISHED", message: "bye" }))).toMatchObject({
      message: "bye",
      status: "FINISHED",
    });
  });

  it("is iteration, then status", async () => {
    const job = await after(ROUNDS, { path: "0", done: 1 }, { status: "FINISHED", iteration: 2 });

    expect(statusesOf(job)).toMatchObject({
      "": "FINISHED",
      "0": "FINISHED",
      "1": "CANCELED",
      "2": "CANCELED",
    });
  });

  it("is that of the list from one update to the next", async () => {
    const job = await after(
      leaf("a", 10),
      { message: "one" },
      { add: 1 },
      { message: "two", status: "FINISHED" },
    );

    expect(taskOf(job)).toMatchObject({ message: "two", status: "FINISHED" });
  });
});

describe("updates apply all or none", () => {
  it.each<[string, Update]>([
    ["NOT_FOUND", { path: "7" }],
    ["NOT_A_LEAF", { done: 1 }],
    ["ILLEGAL_TRANSITION", { path: "1", status: "PENDING" }],
    ["BAD_USER_INPUT", { path: "1", iteration: 1 }],
    ["LIMIT_EXCEEDED", { path: "1", add: Number.MAX_SAFE_INTEGER }],
  ])("one that is %s refuses those before and after it", async (code, update) => {
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

  it("a refused step refuses the steps before it, too", async () => {
    await using api = await openApi();
    await api.storeTask({ task: ROUNDS });
    const before = await api.everything();

    await expect(api.update({ message: "x", iteration: 4 })).rejects.toMatchObject(
      apiError("BAD_USER_INPUT"),
    );
    await expect(api.update({ message: "x", iteration: 2, status: "PENDING" })).rejects.toMatchObject(
      apiError("ILLEGAL_TRANSITION"),
    );
    expect(await api.everything()).toEqual(before);
  });

  it("a log line for a path that is not there refuses the updates", async () => {
    await using api = await openApi();
    await api.storeTask();
    const before = await api.everything();

    await expect(
      api.updateTask({ updates: [{ done: 1 }], log: [{ message: "fine" }, { message: "not", path: "3" }] }),
    ).rejects.toMatchObject(apiError("NOT_FOUND"));
    expect(await api.everything()).toEqual(before);
  });
});

describe("an iteration that begins", () => {
  it("leaves its own tasks PENDING until they are reported", async () => {
    const job = await after(ROUNDS, { iteration: 1 });

    expect(new Set(job.tasks.slice(1).map(({ status }) => status))).toEqual(new Set(["PENDING"]));
  });

  it("finishes what runs in earlier ones and cancels what is pending there", async () => {
    const job = await after(ROUNDS, { iteration: 1 }, { path: "0", done: 3 }, { iteration: 2 });

    expect(statusesOf(job)).toEqual({
      "": "RUNNING",
      "0": "FINISHED",
      "1": "CANCELED",
      "2": "PENDING",
      "3": "PENDING",
      "4": "PENDING",
      "5": "PENDING",
    });
    expect(taskOf(job).progress).toMatchObject({ done: 10, volume: 50 });
  });

  it("has the children (i-1)*k to i*k-1", async () => {
    const job = await after(ROUNDS, { iteration: 3 });

    expect(Object.entries(statusesOf(job)).filter(([, status]) => status === "PENDING")).toEqual([
      ["4", "PENDING"],
      ["5", "PENDING"],
    ]);
  });

  it("makes OPEN grow to it, and no further", async () => {
    await using api = await openApi();
    await api.storeTask({ task: iterative("open", "OPEN", null, leaf("a", 5), branch("b", leaf("c", 1))) });

    const job = await api.update({ iteration: 2 });

    expect(statusesOf(job)).toEqual({
      "": "RUNNING",
      "0": "CANCELED",
      "1": "CANCELED",
      "1.0": "CANCELED",
      "2": "PENDING",
      "3": "PENDING",
      "3.0": "PENDING",
    });
    expect(taskOf(job)).toMatchObject({ maxIterations: null, progress: { volume: null, knownVolume: 6 } });
  });

  it("counts as finished when all of its tasks are", async () => {
    await using api = await openApi();
    await api.storeTask({ task: ROUNDS });

    expect(taskOf(await api.update({ path: "0", status: "FINISHED" })).currentIteration).toBe(0);
    expect(taskOf(await api.update({ path: "1", status: "FINISHED" })).currentIteration).toBe(1);
  });

  it.each([4, 2 ** 31 - 1])("above max is BAD_USER_INPUT: %d of 3", async (iteration) => {
    await using api = await openApi();
    await api.storeTask({ task: ROUNDS });

    await expect(api.update({ iteration })).rejects.toMatchObject(
      apiError("BAD_USER_INPUT", new RegExp(`Iteration ${iteration} .* has 3 at most`)),
    );
  });

  it.each([0, -1])("is counted from 1: %d is BAD_USER_INPUT", async (iteration) => {
    await using api = await openApi();
    await api.storeTask({ task: ROUNDS });

    await expect(api.update({ iteration })).rejects.toMatchObject(apiError("BAD_USER_INPUT"));
  });

  it("of a task that repeats nothing is BAD_USER_INPUT", async () => {
    await using api = await openApi();
    await api.storeTask();

    await expect(api.update({ iteration: 1 })).rejects.toMatchObject(apiError("BAD_USER_INPUT"));
  });

  it("for which OPEN would grow past 10,000 tasks is LIMIT_EXCEEDED, and changes nothing", async () => {
    await using api = await openApi();
    await api.storeTask({ task: iterative("open", "OPEN", null, leaf("a")) });
    const before = await api.everything();

    await expect(api.update({ iteration: 10_000 })).rejects.toMatchObject({
      ...apiError("LIMIT_EXCEEDED"),
      limit: "tasksPerTreeMax",
    });
    await expect(api.update({ iteration: 2 ** 31 - 1 })).rejects.toMatchObject(apiError("LIMIT_EXCEEDED"));
    expect(await api.everything()).toEqual(before);
  });
});

describe("a job that is not there", () => {
  it.each<[string, UpdateTaskInput]>([
    ["job id", { jobId: "other" }],
    ["user", { username: "other" }],
    ["database", { database: "other" }],
  ])("by its %s is NOT_FOUND, and is not created", async (_, names) => {
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

describe("the attempt of a report", () => {
  it("is the job's, or left out", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.storeTask();

    await api.updateTask({ attempt: 2, updates: [{ done: 1 }] });
    await api.updateTask({ attempt: null, updates: [{ done: 2 }] });

    expect(taskOf(await api.task()).progress.done).toBe(2);
  });

  it.each([1, 3, 0, -1])(
    "%d where the job is at 2 is STALE_ATTEMPT, and changes nothing",
    async (attempt) => {
      await using api = await openApi();
      await api.storeTask();
      await api.storeTask();
      const before = await api.everything();

      await expect(api.updateTask({ attempt, updates: [{ done: 1 }] })).rejects.toMatchObject(
        apiError("STALE_ATTEMPT", new RegExp(`is at attempt 2; this is for attempt ${attempt}`)),
      );
      await expect(api.updateTask({ attempt })).rejects.toMatchObject(apiError("STALE_ATTEMPT"));
      expect(await api.everything()).toEqual(before);
    },
  );
});

describe("a heartbeat", () => {
  it("is answered and changes nothing before a quarter of the lease has passed", async () => {
    await using api = await openApi({ lease: "60s" });
    await api.storeTask();
    const before = await api.everything();
    api.clock.advance(14_999);

    expect(await api.updateTask()).toMatchObject({ version: 1, reportedAt: instant() });
    expect(await api.everything()).toEqual(before);
  });

  it("is committed when a quarter of the lease has passed since the report that was committed last", async () => {
    await using api = await openApi({ lease: "60s" });
    await api.storeTask();
    api.clock.advance(10_000);
    await api.update({ done: 1 });
    api.clock.advance(14_999);
    expect(await api.updateTask({ updates: [], log: [] })).toMatchObject({ version: 2 });
    api.clock.advance(1);

    const job = await api.updateTask({ updates: null, log: null });

    expect(job).toMatchObject({ version: 3, revision: 3, reportedAt: instant(25_000) });
    expect(taskOf(job).status).toBe("RUNNING");
  });

  it("is also a report that says nothing new", async () => {
    await using api = await openApi({ lease: "60s" });
    await api.storeTask();
    await api.update({ done: 5 });
    api.clock.advance(15_000);

    expect(await api.update({ done: 5 })).toMatchObject({ version: 3, reportedAt: instant(15_000) });
  });

  it("begins nothing", async () => {
    await using api = await openApi();
    await api.storeTask();
    api.clock.advance(30_000);

    expect(taskOf(await api.updateTask())).toMatchObject({ status: "PENDING", startedAt: null });
  });
});

describe("the log of a job", () => {
  it("has what was reported, oldest first, with level, path and time", async () => {
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

  it("takes the same line twice as two", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.updateTask({ log: [{ message: "again" }, { message: "again" }] });

    expect((await api.updateTask({ log: [{ message: "again" }] })).log).toHaveLength(3);
  });

  it("may be about a task that the same input has made", async () => {
    await using api = await openApi();
    await api.storeTask({ task: iterative("open", "OPEN", null, leaf("a")) });

    const job = await api.updateTask({ updates: [{ iteration: 1 }], log: [{ message: "begun", path: "0" }] });

    expect(job.log).toMatchObject([{ path: "0" }]);
  });

  it("shows the newest 20 of INFO and above, or as many of a level and above as are asked for", async () => {
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

  it("keeps the newest 200 lines", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.updateTask({ log: Array.from({ length: 100 }, (_, index) => ({ message: `${index}` })) });
    await api.updateTask({ log: Array.from({ length: 100 }, (_, index) => ({ message: `${100 + index}` })) });

    const { log } = await api.updateTask({ log: [{ message: "200" }] });

    expect([log.length, log.at(0)?.message, log.at(-1)?.message]).toEqual([200, "1", "200"]);
  });

  it.each([
    [-1, "BAD_USER_INPUT"],
    [201, "LIMIT_EXCEEDED"],
  ])("of the last %d lines is %s", async (last, code) => {
    await using api = await openApi();
    await api.storeTask();

    await expect(
      api.data(
        `query ($last: Int) { task(database: "neo4j", username: "anonymous", jobId: "job") { log(last: $last) { at } } }`,
        { last },
      ),
    ).rejects.toMatchObject(apiError(code, /last is/));
  });

  it("refuses a line of more than 4,096 bytes", async () => {
    await using api = await openApi();
    await api.storeTask();

    await api.updateTask({ log: [{ message: "a".repeat(4_096) }] });
    await expect(api.updateTask({ log: [{ message: "a".repeat(4_097) }] })).rejects.toMatchObject(
      apiError("BAD_USER_INPUT", /messageTextBytesMax/),
    );
  });
});

describe("the requestId of a report", () => {
  it("again is answered and changes nothing", async () => {
    await using api = await openApi();
    await api.storeTask();
    const report = { updates: [{ add: 3 }], log: [{ message: "three" }], requestId: "r" };
    const first = await api.updateTask(report);

    expect(await api.updateTask(report)).toEqual(first);
    expect(await api.task()).toEqual(first);
  });

  it("again is answered with the job as it is now", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.updateTask({ updates: [{ add: 3 }], requestId: "r" });
    const now = await api.update({ add: 2 });

    expect(await api.updateTask({ updates: [{ add: 3 }], requestId: "r" })).toEqual(now);
  });

  it("again changes nothing also after the end", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.updateTask({ updates: [{ add: 3 }], requestId: "r" });
    const ended = await api.update({ status: "FAILED" });

    expect(await api.updateTask({ updates: [{ add: 3 }], requestId: "r" })).toEqual(ended);
  });

  it("is remembered while it is one of the newest 64 of the attempt", async () => {
    await using api = await openApi();
    await api.storeTask({ task: leaf("a", 1_000) });
    const report = (index: number) => ({ updates: [{ add: 1 }], requestId: `r${index}` });
    await api.updateTasks(Array.from({ length: 64 }, (_, index) => report(index)));

    expect(taskOf(await api.updateTask(report(0))).progress.done).toBe(64);
    expect(taskOf(await api.updateTask(report(64))).progress.done).toBe(65);
    expect(taskOf(await api.updateTask(report(1))).progress.done).toBe(65);
    expect(taskOf(await api.updateTask(report(0))).progress.done).toBe(66);
  });

  it("is forgotten with its attempt", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.updateTask({ updates: [{ add: 3 }], requestId: "r" });
    await api.storeTask();

    expect(taskOf(await api.updateTask({ updates: [{ add: 2 }], requestId: "r" })).progress.done).toBe(2);
  });

  it("of a refused report is not remembered", async () => {
    await using api = await openApi();
    await api.storeTask();
    await expect(
      api.updateTask({ updates: [{ add: 1 }, { path: "9" }], requestId: "r" }),
    ).rejects.toMatchObject(apiError("NOT_FOUND"));

    expect(taskOf(await api.updateTask({ updates: [{ add: 1 }], requestId: "r" })).progress.done).toBe(1);
  });

  it("of another job is another request", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.storeTask({ jobId: "other" });
    await api.updateTask({ updates: [{ add: 1 }], requestId: "r" });

    const other = await api.updateTask({ jobId: "other", updates: [{ add: 1 }], requestId: "r" });

    expect(taskOf(other).progress.done).toBe(1);
  });

  it("with a stale attempt is STALE_ATTEMPT", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.updateTask({ attempt: 1, updates: [{ add: 1 }], requestId: "r" });
    await api.storeTask();

    await expect(api.updateTask({ attempt: 1, updates: [{ add: 1 }], requestId: "r" })).rejects.toMatchObject(
      apiError("STALE_ATTEMPT"),
    );
  });
});

describe("the bounds of a report", () => {
  it("are 100 updates", async () => {
    await using api = await openApi();
    await api.storeTask({ task: leaf("a", 200) });
    const updates = Array.from({ length: 100 }, () => ({ add: 1 }));

    expect(taskOf(await api.update(...updates)).progress.done).toBe(100);
    await expect(api.update(...updates, { add: 1 })).rejects.toMatchObject({
      ...apiError("LIMIT_EXCEEDED", /has 101 updates; the limit is 100/),
      limit: "updatesPerInputMax",
    });
  });

  it("are 100 log lines", async () => {
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

describe("a cancel request", () => {
  it("refuses nothing: the worker goes on as it likes", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TWO_LEAVES });
    await api.requestCancel();

    await api.update({ path: "0", status: "FINISHED" }, { path: "1", add: 5 });
    const job = await api.update({ status: "FINISHED" });

    expect(statusesOf(job)).toEqual({ "": "FINISHED", "0": "FINISHED", "1": "FINISHED" });
  });

  it("is answered with CANCELED", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.update({ status: "RUNNING" });
    await api.requestCancel();

    expect(await api.update({ status: "CANCELED" })).toMatchObject({
      endedAt: instant(),
      cancelRequest: { by: "anonymous" },
    });
  });
});

/** The job of a tree after updates, each of them a report of its own. */
async function after(task: object, ...updates: readonly Update[]): Promise<ApiJob> {
  await using api = await openApi();
  await api.storeTask({ task });
  return await inTurn(api, updates);
}

async function inTurn(api: Api, updates: readonly Update[]): Promise<ApiJob> {
  let job = (await api.task())!;
  for (const update of updates) job = await api.update(update);
  return job;
}

function progress(job: ApiJob): Record<string, string> {
  return Object.fromEntries(job.tasks.map(({ path, progress: { percent } }) => [path, percent]));
}
