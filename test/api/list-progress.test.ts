import { describe, expect, it } from "vitest";
import { branch, iterative, leaf } from "../kit/store/edits.js";
import { instant, openApi, apiError, type Api, type ProgressRow } from "./api.js";

const ENDS = ["FINISHED", "CANCELED", "FAILED"] as const;

/** GDS's `ListProgressDetailProcTest`: root{iterative fixed 2 x leaf(2), leaf(3)}. */
const REFERENCE = branch(
  "root",
  iterative("iterative", "FIXED", 2, leaf("leafIterative", 2)),
  leaf("leaf", 3),
);

describe("listProgress with a jobId", () => {
  it("returns exactly the rows of GDS for its reference case", async () => {
    await using api = await openApi();
    await api.storeTask({ username: "alice", jobId: "job", task: REFERENCE });
    const report = (updates: object[]) => api.updateTask({ username: "alice", updates });

    await report([{ path: "0.0", status: "RUNNING", done: 2 }]);
    api.clock.advance(42_000);
    await report([
      { path: "0.0", status: "FINISHED" },
      { path: "0.1", status: "RUNNING", done: 1 },
    ]);

    expect((await api.listProgress({ jobId: "job" })).map((row) => Object.values(row))).toEqual([
      ["alice", "job", "|-- root", "42.86%", "[####~~~~~~]", "RUNNING", instant(), "42 seconds"],
      ["alice", "job", "    |-- iterative", "75%", "[#######~~~]", "RUNNING", instant(), "42 seconds"],
      [
        "alice",
        "job",
        "        |-- leafIterative",
        "100%",
        "[##########]",
        "FINISHED",
        instant(),
        "42 seconds",
      ],
      [
        "alice",
        "job",
        "        |-- leafIterative",
        "50%",
        "[#####~~~~~]",
        "RUNNING",
        instant(42_000),
        "0 seconds",
      ],
      ["alice", "job", "    |-- leaf", "0%", "[~~~~~~~~~~]", "PENDING", null, "Not yet started"],
    ]);
  });

  it("lists each task in pre-order, indented by four spaces a level", async () => {
    await using api = await openApi();
    await api.storeTask({ task: branch("a", branch("b", branch("c", leaf("d"))), leaf("e")) });

    const rows = await api.listProgress({ jobId: "job" });

    expect(rows.map(({ taskName }) => taskName)).toEqual([
      "|-- a",
      "    |-- b",
      "        |-- c",
      "            |-- d",
      "    |-- e",
    ]);
  });

  it("lists the job of every user with that id, newest store first", async () => {
    await using api = await openApi();
    await api.storeTask({ username: "alice", task: branch("a", leaf("a1")) });
    await api.storeTask({ username: "bob", task: branch("b", leaf("b1")) });
    await api.storeTask({ username: "bob", jobId: "other" });

    const rows = await api.listProgress({ jobId: "job" });

    expect(rows.map(({ username, taskName }) => `${username} ${taskName}`)).toEqual([
      "bob |-- b",
      "bob     |-- b1",
      "alice |-- a",
      "alice     |-- a1",
    ]);
  });

  it("finds the id in any Unicode form", async () => {
    await using api = await openApi();
    await api.storeTask({ database: "caf\u00e9", jobId: "\u00c5" });

    expect(await api.listProgress({ database: "CAFE\u0301", jobId: "A\u030a" })).toMatchObject([
      { jobId: "\u00c5" },
    ]);
  });

  it("does not trim the id", async () => {
    await using api = await openApi();
    await api.storeTask({ jobId: " job " });

    expect(await api.listProgress({ jobId: " job " })).toHaveLength(1);
    await expect(api.listProgress({ jobId: "job" })).rejects.toMatchObject(apiError("NOT_FOUND"));
  });

  it("fails with NOT_FOUND and the id in backticks for an unknown id", async () => {
    await using api = await openApi();
    await api.storeTask();

    await expect(api.listProgress({ jobId: "nothing" })).rejects.toMatchObject(
      apiError("NOT_FOUND", /No task with job id `nothing`/),
    );
  });

  it.each<[string, (api: Api) => Promise<unknown>]>([
    ["in a database that does not exist", async () => {}],
    ["that was removed", (api) => storedThen(api, () => api.removeTask())],
    ["that was purged", (api) => storedThen(api, () => api.purgeDatabase())],
    ["that is in another database", (api) => api.storeTask({ database: "movies" })],
  ])("fails with NOT_FOUND for a job %s", async (_, arrange) => {
    await using api = await openApi();
    await arrange(api);

    const { data, errors } = await api.ask(`{ listProgress(database: "neo4j", jobId: "job") { jobId } }`);

    expect(data).toEqual({ listProgress: null });
    expect(errors).toMatchObject([{ path: ["listProgress"], extensions: { code: "NOT_FOUND" } }]);
  });

  it("lists a job that has ended until it expires", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.update({ status: "FAILED" });

    expect(await api.listProgress({ jobId: "job" })).toMatchObject([{ status: "FAILED" }]);
  });
});

describe("listProgress without a jobId", () => {
  it("lists one row per job without a tree prefix, newest store first", async () => {
    await using api = await openApi();
    await api.storeTask({ username: "alice", jobId: "a", task: branch("PageRank", leaf("x", 4)) });
    await api.storeTask({ username: "bob", jobId: "b", task: leaf("Louvain") });
    await api.updateTask({ username: "alice", jobId: "a", updates: [{ path: "0", done: 1 }] });

    expect(await api.listProgress()).toEqual([
      {
        username: "bob",
        jobId: "b",
        taskName: "Louvain",
        progress: "n/a",
        progressBar: "[~~~~n/a~~~]",
        status: "PENDING",
        timeStarted: null,
        elapsedTime: "Not yet started",
      },
      {
        username: "alice",
        jobId: "a",
        taskName: "PageRank",
        progress: "25%",
        progressBar: "[##~~~~~~~~]",
        status: "RUNNING",
        timeStarted: instant(),
        elapsedTime: "0 seconds",
      },
    ]);
  });

  it.each([null, "", " ", "\t\n "])("has the same rows for a blank jobId: %j", async (jobId) => {
    await using api = await openApi();
    await api.storeTask({ task: branch("root", leaf("a")) });

    expect(await api.listProgress({ jobId })).toMatchObject([{ taskName: "root" }]);
  });

  it("is empty without jobs", async () => {
    await using api = await openApi();

    expect(await api.listProgress()).toEqual([]);
    await api.storeTask();
    await api.removeTask();
    expect(await api.listProgress()).toEqual([]);
  });

  it("may list more rows than a page of a connection", async () => {
    await using api = await openApi();
    const jobs = Array.from({ length: 130 }, (_, index) => ({ jobId: `${index}` }));
    for (let start = 0; start < jobs.length; start += 30) await api.storeTasks(jobs.slice(start, start + 30));

    const rows = await api.listProgress();

    expect(rows.map(({ jobId }) => jobId)).toEqual(jobs.map(({ jobId }) => jobId).toReversed());
  });
});

describe("first", () => {
  it("counts rows, of jobs or of tasks", async () => {
    await using api = await openApi();
    await api.storeTask({ jobId: "a" });
    await api.storeTask({ username: "alice", jobId: "b", task: branch("b", leaf("b1"), leaf("b2")) });
    await api.storeTask({ username: "bob", jobId: "b", task: branch("c", leaf("c1")) });
    const names = async (args: object) =>
      (await api.listProgress(args)).map(({ taskName }) => taskName.trim());

    expect(await names({ first: 2 })).toEqual(["c", "b"]);
    expect(await names({ jobId: "b", first: 1 })).toEqual(["|-- c"]);
    expect(await names({ jobId: "b", first: 4 })).toEqual(["|-- c", "|-- c1", "|-- b", "|-- b1"]);
    expect(await names({ jobId: "b", first: 100 })).toHaveLength(5);
    expect(await names({ first: 0 })).toEqual([]);
    expect(await names({ jobId: "b", first: 0 })).toEqual([]);
  });

  it("does not hide with 0 rows that a job id is unknown", async () => {
    await using api = await openApi();
    await api.storeTask();

    await expect(api.listProgress({ jobId: "other", first: 0 })).rejects.toMatchObject(apiError("NOT_FOUND"));
  });

  it("is 1,000 when left out", async () => {
    await using api = await openApi();
    await api.storeTasks([{ task: iterative("rounds", "FIXED", 1_200, leaf("a")) }]);

    expect(await api.listProgress({ jobId: "job" })).toHaveLength(1_000);
    expect(await api.listProgress({ jobId: "job", first: 10_000 })).toHaveLength(1_201);
  });

  it.each([
    [-1, "BAD_USER_INPUT"],
    [10_001, "LIMIT_EXCEEDED"],
  ])("is rejected when it is %d with %s", async (first, code) => {
    await using api = await openApi();
    await api.storeTask();

    await expect(api.listProgress({ first })).rejects.toMatchObject(
      apiError(code, new RegExp(`first (is )?${first}`)),
    );
    await expect(api.listProgress({ jobId: "job", first })).rejects.toMatchObject(apiError(code));
  });
});

describe("the progress of a row", () => {
  it.each<[number | null, number, string, string]>([
    [3, 1, "33.33%", "[###~~~~~~~]"],
    [7, 3, "42.86%", "[####~~~~~~]"],
    [50, 21, "42%", "[####~~~~~~]"],
    [4, 3, "75%", "[#######~~~]"],
    [200, 1, "0.5%", "[~~~~~~~~~~]"],
    [80_000, 100, "0.12%", "[~~~~~~~~~~]"],
    [100_000, 99_995, "100%", "[#########~]"],
    [10, 0, "0%", "[~~~~~~~~~~]"],
    [10, 10, "100%", "[##########]"],
    [40, 44, "100%", "[##########]"],
    [0, 0, "100%", "[##########]"],
    [null, 50, "n/a", "[~~~~n/a~~~]"],
  ])("is, for a volume of %s with %s done, %s and %s", async (volume, done, progress, progressBar) => {
    await using api = await openApi();
    await api.storeTask({ task: leaf("a", volume) });
    await api.update({ done });

    expect(await api.listProgress()).toMatchObject([{ progress, progressBar }]);
  });

  it("is n/a above a leaf of unknown volume until that leaf finishes", async () => {
    await using api = await openApi();
    await api.storeTask({ task: branch("root", leaf("a", 100), leaf("b")) });
    await api.update({ path: "0", done: 50 });
    expect(await api.listProgress()).toMatchObject([{ progress: "n/a", progressBar: "[~~~~n/a~~~]" }]);

    await api.update({ path: "1", done: 25, status: "FINISHED" });
    expect(await api.listProgress()).toMatchObject([{ progress: "60%" }]);
  });

  it("is n/a for OPEN iterations until they are FINISHED", async () => {
    await using api = await openApi();
    await api.storeTask({ task: iterative("open", "OPEN", null, leaf("a", 1)) });
    expect(await api.listProgress()).toMatchObject([{ progress: "n/a" }]);
    await api.update({ iteration: 1 }, { path: "0", status: "FINISHED" });
    expect(await api.listProgress()).toMatchObject([{ progress: "n/a" }]);

    await api.update({ status: "FINISHED" });
    expect(await api.listProgress()).toMatchObject([{ progress: "100%" }]);
  });
});

describe("the elapsed time of a row", () => {
  it.each([
    [0, "0 seconds"],
    [999, "0 seconds"],
    [1_000, "1 second"],
    [42_000, "42 seconds"],
    [60_000, "1 minute"],
    [61_999, "1 minute 1 second"],
    [3_600_000, "1 hour"],
    [3_605_000, "1 hour 0 minutes 5 seconds"],
    [2 * 86_400_000 + 60_000, "2 days 0 hours 1 minute"],
  ])("after %d ms is %s", async (ms, elapsedTime) => {
    await using api = await openApi({ lease: "7d" });
    await api.storeTask();
    await api.update({ status: "RUNNING" });
    api.clock.advance(ms);

    expect(await api.listProgress()).toMatchObject([{ timeStarted: instant(), elapsedTime }]);
  });

  it.each(ENDS)("stops with the task when it is %s", async (status) => {
    await using api = await openApi();
    await api.storeTask();
    await api.update({ done: 1 });
    api.clock.advance(42_000);
    await api.update({ status });
    api.clock.advance(42_000);

    expect(await api.listProgress()).toMatchObject([{ status, elapsedTime: "42 seconds" }]);
  });

  it("is `Not yet started` for a task that was canceled before it began", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.update({ status: "CANCELED" });

    expect(await api.listProgress()).toMatchObject([
      {
        status: "CANCELED",
        timeStarted: null,
        elapsedTime: "Not yet started",
      } satisfies Partial<ProgressRow>,
    ]);
  });
});

async function storedThen(api: Api, then: () => Promise<unknown>): Promise<void> {
  await api.storeTask();
  await then();
}
