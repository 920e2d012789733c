import { describe, expect, it } from "vitest";
import { branch, leaf } from "../kit/store/edits.js";
import { ALICE, ANY_ATTEMPT, BOB, CAROL, manyKeys, reportOf, storeRequestOf } from "../kit/store/requests.js";
import { WIRE_TRANSPORTS } from "../kit/wire/connection.js";
import { reconnectStorm } from "../kit/wire/reconnect-storm.js";
import { WireWatcher, type WatcherOptions } from "../kit/wire/watcher.js";
import { RecordedServer } from "../kit/wire/recorded-server.js";

const TREE = branch("root", leaf("a", 10), leaf("b", 10));
/** What `watchSome` is told, and how many Resets follow when the position of it is given back. */
const PLACES = [
  ["the Reset", 0, 1],
  ["the first job of a snapshot", 1, 0],
  ["the second job of a snapshot", 2, 0],
  ["the last job of a snapshot", 3, 0],
  ["CaughtUp", 4, 0],
  ["an update", 5, 0],
  ["a store over another", 6, 0],
  ["an update of what was stored again", 7, 0],
  ["a removal", 8, 0],
] as const;
const JOBS = Array.from({ length: 20 }, (_, at) => at);
const WATCHERS_IN_A_STORM = 2_000;

describe.each(WIRE_TRANSPORTS)("L8: resumable, over $name", (transport) => {
  it.each(PLACES)(
    "the position of %s can be given back, with what was held then",
    async (_, place, resets) => {
      await using world = await RecordedServer.open();
      using watcher = await watchSome(world, { transport });
      const told = watcher.eventCount;
      watcher.disconnect();
      await changeMore(world);
      await watcher.reconnect(told - 1 - place);
      await world.caughtUp(watcher);
      const since = watcher.events.slice(told);
      expect(told).toBe(PLACES.length);
      expect(since.filter(({ kind }) => kind === "Reset")).toHaveLength(resets);
      expect(since.filter(({ kind }) => kind === "CaughtUp")).toEqual([since.at(-1)]);
      expect(world.violations(watcher, "L7 no gap", "L8 resumable", "L10 merged right")).toEqual([]);
    },
  );

  it("who comes back to what has not changed is told CaughtUp alone", async () => {
    await using world = await RecordedServer.open();
    using watcher = await watchSome(world, { transport });
    const told = watcher.eventCount;
    await watcher.reconnect();
    await world.caughtUp(watcher);
    expect(watcher.events.slice(told).map(({ kind }) => kind)).toEqual(["CaughtUp"]);
  });

  it("who is cut off in the middle of a snapshot goes on there, and is told no job twice", async () => {
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
    "who is cut off in a snapshot before job %i, which changes then, holds it in the end, whatever others were told",
    async (place) => {
      await using world = await RecordedServer.open();
      const keys = manyKeys(JOBS.length);
      for (const key of keys) await world.store.store(storeRequestOf(key));
      using other = new WireWatcher(world, { transport });
      using watcher = new WireWatcher(world, { transport });
      await Promise.all([watcher.connect(), other.connect()]);
      await Promise.all([world.caughtUp(watcher), world.caughtUp(other)]);
      watcher.disconnect();
      await world.store.update(keys[place]!, reportOf({ done: 1 }));
      await world.caughtUp(other);
      await watcher.reconnect(keys.length + 1 - place);
      await world.caughtUp(watcher);
      expect(world.violations(watcher, "L7 no gap", "L8 resumable", "L10 merged right")).toEqual([]);
    },
  );

  it("who is cut off after each event comes to the end all the same", async () => {
    await using world = await RecordedServer.open();
    using watcher = await watchSome(world, { transport });
    watcher.disconnect();
    await changeMore(world);
    await readOneByOne(watcher);
    expect(watcher.client.held).toEqual(world.history.at(world.history.revision, {}));
    expect(world.violations(watcher, "L6 no repeat", "L7 no gap", "L8 resumable")).toEqual([]);
  });

  it("who comes back goes on live", async () => {
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
  it("all who lose their connections at once are told what they missed, no more and no less", async () => {
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

/** Something of every kind, to every job. */
async function changeMore({ store }: RecordedServer): Promise<void> {
  await store.update(ALICE, reportOf({ path: "1", done: 5, message: "half" }));
  await store.store(storeRequestOf(BOB));
  await store.store(storeRequestOf(CAROL, { spec: TREE }));
  await store.update(CAROL, reportOf({ path: "0", done: 1 }));
  await store.remove(BOB, ANY_ATTEMPT);
  await store.update(ALICE, reportOf({ path: "0", status: "FINISHED" }));
}

/** With a connection of its own for each event. */
async function readOneByOne(watcher: WireWatcher): Promise<void> {
  do {
    const from = watcher.eventCount;
    await watcher.reconnect();
    await watcher.until(() => watcher.eventCount > from);
    watcher.disconnect();
  } while (watcher.events.at(-1)?.kind !== "CaughtUp");
}
