import { describe, expect, it } from "vitest";
import { createFaultyJournal, type FaultyJournal } from "../kit/journal/faulty-journal.js";
import { branch, leaf } from "../kit/store/edits.js";
import { RecordingListener } from "../kit/store/recording-listener.js";
import {
  ALICE,
  ANY_ATTEMPT,
  BOB,
  rejection,
  addTasksRequestOf,
  reportOf,
  storeRequestOf,
} from "../kit/store/requests.js";
import { openStore } from "../kit/store/task-stores.js";

const TREE = branch("root", leaf("a", 10), leaf("b", 10));

describe("L5: all or nothing", () => {
  it("a report that is rejected for its last update applies none of them", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    const listener = new RecordingListener();
    const stored = await store.store(storeRequestOf(ALICE, { spec: TREE }));
    store.addListener(listener);
    const report = reportOf({ path: "0", done: 5 }, { path: "1", done: 5 }, { path: "9", done: 5 });
    await expect(store.update(ALICE, report)).rejects.toMatchObject(rejection("NOT_FOUND"));
    expect(store.get(ALICE)).toBe(stored);
    expect(store.position.revision).toBe(1);
    expect(listener.calls).toEqual([]);
    expect(journal.appends).toHaveLength(1);
  });

  it("a report that is rejected for its log applies no update, and its request id stays unused", async () => {
    await using world = await openStore();
    const { store } = world;
    const stored = await store.store(storeRequestOf(ALICE, { spec: TREE }));
    const report = { ...reportOf({ path: "0", done: 5 }), requestId: "one" };
    const lost = [{ level: "INFO" as const, path: "7", message: "where am I?" }];
    await expect(store.update(ALICE, { ...report, log: lost })).rejects.toMatchObject(rejection("NOT_FOUND"));
    expect(store.get(ALICE)).toBe(stored);
    expect((await store.update(ALICE, report)).task.done).toBe(5);
  });

  it("no task is added if one of them is invalid", async () => {
    await using world = await openStore();
    const { store } = world;
    const stored = await store.store(storeRequestOf(ALICE, { spec: TREE }));
    await expect(
      store.addTasks(ALICE, addTasksRequestOf("", leaf("c", 1), leaf("d", -1))),
    ).rejects.toMatchObject(rejection("BAD_USER_INPUT"));
    expect(store.get(ALICE)).toBe(stored);
  });

  it("a rejected tree replaces nothing", async () => {
    await using world = await openStore();
    const { store } = world;
    const stored = await store.store(storeRequestOf(ALICE, { spec: TREE }));
    await expect(
      store.store(storeRequestOf(ALICE, { spec: branch("root", leaf("a"), leaf("b", -1)) })),
    ).rejects.toMatchObject(rejection("BAD_USER_INPUT"));
    expect(store.get(ALICE)).toBe(stored);
  });

  it("a rejected request does not affect the others of its batch", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    await store.store(storeRequestOf(ALICE, { spec: TREE }));
    const [first, refused, last] = await Promise.allSettled([
      store.update(ALICE, reportOf({ path: "0", done: 1 })),
      store.update(ALICE, reportOf({ path: "0", done: 9 }, { path: "", done: 9 })),
      store.update(ALICE, reportOf({ path: "1", done: 2 })),
    ]);
    expect([first.status, refused.status, last.status]).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(store.get(ALICE)?.task.done).toBe(3);
    expect(store.position.revision).toBe(3);
    expect(journal.appends.at(-1)).toHaveLength(2);
  });

  it("a batch that can't be written has no effect", async () => {
    let faults: FaultyJournal | undefined;
    await using world = await openStore({ journal: (journal) => (faults = createFaultyJournal(journal)) });
    const { store } = world;
    const stored = await store.store(storeRequestOf(ALICE, { spec: TREE }));
    faults!.failNextAppend("before writing");
    await Promise.allSettled([
      store.update(ALICE, reportOf({ path: "0", done: 1 })),
      store.store(storeRequestOf(BOB)),
      store.remove(ALICE, ANY_ATTEMPT),
    ]);
    expect(store.query()).toEqual([stored]);
    expect((await store.update(ALICE, reportOf({ path: "1", done: 2 }))).task.done).toBe(2);
    expect((await world.reopened()).query()).toHaveLength(1);
  });
});
