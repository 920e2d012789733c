import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import {
  JournalError,
  type DatabaseJournal,
  type DatabaseSummary,
  type Journal,
} from "../../src/journal/journal.js";
import { PerDatabaseTaskStoreProvider } from "../../src/store/per-database-task-store-provider.js";
import { PerDatabaseTaskStore } from "../../src/store/per-database-task-store.js";
import { createFaultyJournal, type FaultyJournal } from "../kit/journal/faulty-journal.js";
import { databaseName } from "../kit/journal/entries.js";
import { withHandles } from "../kit/journal/observed-journal.js";
import { comparableStates } from "../kit/store/comparable-state.js";
import { RecordingListener } from "../kit/store/recording-listener.js";
import {
  ALICE,
  ANY_ATTEMPT,
  BOB,
  DATABASE,
  OTHER_DATABASE,
  rejection,
  reportOf,
  storeRequestOf,
} from "../kit/store/requests.js";
import { createStores, retentionOf, type Stores, type StoresOptions } from "../kit/store/task-stores.js";
import { microtasks, untilIdle, until } from "../kit/deterministic/turns.js";

const THIRD_DATABASE = databaseName("third");

describe("getTaskStore", () => {
  it("opens the store once, and returns it from then on", async () => {
    await using world = createStores();
    const store = await world.provider.getTaskStore(DATABASE);
    expect(await world.provider.getTaskStore(DATABASE)).toBe(store);
    expect(world.provider.peek(DATABASE)).toBe(store);
    expect(world.journal.opened).toEqual([DATABASE]);
  });

  it("returns a separate store for each database", async () => {
    await using world = createStores();
    const store = await world.provider.getTaskStore(DATABASE);
    const other = await world.provider.getTaskStore(OTHER_DATABASE);
    await store.store(storeRequestOf(ALICE));
    expect(other).not.toBe(store);
    expect(other.taskCount()).toBe(0);
    expect(other.position.epoch).not.toBe(store.position.epoch);
  });

  it("fails with UNAVAILABLE if the journal can't be opened, and tries again at the next call", async () => {
    const { faults, ...world } = createFaultyStores();
    faults.failNextOpen();
    await expect(world.provider.getTaskStore(DATABASE)).rejects.toMatchObject(rejection("UNAVAILABLE"));
    expect(world.provider.peek(DATABASE)).toBeUndefined();
    expect((await world.provider.getTaskStore(DATABASE)).database).toBe(DATABASE);
  });

  it("fails with UNAVAILABLE if the journal can't be loaded, and leaks no handle", async () => {
    await using world = createStores({ journal: (journal) => withHandles(journal, failLoad) });
    await expect(world.provider.getTaskStore(DATABASE)).rejects.toMatchObject(rejection("UNAVAILABLE"));
    expect(world.journal.openHandleCount).toBe(0);
  });
});

describe("peek", () => {
  it("opens nothing", async () => {
    await using world = createStores();
    expect(world.provider.peek(DATABASE)).toBeUndefined();
    await untilIdle();
    expect(world.journal.opened).toEqual([]);
  });
});

describe("find", () => {
  it("returns undefined for an empty database, and opens and creates nothing", async () => {
    await using world = createStores();
    expect(await world.provider.find(DATABASE)).toBeUndefined();
    expect(world.journal.opened).toEqual([]);
    expect(await world.journal.databases()).toEqual([]);
  });

  it("opens the store of a database that exists", async () => {
    await using world = createStores();
    await storeBefore(world, ALICE);
    const store = await world.provider.find(DATABASE);
    expect(store?.get(ALICE)).toMatchObject({ ...ALICE, attempt: 1 });
    expect(await world.provider.getTaskStore(DATABASE)).toBe(store);
  });

  it("finds a database after all its jobs were removed", async () => {
    await using world = createStores();
    const store = await world.provider.getTaskStore(DATABASE);
    await store.store(storeRequestOf(ALICE));
    await store.purge();
    expect(await world.provider.find(DATABASE)).toBe(store);
  });

  it("returns undefined for a database that is only watched", async () => {
    await using world = createStores();
    const { release } = await world.provider.retain(DATABASE);
    expect(await world.provider.find(DATABASE)).toBeUndefined();
    release();
  });

  it("fails with UNAVAILABLE if the journal can't list its databases", async () => {
    await using world = createStores({
      journal: (journal) => ({ ...withHandles(journal, () => ({})), databases: failing }),
    });
    await expect(world.provider.find(DATABASE)).rejects.toMatchObject(rejection("UNAVAILABLE"));
    await expect(world.provider.databases()).rejects.toMatchObject(rejection("UNAVAILABLE"));
  });
});

describe("databases", () => {
  it("lists the databases with jobs in order, with their job counts", async () => {
    await using world = createStores();
    const [other, store] = await getStores(world.provider, OTHER_DATABASE, DATABASE);
    await world.provider.retain(THIRD_DATABASE);
    await other!.store(storeRequestOf(ALICE));
    await store!.store(storeRequestOf(ALICE));
    await store!.store(storeRequestOf(BOB));
    expect(await world.provider.databases()).toEqual([
      { name: DATABASE, jobCount: 2 },
      { name: OTHER_DATABASE, jobCount: 1 },
    ]);
    await other!.purge();
    expect(await world.provider.databases()).toEqual([{ name: DATABASE, jobCount: 2 }]);
  });
});

describe("retain", () => {
  it("returns an empty store for a database that does not exist, and creates none", async () => {
    await using world = createStores();
    const { store } = await world.provider.retain(DATABASE);
    expect(store.position.revision).toBe(0);
    expect(store.query()).toEqual([]);
    expect(await world.journal.databases()).toEqual([]);
  });

  it("returns one store to all readers, and to a later writer", async () => {
    await using world = createStores();
    const [first, second] = await Promise.all([
      world.provider.retain(DATABASE),
      world.provider.retain(DATABASE),
    ]);
    const store = await world.provider.getTaskStore(DATABASE);
    expect(first.store).toBe(store);
    expect(second.store).toBe(store);
    await store.store(storeRequestOf(ALICE));
    expect(first.store.taskCount()).toBe(1);
  });

  it("closes an empty store with its last reader, and not before", async () => {
    await using world = createStores();
    const [first, second] = [await world.provider.retain(DATABASE), await world.provider.retain(DATABASE)];
    first.release();
    expect(world.provider.peek(DATABASE)).toBe(second.store);
    second.release();
    expect(world.provider.peek(DATABASE)).toBeUndefined();
    await until(() => world.journal.openHandleCount === 0);
  });

  it("releases only one lease if a reader releases twice", async () => {
    await using world = createStores();
    const [first, second] = [await world.provider.retain(DATABASE), await world.provider.retain(DATABASE)];
    first.release();
    first.release();
    expect(world.provider.peek(DATABASE)).toBe(second.store);
  });

  it("keeps the store once a job was stored, even after its removal", async () => {
    await using world = createStores();
    const { store, release } = await world.provider.retain(DATABASE);
    await store.store(storeRequestOf(ALICE));
    await store.remove(ALICE, ANY_ATTEMPT);
    release();
    expect(world.provider.peek(DATABASE)).toBe(store);
    expect(await world.provider.getTaskStore(DATABASE)).toBe(store);
  });

  it("keeps the store while a change is in progress, so that there are never two", async () => {
    await using world = createStores();
    const { store, release } = await world.provider.retain(DATABASE);
    const answer = world.journal.holdAppends();
    const storing = store.store(storeRequestOf(ALICE));
    release();
    expect(await world.provider.getTaskStore(DATABASE)).toBe(store);
    answer();
    expect(await storing).toMatchObject({ attempt: 1 });
  });

  it("keeps the store once a writer has requested it", async () => {
    await using world = createStores();
    const { store, release } = await world.provider.retain(DATABASE);
    await world.provider.getTaskStore(DATABASE);
    release();
    expect(world.provider.peek(DATABASE)).toBe(store);
  });

  it("opens a new store for the next reader, unaffected by the close of the previous one", async () => {
    await using world = createStores();
    const before = await world.provider.retain(DATABASE);
    before.release();
    const after = await world.provider.retain(DATABASE);
    await untilIdle();
    expect(await after.store.store(storeRequestOf(ALICE))).toMatchObject({ attempt: 1 });
    expect(world.provider.peek(DATABASE)).toBe(after.store);
  });

  it("logs an empty store that can't be closed", async () => {
    await using world = createStores({
      journal: (journal) => withHandles(journal, () => ({ close: failing })),
    });
    const { release } = await world.provider.retain(DATABASE);
    release();
    await until(() => world.log.lines.length > 0);
    expect(world.log.lines).toMatchObject([{ level: "warn", fields: { database: DATABASE } }]);
  });

  it("fails with UNAVAILABLE if the journal can't be opened, and leaves nothing behind", async () => {
    const { faults, ...world } = createFaultyStores();
    faults.failNextOpen();
    await expect(world.provider.retain(DATABASE)).rejects.toMatchObject(rejection("UNAVAILABLE"));
    expect(world.provider.peek(DATABASE)).toBeUndefined();
    const { store, release } = await world.provider.retain(DATABASE);
    release();
    expect(store.database).toBe(DATABASE);
    expect(world.provider.peek(DATABASE)).toBeUndefined();
  });
});

describe("a writer that arrives while the last reader leaves", () => {
  it("gets a working store at any moment", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(30), fc.nat(30), async (leavesAfter, arrivesAfter) => {
        await using world = createStores();
        const { release } = await world.provider.retain(DATABASE);
        const [userTask] = await Promise.all([
          microtasks(arrivesAfter).then(async () => {
            const store = await world.provider.getTaskStore(DATABASE);
            return store.store(storeRequestOf(ALICE));
          }),
          microtasks(leavesAfter).then(release),
        ]);
        expect(world.provider.peek(DATABASE)?.get(ALICE)).toBe(userTask);
      }),
      { numRuns: 300 },
    );
  });

  it("finds no job in an empty database at any moment", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(10), fc.nat(10), async (leavesAfter, arrivesAfter) => {
        await using world = createStores();
        const { release } = await world.provider.retain(DATABASE);
        const [removed] = await Promise.all([
          microtasks(arrivesAfter).then(async () => {
            const store = await world.provider.find(DATABASE);
            return store?.remove(ALICE, ANY_ATTEMPT);
          }),
          microtasks(leavesAfter).then(release),
        ]);
        expect([null, undefined]).toContain(removed);
      }),
      { numRuns: 150 },
    );
  });
});

describe("the limit of databases", () => {
  it("rejects writers of a database beyond the limit", async () => {
    await using world = createStores({ limits: { databasesMax: 2 } });
    await getStores(world.provider, DATABASE, OTHER_DATABASE);
    await expect(world.provider.getTaskStore(THIRD_DATABASE)).rejects.toMatchObject(
      rejection("LIMIT_EXCEEDED", "databasesMax"),
    );
    expect(world.provider.peek(THIRD_DATABASE)).toBeUndefined();
    await until(() => world.journal.openHandleCount === 2);
  });

  it("rejects one of two concurrent openings of the last database", async () => {
    await using world = createStores({ limits: { databasesMax: 1 } });
    const answers = await Promise.allSettled([
      world.provider.getTaskStore(DATABASE),
      world.provider.getTaskStore(OTHER_DATABASE),
    ]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  });

  it("counts closed databases", async () => {
    await using world = createStores({ limits: { databasesMax: 1 } });
    await storeBefore(world, ALICE);
    await expect(world.provider.getTaskStore(OTHER_DATABASE)).rejects.toMatchObject(
      rejection("LIMIT_EXCEEDED", "databasesMax"),
    );
    expect((await world.provider.getTaskStore(DATABASE)).taskCount()).toBe(1);
  });

  it("does not count watched databases for writers", async () => {
    await using world = createStores({ limits: { databasesMax: 1 } });
    await world.provider.retain(OTHER_DATABASE);
    const store = await world.provider.getTaskStore(DATABASE);
    expect(await store.store(storeRequestOf(ALICE))).toMatchObject({ attempt: 1 });
  });

  it("rejects a watched, nonexistent database beyond the limit until another is released", async () => {
    await using world = createStores({ limits: { databasesMax: 2 } });
    const first = await world.provider.retain(DATABASE);
    await world.provider.retain(OTHER_DATABASE);
    await expect(world.provider.retain(THIRD_DATABASE)).rejects.toMatchObject(
      rejection("LIMIT_EXCEEDED", "databasesMax"),
    );
    expect(world.provider.peek(THIRD_DATABASE)).toBeUndefined();
    first.release();
    expect((await world.provider.retain(THIRD_DATABASE)).store.database).toBe(THIRD_DATABASE);
  });

  it("allows any number of watchers for a database that is watched or exists", async () => {
    await using world = createStores({ limits: { databasesMax: 1 } });
    await storeBefore(world, ALICE);
    await world.provider.retain(OTHER_DATABASE);
    const { store } = await world.provider.retain(OTHER_DATABASE);
    expect(store.database).toBe(OTHER_DATABASE);
    expect((await world.provider.retain(DATABASE)).store.taskCount()).toBe(1);
  });
});

describe("closing the provider", () => {
  it("commits and answers the queued changes, then closes all stores", async () => {
    await using world = createStores();
    const { provider, journal } = world;
    const [store, other] = await getStores(provider, DATABASE, OTHER_DATABASE);
    const [release, closed] = [journal.holdAppends(), vi.fn<() => void>()];
    const answers = [store!.store(storeRequestOf(ALICE)), other!.store(storeRequestOf(BOB))];
    await until(() => journal.appends.length === 2);
    const closing = provider.close().then(closed);
    await untilIdle();
    expect(closed).not.toHaveBeenCalled();
    release();
    await closing;
    expect((await Promise.all(answers)).map(({ attempt }) => attempt)).toEqual([1, 1]);
    expect(provider.openStores()).toEqual([]);
    expect(journal.openHandleCount).toBe(0);
  });

  it("rejects later requests with UNAVAILABLE", async () => {
    await using world = createStores();
    const { provider } = world;
    const store = await provider.getTaskStore(DATABASE);
    await provider.close();
    await expect(store.update(ALICE, reportOf())).rejects.toMatchObject(rejection("UNAVAILABLE"));
    await expect(provider.getTaskStore(DATABASE)).rejects.toMatchObject(rejection("UNAVAILABLE"));
    await expect(provider.retain(OTHER_DATABASE)).rejects.toMatchObject(rejection("UNAVAILABLE"));
    expect(world.journal.openHandleCount).toBe(0);
  });

  it("rejects an opening in progress, and leaks no handle", async () => {
    await using world = createStores();
    const release = world.journal.holdOpenings(DATABASE);
    const opening = Promise.allSettled([world.provider.getTaskStore(DATABASE)]);
    await until(() => world.journal.opened.length === 1);
    await world.provider.close();
    release();
    expect(await opening).toMatchObject([{ status: "rejected", reason: rejection("UNAVAILABLE") }]);
    expect(world.journal.openHandleCount).toBe(0);
  });

  it("leaves no store open at any moment of an opening", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(30), async (moment) => {
        await using world = createStores();
        const opening = Promise.allSettled([
          world.provider.getTaskStore(DATABASE),
          world.provider.retain(OTHER_DATABASE),
        ]);
        await microtasks(moment);
        await world.provider.close();
        await opening;
        expect(world.provider.openStores()).toEqual([]);
        expect(world.journal.openHandleCount).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it("is harmless when it is repeated", async () => {
    await using world = createStores();
    await world.provider.getTaskStore(DATABASE);
    await Promise.all([world.provider.close(), world.provider.close()]);
    await expect(world.provider.close()).resolves.toBeUndefined();
  });
});

describe("closing idle stores", () => {
  it("closes a store without a request for the idle time, and leaks no handle", async () => {
    await using world = createStores({ idleMs: 1_000 });
    await world.provider.getTaskStore(DATABASE);
    world.clock.advance(999);
    await world.provider.closeIdleStores();
    expect(world.provider.openStores()).toHaveLength(1);
    world.clock.advance(1);
    await world.provider.closeIdleStores();
    expect(world.provider.openStores()).toEqual([]);
    expect(world.journal.openHandleCount).toBe(0);
  });

  it.each<[string, (provider: PerDatabaseTaskStoreProvider) => unknown]>([
    ["getting", (provider) => provider.getTaskStore(DATABASE)],
    ["peeking", (provider) => provider.peek(DATABASE)],
    ["finding", (provider) => provider.find(DATABASE)],
    ["retaining until the release", async (provider) => (await provider.retain(DATABASE)).release()],
  ])("counts %s as a request", async (_, ask) => {
    await using world = createStores({ idleMs: 1_000 });
    const store = await world.provider.getTaskStore(DATABASE);
    await store.store(storeRequestOf(ALICE));
    await untilIdle();
    world.clock.advance(999);
    await ask(world.provider);
    world.clock.advance(999);
    await world.provider.closeIdleStores();
    expect(world.provider.openStores()).toEqual([store]);
    world.clock.advance(1);
    await world.provider.closeIdleStores();
    expect(world.provider.openStores()).toEqual([]);
  });

  it("keeps a store with a lease, and counts the idle time from its release", async () => {
    await using world = createStores({ idleMs: 1_000 });
    const { store, release } = await world.provider.retain(DATABASE);
    await store.store(storeRequestOf(ALICE));
    await untilIdle();
    world.clock.advance(10_000);
    await world.provider.closeIdleStores();
    world.clock.advance(500);
    release();
    world.clock.advance(999);
    await world.provider.closeIdleStores();
    expect(world.provider.openStores()).toEqual([store]);
    world.clock.advance(1);
    await world.provider.closeIdleStores();
    expect(world.provider.openStores()).toEqual([]);
  });

  it("keeps a store with a listener, and counts the idle time from the last check that found one", async () => {
    await using world = createStores({ idleMs: 1_000 });
    const store = await world.provider.getTaskStore(DATABASE);
    const listener = new RecordingListener();
    store.addListener(listener);
    world.clock.advance(10_000);
    await world.provider.closeIdleStores();
    store.removeListener(listener);
    world.clock.advance(999);
    await world.provider.closeIdleStores();
    expect(world.provider.openStores()).toEqual([store]);
    world.clock.advance(1);
    await world.provider.closeIdleStores();
    expect(world.provider.openStores()).toEqual([]);
  });

  it("keeps a store with a change in progress", async () => {
    await using world = createStores({ idleMs: 1_000 });
    const store = await world.provider.getTaskStore(DATABASE);
    const release = world.journal.holdAppends();
    const storing = store.store(storeRequestOf(ALICE));
    world.clock.advance(10_000);
    await world.provider.closeIdleStores();
    release();
    await storing;
    expect(await store.update(ALICE, reportOf({ done: 1 }))).toMatchObject({ attempt: 1 });
  });

  it("closes a store in time even if the clock was set back", async () => {
    await using world = createStores({ idleMs: 1_000 });
    await world.provider.getTaskStore(DATABASE);
    world.clock.setBack(1_000_000);
    await world.provider.closeIdleStores();
    world.clock.advance(1_000);
    await world.provider.closeIdleStores();
    expect(world.provider.openStores()).toEqual([]);
  });

  it("keeps the jobs, position and tombstone horizon for the next request", async () => {
    await using world = createStores({ idleMs: 1_000, limits: { removalsKeptMax: 1 } });
    const before = await world.provider.getTaskStore(DATABASE);
    await Promise.all([BOB, ALICE].map((key) => before.store(storeRequestOf(key))));
    await before.purge();
    await before.store(storeRequestOf(ALICE));
    await closeIdle(world);
    const after = await world.provider.find(DATABASE);
    expect(after).not.toBe(before);
    expect(after?.position).toEqual(before.position);
    expect(after?.tombstoneHorizon).toBe(3);
    expect(after?.tombstoneHorizon).toBe(before.tombstoneHorizon);
    expect(comparableStates(after!.query())).toEqual(comparableStates(before.query()));
    expect(await after!.store(storeRequestOf(ALICE))).toMatchObject({ attempt: 3 });
  });

  it("makes changes of the closed store fail with an error that says to request it again", async () => {
    await using world = createStores({ idleMs: 1_000 });
    const store = await world.provider.getTaskStore(DATABASE);
    await closeIdle(world);
    await expect(store.store(storeRequestOf(ALICE))).rejects.toMatchObject({
      ...rejection("UNAVAILABLE"),
      message: "The database was closed because it was idle. Request its store again.",
    });
  });

  it("makes room for another database if nothing was stored", async () => {
    await using world = createStores({ idleMs: 1_000, limits: { databasesMax: 1 } });
    await world.provider.getTaskStore(DATABASE);
    await closeIdle(world);
    expect((await world.provider.getTaskStore(OTHER_DATABASE)).database).toBe(OTHER_DATABASE);
  });

  it("makes a request during the close wait for a new store, so that there are never two", async () => {
    await using world = createStores({ idleMs: 1_000 });
    const before = await world.provider.getTaskStore(DATABASE);
    const release = world.journal.holdClosings();
    world.clock.advance(1_000);
    const closing = world.provider.closeIdleStores();
    await untilIdle();
    const asking = world.provider.getTaskStore(DATABASE);
    await untilIdle();
    expect(world.journal.opened).toHaveLength(1);
    release();
    await closing;
    const after = await asking;
    expect(after).not.toBe(before);
    expect(await after.store(storeRequestOf(ALICE))).toMatchObject({ attempt: 1 });
  });

  it("never closes a store that is requested at the same moment", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(30), fc.nat(30), async (closes, arrivesAfter) => {
        await using world = createStores({ idleMs: 1_000 });
        await (await world.provider.getTaskStore(DATABASE)).store(storeRequestOf(BOB));
        await untilIdle();
        world.clock.advance(1_000);
        const [userTask] = await Promise.all([
          microtasks(arrivesAfter).then(async () => {
            const store = await world.provider.getTaskStore(DATABASE);
            return store.store(storeRequestOf(ALICE));
          }),
          microtasks(closes).then(() => world.provider.closeIdleStores()),
        ]);
        expect(userTask.stamp.revision).toBe(2);
        expect(world.provider.peek(DATABASE)?.get(ALICE)).toBe(userTask);
        expect(world.journal.openHandleCount).toBe(1);
      }),
      { numRuns: 200 },
    );
  });

  it("delays the close of the provider until it is done", async () => {
    await using world = createStores({ idleMs: 1_000 });
    const { provider, journal, clock } = world;
    await provider.getTaskStore(DATABASE);
    clock.advance(1_000);
    const [release, closed] = [journal.holdClosings(), vi.fn<() => void>()];
    const closingIdle = provider.closeIdleStores();
    await untilIdle();
    const closing = provider.close().then(closed);
    await untilIdle();
    expect(closed).not.toHaveBeenCalled();
    release();
    await Promise.all([closing, closingIdle]);
    expect(journal.openHandleCount).toBe(0);
  });
});

describe("runMaintenance", () => {
  it("opens a closed database once a job in it is due, and closes it again", async () => {
    await using world = createStores({ idleMs: 1_000, retention: retentionOf(60_000) });
    await endIn(world, DATABASE);
    await closeIdle(world);
    await world.provider.runMaintenance();
    expect(world.journal.opened).toHaveLength(1 + 1); // the due times are still unknown
    world.clock.advance(58_999);
    await world.provider.runMaintenance();
    expect(world.journal.opened).toHaveLength(2);
    world.clock.advance(1);
    await world.provider.runMaintenance();
    expect(world.journal.opened).toHaveLength(3);
    expect(world.journal.openHandleCount).toBe(0);
    expect(await world.provider.databases()).toEqual([]);
  });

  it("does not open a database again if no job has ended and no lease is over", async () => {
    await using world = createStores({ idleMs: 1_000, retention: retentionOf(0) });
    const request = storeRequestOf(ALICE, { leaseMs: 10_000_000 });
    await (await world.provider.getTaskStore(DATABASE)).store(request);
    await closeIdle(world);
    await world.provider.runMaintenance();
    world.clock.advance(1_000_000);
    await world.provider.runMaintenance();
    await world.provider.runMaintenance();
    expect(world.journal.opened).toHaveLength(2);
  });

  it("expires jobs that were due before the start, one database at a time", async () => {
    await using world = createStores({ retention: retentionOf(60_000) });
    await endIn(world, DATABASE);
    await endIn(world, OTHER_DATABASE);
    await world.provider.close();
    world.clock.advance(60_000);
    await using next = new PerDatabaseTaskStoreProvider(world.journal, world);
    const release = world.journal.holdOpenings(DATABASE);
    const expiring = next.runMaintenance();
    await untilIdle();
    expect(world.journal.opened).toHaveLength(3);
    release();
    await expiring;
    expect(world.journal.opened).toHaveLength(4);
    expect(await next.databases()).toEqual([]);
    expect(next.openStores()).toEqual([]);
  });

  it("leaves a store open that was requested meanwhile", async () => {
    await using world = createStores({ retention: retentionOf(60_000) });
    await endIn(world, DATABASE);
    await world.provider.close();
    world.clock.advance(60_000);
    await using next = new PerDatabaseTaskStoreProvider(world.journal, world);
    const release = world.journal.holdAppends();
    const expiring = next.runMaintenance();
    await until(() => world.journal.appends.length === 3);
    const store = await next.getTaskStore(DATABASE);
    release();
    await expiring;
    expect(next.openStores()).toEqual([store]);
    expect(await store.store(storeRequestOf(BOB))).toMatchObject({ attempt: 1 });
  });

  it("logs a database that can't be opened, continues with the others, and tries it again in the next round", async () => {
    const { faults, ...world } = createFaultyStores({ retention: retentionOf(60_000) });
    await endIn(world, DATABASE);
    await endIn(world, OTHER_DATABASE);
    await world.provider.close();
    world.clock.advance(60_000);
    await using next = new PerDatabaseTaskStoreProvider(world.journal, world);
    faults.failNextOpen();
    await next.runMaintenance();
    expect(world.log.lines).toMatchObject([{ level: "warn", fields: { database: DATABASE } }]);
    const unavailable = "Try again. The log has the reason.";
    expect(await next.databases()).toEqual([{ name: DATABASE, jobCount: 1, unavailable }]);
    await next.runMaintenance();
    expect(await next.databases()).toEqual([]);
  });

  it("tries a database again whose jobs could not be removed", async () => {
    const { faults, ...world } = createFaultyStores({ idleMs: 1_000, retention: retentionOf(60_000) });
    await endIn(world, DATABASE);
    await closeIdle(world);
    world.clock.advance(60_000);
    faults.failNextAppend("before writing");
    await world.provider.runMaintenance();
    expect(await world.provider.databases()).toEqual([{ name: DATABASE, jobCount: 1 }]);
    await world.provider.runMaintenance();
    expect(await world.provider.databases()).toEqual([]);
    expect(world.log.lines).toHaveLength(1);
  });

  it("lists the databases again after a failed listing", async () => {
    await using world = createStores({
      retention: retentionOf(0),
      idleMs: 1_000,
      journal: failFirstListing,
    });
    await world.provider.runMaintenance();
    expect(world.log.lines).toMatchObject([{ level: "warn" }]);
    await endIn(world, DATABASE);
    await closeIdle(world);
    await world.provider.runMaintenance();
    expect(await world.provider.databases()).toEqual([]);
  });

  it("opens no database once the provider is closed", async () => {
    await using world = createStores({ retention: retentionOf(60_000) });
    await endIn(world, DATABASE);
    await endIn(world, OTHER_DATABASE);
    await world.provider.close();
    world.clock.advance(60_000);
    await using next = new PerDatabaseTaskStoreProvider(world.journal, world);
    const release = world.journal.holdOpenings(DATABASE);
    const expiring = next.runMaintenance();
    await until(() => world.journal.opened.length === 3);
    await next.close();
    release();
    await expiring;
    expect(world.journal.opened).toHaveLength(3);
    expect(world.journal.openHandleCount).toBe(0);
  });

  it("logs no failure that the close of the provider causes", async () => {
    await using world = createStores({ retention: retentionOf(60_000) });
    await endIn(world, DATABASE);
    world.clock.advance(60_000);
    const expiring = world.provider.runMaintenance();
    await world.provider.close();
    await expiring;
    expect(world.log.lines).toEqual([]);
  });
});

/** Waits for changes in progress, lets the idle time pass, and closes idle stores. */
async function closeIdle({ provider, clock, idleMs }: Stores): Promise<void> {
  await untilIdle();
  clock.advance(idleMs);
  await provider.closeIdleStores();
}

/** Stores a job and ends it at once. */
async function endIn({ provider }: Stores, database: typeof DATABASE): Promise<void> {
  const store = await provider.getTaskStore(database);
  await store.store(storeRequestOf(ALICE));
  await store.update(ALICE, reportOf({ status: "FINISHED" }));
}

function createFaultyStores(
  options: StoresOptions = {},
): ReturnType<typeof createStores> & { readonly faults: FaultyJournal } {
  let faults: FaultyJournal | undefined;
  const world = createStores({ ...options, journal: (journal) => (faults = createFaultyJournal(journal)) });
  return { ...world, faults: faults! };
}

function failFirstListing(journal: Journal): Journal {
  const listings = [failing];
  const databases = (): Promise<readonly DatabaseSummary[]> => listings.shift()?.() ?? journal.databases();
  return { ...withHandles(journal, () => ({})), databases };
}

function failLoad(): Partial<DatabaseJournal> {
  return { load: failing };
}

async function failing(): Promise<never> {
  throw new JournalError("Injected failure.", "nothing written");
}

/** Stores a job in the journal without the provider, like an earlier process. */
async function storeBefore(
  { journal, ...options }: ReturnType<typeof createStores>,
  key: typeof ALICE,
): Promise<void> {
  await using store = await PerDatabaseTaskStore.open(DATABASE, await journal.open(DATABASE), options);
  await store.store(storeRequestOf(key));
}

function getStores(
  provider: PerDatabaseTaskStoreProvider,
  ...databases: readonly (typeof DATABASE)[]
): Promise<Awaited<ReturnType<PerDatabaseTaskStoreProvider["getTaskStore"]>>[]> {
  return Promise.all(databases.map((database) => provider.getTaskStore(database)));
}
