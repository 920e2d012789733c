import { describe, expect, it } from "vitest";
import { openLmdbJournal } from "../../src/journal/lmdb/lmdb-journal.js";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { PerDatabaseTaskStoreProvider } from "../../src/store/per-database-task-store-provider.js";
import { untilIdle } from "../kit/deterministic/turns.js";
import { databaseName, jobKey } from "../kit/journal/entries.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { branch, leaf } from "../kit/store/edits.js";
import {
  ALICE,
  ANY_ATTEMPT,
  BOB,
  DATABASE,
  manyKeys,
  OTHER_DATABASE,
  rejection,
  reportOf,
  storeRequestOf,
} from "../kit/store/requests.js";
import { createStores, retentionOf, type Stores } from "../kit/store/task-stores.js";

describe("deleting a database", () => {
  it("leaves no job, no removal and no name, and the next one has another epoch", async () => {
    await using world = createStores();
    const store = await world.provider.getTaskStore(DATABASE);
    await store.store(storeRequestOf(ALICE));
    await store.remove(ALICE, ANY_ATTEMPT);
    await store.store(storeRequestOf(BOB));
    const { epoch } = store.position;

    expect(await world.provider.delete(DATABASE)).toBe(true);

    expect(await world.journal.databases()).toEqual([]);
    expect(world.memory.bytes).toBe(0);
    const again = await world.provider.getTaskStore(DATABASE);
    expect(await again.store(storeRequestOf(ALICE))).toMatchObject({ attempt: 1, version: 1 });
    expect(again.position.epoch).not.toBe(epoch);
  });

  it("closes the store if nothing uses it", async () => {
    await using world = createStores();
    await storeIn(world.provider, DATABASE);

    await world.provider.delete(DATABASE);
    await untilIdle();

    expect(world.provider.openStores()).toEqual([]);
  });

  it("works on a closed database, without loading it", async () => {
    await using world = createStores();
    await storeIn(world.provider, DATABASE);
    await world.provider.close();
    await using next = new PerDatabaseTaskStoreProvider(world.journal, world);

    expect(await next.delete(DATABASE)).toBe(true);

    expect(next.openStores()).toEqual([]);
    expect(await next.find(DATABASE)).toBeUndefined();
  });

  it("waits for the changes that were requested before, and comes before those that wait", async () => {
    await using world = createStores();
    const store = await world.provider.getTaskStore(DATABASE);
    await store.store(storeRequestOf(ALICE));
    const first = store.store(storeRequestOf(BOB));
    const deleted = world.provider.delete(DATABASE);

    expect([(await first).username, await deleted]).toEqual(["bob", true]);
    expect(await world.provider.find(DATABASE)).toBeUndefined();
  });

  it("does nothing to a database that does not exist", async () => {
    await using world = createStores();

    expect(await world.provider.delete(DATABASE)).toBe(false);
  });

  it("tells the listeners of the store, which stays open for its reader", async () => {
    await using world = createStores();
    const { store } = await world.provider.retain(DATABASE);
    const positions: number[] = [];
    const nothing = (): void => {};
    store.addListener({
      onTaskAdded: nothing,
      onTaskUpdated: nothing,
      onTaskRemoved: nothing,
      onHistoryReplaced: () => void positions.push(store.position.revision),
    });
    await storeIn(world.provider, DATABASE);

    await world.provider.delete(DATABASE);
    await storeIn(world.provider, DATABASE);

    expect(positions).toEqual([0]);
    expect(store.query()).toHaveLength(1);
  });
});

describe("names of databases", () => {
  it("are not used up: databases without jobs are deleted after the idle time", async () => {
    await using world = createStores({ idleMs: 1_000, limits: { databasesMax: 2 } });
    for (let round = 0; round < 5; round++) {
      for (const at of [0, 1]) {
        const store = await world.provider.getTaskStore(databaseName(`round-${round}-${at}`));
        await store.store(storeRequestOf(ALICE));
        await store.purge();
      }
      await letGo(world);
    }

    expect(await world.journal.databases()).toEqual([]);
  });

  it("are not used up over a restart", async () => {
    await using world = createStores({ idleMs: 1_000, limits: { databasesMax: 1 } });
    const store = await world.provider.getTaskStore(DATABASE);
    await store.store(storeRequestOf(ALICE));
    await store.purge();
    await world.provider.close();

    await using next = new PerDatabaseTaskStoreProvider(world.journal, world);
    await next.runMaintenance();

    await storeIn(next, OTHER_DATABASE);
    expect(await world.journal.databases()).toEqual([{ name: OTHER_DATABASE, jobCount: 1 }]);
  });

  it("stay while the database has jobs or readers", async () => {
    await using world = createStores({ idleMs: 1_000 });
    await storeIn(world.provider, DATABASE);
    const watched = await world.provider.getTaskStore(OTHER_DATABASE);
    await watched.store(storeRequestOf(ALICE));
    await watched.purge();
    await world.provider.retain(OTHER_DATABASE);

    await letGo(world);

    expect((await world.journal.databases()).map(({ name }) => name)).toEqual([DATABASE, OTHER_DATABASE]);
  });

  it("are bounded per user, of whose databases the closed ones count too", async () => {
    await using world = createStores({ idleMs: 1_000, limits: { databasesPerUserMax: 1 } });
    await storeIn(world.provider, DATABASE);
    await letGo(world);

    const creating = world.provider.getTaskStore(OTHER_DATABASE, ALICE.username);

    await expect(creating).rejects.toMatchObject(rejection("LIMIT_EXCEEDED", "databasesPerUserMax"));
    await expect(creating).rejects.toThrow(
      /Cannot create database "other": user "alice" has jobs in too many/,
    );
    await expect(world.provider.getTaskStore(DATABASE, ALICE.username)).resolves.toBeDefined();
    await expect(world.provider.getTaskStore(OTHER_DATABASE, BOB.username)).resolves.toBeDefined();
  });
});

describe("a database that was closed and opened again", () => {
  it("counts once among those of its users", async () => {
    await using world = createStores({ idleMs: 1_000, limits: { databasesPerUserMax: 2 } });
    await storeIn(world.provider, DATABASE);
    await letGo(world);
    await storeIn(world.provider, DATABASE);

    await expect(world.provider.getTaskStore(OTHER_DATABASE, ALICE.username)).resolves.toBeDefined();
  });
});

describe("open databases above the limit", () => {
  it("are closed, the one that was requested least recently first", async () => {
    await using world = createStores({ limits: { databasesOpenMax: 2 } });
    const names = ["a", "b", "c", "d"].map(databaseName);
    for (const name of names) {
      await storeIn(world.provider, name);
      await untilIdle();
      world.clock.advance(1_000);
    }
    await untilIdle();

    expect(world.provider.openStores().map(({ database }) => database)).toEqual(["c", "d"]);
  });

  it("stay open while they have readers", async () => {
    await using world = createStores({ limits: { databasesOpenMax: 1 } });
    await world.provider.retain(DATABASE);
    await storeIn(world.provider, DATABASE);
    await untilIdle();
    world.clock.advance(1_000);
    await storeIn(world.provider, OTHER_DATABASE);
    await untilIdle();

    expect(world.provider.openStores()).toHaveLength(2);
  });
});

describe("a database that does not fit into the memory", () => {
  const TREE = branch("root", ...Array.from({ length: 100 }, (_, at) => leaf(`leaf ${at}`, 10)));
  const KEYS = manyKeys(20);

  it("is closed again, with a reason, and others are served", async () => {
    await using world = await filled();
    await using next = smaller(world);
    await storeIn(next, OTHER_DATABASE);

    const found = next.find(DATABASE);

    await expect(found).rejects.toMatchObject(rejection("UNAVAILABLE"));
    await expect(found).rejects.toThrow(
      /database "neo4j"\. It does not fit into the memory: it needs more than \d+ bytes \(0\.\d MB\) of memory, but --memory-max is .* and the other databases take .* Raise --memory-max, remove jobs from other databases, or purge or delete/,
    );
    expect(world.log.lines).toMatchObject([{ level: "warn", fields: { database: DATABASE } }]);
    expect(next.openStores().map(({ database }) => database)).toEqual([OTHER_DATABASE]);
    expect(next.memory.bytes).toBe(next.memory.largest(1)[0]!.bytes);
  });

  it("is not blamed on other databases if they take no memory", async () => {
    await using world = await filled();
    await using next = smaller(world);

    const found = next.find(DATABASE);

    await expect(found).rejects.toThrow(
      /--memory-max is \d+ bytes \(0\.\d MB\)\. Raise --memory-max, or purge/,
    );
  });

  it("is not read again until enough memory is free", async () => {
    await using world = await filled();
    await using next = smaller(world);
    await next.find(DATABASE).catch(() => {});
    const { length } = world.journal.opened;

    await expect(next.find(DATABASE)).rejects.toMatchObject(rejection("UNAVAILABLE"));

    expect(world.journal.opened).toHaveLength(length);
  });

  it("can be purged, and returns the number of its jobs", async () => {
    await using world = await filled();
    await using next = smaller(world);

    expect(await next.purge(DATABASE)).toBe(KEYS.length);

    await storeIn(next, DATABASE);
    expect(next.openStores()).toHaveLength(1);
  });

  it("can be deleted", async () => {
    await using world = await filled();
    await using next = smaller(world);

    expect(await next.delete(DATABASE)).toBe(true);
    expect(await next.find(DATABASE)).toBeUndefined();
  });

  it("expires its jobs, and is opened once the rest fits", async () => {
    await using world = await filled();
    await using next = smaller(world);
    world.clock.advance(60_000);

    await next.runMaintenance();
    expect((await world.journal.databases())[0]).toMatchObject({ jobCount: 1 });
    const store = (await next.find(DATABASE))!;

    expect(store.query().map(({ username }) => username)).toEqual([KEYS[0]!.username]);
    expect(store.nextChange(2 * KEYS.length - 1)).toMatchObject({ kind: "removal", reason: "EXPIRED" });
  });

  /** 20 trees, all but the first of which have ended, with a provider that is closed. */
  async function filled(): Promise<Stores> {
    const world = createStores({ retention: retentionOf(60_000) });
    const store = await world.provider.getTaskStore(DATABASE);
    await Promise.all(KEYS.map((key) => store.store(storeRequestOf(key, { spec: TREE }))));
    await Promise.all(KEYS.slice(1).map((key) => store.update(key, reportOf({ status: "FINISHED" }))));
    await world.provider.close();
    return world;
  }

  function smaller(world: Stores): PerDatabaseTaskStoreProvider {
    return new PerDatabaseTaskStoreProvider(world.journal, {
      ...world,
      limits: { ...world.limits, memoryMax: 200_000 },
    });
  }
});

describe("a full memory", () => {
  it("evicts the ended jobs of other databases too, so that a later try succeeds", async () => {
    await using world = createStores({ limits: { memoryMax: 200_000 } });
    const [ended, other] = await Promise.all(
      [DATABASE, OTHER_DATABASE].map((name) => world.provider.getTaskStore(name)),
    );
    for (const key of manyKeys(85)) {
      await ended!.store(storeRequestOf(key)).catch(() => {});
      await ended!.update(key, reportOf({ status: "FINISHED" })).catch(() => {});
    }
    const tree = branch("root", ...Array.from({ length: 100 }, (_, at) => leaf(`leaf ${at}`)));
    const request = storeRequestOf(ALICE, { database: OTHER_DATABASE, spec: tree });

    const first = other!.store(request);
    await expect(first).rejects.toMatchObject(rejection("LIMIT_EXCEEDED", "memoryMax"));
    await untilIdle();

    await expect(other!.store(request)).resolves.toBeDefined();
  });
});

describe("a journal on disk", () => {
  it("deletes the files of a database", async () => {
    const folder = temporaryFolder();
    const options = { ...DEFAULT_LIMITS, newEpoch: false, log: createStores().log };
    await using journal = await openLmdbJournal(folder, options);
    await using provider = new PerDatabaseTaskStoreProvider(journal, createStores());
    await storeIn(provider, DATABASE);

    await provider.delete(DATABASE);
    await storeIn(provider, OTHER_DATABASE);

    expect(await journal.databases()).toEqual([{ name: OTHER_DATABASE, jobCount: 1 }]);
    expect(await journal.recent(9)).toEqual([OTHER_DATABASE]);
  });
});

async function storeIn(provider: PerDatabaseTaskStoreProvider, database: typeof DATABASE): Promise<void> {
  const store = await provider.getTaskStore(database, ALICE.username);
  await store.store(storeRequestOf(jobKey("alice", "job"), { database }));
}

async function letGo({ provider, clock }: Stores): Promise<void> {
  await untilIdle();
  clock.advance(1_000);
  await provider.closeIdleStores();
}
