import { describe, expect, it } from "vitest";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import { branch, leaf } from "../kit/store/edits.js";
import { ALICE, ANY_ATTEMPT, BOB, CAROL, manyKeys, reportOf, storeRequestOf } from "../kit/store/requests.js";
import { WIRE_TRANSPORTS } from "../kit/wire/connection.js";
import { reconnectStorm } from "../kit/wire/reconnect-storm.js";
import { WireWatcher, type WatcherOptions } from "../kit/wire/watcher.js";
import { RecordedServer } from "../kit/wire/recorded-server.js";

const TREE = branch("root", leaf("a", 10), leaf("b", 10));
/** The events of `watchSome`, and how many Resets follow when the watcher resumes from each. */
const EVENTS = [
  ["the Reset", 0, 1],
  ["the first job of a snapshot", 1, 0],
  ["the second job of a snapshot", 2, 0],
  ["the last job of a snapshot", 3, 0],
  ["CaughtUp", 4, 0],
  ["an update", 5, 0],
  ["a repeated store", 6, 0],
  ["an update of a job that was stored again", 7, 0],
  ["a removal", 8, 0],
] as const;
const JOBS = Array.from({ length: 20 }, (_, at) => at);
const WATCHERS_IN_A_STORM = IS_FULL_LENGTH ? 2_000 : 600;

describe.each(WIRE_TRANSPORTS)("L8: resumable, over $name", (transport) => {
  it.each(EVENTS)("a watcher can resume from the position of %s", async (_, index, resets) => {
    await using world = await RecordedServer.open();
    using watcher = await watchSome(world, { transport });
    const before = watcher.eventCount;
    watcher.disconnect();
    await changeMore(world);
    await watcher.reconnect(before - 1 - index);
    await world.caughtUp(watcher);
    const since = watcher.events.slice(before);
    expect(before).toBe(EVENTS.length);
    expect(since.filter(({ kind }) => kind === "Reset")).toHaveLength(resets);
    expect(since.filter(({ kind }) => kind === "CaughtUp")).toEqual([since.at(-1)]);
    expect(world.violations(watcher, "L7 no gap", "L8 resumable", "L10 merged right")).toEqual([]);
  });

  it("a watcher that resumes without a change receives only CaughtUp", async () => {
    await using world = await RecordedServer.open();
    using watcher = await watchSome(world, { transport });
    const before = watcher.eventCount;
    await watcher.reconnect();
    await world.caughtUp(watcher);
    expect(watcher.events.slice(before).map(({ kind }) => kind)).toEqual(["CaughtUp"]);
  });

  it("a watcher that disconnects within a snapshot continues there, and receives no job twice", async () => {
    await using world = await RecordedServer.open();
    const keys = manyKeys(100);
    await Promise.all(keys.map((key) => world.store.store(storeRequestOf(key))));
    using watcher = new WireWatcher(world, { transport });
    await watcher.connect();
    await watcher.until(() => watcher.eventCount >= 10);
    await watcher.reconnect();
    await world.caughtUp(watcher);
    const { events } = watcher;
    expect(events.filter(({ kind }) => kind === "TaskStored")).toHaveLength(keys.length);
    expect(events.filter(({ kind }) => kind === "Reset")).toHaveLength(1);
    expect(world.violations(watcher, "L6 no repeat", "L7 no gap", "L8 resumable")).toEqual([]);
  });

  it.each(JOBS)(
    "a watcher that disconnects before job %i of a snapshot receives the change of that job",
    async (index) => {
      await using world = await RecordedServer.open();
      const keys = manyKeys(JOBS.length);
      for (const key of keys) await world.store.store(storeRequestOf(key));
      using other = new WireWatcher(world, { transport });
      using watcher = new WireWatcher(world, { transport });
      await Promise.all([watcher.connect(), other.connect()]);
      await Promise.all([world.caughtUp(watcher), world.caughtUp(other)]);
      watcher.disconnect();
      await world.store.update(keys[index]!, reportOf({ done: 1 }));
      await world.caughtUp(other);
      await watcher.reconnect(keys.length + 1 - index);
      await world.caughtUp(watcher);
      expect(world.violations(watcher, "L7 no gap", "L8 resumable", "L10 merged right")).toEqual([]);
    },
  );

  it("a watcher that disconnects after each event still catches up", async () => {
    await using world = await RecordedServer.open();
    using watcher = await watchSome(world, { transport });
    watcher.disconnect();
    await changeMore(world);
    await readOneByOne(watcher);
    expect(watcher.client.held).toEqual(world.history.at(world.history.revision, {}));
    expect(world.violations(watcher, "L6 no repeat", "L7 no gap", "L8 resumable")).toEqual([]);
  });

  it("a watcher that resumes goes live", async () => {
    await using world = await RecordedServer.open();
    using watcher = await watchSome(world, { transport });
    await watcher.reconnect();
    await world.caughtUp(watcher);
    await world.store.update(ALICE, reportOf({ path: "1", done: 5 }));
    await world.caughtUp(watcher);
    expect(watcher.events.at(-1)).toMatchObject({
      kind: "TaskUpdated",
      changed: [{ path: "" }, { path: "1" }],
    });
    expect(world.violations(watcher, "L7 no gap", "L8 resumable")).toEqual([]);
  });
});

describe("L8: a restart storm", () => {
  it("all watchers that reconnect at once receive exactly what they missed", async () => {
    const { resets, violations, complete } = await reconnectStorm(WATCHERS_IN_A_STORM);
    expect(resets).toBe(0);
    expect(violations).toEqual([]);
    expect(complete).toBe(WATCHERS_IN_A_STORM);
  }, 180_000);
});

async function watchSome(world: RecordedServer, watching: WatcherOptions): Promise<WireWatcher> {
  const { store } = world;
  for (const key of [ALICE, BOB, CAROL]) await store.store(storeRequestOf(key, { spec: TREE }));
  const watcher = new WireWatcher(world, watching);
  await watcher.connect();
  await world.caughtUp(watcher);
  await store.update(ALICE, reportOf({ path: "0", done: 1 }));
  await world.caughtUp(watcher);
  await store.store(storeRequestOf(BOB, { spec: TREE }));
  await world.caughtUp(watcher);
  await store.update(BOB, reportOf({ path: "1", done: 1 }));
  await world.caughtUp(watcher);
  await store.remove(CAROL, ANY_ATTEMPT);
  await world.caughtUp(watcher);
  return watcher;
}

/** Makes changes of every kind. */
async function changeMore({ store }: RecordedServer): Promise<void> {
  await store.update(ALICE, reportOf({ path: "1", done: 5, message: "half" }));
  await store.store(storeRequestOf(BOB));
  await store.store(storeRequestOf(CAROL, { spec: TREE }));
  await store.update(CAROL, reportOf({ path: "0", done: 1 }));
  await store.remove(BOB, ANY_ATTEMPT);
  await store.update(ALICE, reportOf({ path: "0", status: "FINISHED" }));
}

/** Reads each event over a new connection. */
async function readOneByOne(watcher: WireWatcher): Promise<void> {
  do {
    const from = watcher.eventCount;
    await watcher.reconnect();
    await watcher.until(() => watcher.eventCount > from);
    watcher.disconnect();
  } while (watcher.events.at(-1)?.kind !== "CaughtUp");
}
