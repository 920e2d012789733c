import { describe, expect, it, vi } from "vitest";
import { BOOKMARK_MS } from "../kit/delivery/cursor-reader.js";
import { Hub } from "../../src/hub/hub.js";
import { createFaultyJournal, type FaultyJournal } from "../kit/journal/faulty-journal.js";
import { comparableStates } from "../kit/store/comparable-state.js";
import { RecordingListener } from "../kit/store/recording-listener.js";
import { ALICE, BOB, CAROL, DATABASE, reportOf, storeRequestOf } from "../kit/store/requests.js";
import { createStores, openStore, type OpenedStore } from "../kit/store/task-stores.js";
import { untilIdle, until } from "../kit/deterministic/turns.js";

describe("L11: durable first", () => {
  it("nothing is answered, delivered or readable before the journal has it", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    await store.store(storeRequestOf(ALICE));
    const [listener, answered, before] = [new RecordingListener(), vi.fn<() => void>(), readable(world)];
    store.addListener(listener);
    const release = journal.holdAppends();
    const asked = [
      store.store(storeRequestOf(BOB)),
      store.update(ALICE, reportOf({ status: "RUNNING" })),
      store.remove(ALICE, { attempt: 1 }),
    ].map((answer) => answer.then(answered));
    await until(() => journal.appends.length === 2);
    await untilIdle();
    expect(answered).not.toHaveBeenCalled();
    expect(listener.calls).toEqual([]);
    expect(readable(world)).toEqual(before);
    release();
    await Promise.all(asked);
    expect(listener.words).toEqual(["added bob", "updated alice", "removed alice"]);
    expect(readable(world)).toMatchObject({ count: 1, usernames: ["bob"], revision: 4 });
  });

  it("a request that depends on a change waits until that change is durable", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    const release = journal.holdAppends();
    const storing = store.store(storeRequestOf(ALICE));
    await until(() => journal.appends.length === 1);
    const answered = vi.fn<() => void>();
    const repeating = store.store(storeRequestOf(ALICE, { onConflict: "REJECT" })).catch(answered);
    await untilIdle();
    expect(answered).not.toHaveBeenCalled();
    release();
    await storing;
    await repeating;
    expect(answered).toHaveBeenCalledOnce();
  });

  it("a watcher receives nothing before the journal has it", async () => {
    await using world = createStores();
    const { provider, journal, clock } = world;
    const counts = await new Hub(provider, { clock, bookmarkMs: BOOKMARK_MS }).taskCount({
      database: DATABASE,
      minIntervalMs: 0,
    });
    const store = await provider.getTaskStore(DATABASE);
    await counts.next();
    const [release, onResult] = [journal.holdAppends(), vi.fn<(result: unknown) => void>()];
    const next = counts.next().then(onResult);
    const storing = store.store(storeRequestOf(ALICE));
    await until(() => journal.appends.length === 1);
    await untilIdle();
    expect(onResult).not.toHaveBeenCalled();
    release();
    await Promise.all([storing, next]);
    expect(onResult).toHaveBeenCalledWith({ done: false, value: 1 });
  });

  it("a change that the journal rejects is never answered, delivered or readable", async () => {
    let faults: FaultyJournal | undefined;
    await using world = await openStore({ journal: (journal) => (faults = createFaultyJournal(journal)) });
    const { store } = world;
    const [listener, before] = [new RecordingListener(), readable(world)];
    store.addListener(listener);
    faults!.failNextAppend("before writing");
    const answers = await Promise.allSettled(
      [ALICE, BOB, CAROL].map((key) => store.store(storeRequestOf(key))),
    );
    expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(listener.calls).toEqual([]);
    expect(readable(world)).toEqual(before);
  });

  it("an answered change is in the journal", async () => {
    await using world = await openStore();
    const { store } = world;
    await Promise.all([ALICE, BOB].map((key) => store.store(storeRequestOf(key))));
    await store.update(ALICE, reportOf({ done: 5 }));
    const reopened = await world.reopened();
    expect(comparableStates(reopened.query())).toEqual(comparableStates(store.query()));
    expect(reopened.position).toEqual(store.position);
  });
});

/** All reads of a store in one turn. */
function readable({ store }: OpenedStore): object {
  return {
    revision: store.position.revision,
    tombstoneHorizon: store.tombstoneHorizon,
    jobs: comparableStates(store.query()),
    page: store.page({}, { count: 10, from: "newest" }).userTasks.length,
    count: store.taskCount(),
    running: store.taskCount({ statuses: ["RUNNING"] }),
    usernames: store.usernames(10),
    lookups: comparableStates([ALICE, BOB].map((key) => store.get(key))),
    nextChange: store.nextChange(1)?.username,
  };
}
