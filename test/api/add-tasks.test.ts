import { describe, expect, it } from "vitest";
import { branch, iterative, leaf } from "../kit/store/edits.js";
import { instant, openApi, apiError, taskOf, type AddTasksInput } from "./api.js";

const TREE = branch(
  "root",
  leaf("a", 10),
  branch("b", leaf("c", 10)),
  iterative("i", "FIXED", 1, leaf("d", 10)),
);

describe("addTasks", () => {
  it("appends tasks below the root when the path is left out", async () => {
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

  it("appends tasks below the task at the path", async () => {
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

  it("makes one change, renews the lease, and returns the same job as a query", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TREE });
    api.clock.advance(1_000);

    const job = await api.addTasks({ attempt: 1, tasks: [leaf("x"), leaf("y")] });

    expect(job).toMatchObject({ version: 2, revision: 2, attempt: 1, reportedAt: instant(1_000) });
    expect(await api.task()).toEqual(job);
  });

  it("adds tasks that accept reports", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TREE });
    await api.addTasks({ tasks: [leaf("x", 4)] });

    expect(taskOf(await api.update({ path: "3", done: 1 }), "3").progress.percent).toBe("25%");
  });

  it("adds the tasks of every concurrent request once", async () => {
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

  it.each<[string, AddTasksInput, string]>([
    ["a leaf as the parent", { path: "0" }, "BAD_USER_INPUT"],
    ["a path that does not exist", { path: "3" }, "NOT_FOUND"],
    ["an invalid tree", { tasks: [leaf("x"), branch("y")] }, "BAD_USER_INPUT"],
    ["a sum above 2^53 - 1", { tasks: [leaf("x", Number.MAX_SAFE_INTEGER)] }, "LIMIT_EXCEEDED"],
    ["another attempt", { attempt: 2 }, "STALE_ATTEMPT"],
    ["an unknown job", { jobId: "other" }, "NOT_FOUND"],
    ["an unknown user", { username: "bob" }, "NOT_FOUND"],
    ["an unknown database", { database: "movies" }, "NOT_FOUND"],
    ["an empty requestId", { requestId: "" }, "BAD_USER_INPUT"],
  ])("rejects %s and changes nothing: %j fails with %s", async (_, input, code) => {
    await using api = await openApi();
    await api.storeTask({ task: TREE });
    const before = await api.everything();

    await expect(api.addTasks(input)).rejects.toMatchObject(apiError(code));
    expect(await api.everything()).toEqual(before);
  });

  it("rejects a parent that has ended with ILLEGAL_TRANSITION", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TREE });
    await api.update({ path: "1", status: "FAILED" });

    await expect(api.addTasks({ path: "1" })).rejects.toMatchObject(
      apiError("ILLEGAL_TRANSITION", /Task "b"/),
    );
    expect(await api.addTasks()).toMatchObject({ version: 3 });
  });

  it("names the setting when the tree would grow too large", async () => {
    await using api = await openApi({ tasksPerTreeMax: "4" });
    await api.storeTask({ task: branch("root", leaf("a")) });
    await api.addTasks({ tasks: [leaf("x"), leaf("y")] });

    await expect(api.addTasks()).rejects.toMatchObject({
      ...apiError("LIMIT_EXCEEDED", /more than 4 tasks/),
      limit: "tasksPerTreeMax",
    });
  });

  it("answers a repeated requestId without changing anything", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TREE });
    const first = await api.addTasks({ requestId: "r" });

    expect(await api.addTasks({ requestId: "r" })).toEqual(first);
    expect(await api.task()).toEqual(first);
  });

  it("adds the same tasks again when the requestId is left out", async () => {
    await using api = await openApi();
    await api.storeTask({ task: TREE });
    await api.addTasks();

    expect((await api.addTasks()).tasks).toHaveLength(8);
  });
});
