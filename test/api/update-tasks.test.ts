import { describe, expect, it } from "vitest";
import { branch, leaf } from "../kit/store/edits.js";
import { openApi, apiError, taskOf, type Api, type UpdateTaskInput } from "./api.js";

describe("updateTasks", () => {
  it("answers in the order of the reports, each with its job", async () => {
    await using api = await openApi();
    await api.storeTask({ jobId: "a" });
    await api.storeTask({ username: "bob", jobId: "b" });
    await api.storeTask({ database: "movies", jobId: "c" });

    const results = await api.updateTasks([
      { database: "Movies", jobId: "c", updates: [{ done: 3 }] },
      { jobId: "a", updates: [{ done: 1 }] },
      { username: "bob", jobId: "b", updates: [{ done: 2 }] },
    ]);

    expect(results).toMatchObject([
      { userTask: { database: "movies", jobId: "c", tasks: [{ progress: { done: 3 } }] }, error: null },
      { userTask: { username: "anonymous", jobId: "a", tasks: [{ progress: { done: 1 } }] }, error: null },
      { userTask: { username: "bob", jobId: "b", tasks: [{ progress: { done: 2 } }] }, error: null },
    ]);
  });

  it("applies reports on one job in order, and answers each with the job after its change", async () => {
    await using api = await openApi();
    await api.storeTask();

    const results = await api.updateTasks([
      { updates: [{ message: "one", add: 1 }] },
      { updates: [{ message: "two", add: 1 }] },
      { updates: [{ status: "FINISHED" }] },
    ]);

    expect(results.map(({ userTask }) => userTask)).toMatchObject([
      { version: 2, revision: 2, tasks: [{ message: "one", progress: { done: 1 } }] },
      { version: 3, revision: 3, tasks: [{ message: "two", progress: { done: 2 } }] },
      { version: 4, revision: 4, tasks: [{ status: "FINISHED", progress: { done: 10 } }] },
    ]);
    expect(await api.task()).toEqual(results[2]?.userTask);
  });

  it("gives reports on one database its revisions in order", async () => {
    await using api = await openApi();
    await api.storeTask({ jobId: "a" });
    await api.storeTask({ jobId: "b" });

    const results = await api.updateTasks([
      { jobId: "b", updates: [{ add: 1 }] },
      { jobId: "a", updates: [{ add: 1 }] },
      { jobId: "b", updates: [{ add: 1 }] },
    ]);

    expect(results.map(({ userTask }) => userTask?.revision)).toEqual([3, 4, 5]);
  });

  it("accepts an empty list", async () => {
    await using api = await openApi();

    expect(await api.updateTasks([])).toEqual([]);
  });

  it("accepts 1,000 reports", async () => {
    await using api = await openApi();
    await api.storeTask({ task: leaf("a", 2_000) });

    const answers = await updateBriefly(api, 1_000);

    expect(answers).toHaveLength(1_000);
    expect(answers.map(({ userTask }) => userTask.version)).toEqual(
      Array.from({ length: 1_000 }, (_, index) => index + 2),
    );
    expect(taskOf(await api.task()).progress.percent).toBe("50%");
  });

  it("rejects more than 1,000 reports with LIMIT_EXCEEDED and applies none", async () => {
    await using api = await openApi();
    await api.storeTask();
    const before = await api.everything();

    await expect(updateBriefly(api, 1_001)).rejects.toMatchObject({
      ...apiError("LIMIT_EXCEEDED", /The request has 1001 inputs; the limit is 1000/),
      limit: "inputsPerRequestMax",
    });
    expect(await api.everything()).toEqual(before);
  });

  it("counts every report of concurrent clients", async () => {
    await using api = await openApi();
    await api.storeTask({ task: leaf("a", 200) });

    await Promise.all(Array.from({ length: 10 }, () => updateBriefly(api, 20)));

    expect(await api.task()).toMatchObject({ version: 201, tasks: [{ progress: { done: 200 } }] });
  });
});

describe("a rejected report in a batch", () => {
  it.each<[string, UpdateTaskInput]>([
    ["NOT_FOUND", { jobId: "other" }],
    ["NOT_FOUND", { database: "other" }],
    ["NOT_FOUND", { updates: [{ path: "9" }] }],
    ["NOT_FOUND", { log: [{ path: "9", message: "m" }] }],
    ["NOT_A_LEAF", { updates: [{ done: 1 }] }],
    ["ILLEGAL_TRANSITION", { updates: [{ status: "PENDING" }] }],
    ["STALE_ATTEMPT", { attempt: 7 }],
    ["BAD_USER_INPUT", { updates: [{ path: "0", iteration: 1 }] }],
    ["BAD_USER_INPUT", { username: "" }],
    ["BAD_USER_INPUT", { requestId: "a\nb" }],
    ["LIMIT_EXCEEDED", { updates: Array.from({ length: 101 }, () => ({ path: "0", add: 0 })) }],
    [
      "LIMIT_EXCEEDED",
      {
        updates: [
          { path: "0", done: Number.MAX_SAFE_INTEGER },
          { path: "1", add: 1 },
        ],
      },
    ],
  ])("fails with %s and leaves the others unaffected: %j", async (code, rejected) => {
    await using api = await openApi();
    await api.storeTask({ task: branch("root", leaf("a", 10), leaf("b", 10)) });

    const results = await api.updateTasks([
      { updates: [{ path: "0", add: 1 }] },
      rejected,
      { updates: [{ path: "0", add: 1 }] },
    ]);

    expect(results).toMatchObject([
      { userTask: { version: 2 }, error: null },
      { userTask: null, error: { code, message: expect.stringMatching(/./) } },
      { userTask: { version: 3, revision: 3 }, error: null },
    ]);
    expect(taskOf(await api.task(), "0").progress.done).toBe(2);
  });

  it("has no effect on those after it", async () => {
    await using api = await openApi();
    await api.storeTask({ task: branch("root", leaf("a", 10), leaf("b", 10)) });

    const results = await api.updateTasks([
      { updates: [{ path: "0", status: "FAILED" }, { path: "2" }] },
      { updates: [{ path: "0", done: 4 }] },
    ]);

    expect(results).toMatchObject([
      { error: { code: "NOT_FOUND" } },
      { userTask: { version: 2, tasks: [{}, { status: "RUNNING" }, {}] } },
    ]);
  });

  it("has the error that updateTask would have", async () => {
    await using api = await openApi();
    await api.storeTask();
    const input = { attempt: 2, updates: [{ done: 1 }] };

    const [result] = await api.updateTasks([input]);
    expect(result?.error).toMatchObject({ code: "STALE_ATTEMPT" });

    await expect(api.updateTask(input)).rejects.toMatchObject({ ...result?.error });
  });

  it("fails with ILLEGAL_TRANSITION when an earlier one ended the job", async () => {
    await using api = await openApi();
    await api.storeTask();

    const results = await api.updateTasks([
      { updates: [{ status: "FINISHED" }] },
      { updates: [{ add: 1 }] },
      { updates: [{ status: "FINISHED" }] },
    ]);

    expect(results.map(({ error }) => error?.code)).toEqual([undefined, "ILLEGAL_TRANSITION", undefined]);
  });
});

describe("a requestId", () => {
  it("counts once when it occurs twice in a batch", async () => {
    await using api = await openApi();
    await api.storeTask();

    const results = await api.updateTasks([
      { updates: [{ add: 3 }], requestId: "r" },
      { updates: [{ add: 3 }], requestId: "r" },
    ]);

    expect(results[1]).toEqual(results[0]);
    expect(await api.task()).toMatchObject({ version: 2, tasks: [{ progress: { done: 3 } }] });
  });

  it("is shared with single reports", async () => {
    await using api = await openApi();
    await api.storeTask();
    const alone = await api.updateTask({ updates: [{ add: 3 }], requestId: "r" });

    expect(await api.updateTasks([{ updates: [{ add: 3 }], requestId: "r" }])).toEqual([
      { userTask: alone, error: null },
    ]);
  });
});

describe("a batch", () => {
  it("is rejected as a whole when a value has the wrong type", async () => {
    await using api = await openApi();
    await api.storeTask();
    const before = await api.everything();

    await expect(
      api.updateTasks([{ updates: [{ done: 1 }] }, { updates: [{ done: -1 }] }]),
    ).rejects.toMatchObject(apiError("BAD_USER_INPUT", /inputs\[1\]\.updates\[0\]\.done/));
    expect(await api.everything()).toEqual(before);
  });

  it("creates no database", async () => {
    await using api = await openApi();

    const results = await api.updateTasks([{ updates: [{ done: 1 }] }, { database: "movies" }]);

    expect(results.map(({ error }) => error?.code)).toEqual(["NOT_FOUND", "NOT_FOUND"]);
    expect(await api.databaseNames()).toEqual([]);
  });
});

/** Sends `count` reports of one more unit in one batch, without selecting the trees. */
async function updateBriefly(api: Api, count: number): Promise<{ userTask: { version: number } }[]> {
  const report = { database: "neo4j", jobId: "job", updates: [{ add: 1 }] };
  const { updateTasks } = await api.data<{ updateTasks: { userTask: { version: number } }[] }>(
    `mutation ($inputs: [UpdateTaskInput!]!) { updateTasks(inputs: $inputs) { userTask { version } } }`,
    { inputs: Array.from({ length: count }, () => report) },
  );
  return updateTasks;
}
