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

describe("L12: notified once", () => {
  it("each listener receives every committed change exactly once, in order", async () => {
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

  it("listeners can read the change that they receive, but no later change of the same batch", async () => {
    await fc.assert(
      fc.asyncProperty(commandGroups(), async (groups) => {
        await using world = await openStore();
        const { store } = world;
        const asRead: boolean[] = [];
        store.addListener(new RecordingListener((call) => asRead.push(isCurrentIn(store, call))));
        await applyCommandGroups(world, groups);
        expect(asRead).toEqual(asRead.map(() => true));
        expect(asRead).toHaveLength(store.position.revision);
      }),
    );
  });

  it("listeners receive each change before its request is answered", async () => {
    await using world = await openStore();
    const { store } = world;
    const order: string[] = [];
    store.addListener(new RecordingListener(({ userTask }) => order.push(`notified ${userTask.username}`)));
    await Promise.all(
      [ALICE, BOB].map(async (key) => {
        await store.store(storeRequestOf(key));
        order.push(`answered ${key.username}`);
      }),
    );
    expect(order).toEqual(["notified alice", "notified bob", "answered alice", "answered bob"]);
  });

  it("each change of a batch comes with the state after the previous one", async () => {
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

  it("a listener that throws is logged, the others are notified, and the write is answered", async () => {
    await using world = await openStore();
    const { store, log } = world;
    const [before, after] = [new RecordingListener(), new RecordingListener()];
    const failure = new Error("listener failed");
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

  it("a listener that is added twice is called once, and removing it twice is harmless", async () => {
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

  it("a listener that is added during a batch receives the later changes, even of that batch", async () => {
    await using world = await openStore();
    const { store } = world;
    const late = new RecordingListener();
    const early = addingAt(2, () => store.addListener(late));
    store.addListener(early);
    await Promise.all(manyKeys(4).map((key) => store.store(storeRequestOf(key))));
    expect(early.revisions).toEqual([1, 2, 3, 4]);
    expect(late.revisions).toEqual([3, 4]);
  });

  it("a listener that removes itself receives nothing more, and the others are still called", async () => {
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

  it("no listener receives earlier changes, even from a store that was opened with jobs", async () => {
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

/** Whether the store shows exactly the state of the call. */
function isCurrentIn(store: PerDatabaseTaskStore, call: RecordedCall): boolean {
  const isAtRevision = store.position.revision === revisionOf(call);
  const current = store.get(call.userTask);
  return isAtRevision && (call.kind === "removed" ? current === undefined : current === call.userTask);
}

/** Calls `add` when it receives `revision`. */
function addingAt(revision: number, add: () => void): RecordingListener {
  return new RecordingListener((call) => {
    if (revisionOf(call) === revision) add();
  });
}
