import { describe, expect, it } from "vitest";
import { leaf } from "../kit/store/edits.js";
import { databaseName } from "../kit/journal/entries.js";
import { openApi, apiError, taskOf, type Api } from "./api.js";

describe("removeTask", () => {
  it("answers with the job as it was and removes it", async () => {
    await using api = await openApi();
    await api.storeTask();
    const job = await api.update({ done: 4, message: "half" });

    expect(await api.removeTask()).toEqual(job);
    expect(await api.task()).toBeNull();
    expect(await api.taskCount()).toBe(0);
    expect((await api.tasks()).nodes).toEqual([]);
    expect(await api.data(`query ($id: ID!) { node(id: $id) { id } }`, { id: job.id })).toEqual({
      node: null,
    });
  });

  it("answers null when the job is already removed", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.removeTask();
    const before = await api.everything();

    expect(await api.removeTask()).toBeNull();
    expect(await api.removeTask({ attempt: 7 })).toBeNull();
    expect(await api.everything()).toEqual(before);
  });

  it("answers null for an unknown job or database, and creates nothing", async () => {
    await using api = await openApi();
    await api.storeTask();

    expect(await api.removeTask({ jobId: "other" })).toBeNull();
    expect(await api.removeTask({ username: "bob" })).toBeNull();
    expect(await api.removeTask({ database: "movies" })).toBeNull();
    expect(await api.databaseNames()).toEqual(["neo4j"]);
    expect(api.server.provider.peek(databaseName("movies"))).toBeUndefined();
  });

  it("keeps the same job id of another user and in another database", async () => {
    await using api = await openApi();
    await api.storeTask({ username: "alice" });
    await api.storeTask({ username: "bob" });
    await api.storeTask({ database: "movies", username: "alice" });

    await api.removeTask({ username: "alice" });

    expect(await api.taskCount()).toBe(1);
    expect(await api.taskCount({ database: "movies" })).toBe(1);
  });

  it("finds the job by its normalized names", async () => {
    await using api = await openApi();
    await api.storeTask({ database: "caf\u00e9", username: "Jos\u00e9", jobId: "\u00c5" });

    expect(
      await api.removeTask({ database: "CAFE\u0301", username: "Jose\u0301", jobId: "A\u030a" }),
    ).toMatchObject({ attempt: 1 });
  });

  it("rejects another attempt with STALE_ATTEMPT and removes nothing", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.storeTask();

    await expect(api.removeTask({ attempt: 1 })).rejects.toMatchObject(
      apiError("STALE_ATTEMPT", /attempt 2/),
    );
    expect(await api.taskCount()).toBe(1);
    expect(await api.removeTask({ attempt: 2 })).toMatchObject({ attempt: 2 });
  });

  it("uses a revision of its database", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.removeTask();

    expect((await api.tasks()).position).toMatch(/\.2$/);
    expect((await api.storeTask()).userTask.revision).toBe(3);
  });

  it("removes the job once for many concurrent requests", async () => {
    await using api = await openApi();
    await api.storeTask();

    const removed = await Promise.all(Array.from({ length: 5 }, () => api.removeTask()));

    expect(removed.filter((job) => job !== null)).toHaveLength(1);
    expect((await api.tasks()).position).toMatch(/\.2$/);
  });

  it.each([
    ["a report", (api: Api) => api.update({ done: 1 })],
    ["a heartbeat", (api: Api) => api.updateTask()],
    ["tasks to add", (api: Api) => api.addTasks()],
    ["a cancel request", (api: Api) => api.requestCancel()],
  ])("makes %s fail with NOT_FOUND", async (_, call) => {
    await using api = await openApi();
    await api.storeTask();
    await api.removeTask();

    await expect(call(api)).rejects.toMatchObject(apiError("NOT_FOUND"));
  });
});

describe("a job that is stored again after its removal", () => {
  it("is CREATED and continues its attempt and version", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.storeTask();
    await api.update({ done: 4 });
    await api.removeTask();

    const { outcome, userTask } = await api.storeTask();

    expect(outcome).toBe("CREATED");
    expect(userTask).toMatchObject({ attempt: 3, version: 5 });
    expect(taskOf(userTask).progress.done).toBe(0);
  });

  it("rejects the worker of the attempt before with STALE_ATTEMPT", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.removeTask();
    await api.storeTask();

    await expect(api.updateTask({ attempt: 1, updates: [{ done: 1 }] })).rejects.toMatchObject(
      apiError("STALE_ATTEMPT"),
    );
  });

  it("begins with attempt 1 and version 1 once the removal is no longer remembered", async () => {
    await using api = await openApi({ removalsKeptMax: "1" });
    await api.storeTask({ jobId: "a" });
    await api.storeTask({ jobId: "b" });
    await api.removeTask({ jobId: "a" });
    await api.removeTask({ jobId: "b" });

    expect((await api.storeTask({ jobId: "a" })).userTask).toMatchObject({
      attempt: 1,
      version: 1,
      revision: 5,
    });
    expect((await api.storeTask({ jobId: "b" })).userTask).toMatchObject({ attempt: 2, version: 3 });
  });

  it("is the newest in the list", async () => {
    await using api = await openApi();
    await api.storeTask({ jobId: "a" });
    await api.storeTask({ jobId: "b" });
    await api.removeTask({ jobId: "a" });
    await api.storeTask({ jobId: "a" });

    expect((await api.tasks()).nodes.map(({ jobId }) => jobId)).toEqual(["a", "b"]);
  });
});

describe("purgeDatabase", () => {
  it("removes the jobs of all users in every status", async () => {
    await using api = await openApi();
    await storeSome(api);

    expect(await api.purgeDatabase()).toBe(3);
    expect(await api.taskCount()).toBe(0);
    expect((await api.tasks()).nodes).toEqual([]);
    expect(await api.listProgress()).toEqual([]);
  });

  it("removes the database from the list", async () => {
    await using api = await openApi();
    await storeSome(api);
    await api.storeTask({ database: "movies" });

    await api.purgeDatabase();

    expect(await api.data(`{ databases { name } database(name: "neo4j") { name } }`)).toEqual({
      databases: [{ name: "movies" }],
      database: null,
    });
  });

  it("uses a revision for each job", async () => {
    await using api = await openApi();
    await storeSome(api);
    const { position } = await api.tasks();

    await api.purgeDatabase();

    const [epoch, revision] = position.split(".");
    expect((await api.tasks()).position).toBe(`${epoch}.${Number(revision) + 3}`);
  });

  it("removes nothing from an empty or unknown database, and creates nothing", async () => {
    await using api = await openApi();
    await storeSome(api);
    await api.purgeDatabase();
    const before = await api.everything();

    expect(await api.purgeDatabase()).toBe(0);
    expect(await api.everything()).toEqual(before);
    expect(await api.purgeDatabase("movies")).toBe(0);
    expect(api.server.provider.peek(databaseName("movies"))).toBeUndefined();
  });

  it("leaves other databases as they are", async () => {
    await using api = await openApi();
    await storeSome(api);
    await api.storeTask({ database: "movies" });
    const before = await api.everything("movies");

    await api.purgeDatabase();

    expect(await api.taskCount({ database: "movies" })).toBe(1);
    expect(await api.task({ database: "movies" })).toMatchObject({ version: 1 });
    expect(before).toMatchObject({ tasks: { totalCount: 1 } });
  });

  it("finds the database by its normalized name", async () => {
    await using api = await openApi();
    await api.storeTask({ database: "caf\u00e9" });

    expect(await api.purgeDatabase("CAFE\u0301")).toBe(1);
  });

  it("keeps epoch, revision and attempts for jobs that are stored later", async () => {
    await using api = await openApi();
    const { userTask: before } = await api.storeTask();
    await api.purgeDatabase();

    const { outcome, userTask } = await api.storeTask();

    expect(outcome).toBe("CREATED");
    expect(userTask).toMatchObject({ attempt: 2, version: 3, revision: 3 });
    expect(userTask.position.split(".")[0]).toBe(before.position.split(".")[0]);
    expect(await api.databaseNames()).toEqual(["neo4j"]);
  });

  it.each(["", "a\u0000b", "x".repeat(129)])(
    "rejects an invalid name with BAD_USER_INPUT: %j",
    async (database) => {
      await using api = await openApi();

      await expect(api.purgeDatabase(database)).rejects.toMatchObject(apiError("BAD_USER_INPUT"));
    },
  );

  it("removes more jobs than fit into one page", async () => {
    await using api = await openApi();
    const jobs = Array.from({ length: 150 }, (_, index) => ({ jobId: `${index}` }));
    for (let start = 0; start < 150; start += 30) await api.storeTasks(jobs.slice(start, start + 30));

    expect(await api.purgeDatabase()).toBe(150);
    expect((await api.tasks()).position).toMatch(/\.300$/);
  });
});

describe("a database whose last job is removed", () => {
  it("is not listed and is null", async () => {
    await using api = await openApi();
    await api.storeTask();
    await api.removeTask();

    expect(await api.data(`{ databases { name } database(name: "neo4j") { name } }`)).toEqual({
      databases: [],
      database: null,
    });
  });
});

/** Stores a pending, a running and an ended job, of three users. */
async function storeSome(api: Api): Promise<void> {
  await api.storeTask({ username: "alice" });
  await api.storeTask({ username: "bob", task: leaf("b") });
  await api.updateTask({ username: "bob", updates: [{ status: "RUNNING" }] });
  await api.storeTask({ username: "carol" });
  await api.updateTask({ username: "carol", updates: [{ status: "FAILED" }] });
}
