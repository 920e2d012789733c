import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { ORIGIN } from "../../src/protocol/position.js";
import { EmptyTaskStoreProvider } from "../../src/store/empty-task-store.js";
import { TaskRegistry } from "../../src/store/task-registry.js";
import { branch, leaf } from "../kit/store/edits.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { RecordingListener } from "../kit/store/recording-listener.js";
import {
  ALICE,
  ANY_ATTEMPT,
  DATABASE,
  rejection,
  cancelRequestOf,
  addTasksRequestOf,
  reportOf,
  storeRequestOf,
} from "../kit/store/requests.js";

describe("with tracking off", () => {
  it("a store request returns the job that would have been stored", async () => {
    const store = await untracked(7_000).getTaskStore(DATABASE);
    const userTask = await store.store(storeRequestOf(ALICE, { spec: branch("root", leaf("a", 10)) }));
    expect(userTask).toMatchObject({ ...ALICE, attempt: 1, outcome: "CREATED", storedAt: 7_000 });
    expect(userTask.task).toMatchObject({ status: "PENDING", knownVolume: 10 });
    expect(userTask.stamp.revision).toBe(0);
  });

  it("a store request keeps nothing", async () => {
    const store = await untracked().getTaskStore(DATABASE);
    await store.store(storeRequestOf(ALICE));
    expect(store.get(ALICE)).toBeUndefined();
    expect(store.query()).toEqual([]);
    expect(store.taskCount()).toBe(0);
    expect(store.usernames(10)).toEqual([]);
    expect(store.nextChange(0)).toBeUndefined();
    expect(store.page({}, { count: 1, from: "newest" })).toEqual({
      userTasks: [],
      hasNewer: false,
      hasOlder: false,
    });
    expect(store.position).toEqual(ORIGIN);
  });

  it("the store accepts all requests for a job, and answers null", async () => {
    const store = await untracked().getTaskStore(DATABASE);
    expect(await store.update(ALICE, reportOf({ done: 1 }))).toBeNull();
    expect(await store.updateAll([{ key: ALICE, report: reportOf({ done: 1 }) }])).toEqual([
      { status: "fulfilled", value: null },
    ]);
    expect(await store.addTasks(ALICE, addTasksRequestOf("", leaf("more")))).toBeNull();
    expect(await store.requestCancel(ALICE, cancelRequestOf())).toBeNull();
    expect(await store.remove(ALICE, ANY_ATTEMPT)).toBeNull();
    expect(await store.purge()).toBe(0);
  });

  it("a job can be stored again with REJECT, because none exists", async () => {
    const store = await untracked().getTaskStore(DATABASE);
    await store.store(storeRequestOf(ALICE));
    expect(await store.store(storeRequestOf(ALICE, { onConflict: "REJECT" }))).toMatchObject({ attempt: 1 });
  });

  it("a store request with an invalid tree is still rejected", async () => {
    const store = await untracked().getTaskStore(DATABASE);
    await expect(store.store(storeRequestOf(ALICE, { spec: leaf("task", -1) }))).rejects.toMatchObject(
      rejection("BAD_USER_INPUT"),
    );
  });

  it("a registry accepts a registration, and contains nothing", async () => {
    const registry = new TaskRegistry(await untracked().getTaskStore(DATABASE), ALICE);
    const userTask = await registry.registerTask(storeRequestOf(ALICE));
    expect(registry.containsTask(userTask)).toBe(false);
    await expect(registry.unregisterTask()).resolves.toBeUndefined();
  });

  it("a listener receives nothing", async () => {
    const store = await untracked().getTaskStore(DATABASE);
    const listener = new RecordingListener();
    store.addListener(listener);
    await store.store(storeRequestOf(ALICE));
    store.removeListener(listener);
    expect(listener.calls).toEqual([]);
  });

  it("every database is found, but none is listed", async () => {
    await using provider = untracked();
    expect((await provider.find(DATABASE)).database).toBe(DATABASE);
    expect(provider.peek(DATABASE).database).toBe(DATABASE);
    const lease = await provider.retain(DATABASE);
    expect(lease.store.taskCount()).toBe(0);
    lease.release();
    lease.release();
    expect(await provider.databases()).toEqual([]);
  });
});

function untracked(now = 0): EmptyTaskStoreProvider {
  return new EmptyTaskStoreProvider({ clock: new ManualClock(now), limits: DEFAULT_LIMITS });
}
