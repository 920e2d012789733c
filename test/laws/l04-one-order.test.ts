import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { branch, leaf } from "../kit/store/edits.js";
import { commandGroups, applyCommandGroups } from "../kit/store/job-commands.js";
import { RecordingListener } from "../kit/store/recording-listener.js";
import {
  ALICE,
  ANY_ATTEMPT,
  BOB,
  DATABASE,
  manyKeys,
  OTHER_DATABASE,
  reportOf,
  storeRequestOf,
} from "../kit/store/requests.js";
import { createStores, openStore, retentionOf } from "../kit/store/task-stores.js";

describe("L4: one order", () => {
  it("the changes of a database are numbered 1, 2, 3 … across callers and rejections", async () => {
    await fc.assert(
      fc.asyncProperty(commandGroups(), async (groups) => {
        await using world = await openStore();
        const listener = new RecordingListener();
        world.store.addListener(listener);
        await applyCommandGroups(world, groups);
        expect(listener.revisions).toEqual(listener.calls.map((_, at) => at + 1));
        expect(world.store.position.revision).toBe(listener.calls.length);
      }),
    );
  });

  it("each database counts separately", async () => {
    await using world = createStores();
    const store = await world.provider.getTaskStore(DATABASE);
    const other = await world.provider.getTaskStore(OTHER_DATABASE);
    await store.store(storeRequestOf(ALICE));
    await store.store(storeRequestOf(BOB));
    expect((await other.store(storeRequestOf(ALICE))).stamp.revision).toBe(1);
    expect(store.position.revision).toBe(2);
  });

  it("a mutation of one job takes one revision, however much it changes", async () => {
    await using world = await openStore();
    const { store } = world;
    await store.store(storeRequestOf(ALICE, { spec: branch("root", leaf("a", 10), leaf("b", 10)) }));
    const reported = await store.update(
      ALICE,
      reportOf({ path: "0", done: 3 }, { path: "1", done: 4 }, { path: "", message: "halfway" }),
    );
    expect(reported.stamp.revision).toBe(2);
    expect(reported.version).toBe(2);
    expect(store.position.revision).toBe(2);
  });

  it("a purge of n jobs takes n revisions", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    const listener = new RecordingListener();
    await Promise.all(manyKeys(4).map((key) => store.store(storeRequestOf(key))));
    store.addListener(listener);
    await store.purge();
    expect(listener.revisions).toEqual([5, 6, 7, 8]);
    expect(journal.appends.at(-1)).toHaveLength(4);
    expect(journal.appends).toHaveLength(2);
  });

  it("an expiry of n jobs takes n revisions", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    await Promise.all(manyKeys(3).map((key) => store.store(storeRequestOf(key))));
    await Promise.all(manyKeys(2).map((key) => store.update(key, reportOf({ status: "FINISHED" }))));
    expect(await store.expire(retentionOf(0))).toBe(2);
    expect(store.position.revision).toBe(7);
    expect(journal.appends.at(-1)).toHaveLength(2);
  });

  it("a request without effect, a rejection or a failure takes no revision", async () => {
    await using world = await openStore();
    const { store } = world;
    await store.store(storeRequestOf(ALICE));
    await store.update(ALICE, reportOf());
    await store.remove(BOB, ANY_ATTEMPT);
    await Promise.allSettled([store.update(BOB, reportOf({ done: 1 })), store.expire(retentionOf(0))]);
    expect((await store.update(ALICE, reportOf({ done: 1 }))).stamp.revision).toBe(2);
  });

  it("the numbers continue after the store is reopened", async () => {
    await using world = await openStore();
    await world.store.store(storeRequestOf(ALICE));
    await world.store.remove(ALICE, ANY_ATTEMPT);
    const reopened = await world.reopened();
    expect((await reopened.store(storeRequestOf(BOB))).stamp.revision).toBe(3);
    expect(reopened.position.epoch).toBe(world.store.position.epoch);
  });
});
