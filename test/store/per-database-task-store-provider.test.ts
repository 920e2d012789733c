import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { JournalError, type DatabaseJournal } from "../../src/journal/journal.js";
import type { PerDatabaseTaskStoreProvider } from "../../src/store/per-database-task-store-provider.js";
import { PerDatabaseTaskStore } from "../../src/store/per-database-task-store.js";
import { createFaultyJournal, type FaultyJournal } from "../kit/faulty-journal.js";
import { databaseName } from "../kit/journal-entries.js";
import { withHandles } from "../kit/observed-journal.js";
import {
  ALICE,
  ANY_ATTEMPT,
  BOB,
  DATABASE,
  OTHER_DATABASE,
  refusal,
  toReport,
  toStore,
} from "../kit/requests.js";
import { createStores } from "../kit/task-stores.js";
import { microtasks, rest, until } from "../kit/turns.js";

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
    await store.store(toStore(ALICE));
    expect(other).not.toBe(store);
    expect(other.taskCount()).toBe(0);
    expect(other.position.epoch).not.toBe(store.position.epoch);
  });

  it("fails as UNAVAILABLE when the journal can't be opened, and is tried again by the next who asks", async () => {
    const { faults, ...world } = createFaultyStores();
    faults.failNextOpen();
    await expect(world.provider.getTaskStore(DATABASE)).rejects.toMatchObject(refusal("UNAVAILABLE"));
    expect(world.provider.peek(DATABASE)).toBeUndefined();
    expect((await world.provider.getTaskStore(DATABASE)).database).toBe(DATABASE);
  });

  it("fails as UNAVAILABLE when what is kept can't be loaded, and holds no handle on it then", async () => {
    await using world = createStores({ journal: (journal) => withHandles(journal, failLoad) });
    await expect(world.provider.getTaskStore(DATABASE)).rejects.toMatchObject(refusal("UNAVAILABLE"));
    expect(world.journal.openHandleCount).toBe(0);
  });
});

describe("peeking at a task store", () => {
  it("opens nothing", async () => {
    await using world = createStores();
    expect(world.provider.peek(DATABASE)).toBeUndefined();
    await rest();
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
    await store.store(toStore(ALICE));
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
    await expect(world.provider.find(DATABASE)).rejects.toMatchObject(refusal("UNAVAILABLE"));
    await expect(world.provider.databases()).rejects.toMatchObject(refusal("UNAVAILABLE"));
  });
});

describe("listing the databases", () => {
  it("names those that have jobs, in order, with how many they have", async () => {
    await using world = createStores();
    const [other, store] = await getStores(world.provider, OTHER_DATABASE, DATABASE);
    await world.provider.retain(THIRD_DATABASE);
    await other!.store(toStore(ALICE));
    await store!.store(toStore(ALICE));
    await store!.store(toStore(BOB));
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
    await store.store(toStore(ALICE));
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
    await store.store(toStore(ALICE));
    await store.remove(ALICE, ANY_ATTEMPT);
    release();
    expect(world.provider.peek(DATABASE)).toBe(store);
    expect(await world.provider.getTaskStore(DATABASE)).toBe(store);
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
    await rest();
    expect(await after.store.store(toStore(ALICE))).toMatchObject({ attempt: 1 });
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
    await expect(world.provider.retain(DATABASE)).rejects.toMatchObject(refusal("UNAVAILABLE"));
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
            return store.store(toStore(ALICE));
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
      refusal("LIMIT_EXCEEDED", "databasesMax"),
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
      refusal("LIMIT_EXCEEDED", "databasesMax"),
    );
    expect((await world.provider.getTaskStore(DATABASE)).taskCount()).toBe(1);
  });

  it("does not count databases that are only watched against those who write", async () => {
    await using world = createStores({ limits: { databasesMax: 1 } });
    await world.provider.retain(OTHER_DATABASE);
    const store = await world.provider.getTaskStore(DATABASE);
    expect(await store.store(toStore(ALICE))).toMatchObject({ attempt: 1 });
  });

  it("refuses one watched database too many that does not exist, until another is given up", async () => {
    await using world = createStores({ limits: { databasesMax: 2 } });
    const first = await world.provider.retain(DATABASE);
    await world.provider.retain(OTHER_DATABASE);
    await expect(world.provider.retain(THIRD_DATABASE)).rejects.toMatchObject(
      refusal("LIMIT_EXCEEDED", "databasesMax"),
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
    const answers = [store!.store(toStore(ALICE)), other!.store(toStore(BOB))];
    await until(() => journal.appends.length === 2);
    const closing = provider.close().then(closed);
    await rest();
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
    await expect(store.update(ALICE, toReport())).rejects.toMatchObject(refusal("UNAVAILABLE"));
    await expect(provider.getTaskStore(DATABASE)).rejects.toMatchObject(refusal("UNAVAILABLE"));
    await expect(provider.retain(OTHER_DATABASE)).rejects.toMatchObject(refusal("UNAVAILABLE"));
    expect(world.journal.openHandleCount).toBe(0);
  });

  it("refuses an opening that is under way, and holds no handle for it", async () => {
    await using world = createStores();
    const release = world.journal.holdOpenings(DATABASE);
    const opening = Promise.allSettled([world.provider.getTaskStore(DATABASE)]);
    await until(() => world.journal.opened.length === 1);
    await world.provider.close();
    release();
    expect(await opening).toMatchObject([{ status: "rejected", reason: refusal("UNAVAILABLE") }]);
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

function createFaultyStores(): ReturnType<typeof createStores> & { readonly faults: FaultyJournal } {
  let faults: FaultyJournal | undefined;
  const world = createStores({ journal: (journal) => (faults = createFaultyJournal(journal)) });
  return { ...world, faults: faults! };
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
  await store.store(toStore(key));
}

function getStores(
  provider: PerDatabaseTaskStoreProvider,
  ...databases: readonly (typeof DATABASE)[]
): Promise<Awaited<ReturnType<PerDatabaseTaskStoreProvider["getTaskStore"]>>[]> {
  return Promise.all(databases.map((database) => provider.getTaskStore(database)));
}
