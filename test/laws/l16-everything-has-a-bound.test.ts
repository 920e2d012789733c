import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS, type Limits } from "../../src/protocol/limits.js";
import type { AddTasksRequest, StoreRequest } from "../../src/tasks/job-changes.js";
import { parseDatabaseName, parseJobId, parseUsername } from "../../src/tasks/names.js";
import { branch, iterative, leaf } from "../kit/store/edits.js";
import {
  ALICE,
  ANY_ATTEMPT,
  DATABASE,
  manyKeys,
  OTHER_DATABASE,
  rejection,
  addTasksRequestOf,
  logReportOf,
  reportOf,
  storeRequestOf,
} from "../kit/store/requests.js";
import { createStores, openStore } from "../kit/store/task-stores.js";
import { until } from "../kit/deterministic/turns.js";

/** Covers the limits of a store. The tests of the server cover those of documents and connections. */
describe("L16: everything has a bound", () => {
  it("limits the jobs of a database", async () => {
    await using world = await openStore({ limits: { jobsPerDatabaseMax: 3 } });
    await Promise.all(manyKeys(3).map((key) => world.store.store(storeRequestOf(key))));
    await expect(world.store.store(storeRequestOf(ALICE))).rejects.toMatchObject(
      rejection("LIMIT_EXCEEDED", "jobsPerDatabaseMax"),
    );
    expect(world.store.taskCount()).toBe(3);
  });

  it("limits the changes that wait", async () => {
    await using world = await openStore({ limits: { changesWaitingMax: 1 } });
    const { store, journal } = world;
    const release = journal.holdAppends();
    const written = store.store(storeRequestOf(ALICE));
    await until(() => journal.appends.length === 1);
    const waiting = store.purge();
    await expect(store.store(storeRequestOf(ALICE))).rejects.toMatchObject(
      rejection("LIMIT_EXCEEDED", "changesWaitingMax"),
    );
    release();
    await written;
    expect(await waiting).toBe(1);
  });

  it("limits the written databases and the watched ones", async () => {
    await using world = createStores({ limits: { databasesMax: 1 } });
    await world.provider.getTaskStore(DATABASE);
    await expect(world.provider.getTaskStore(OTHER_DATABASE)).rejects.toMatchObject(
      rejection("LIMIT_EXCEEDED", "databasesMax"),
    );
    await world.provider.retain(OTHER_DATABASE);
    await expect(world.provider.retain(parseDatabaseName("third", DEFAULT_LIMITS))).rejects.toMatchObject(
      rejection("LIMIT_EXCEEDED", "databasesMax"),
    );
  });

  it("remembers only the newest removals", async () => {
    await using world = await openStore({ limits: { removalsKeptMax: 2 } });
    const { store } = world;
    await Promise.all(manyKeys(5).map((key) => store.store(storeRequestOf(key))));
    await store.purge();
    expect(store.tombstoneHorizon).toBe(8);
    expect(store.nextChange(0)?.stamp.revision).toBe(9);
  });

  it.each<[string, keyof Limits, Partial<StoreRequest>]>([
    ["tasks of a tree", "tasksPerTreeMax", { spec: branch("root", leaf("a"), leaf("b"), leaf("c")) }],
    ["tasks of unrolled iterations", "tasksPerTreeMax", { spec: iterative("x", "FIXED", 3, leaf("a")) }],
    ["levels of a tree", "levelsPerTreeMax", { spec: branch("a", branch("b", leaf("c"))) }],
  ])("%s, when it is stored", async (_, limit, fields) => {
    await using world = await openStore({ limits: { tasksPerTreeMax: 3, levelsPerTreeMax: 2 } });
    await expect(world.store.store(storeRequestOf(ALICE, fields))).rejects.toMatchObject(
      rejection("LIMIT_EXCEEDED", limit),
    );
    expect(world.store.taskCount()).toBe(0);
  });

  it.each<[string, keyof Limits, AddTasksRequest]>([
    ["tasks of a tree", "tasksPerTreeMax", addTasksRequestOf("", leaf("b"), leaf("c"))],
    ["levels of a tree", "levelsPerTreeMax", addTasksRequestOf("", branch("b", leaf("c")))],
  ])("%s, when it grows", async (_, limit, growth) => {
    await using world = await openStore({ limits: { tasksPerTreeMax: 3, levelsPerTreeMax: 2 } });
    const stored = await world.store.store(storeRequestOf(ALICE, { spec: branch("root", leaf("a")) }));
    await expect(world.store.addTasks(ALICE, growth)).rejects.toMatchObject(
      rejection("LIMIT_EXCEEDED", limit),
    );
    expect(world.store.get(ALICE)).toBe(stored);
  });

  it("limits the tasks of a tree that grows by OPEN iterations", async () => {
    await using world = await openStore({ limits: { tasksPerTreeMax: 4 } });
    const { store } = world;
    await store.store(storeRequestOf(ALICE, { spec: iterative("rounds", "OPEN", null, leaf("round")) }));
    await store.update(ALICE, reportOf({ iteration: 3 }));
    await expect(store.update(ALICE, reportOf({ iteration: 4 }))).rejects.toMatchObject(
      rejection("LIMIT_EXCEEDED", "tasksPerTreeMax"),
    );
  });

  it("keeps only the newest lines of a job's log", async () => {
    await using world = await openStore({ limits: { logLinesPerJobMax: 2 } });
    const { store } = world;
    await store.store(storeRequestOf(ALICE));
    await store.update(ALICE, logReportOf("a", "b"));
    const logged = await store.update(ALICE, logReportOf("c"));
    expect(logged.log.map(({ message }) => message)).toEqual(["b", "c"]);
  });

  it("remembers only the newest request ids of an attempt", async () => {
    await using world = await openStore({ limits: { requestIdsPerAttemptMax: 2 } });
    const { store } = world;
    const report = (requestId: string) => ({ ...reportOf({ add: 1 }), requestId });
    await store.store(storeRequestOf(ALICE));
    await Promise.all(["a", "b", "b", "c"].map((requestId) => store.update(ALICE, report(requestId))));
    expect(store.get(ALICE)?.task.done).toBe(3);
    expect((await store.update(ALICE, report("b"))).task.done).toBe(3);
    expect((await store.update(ALICE, report("a"))).task.done).toBe(4);
  });

  it.each([
    ["database", parseDatabaseName],
    ["user", parseUsername],
    ["job", parseJobId],
  ])("limits the bytes of the name of a %s", (_, parse) => {
    const [fits, tooLong] = ["é".repeat(64), `${"é".repeat(64)}x`];
    expect(parse(fits, DEFAULT_LIMITS)).toBe(fits);
    expect(() => parse(tooLong, DEFAULT_LIMITS)).toThrow("128 bytes");
  });

  it("limits the bytes of a message and a description", async () => {
    await using world = await openStore({ limits: { messageTextBytesMax: 4, descriptionBytesMax: 4 } });
    const { store } = world;
    await store.store(storeRequestOf(ALICE));
    expect((await store.update(ALICE, reportOf({ message: "four" }))).task.message).toBe("four");
    const tooLong = rejection("BAD_USER_INPUT");
    await expect(store.update(ALICE, reportOf({ message: "fives" }))).rejects.toMatchObject(tooLong);
    await expect(store.update(ALICE, logReportOf("fives"))).rejects.toMatchObject(tooLong);
    await expect(store.store(storeRequestOf(ALICE, { spec: leaf("fives") }))).rejects.toMatchObject(tooLong);
    expect(await store.remove(ALICE, ANY_ATTEMPT)).toMatchObject({ attempt: 1 });
  });
});
