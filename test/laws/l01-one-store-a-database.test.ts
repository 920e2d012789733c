import { describe, expect, it } from "vitest";
import { BOOKMARK_MS } from "../kit/delivery/cursor-reader.js";
import { Hub } from "../../src/hub/hub.js";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { parseDatabaseName } from "../../src/tasks/names.js";
import { createFaultyJournal, type FaultyJournal } from "../kit/journal/faulty-journal.js";
import { jobKey } from "../kit/journal/entries.js";
import {
  ALICE,
  ANY_ATTEMPT,
  DATABASE,
  OTHER_DATABASE,
  rejection,
  storeRequestOf,
} from "../kit/store/requests.js";
import { createStores } from "../kit/store/task-stores.js";
import { untilIdle, until } from "../kit/deterministic/turns.js";

describe("L1: one store per database", () => {
  it("concurrent requests of all kinds get one store", async () => {
    await using world = createStores();
    const { provider } = world;
    const getting = Array.from({ length: 10 }, () => provider.getTaskStore(DATABASE));
    const leases = Array.from({ length: 10 }, () => provider.retain(DATABASE));
    const stores = [
      ...(await Promise.all(getting)),
      ...(await Promise.all(leases)).map(({ store }) => store),
    ];
    expect(new Set(stores).size).toBe(1);
    expect(world.journal.opened).toEqual([DATABASE]);
  });

  it("a request that waited for the lock of a name checks again, and opens nothing", async () => {
    await using world = createStores();
    const release = world.journal.holdOpenings(DATABASE);
    const first = world.provider.getTaskStore(DATABASE);
    await until(() => world.journal.opened.length === 1);
    const waiting = [world.provider.getTaskStore(DATABASE), world.provider.getTaskStore(DATABASE)];
    release();
    expect(await Promise.all(waiting)).toEqual([await first, await first]);
    expect(world.journal.opened).toEqual([DATABASE]);
  });

  it.each([
    ["Neo4J", "neo4j"],
    ["ÉTÉ", "été"],
    ["E\u0301te\u0301", "été"],
    ["\u212Bngström", "ångström"],
  ])("the database names %j and %j are equal after lower-casing and normalization", async (text, same) => {
    await using world = createStores();
    const [one, other] = [parseDatabaseName(text, DEFAULT_LIMITS), parseDatabaseName(same, DEFAULT_LIMITS)];
    expect(await world.provider.getTaskStore(one)).toBe(await world.provider.getTaskStore(other));
  });

  it("user names and job ids are normalized but keep their case", async () => {
    await using world = createStores();
    const store = await world.provider.getTaskStore(DATABASE);
    await store.store(storeRequestOf(jobKey("Ren\u00E9e", "Job")));
    await store.store(storeRequestOf(jobKey("Rene\u0301e", "Job")));
    await store.store(storeRequestOf(jobKey("ren\u00E9e", "Job")));
    await store.store(storeRequestOf(jobKey("Ren\u00E9e", "job")));
    expect(store.get(jobKey("Ren\u00E9e", "Job"))?.attempt).toBe(2);
    expect(store.taskCount()).toBe(3);
  });

  it("a failed opening leaves nothing behind, and waiting requests open the store", async () => {
    let faults: FaultyJournal | undefined;
    await using world = createStores({ journal: (journal) => (faults = createFaultyJournal(journal)) });
    faults!.failNextOpen();
    const getting = [1, 2, 3].map(() => world.provider.getTaskStore(DATABASE));
    const [first, second, third] = await Promise.allSettled(getting);
    expect(first).toMatchObject({ status: "rejected", reason: rejection("UNAVAILABLE") });
    expect(second).toEqual(third);
    expect(second!.status).toBe("fulfilled");
    expect(world.provider.openStores()).toHaveLength(1);
    expect(world.journal.openHandleCount).toBe(1);
  });

  it("a database that opens slowly delays no other", async () => {
    await using world = createStores();
    const release = world.journal.holdOpenings(DATABASE);
    const slow = world.provider.getTaskStore(DATABASE);
    const other = await world.provider.getTaskStore(OTHER_DATABASE);
    expect(await other.store(storeRequestOf(ALICE))).toMatchObject({ attempt: 1 });
    expect(world.provider.peek(DATABASE)).toBeUndefined();
    release();
    expect((await slow).database).toBe(DATABASE);
  });

  it("a purge removes the jobs, but keeps the store object, epoch, revision and tombstone horizon", async () => {
    await using world = createStores({ limits: { removalsKeptMax: 1 } });
    const store = await world.provider.getTaskStore(DATABASE);
    await Promise.all(
      ["one", "two", "three"].map((jobId) => store.store(storeRequestOf(jobKey("alice", jobId)))),
    );
    const { epoch } = store.position;
    await store.purge();
    expect(await world.provider.getTaskStore(DATABASE)).toBe(store);
    expect(store.position).toEqual({ epoch, revision: 6 });
    expect(store.tombstoneHorizon).toBe(5);
    expect((await store.store(storeRequestOf(ALICE))).stamp.revision).toBe(7);
  });

  it("requests during the close of an idle store wait, and all get the next store", async () => {
    await using world = createStores();
    const { provider, journal, clock, idleMs } = world;
    const before = await provider.getTaskStore(DATABASE);
    const release = journal.holdClosings();
    clock.advance(idleMs);
    const closing = provider.closeIdleStores();
    await until(() => provider.openStores().length === 0);
    const getting = [provider.getTaskStore(DATABASE), provider.retain(DATABASE).then(({ store }) => store)];
    await untilIdle();
    expect(journal.opened).toEqual([DATABASE]);
    release();
    await closing;
    const stores = new Set(await Promise.all(getting));
    expect(stores.size).toBe(1);
    expect(stores.has(before)).toBe(false);
    expect(journal.openHandleCount).toBe(1);
  });

  it("reading creates no database, neither a lookup nor a subscription", async () => {
    await using world = createStores();
    const { provider, journal, clock } = world;
    const hub = new Hub(provider, { clock, bookmarkMs: BOOKMARK_MS });
    await provider.find(DATABASE);
    provider.peek(DATABASE);
    const events = await hub.taskEvents({ database: DATABASE, minIntervalMs: 0 });
    await events.next();
    expect(await journal.databases()).toEqual([]);
    await events.return();
    expect(provider.openStores()).toEqual([]);
    await until(() => journal.openHandleCount === 0);
  });

  it("the empty store of a subscription is at revision 0 and becomes the real one", async () => {
    await using world = createStores();
    const { provider, clock } = world;
    const hub = new Hub(provider, { clock, bookmarkMs: BOOKMARK_MS });
    const counts = await hub.taskCount({ database: DATABASE, minIntervalMs: 0 });
    expect(provider.peek(DATABASE)?.position.revision).toBe(0);
    expect(await counts.next()).toEqual({ done: false, value: 0 });
    const store = await provider.getTaskStore(DATABASE);
    await store.store(storeRequestOf(ALICE));
    expect(await counts.next()).toEqual({ done: false, value: 1 });
    await store.remove(ALICE, ANY_ATTEMPT);
    expect(await counts.next()).toEqual({ done: false, value: 0 });
  });
});
