import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PerDatabaseTaskStore } from "../../src/store/per-database-task-store.js";
import { commandGroups, applyCommandGroups } from "../kit/store/job-commands.js";
import {
  addListeners,
  RecordingListener,
  revisionOf,
  type RecordedCall,
} from "../kit/store/recording-listener.js";
import { ALICE, ANY_ATTEMPT, BOB, manyKeys, reportOf, storeRequestOf } from "../kit/store/requests.js";
import { openStore } from "../kit/store/task-stores.js";

describe("L12: told once", () => {
  it("every committed change is told to each listener exactly once, in order", async () => {
    await fc.assert(
      fc.asyncProperty(commandGroups(), async (groups) => {
        await using world = await openStore();
        const { store } = world;
        const listeners = addListeners(store, 2);
        await applyCommandGroups(world, groups);
        const all = Array.from({ length: store.position.revision }, (_, at) => at + 1);
        expect(listeners.map(({ revisions }) => revisions)).toEqual([all, all]);
      }),
    );
  });

  it("a change can be read when it is told, and no later one, also across a batch", async () => {
    await fc.assert(
      fc.asyncProperty(commandGroups(), async (groups) => {
        await using world = await openStore();
        const { store } = world;
        const asRead: boolean[] = [];
        store.addListener(new RecordingListener((told) => asRead.push(isAsToldIn(store, told))));
        await applyCommandGroups(world, groups);
        expect(asRead).toEqual(asRead.map(() => true));
        expect(asRead).toHaveLength(store.position.revision);
      }),
    );
  });

  it("each change is told before the one who asked for it is answered", async () => {
    await using world = await openStore();
    const { store } = world;
    const order: string[] = [];
    store.addListener(new RecordingListener(({ userTask }) => order.push(`told ${userTask.username}`)));
    await Promise.all(
      [ALICE, BOB].map(async (key) => {
        await store.store(storeRequestOf(key));
        order.push(`answered ${key.username}`);
      }),
    );
    expect(order).toEqual(["told alice", "told bob", "answered alice", "answered bob"]);
  });

  it("of a batch each change is told with what the one before it led to", async () => {
    await using world = await openStore();
    const { store } = world;
    const listener = new RecordingListener();
    store.addListener(listener);
    const [stored, updated, storedAgain, removed] = await Promise.all([
      store.store(storeRequestOf(ALICE)),
      store.update(ALICE, reportOf({ done: 1 })),
      store.store(storeRequestOf(ALICE)),
      store.remove(ALICE, ANY_ATTEMPT),
    ]);
    expect(listener.calls).toEqual([
      { kind: "added", userTask: stored, replaced: undefined },
      { kind: "updated", userTask: updated, before: stored },
      { kind: "added", userTask: storedAgain, replaced: updated },
      { kind: "removed", userTask: removed, removal: expect.objectContaining({ reason: "REMOVED" }) },
    ]);
  });

  it("a listener that throws is logged; the others are told, and the write is answered", async () => {
    await using world = await openStore();
    const { store, log } = world;
    const [before, after] = [new RecordingListener(), new RecordingListener()];
    const failure = new Error("told to fail");
    store.addListener(before);
    store.addListener(
      new RecordingListener(() => {
        throw failure;
      }),
    );
    store.addListener(after);
    const answers = await Promise.all([store.store(storeRequestOf(ALICE)), store.store(storeRequestOf(BOB))]);
    expect(answers.map(({ stamp }) => stamp.revision)).toEqual([1, 2]);
    expect([before.revisions, after.revisions]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(log.lines).toMatchObject([{ fields: { err: failure } }, { fields: { err: failure } }]);
  });

  it("a listener that is added twice is told once, and removing it twice is harmless", async () => {
    await using world = await openStore();
    const { store } = world;
    const listener = new RecordingListener();
    store.addListener(listener);
    store.addListener(listener);
    await store.store(storeRequestOf(ALICE));
    store.removeListener(listener);
    store.removeListener(listener);
    await store.store(storeRequestOf(BOB));
    expect(listener.revisions).toEqual([1]);
  });

  it("a listener that is added while a batch is told hears of what comes after, within the batch too", async () => {
    await using world = await openStore();
    const { store } = world;
    const late = new RecordingListener();
    const early = addingAt(2, () => store.addListener(late));
    store.addListener(early);
    await Promise.all(manyKeys(4).map((key) => store.store(storeRequestOf(key))));
    expect(early.revisions).toEqual([1, 2, 3, 4]);
    expect(late.revisions).toEqual([3, 4]);
  });

  it("a listener that goes while it is told hears no more, and takes nothing from those after it", async () => {
    await using world = await openStore();
    const { store } = world;
    const leaving = new RecordingListener(() => store.removeListener(leaving));
    const staying = new RecordingListener();
    store.addListener(leaving);
    store.addListener(staying);
    await Promise.all(manyKeys(3).map((key) => store.store(storeRequestOf(key))));
    expect(leaving.revisions).toEqual([1]);
    expect(staying.revisions).toEqual([1, 2, 3]);
  });

  it("none hears of what came before it, also of a store that was opened with jobs in it", async () => {
    await using world = await openStore();
    await world.store.store(storeRequestOf(ALICE));
    const reopened = await world.reopened();
    const listener = new RecordingListener();
    reopened.addListener(listener);
    await reopened.update(ALICE, reportOf({ done: 1 }));
    expect(listener.words).toEqual(["updated alice"]);
    expect(listener.revisions).toEqual([2]);
  });
});

/** Whether the store is, to a reader, just as it was told. */
function isAsToldIn(store: PerDatabaseTaskStore, told: RecordedCall): boolean {
  const isAtRevision = store.position.revision === revisionOf(told);
  const current = store.get(told.userTask);
  return isAtRevision && (told.kind === "removed" ? current === undefined : current === told.userTask);
}

/** Calls `add` when it is told of `revision`. */
function addingAt(revision: number, add: () => void): RecordingListener {
  return new RecordingListener((told) => {
    if (revisionOf(told) === revision) add();
  });
}
