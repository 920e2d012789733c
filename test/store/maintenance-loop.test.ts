import { describe, expect, it } from "vitest";
import { MaintenanceLoop } from "../../src/store/maintenance-loop.js";
import { PerDatabaseTaskStoreProvider } from "../../src/store/per-database-task-store-provider.js";
import type { TaskStore } from "../../src/store/task-store.js";
import { createFaultyJournal, type FaultyJournal } from "../kit/journal/faulty-journal.js";
import { RecordingListener } from "../kit/store/recording-listener.js";
import { ALICE, BOB, DATABASE, OTHER_DATABASE, reportOf, storeRequestOf } from "../kit/store/requests.js";
import { createStores, retentionOf, type Stores } from "../kit/store/task-stores.js";
import { untilIdle, until } from "../kit/deterministic/turns.js";

const HOUR_MS = 3_600_000;

describe("the maintenance loop", () => {
  it("removes a job with a normal change once its retention is over", async () => {
    await using world = createStores({ idleMs: Infinity, retention: retentionOf(HOUR_MS) });
    const store = await storeEnded(world, DATABASE);
    const listener = new RecordingListener();
    store.addListener(listener);
    start(world);
    world.clock.advance(HOUR_MS + 60_000);
    await until(() => store.taskCount() === 0);
    expect(listener.calls).toMatchObject([{ kind: "removed", removal: { ...ALICE, reason: "EXPIRED" } }]);
    expect(store.position.revision).toBe(3);
  });

  it("keeps a job during its retention, and one that never ends", async () => {
    await using world = createStores({ idleMs: Infinity, retention: retentionOf(HOUR_MS) });
    const store = await storeEnded(world, DATABASE);
    await store.store(storeRequestOf(BOB, { leaseMs: 10 * HOUR_MS }));
    start(world);
    await pass(world, HOUR_MS - 60_000);
    expect(store.taskCount()).toBe(2);
    await pass(world, 10 * HOUR_MS);
    expect(store.query()).toMatchObject([BOB]);
  });

  it("covers all open stores", async () => {
    await using world = createStores({ idleMs: Infinity, retention: retentionOf(HOUR_MS) });
    const stores = [await storeEnded(world, DATABASE), await storeEnded(world, OTHER_DATABASE)];
    start(world);
    world.clock.advance(2 * HOUR_MS);
    await until(() => stores.every((store) => store.taskCount() === 0));
    expect(stores.map(({ position }) => position.revision)).toEqual([3, 3]);
  });

  it.each([
    [24 * HOUR_MS, 60_000],
    [60_000, 6_000],
    [100, 100],
  ])("with a retention of %d ms runs first after %d ms", async (retentionMs, pauseMs) => {
    await using world = createStores({ idleMs: Infinity, retention: retentionOf(retentionMs) });
    const store = await storeEnded(world, DATABASE);
    world.clock.advance(retentionMs);
    start(world);
    await pass(world, pauseMs - 1);
    expect(store.taskCount()).toBe(1);
    await pass(world, 1);
    expect(store.taskCount()).toBe(0);
  });

  it("continues after a failed round, which is logged", async () => {
    let faults: FaultyJournal | undefined;
    await using world = createStores({
      retention: retentionOf(1_000),
      journal: (journal) => (faults = createFaultyJournal(journal)),
    });
    const store = await storeEnded(world, DATABASE);
    start(world);
    faults!.failNextAppend("before writing");
    world.clock.advance(1_000);
    await until(() => world.log.lines.length > 0);
    expect(world.log.lines).toMatchObject([{ level: "warn" }]);
    expect(store.taskCount()).toBe(1);
    await pass(world, 100);
    expect(store.taskCount()).toBe(0);
  });

  it("closes an idle store within a minute after the idle time", async () => {
    await using world = createStores({ idleMs: HOUR_MS });
    await world.provider.getTaskStore(DATABASE);
    start(world);
    await pass(world, HOUR_MS - 1);
    expect(world.provider.openStores()).toHaveLength(1);
    await pass(world, 60_000);
    expect(world.provider.openStores()).toEqual([]);
  });

  it("runs more often if the idle time is short", async () => {
    await using world = createStores({ idleMs: 5_000 });
    await world.provider.getTaskStore(DATABASE);
    start(world);
    await pass(world, 5_500);
    expect(world.provider.openStores()).toEqual([]);
  });

  it("keeps FAILED jobs for their own retention", async () => {
    await using world = createStores({ idleMs: Infinity, retention: retentionOf(HOUR_MS, 2 * HOUR_MS) });
    const store = await storeEnded(world, DATABASE);
    await store.store(storeRequestOf(BOB));
    await store.update(BOB, reportOf({ status: "FAILED" }));
    start(world);
    await pass(world, 1.5 * HOUR_MS);
    expect(store.query()).toMatchObject([BOB]);
    await pass(world, HOUR_MS);
    expect(store.query()).toEqual([]);
  });

  it("removes jobs of unopened databases that expired before it started", async () => {
    await using world = createStores({ retention: retentionOf(HOUR_MS) });
    await (await storeEnded(world, DATABASE)).store(storeRequestOf(BOB));
    await world.provider.close();
    world.clock.advance(HOUR_MS);
    await using next = providerAfter(world);
    start({ ...world, provider: next });
    world.clock.advance(60_000);
    await until(() => world.journal.appends.length === 4);
    await until(() => world.journal.openHandleCount === 0);
    expect((await next.find(DATABASE))?.query()).toMatchObject([BOB]);
  });

  it("does nothing once it is stopped, even during a round", async () => {
    await using world = createStores({ idleMs: Infinity, retention: retentionOf(1_000) });
    const store = await storeEnded(world, DATABASE);
    const expiry = start(world);
    const release = world.journal.holdAppends();
    world.clock.advance(1_000);
    await until(() => world.journal.appends.length === 3);
    expiry.stop();
    expiry.stop();
    release();
    await until(() => store.taskCount() === 0);
    await untilIdle();
    expect(world.clock.timerCount).toBe(0);
  });
});

function start({ provider, ...options }: Stores): MaintenanceLoop {
  const expiry = new MaintenanceLoop(provider, options);
  expiry.start();
  return expiry;
}

/** A provider over the journal of `world`, as after a restart. */
function providerAfter({ journal, ...options }: Stores): PerDatabaseTaskStoreProvider {
  return new PerDatabaseTaskStoreProvider(journal, options);
}

/** A store in which the job of alice has just ended. */
async function storeEnded({ provider }: Stores, database: typeof DATABASE): Promise<TaskStore> {
  const store = await provider.getTaskStore(database);
  await store.store(storeRequestOf(ALICE));
  await store.update(ALICE, reportOf({ status: "FINISHED" }));
  return store;
}

/** Advances the clock in a hundred steps, and runs due timers. */
async function pass({ clock }: Stores, ms: number): Promise<void> {
  const end = clock.now() + ms;
  while (clock.now() < end) {
    clock.advance(Math.min(Math.ceil(ms / 100), end - clock.now()));
    await untilIdle();
  }
}
