import { describe, expect, it } from "vitest";
import { PerDatabaseTaskStoreProvider } from "../../src/store/per-database-task-store-provider.js";
import type { TaskStore } from "../../src/store/task-store.js";
import { createFaultyJournal, type FaultyJournal } from "../kit/journal/faulty-journal.js";
import { RecordingListener } from "../kit/store/recording-listener.js";
import { ALICE, BOB, DATABASE, manyKeys, reportOf, storeRequestOf } from "../kit/store/requests.js";
import {
  createStores,
  openStore,
  retentionOf,
  type OpenedStore,
  type Stores,
} from "../kit/store/task-stores.js";
import type { ManualSteadyClock } from "../kit/deterministic/manual-steady-clock.js";
import { untilIdle, until } from "../kit/deterministic/turns.js";

const LEASE_MS = 60_000;
const DAY_MS = 86_400_000;

describe("the health of the jobs in a store", () => {
  it("declines on time, to the millisecond, and recovers with the next report", async () => {
    await using world = await openStore();
    await world.store.store(storeRequestOf(ALICE));
    await world.store.update(ALICE, reportOf({ done: 1 }));
    expect(await healthAfter(world, LEASE_MS - 1)).toBe("OK");
    expect(await healthAfter(world, 1)).toBe("SILENT");
    expect(await healthAfter(world, 2 * LEASE_MS - 1)).toBe("SILENT");
    expect(await healthAfter(world, 1)).toBe("LOST");
    expect(await healthAfter(world, 1_000 * LEASE_MS)).toBe("LOST");
    const mended = await world.store.update(ALICE, reportOf());
    expect(mended).toMatchObject({ health: "OK", version: 5, task: { status: "RUNNING", done: 1 } });
    expect(await healthAfter(world, LEASE_MS)).toBe("SILENT");
  });

  it("takes one step at a time, a lease apart, even if both are due at once", async () => {
    await using world = await openStore();
    const listener = new RecordingListener();
    await world.store.store(storeRequestOf(ALICE));
    world.store.addListener(listener);
    expect(await healthAfter(world, 1_000 * LEASE_MS)).toBe("SILENT");
    expect(await healthAfter(world, LEASE_MS - 1)).toBe("SILENT");
    expect(await healthAfter(world, 1)).toBe("LOST");
    expect(listener.calls.map(({ userTask }) => userTask.health)).toEqual(["SILENT", "LOST"]);
  });

  it.each([
    ["the clock is set a day ahead", (clock: ManualSteadyClock) => clock.setBack(-DAY_MS)],
    ["the clock is set back by a day", (clock: ManualSteadyClock) => clock.setBack(DAY_MS)],
    ["the process is stopped for 70 s", (clock: ManualSteadyClock) => clock.pause(70_000)],
  ])("begins a new lease when %s", async (_, interrupt) => {
    await using world = await openStore();
    world.clock.watch();
    await world.store.store(storeRequestOf(ALICE));
    await healthAfter(world, LEASE_MS - 1_000);
    interrupt(world.clock);
    expect(await healthAfter(world, 0)).toBe("OK");
    world.clock.now();
    expect(await healthAfter(world, LEASE_MS - 1)).toBe("OK");
    expect(await healthAfter(world, 1)).toBe("SILENT");
    expect(await healthAfter(world, 2 * LEASE_MS - 1)).toBe("SILENT");
    expect(await healthAfter(world, 1)).toBe("LOST");
    world.clock.stop();
  });

  it("stays OK through heartbeats after the clock was set back", async () => {
    await using world = await openStore();
    await world.store.store(storeRequestOf(ALICE));
    world.clock.setBack(DAY_MS);
    for (let beat = 0; beat < 6; beat++) {
      await healthAfter(world, LEASE_MS / 2);
      await world.store.update(ALICE, reportOf());
    }
    expect(world.store.get(ALICE)).toMatchObject({ health: "OK", version: 7 });
  });

  it("stays OK while heartbeats arrive, even if they are not committed", async () => {
    await using world = await openStore();
    await world.store.store(storeRequestOf(ALICE));
    for (let beat = 0; beat < 60; beat++) {
      await healthAfter(world, LEASE_MS / 5);
      await world.store.update(ALICE, reportOf());
    }
    expect(world.store.get(ALICE)).toMatchObject({ health: "OK", version: 31 });
  });

  it("costs no append, and one check per lease, while the jobs report", async () => {
    await using world = await openStore();
    await world.store.store(storeRequestOf(ALICE));
    for (let beat = 0; beat < 10; beat++) {
      await healthAfter(world, LEASE_MS / 2);
      await world.store.update(ALICE, reportOf({ add: 1 }));
      expect(world.clock.timerCount).toBe(1);
    }
    expect(world.journal.appends).toHaveLength(11);
  });

  it("does not decline once the job has ended", async () => {
    await using world = await openStore();
    await world.store.store(storeRequestOf(ALICE));
    await world.store.update(ALICE, reportOf({ status: "FINISHED" }));
    expect(world.clock.timerCount).toBe(0);
    expect(await healthAfter(world, 1_000 * LEASE_MS)).toBe("OK");
  });

  it("changes in appends of a thousand jobs, and yields between them", async () => {
    await using world = await openStore();
    const keys = manyKeys(2_500);
    await Promise.all(keys.map((key) => world.store.store(storeRequestOf(key))));
    const appendsBefore = world.journal.appends.length;
    world.clock.advance(LEASE_MS);
    await until(() => keys.every((key) => world.store.get(key)?.health === "SILENT"));
    const sizes = world.journal.appends.slice(appendsBefore).map((entries) => entries.length);
    expect(sizes).toEqual([1_000, 1_000, 500]);
  });

  it("takes reports into account that are not durable yet", async () => {
    await using world = await openStore();
    await world.store.store(storeRequestOf(ALICE));
    world.clock.advance(LEASE_MS / 2);
    const release = world.journal.holdAppends();
    const held = world.store.update(ALICE, reportOf({ done: 1 }));
    await until(() => world.journal.appends.length === 2);
    world.clock.advance(LEASE_MS / 2);
    release();
    await held;
    await untilIdle();
    expect(world.store.get(ALICE)).toMatchObject({ health: "OK", version: 2 });
    expect(await healthAfter(world, LEASE_MS / 2)).toBe("SILENT");
  });

  it("is updated again one second after a failed append, which is logged", async () => {
    let faults: FaultyJournal | undefined;
    await using world = await openStore({ journal: (journal) => (faults = createFaultyJournal(journal)) });
    await world.store.store(storeRequestOf(ALICE));
    faults!.failNextAppend("before writing");
    expect(await healthAfter(world, LEASE_MS)).toBe("OK");
    expect(world.log.lines).toMatchObject([{ level: "warn", message: "cannot update the health of jobs" }]);
    expect(await healthAfter(world, 999)).toBe("OK");
    expect(await healthAfter(world, 1)).toBe("SILENT");
  });

  it("is not updated once the store is closed", async () => {
    await using world = await openStore();
    await world.store.store(storeRequestOf(ALICE));
    await world.store.close();
    expect(world.clock.timerCount).toBe(0);
  });
});

describe("the health of jobs over a restart", () => {
  it("is kept, and the leases restart", async () => {
    await using world = await openStore();
    await world.store.store(storeRequestOf(ALICE));
    await healthAfter(world, LEASE_MS);
    await world.store.close();
    world.clock.advance(10 * LEASE_MS);
    const clock = world.clock.restarted();
    await using next = new PerDatabaseTaskStoreProvider(world.journal, { ...world, clock });
    const store = await next.getTaskStore(DATABASE);
    const after = (ms: number) => healthAfter({ clock, store }, ms);
    expect(await after(3 * LEASE_MS - 1)).toBe("SILENT");
    expect(await after(1)).toBe("LOST");
  });
});

describe("the health of jobs in a database that is closed", () => {
  it("is updated by the maintenance rounds, which open the database and close it again", async () => {
    await using world = createStores({ idleMs: 1_000 });
    const store = await world.provider.getTaskStore(DATABASE);
    await store.store(storeRequestOf(ALICE));
    await idle(world);
    const opened = world.journal.opened.length;
    world.clock.advance(LEASE_MS - 1_001);
    await world.provider.runMaintenance(); // the first round does not know when jobs are due
    expect(world.journal.opened).toHaveLength(opened);
    world.clock.advance(1);
    await world.provider.runMaintenance();
    expect(world.journal.opened).toHaveLength(opened + 1);
    expect(world.provider.openStores()).toEqual([]);
    expect(await healthIn(world)).toBe("SILENT");
  });

  it("does not restart its leases when it is opened, but takes one step at a time", async () => {
    await using world = createStores({ idleMs: 1_000 });
    await (await world.provider.getTaskStore(DATABASE)).store(storeRequestOf(ALICE));
    await idle(world);
    world.clock.advance(3 * LEASE_MS);
    const store = await world.provider.getTaskStore(DATABASE);
    expect(await healthAfter({ ...world, store }, 0)).toBe("SILENT");
    await idle(world);
    const reopened = { ...world, store: await world.provider.getTaskStore(DATABASE) };
    expect(await healthAfter(reopened, LEASE_MS - 1_001)).toBe("SILENT");
    expect(await healthAfter(reopened, 1)).toBe("LOST");
  });
});

describe("a job that is LOST", () => {
  it("expires when its retention is over, counted from its last report", async () => {
    await using world = createStores({ idleMs: Infinity, retention: retentionOf(10 * LEASE_MS) });
    const store = await world.provider.getTaskStore(DATABASE);
    await store.store(storeRequestOf(ALICE));
    await store.store(storeRequestOf(BOB, { leaseMs: 100 * LEASE_MS }));
    for (const ms of [LEASE_MS, 2 * LEASE_MS, 7 * LEASE_MS - 1]) await pass(world, ms);
    await world.provider.runMaintenance();
    expect(store.taskCount()).toBe(2);
    await pass(world, 1);
    await world.provider.runMaintenance();
    expect(store.query()).toMatchObject([BOB]);
  });

  it("does not expire while it is SILENT", async () => {
    await using world = createStores({ idleMs: Infinity, retention: retentionOf(1) });
    const store = await world.provider.getTaskStore(DATABASE);
    await store.store(storeRequestOf(ALICE));
    await pass(world, 2 * LEASE_MS);
    await world.provider.runMaintenance();
    expect(store.get(ALICE)?.health).toBe("SILENT");
  });
});

async function pass({ clock }: Pick<Stores, "clock">, ms: number): Promise<void> {
  clock.advance(ms);
  await untilIdle();
}

/** The health of the job of alice after `ms`. */
async function healthAfter(world: Pick<OpenedStore, "clock"> & { store: TaskStore }, ms: number) {
  await pass(world, ms);
  return world.store.get(ALICE)?.health;
}

async function healthIn({ provider }: Stores) {
  return (await provider.getTaskStore(DATABASE)).get(ALICE)?.health;
}

/** Closes the idle store, after a round that found its due times. */
async function idle({ provider, clock }: Stores): Promise<void> {
  await provider.runMaintenance();
  await untilIdle();
  clock.advance(1_000);
  await provider.closeIdleStores();
}
