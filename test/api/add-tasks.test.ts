import { describe, expect, it } from "vitest";
import { branch, iterative, leaf } from "../kit/store/edits.js";
import { instant, openApi, apiError, statusesOf, taskOf, type AddTasksInput } from "./api.js";

const ENDS = ["FINISHED", "CANCELED", "FAILED"] as const;
const TREE = branch(
  "root",
  leaf("a", 10),
  branch("b", leaf("c", 10)),
  iterative("i", "FIXED", 1, leaf("d", 10)),
);

describe("adding tasks", () => {
  it("appends them below the root when the path is left out", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TREE });

    const job = await api.addTasks({ tasks: [leaf("x", 5), branch("y", leaf("z"))] });

    expect(job.tasks.map(({ path, description }) => `${path} ${description}`)).toEqual([
      " root",
      "0 a",
      "1 b",
      "1.0 c",
      "2 i",
      "2.0 d",
      "3 x",
      "4 y",
      "4.0 z",
    ]);
  });

  it("appends them below the task at the path", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TREE });

    const job = await api.addTasks({ path: "1", tasks: [iterative("x", "OPEN", null, leaf("y"))] });

    expect(taskOf(job, "1.1")).toMatchObject({
      description: "x",
      kind: "ITERATIVE",
      status: "PENDING",
      depth: 2,
    });
  });

  it("lets a tree grow while it runs: what has begun goes on, what is new is PENDING", async () => {
    await using api = await openApi();
    await api.storeTask({ task: branch("root", leaf("a", 10)) });
    await api.update({ path: "0", done: 5 });

    const job = await api.addTasks({ tasks: [leaf("x", 10)] });

    expect(statusesOf(job)).toEqual({ "": "RUNNING", "0": "RUNNING", "1": "PENDING" });
    expect(taskOf(job).progress).toMatchObject({ done: 5, volume: 20, percent: "25%" });
  });

  it("begins nothing", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TREE });

    const job = await api.addTasks({ path: "1" });

    expect(new Set(Object.values(statusesOf(job)))).toEqual(new Set(["PENDING"]));
  });

  it("of an unknown volume makes the volume unknown, and leaves the known one", async () => {
    await using api = await openApi();
    await api.storeTask({ task: branch("root", leaf("a", 10)) });

    const job = await api.addTasks({ tasks: [leaf("x")] });

    expect(taskOf(job).progress).toMatchObject({ volume: null, knownVolume: 10, percent: "n/a" });
  });

  it("hands down the maxConcurrency of the task above", async () => {
    await using api = await openApi();
    await api.storeTask({ task: { ...branch("root", leaf("a")), maxConcurrency: 4 } });

    const job = await api.addTasks({ tasks: [leaf("x"), { ...leaf("y"), maxConcurrency: 2 }] });

    expect(["1", "2"].map((path) => taskOf(job, path).maxConcurrency)).toEqual([4, 2]);
  });

  it("is one change and a report: it renews the lease", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TREE });
    api.clock.advance(1_000);

    const job = await api.addTasks({ tasks: [leaf("x"), leaf("y")] });

    expect(job).toMatchObject({ version: 2, revision: 2, attempt: 1, reportedAt: instant(1_000) });
    expect(await api.task()).toEqual(job);
  });

  it("gives tasks that can be reported on", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TREE });
    await api.addTasks({ tasks: [leaf("x", 4)] });

    expect(taskOf(await api.update({ path: "3", done: 1 }), "3").progress.percent).toBe("25%");
  });

  it("by many at once adds all of them, none twice and none lost", async () => {
    await using api = await openApi();
    await api.storeTask({ task: branch("root", leaf("a")) });

    await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        api.addTasks({ tasks: [leaf(`${index}`)], requestId: `r${index}` }),
      ),
    );

    const job = await api.task();
    const added = job?.tasks.slice(2).map(({ description }) => Number(description));
    expect(added?.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("is possible in an iteration, below a task of it that is neither a leaf nor iterative", async () => {
    await using api = await openApi();
    await api.storeTask({ task: iterative("i", "FIXED", 2, branch("round", leaf("a", 1))) });

    const job = await api.addTasks({ path: "1", tasks: [leaf("x", 1)] });

    expect(Object.keys(statusesOf(job)).toSorted()).toEqual(["", "0", "0.0", "1", "1.0", "1.1"]);
    expect(taskOf(job).progress.volume).toBe(3);
  });
});

describe("adding tasks is refused", () => {
  it.each<[string, AddTasksInput, string]>([
    ["below a leaf", { path: "0" }, "BAD_USER_INPUT"],
    ["below an iterative task", { path: "2" }, "BAD_USER_INPUT"],
    ["at a path that is not there", { path: "3" }, "NOT_FOUND"],
    ["of no tasks", { tasks: [] }, "BAD_USER_INPUT"],
    ["of a task that can't be meant", { tasks: [leaf("x"), branch("y")] }, "BAD_USER_INPUT"],
    ["of a task without a name", { tasks: [leaf("")] }, "BAD_USER_INPUT"],
    ["past 2^53 - 1 units", { tasks: [leaf("x", Number.MAX_SAFE_INTEGER)] }, "LIMIT_EXCEEDED"],
    ["for another attempt", { attempt: 2 }, "STALE_ATTEMPT"],
    ["for another job", { jobId: "other" }, "NOT_FOUND"],
    ["for another user", { username: "bob" }, "NOT_FOUND"],
    ["for another database", { database: "movies" }, "NOT_FOUND"],
    ["with an empty requestId", { requestId: "" }, "BAD_USER_INPUT"],
  ])("%s, and changes nothing: %j is %s", async (_, input, code) => {
    await using api = await openApi();
    await api.storeTask({ task: TREE });
    const before = await api.everything();

    await expect(api.addTasks(input)).rejects.toMatchObject(apiError(code));
    expect(await api.everything()).toEqual(before);
  });

  it.each(ENDS)("below a task that is %s, with ILLEGAL_TRANSITION", async (status) => {
    await using api = await openApi();
    await api.storeTask({ task: TREE });
    await api.update({ path: "1", status });

    await expect(api.addTasks({ path: "1" })).rejects.toMatchObject(
      apiError("ILLEGAL_TRANSITION", /Task "b"/),
    );
    expect(await api.addTasks()).toMatchObject({ version: 3 });
  });

  it.each(["CANCELED", "FAILED"] as const)(
    "below a task whose job is %s, with ILLEGAL_TRANSITION",
    async (status) => {
      await using api = await openApi();
      await api.storeTask({ task: TREE });
      const ended = await api.update({ status });

      await expect(api.addTasks({ path: "1" })).rejects.toMatchObject(apiError("ILLEGAL_TRANSITION"));
      expect(await api.task()).toEqual(ended);
    },
  );

  it("where the tree would have more tasks than it may, those there included", async () => {
    await using api = await openApi({ tasksPerTreeMax: "4" });
    await api.storeTask({ task: branch("root", leaf("a")) });
    await api.addTasks({ tasks: [leaf("x"), leaf("y")] });

    await expect(api.addTasks()).rejects.toMatchObject({
      ...apiError("LIMIT_EXCEEDED", /more than 4 tasks/),
      limit: "tasksPerTreeMax",
    });
  });

  it("where the tree would have more levels than it may, those above included", async () => {
    await using api = await openApi({ levelsPerTreeMax: "3" });
    await api.storeTask({ task: branch("root", branch("a", leaf("b"))) });

    await api.addTasks({ path: "0", tasks: [leaf("x")] });
    await expect(api.addTasks({ path: "0", tasks: [branch("x", leaf("y"))] })).rejects.toMatchObject({
      ...apiError("LIMIT_EXCEEDED"),
      limit: "levelsPerTreeMax",
    });
  });
});

describe("the requestId of added tasks", () => {
  it("again is answered and changes nothing", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TREE });
    const first = await api.addTasks({ requestId: "r" });

    expect(await api.addTasks({ requestId: "r" })).toEqual(first);
    expect(await api.task()).toEqual(first);
  });

  it("again changes nothing also after the end", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TREE });
    await api.addTasks({ requestId: "r" });
    const ended = await api.update({ status: "FINISHED" });

    expect(await api.addTasks({ requestId: "r" })).toEqual(ended);
  });

  it("is forgotten with its attempt", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TREE });
    await api.addTasks({ requestId: "r" });
    await api.storeTask({ task: TREE });

    expect((await api.addTasks({ requestId: "r" })).tasks).toHaveLength(7);
  });

  it("left out, the same tasks are added again", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TREE });
    await api.addTasks();

    expect((await api.addTasks()).tasks).toHaveLength(8);
  });
});
