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

describe("getting a task store", () => {
  it("opens it the first time, and gives the same one from then on", async () => {
    await using world = createStores();
    const store = await world.provider.getTaskStore(DATABASE);
    expect(await world.provider.getTaskStore(DATABASE)).toBe(store);
    expect(world.provider.peek(DATABASE)).toBe(store);
    expect(world.journal.opened).toEqual([DATABASE]);
  });

  it("gives each database a store of its own", async () => {
    await using world = createStores();
    const store = await world.provider.getTaskStore(DATABASE);
    const other = await world.provider.getTaskStore(OTHER_DATABASE);
    await store.store(storeRequestOf(ALICE));
    expect(other).not.toBe(store);
    expect(other.taskCount()).toBe(0);
    expect(other.position.epoch).not.toBe(store.position.epoch);
  });

  it("fails as UNAVAILABLE when the journal can't be opened, and is tried again by the next who asks", async () => {
    const { faults, ...world } = createFaultyStores();
    faults.failNextOpen();
    await expect(world.provider.getTaskStore(DATABASE)).rejects.toMatchObject(rejection("UNAVAILABLE"));
    expect(world.provider.peek(DATABASE)).toBeUndefined();
    expect((await world.provider.getTaskStore(DATABASE)).database).toBe(DATABASE);
  });

  it("fails as UNAVAILABLE when what is kept can't be loaded, and holds no handle on it then", async () => {
    await using world = createStores({ journal: (journal) => withHandles(journal, failLoad) });
    await expect(world.provider.getTaskStore(DATABASE)).rejects.toMatchObject(rejection("UNAVAILABLE"));
    expect(world.journal.openHandleCount).toBe(0);
  });
});

describe("peeking at a task store", () => {
  it("opens nothing", async () => {
    await using world = createStores();
    expect(world.provider.peek(DATABASE)).toBeUndefined();
    await untilIdle();
    expect(world.journal.opened).toEqual([]);
  });
});

describe("finding a task store", () => {
  it("finds none for a database that nothing was stored in, and opens and creates none", async () => {
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

  it("finds a database whose jobs are all gone", async () => {
    await using world = createStores();
    const store = await world.provider.getTaskStore(DATABASE);
    await store.store(storeRequestOf(ALICE));
    await store.purge();
    expect(await world.provider.find(DATABASE)).toBe(store);
  });

  it("finds none for a database that is only being watched", async () => {
    await using world = createStores();
    const { release } = await world.provider.retain(DATABASE);
    expect(await world.provider.find(DATABASE)).toBeUndefined();
    release();
  });

  it("is UNAVAILABLE when the journal can't say what there is", async () => {
    await using world = createStores({
      journal: (journal) => ({ ...withHandles(journal, () => ({})), databases: failing }),
    });
    await expect(world.provider.find(DATABASE)).rejects.toMatchObject(rejection("UNAVAILABLE"));
    await expect(world.provider.databases()).rejects.toMatchObject(rejection("UNAVAILABLE"));
  });
});

describe("listing the databases", () => {
  it("names those that have jobs, in order, with how many they have", async () => {
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

describe("retaining a task store", () => {
  it("gives an empty one for a database that does not exist, and creates none", async () => {
    await using world = createStores();
    const { store } = await world.provider.retain(DATABASE);
    expect(store.position.revision).toBe(0);
    expect(store.query()).toEqual([]);
    expect(await world.journal.databases()).toEqual([]);
  });

  it("gives all readers one store, and the writer who comes later the same", async () => {
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

  it("gives an empty store up with its last reader, and not before", async () => {
    await using world = createStores();
    const [first, second] = [await world.provider.retain(DATABASE), await world.provider.retain(DATABASE)];
    first.release();
    expect(world.provider.peek(DATABASE)).toBe(second.store);
    second.release();
    expect(world.provider.peek(DATABASE)).toBeUndefined();
    await until(() => world.journal.openHandleCount === 0);
  });

  it("released twice by one reader is not taken from another", async () => {
    await using world = createStores();
    const [first, second] = [await world.provider.retain(DATABASE), await world.provider.retain(DATABASE)];
    first.release();
    first.release();
    expect(world.provider.peek(DATABASE)).toBe(second.store);
  });

  it("keeps the store once something was stored, also when that is gone again", async () => {
    await using world = createStores();
    const { store, release } = await world.provider.retain(DATABASE);
    await store.store(storeRequestOf(ALICE));
    await store.remove(ALICE, ANY_ATTEMPT);
    release();
    expect(world.provider.peek(DATABASE)).toBe(store);
    expect(await world.provider.getTaskStore(DATABASE)).toBe(store);
  });

  it("keeps the store while a change is under way, so that there are never two", async () => {
    await using world = createStores();
    const { store, release } = await world.provider.retain(DATABASE);
    const answer = world.journal.holdAppends();
    const storing = store.store(storeRequestOf(ALICE));
    release();
    expect(await world.provider.getTaskStore(DATABASE)).toBe(store);
    answer();
    expect(await storing).toMatchObject({ attempt: 1 });
  });

  it("keeps the store once a writer has asked for it", async () => {
    await using world = createStores();
    const { store, release } = await world.provider.retain(DATABASE);
    await world.provider.getTaskStore(DATABASE);
    release();
    expect(world.provider.peek(DATABASE)).toBe(store);
  });

  it("opens a store again for the next reader, which is not closed by the end of the one before", async () => {
    await using world = createStores();
    const before = await world.provider.retain(DATABASE);
    before.release();
    const after = await world.provider.retain(DATABASE);
    await untilIdle();
    expect(await after.store.store(storeRequestOf(ALICE))).toMatchObject({ attempt: 1 });
    expect(world.provider.peek(DATABASE)).toBe(after.store);
  });

  it("logs when a store that is given up can't be closed", async () => {
    await using world = createStores({
      journal: (journal) => withHandles(journal, () => ({ close: failing })),
    });
    const { release } = await world.provider.retain(DATABASE);
    release();
    await until(() => world.log.lines.length > 0);
    expect(world.log.lines).toMatchObject([{ level: "warn", fields: { database: DATABASE } }]);
  });

  it("fails as UNAVAILABLE when the journal can't be opened, and leaves nothing behind", async () => {
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

describe("a writer who comes while the last reader goes", () => {
  it("gets a store that takes what it stores, at whatever moment", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(30), fc.nat(30), async (goes, comes) => {
        await using world = createStores();
        const { release } = await world.provider.retain(DATABASE);
        const [userTask] = await Promise.all([
          microtasks(comes).then(async () => {
            const store = await world.provider.getTaskStore(DATABASE);
            return store.store(storeRequestOf(ALICE));
          }),
          microtasks(goes).then(release),
        ]);
        expect(world.provider.peek(DATABASE)?.get(ALICE)).toBe(userTask);
      }),
      { numRuns: 300 },
    );
  });

  it("finds no job where there is none, and is told so, at whatever moment", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(10), fc.nat(10), async (goes, comes) => {
        await using world = createStores();
        const { release } = await world.provider.retain(DATABASE);
        const [removed] = await Promise.all([
          microtasks(comes).then(async () => {
            const store = await world.provider.find(DATABASE);
            return store?.remove(ALICE, ANY_ATTEMPT);
          }),
          microtasks(goes).then(release),
        ]);
        expect([null, undefined]).toContain(removed);
      }),
      { numRuns: 150 },
    );
  });
});

describe("the bound of databases", () => {
  it("refuses one database too many to those who write", async () => {
    await using world = createStores({ limits: { databasesMax: 2 } });
    await getStores(world.provider, DATABASE, OTHER_DATABASE);
    await expect(world.provider.getTaskStore(THIRD_DATABASE)).rejects.toMatchObject(
      rejection("LIMIT_EXCEEDED", "databasesMax"),
    );
    expect(world.provider.peek(THIRD_DATABASE)).toBeUndefined();
    await until(() => world.journal.openHandleCount === 2);
  });

  it("refuses one of two who open the last database at once", async () => {
    await using world = createStores({ limits: { databasesMax: 1 } });
    const answers = await Promise.allSettled([
      world.provider.getTaskStore(DATABASE),
      world.provider.getTaskStore(OTHER_DATABASE),
    ]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  });

  it("counts databases that exist and are not open", async () => {
    await using world = createStores({ limits: { databasesMax: 1 } });
    await storeBefore(world, ALICE);
    await expect(world.provider.getTaskStore(OTHER_DATABASE)).rejects.toMatchObject(
      rejection("LIMIT_EXCEEDED", "databasesMax"),
    );
    expect((await world.provider.getTaskStore(DATABASE)).taskCount()).toBe(1);
  });

  it("does not count databases that are only watched against those who write", async () => {
    await using world = createStores({ limits: { databasesMax: 1 } });
    await world.provider.retain(OTHER_DATABASE);
    const store = await world.provider.getTaskStore(DATABASE);
    expect(await store.store(storeRequestOf(ALICE))).toMatchObject({ attempt: 1 });
  });

  it("refuses one watched database too many that does not exist, until another is given up", async () => {
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

  it("lets any number watch a database that is watched or exists", async () => {
    await using world = createStores({ limits: { databasesMax: 1 } });
    await storeBefore(world, ALICE);
    await world.provider.retain(OTHER_DATABASE);
    const { store } = await world.provider.retain(OTHER_DATABASE);
    expect(store.database).toBe(OTHER_DATABASE);
    expect((await world.provider.retain(DATABASE)).store.taskCount()).toBe(1);
  });
});

describe("closing the provider", () => {
  it("makes durable and answers what was asked for, and then gives up all stores", async () => {
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

  it("refuses as UNAVAILABLE what is asked for afterwards", async () => {
    await using world = createStores();
    const { provider } = world;
    const store = await provider.getTaskStore(DATABASE);
    await provider.close();
    await expect(store.update(ALICE, reportOf())).rejects.toMatchObject(rejection("UNAVAILABLE"));
    await expect(provider.getTaskStore(DATABASE)).rejects.toMatchObject(rejection("UNAVAILABLE"));
    await expect(provider.retain(OTHER_DATABASE)).rejects.toMatchObject(rejection("UNAVAILABLE"));
    expect(world.journal.openHandleCount).toBe(0);
  });

  it("refuses an opening that is under way, and holds no handle for it", async () => {
    await using world = createStores();
    const release = world.journal.holdOpenings(DATABASE);
    const opening = Promise.allSettled([world.provider.getTaskStore(DATABASE)]);
    await until(() => world.journal.opened.length === 1);
    await world.provider.close();
    release();
    expect(await opening).toMatchObject([{ status: "rejected", reason: rejection("UNAVAILABLE") }]);
    expect(world.journal.openHandleCount).toBe(0);
  });

  it("leaves no store open that was being opened, at whatever moment", async () => {
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

  it("twice is harmless", async () => {
    await using world = createStores();
    await world.provider.getTaskStore(DATABASE);
    await Promise.all([world.provider.close(), world.provider.close()]);
    await expect(world.provider.close()).resolves.toBeUndefined();
  });
});

describe("closing idle stores", () => {
  it("closes one that nobody has asked for in the idle time, and holds no handle on it", async () => {
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
    [
      "retaining, for as long as it is not released,",
      async (provider) => (await provider.retain(DATABASE)).release(),
    ],
  ])("takes %s as asking for it", async (_, ask) => {
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

  it("does not close one with a lease, and waits for the idle time from its release", async () => {
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

  it("does not close one with a listener, and waits for the idle time from when it was last seen", async () => {
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

  it("does not close one with a change under way", async () => {
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

  it("closes one in time whose clock was set back meanwhile", async () => {
    await using world = createStores({ idleMs: 1_000 });
    await world.provider.getTaskStore(DATABASE);
    world.clock.setBack(1_000_000);
    await world.provider.closeIdleStores();
    world.clock.advance(1_000);
    await world.provider.closeIdleStores();
    expect(world.provider.openStores()).toEqual([]);
  });

  it("lets the next who asks have the same jobs, at the same position, with the same floor", async () => {
    await using world = createStores({ idleMs: 1_000, limits: { removalsKeptMax: 1 } });
    const before = await world.provider.getTaskStore(DATABASE);
    await Promise.all([ALICE, BOB].map((key) => before.store(storeRequestOf(key))));
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

  it("leaves a store that says to ask for it again", async () => {
    await using world = createStores({ idleMs: 1_000 });
    const store = await world.provider.getTaskStore(DATABASE);
    await closeIdle(world);
    await expect(store.store(storeRequestOf(ALICE))).rejects.toMatchObject({
      ...rejection("UNAVAILABLE"),
      message: "Nobody had asked for this database, so it was closed. Ask for its store again.",
    });
  });

  it("makes room for another database when nothing was stored", async () => {
    await using world = createStores({ idleMs: 1_000, limits: { databasesMax: 1 } });
    await world.provider.getTaskStore(DATABASE);
    await closeIdle(world);
    expect((await world.provider.getTaskStore(OTHER_DATABASE)).database).toBe(OTHER_DATABASE);
  });

  it("lets who asks meanwhile wait, and have a store of their own: there are never two", async () => {
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

  it("never takes a store from who asks at the same moment, whatever the moment", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(30), fc.nat(30), async (closes, comes) => {
        await using world = createStores({ idleMs: 1_000 });
        await (await world.provider.getTaskStore(DATABASE)).store(storeRequestOf(BOB));
        await untilIdle();
        world.clock.advance(1_000);
        const [userTask] = await Promise.all([
          microtasks(comes).then(async () => {
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

  it("is waited for by the closing of the provider", async () => {
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

describe("expiring jobs", () => {
  it("opens a database whose store is closed when a job in it is due, not before, and closes it again", async () => {
    await using world = createStores({ idleMs: 1_000, retention: retentionOf(60_000) });
    await endIn(world, DATABASE);
    await closeIdle(world);
    await world.provider.runMaintenance();
    expect(world.journal.opened).toHaveLength(1 + 1); // it is not known yet what is due where
    world.clock.advance(58_999);
    await world.provider.runMaintenance();
    expect(world.journal.opened).toHaveLength(2);
    world.clock.advance(1);
    await world.provider.runMaintenance();
    expect(world.journal.opened).toHaveLength(3);
    expect(world.journal.openHandleCount).toBe(0);
    expect(await world.provider.databases()).toEqual([]);
  });

  it("never opens a database again in which nothing has ended and no lease is over", async () => {
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

  it("finds what fell due before the server was started, one database at a time", async () => {
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

  it("leaves a store open that somebody has asked for meanwhile", async () => {
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

  it("logs a database that can't be opened, does the others, and tries it again the next time", async () => {
    const { faults, ...world } = createFaultyStores({ retention: retentionOf(60_000) });
    await endIn(world, DATABASE);
    await endIn(world, OTHER_DATABASE);
    await world.provider.close();
    world.clock.advance(60_000);
    await using next = new PerDatabaseTaskStoreProvider(world.journal, world);
    faults.failNextOpen();
    await next.runMaintenance();
    expect(world.log.lines).toMatchObject([{ level: "warn", fields: { database: DATABASE } }]);
    expect(await next.databases()).toEqual([{ name: DATABASE, jobCount: 1 }]);
    await next.runMaintenance();
    expect(await next.databases()).toEqual([]);
  });

  it("tries again a database whose jobs could not be removed", async () => {
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

  it("lists the databases again when they could not be listed", async () => {
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

  it("opens nothing more once the provider is closed", async () => {
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

  it("says nothing of what fails because the provider is closed", async () => {
    await using world = createStores({ retention: retentionOf(60_000) });
    await endIn(world, DATABASE);
    world.clock.advance(60_000);
    const expiring = world.provider.runMaintenance();
    await world.provider.close();
    await expiring;
    expect(world.log.lines).toEqual([]);
  });
});

/** Lets what is under way end and the idle time pass, and closes what is idle. */
async function closeIdle({ provider, clock, idleMs }: Stores): Promise<void> {
  await untilIdle();
  clock.advance(idleMs);
  await provider.closeIdleStores();
}

/** Puts a job into a database that ends at once. */
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
  throw new JournalError("Told to fail.", "nothing written");
}

/** Puts a job into the journal past the provider, as a process before this one would have. */
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
