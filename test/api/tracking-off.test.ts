import { describe, expect, it } from "vitest";
import { branch, leaf } from "../kit/store/edits.js";
import { databaseName } from "../kit/journal/entries.js";
import { instant, openApi, apiError, type Api } from "./api.js";

describe("a server with tracking off", () => {
  it("answers a store with the job that it would have created", async () => {
    await using api = await openOff();

    const { outcome, userTask } = await api.storeTask({
      database: "Neo4J",
      username: "alice",
      task: branch("root", leaf("a", 10)),
      memory: { minBytes: 1, maxBytes: 2 },
    });

    expect(outcome).toBe("CREATED");
    expect(userTask).toMatchObject({
      database: "neo4j",
      username: "alice",
      jobId: "job",
      attempt: 1,
      version: 1,
      revision: 0,
      tasks: [{ path: "" }, { path: "0" }],
      memory: { minBytes: 1, maxBytes: 2 },
      storedAt: instant(),
    });
  });

  it("answers each store as if it were the first, even with REJECT", async () => {
    await using api = await openOff();
    await api.storeTask();

    expect(await api.storeTask({ onConflict: "REJECT" })).toMatchObject({
      outcome: "CREATED",
      userTask: { attempt: 1, version: 1 },
    });
  });

  it.each([
    [
      "updateTask",
      `updateTask(input: { database: "neo4j", jobId: "job", attempt: 1, updates: [{ done: 1 }] }) { userTask { id } }`,
    ],
    [
      "updateTask for another attempt",
      `updateTask(input: { database: "neo4j", jobId: "job", attempt: 7 }) { userTask { id } }`,
    ],
    [
      "updateTask for a path that does not exist",
      `updateTask(input: { database: "neo4j", jobId: "job", updates: [{ path: "9" }] }) { userTask { id } }`,
    ],
    [
      "addTasks",
      `addTasks(input: { database: "neo4j", jobId: "job", tasks: [{ description: "a" }] }) { userTask { id } }`,
    ],
    ["requestCancel", `requestCancel(input: { database: "neo4j", jobId: "job" }) { userTask { id } }`],
  ])("answers %s with null", async (_, field) => {
    await using api = await openOff();
    await api.storeTask();

    const { data, errors } = await api.ask(`mutation { answer: ${field} }`);

    expect(errors).toEqual([]);
    expect(data).toEqual({ answer: null });
  });

  it("answers updateTasks with neither a job nor an error", async () => {
    await using api = await openOff();

    expect(await api.updateTasks([{ updates: [{ done: 1 }] }, { jobId: "other", attempt: 3 }])).toEqual([
      { userTask: null, error: null },
      { userTask: null, error: null },
    ]);
  });

  it("finds nothing for removeTask and purgeDatabase", async () => {
    await using api = await openOff();
    await api.storeTask();

    expect(await api.removeTask()).toBeNull();
    expect(await api.removeTask({ attempt: 7 })).toBeNull();
    expect(await api.purgeDatabase()).toBe(0);
  });

  it("rejects invalid input, so that mistakes show before tracking is on", async () => {
    await using api = await openOff();

    await expect(api.storeTask({ task: branch("root") })).rejects.toMatchObject(apiError("BAD_USER_INPUT"));
    await expect(api.updateTask({ jobId: "" })).rejects.toMatchObject(apiError("BAD_USER_INPUT"));
  });
});

describe("the state of a server with tracking off", () => {
  it("is empty in every answer", async () => {
    await using api = await openOff();
    const { userTask } = await api.storeTask();

    expect(await api.everything()).toEqual({
      databases: [],
      database: null,
      taskCount: 0,
      tasks: {
        edges: [],
        nodes: [],
        totalCount: 0,
        position: "AAAAAAAAAAAA.0",
        pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
      },
      listProgress: [],
    });
    expect(await api.task()).toBeNull();
    expect(
      await api.data(`query ($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }`, {
        id: userTask.id,
      }),
    ).toEqual({ node: null, nodes: [null] });
    await expect(api.listProgress({ jobId: "job" })).rejects.toMatchObject(apiError("NOT_FOUND"));
  });

  it("is never passed to a listener", async () => {
    await using api = await openOff();
    const store = await api.server.provider.getTaskStore(databaseName("neo4j"));
    const calls: string[] = [];
    const record = () => void calls.push("something");
    store.addListener({ onTaskAdded: record, onTaskUpdated: record, onTaskRemoved: record });

    await api.storeTask();
    await api.removeTask();

    expect(calls).toEqual([]);
  });

  it("has no limit of database names", async () => {
    await using api = await openOff({ databasesMax: "1" });

    await api.storeTasks(Array.from({ length: 30 }, (_, index) => ({ database: `database ${index}` })));

    expect(await api.databaseNames()).toEqual([]);
  });
});

function openOff(flags: Readonly<Record<string, string>> = {}): Promise<Api> {
  return openApi({ tracking: "off", ...flags });
}
