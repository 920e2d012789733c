import { describe, expect, it } from "vitest";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { ALICE, ANY_ATTEMPT, BOB, CAROL, storeRequestOf } from "../kit/store/requests.js";
import { WIRE_TRANSPORTS } from "../kit/wire/connection.js";
import type { WireEvent } from "../kit/wire/event.js";
import { WireWatcher } from "../kit/wire/watcher.js";
import { RecordedServer } from "../kit/wire/recorded-server.js";

describe.each(WIRE_TRANSPORTS)("L9: loss is said, over $name", (transport) => {
  it("who gives no position is told Reset INITIAL and the state", async () => {
    await using world = await openWithThree();
    using watcher = new WireWatcher(world, { transport });
    await watcher.connect();
    await world.caughtUp(watcher);
    expect(watcher.events.map(wordOf)).toEqual([
      "INITIAL",
      "TaskStored",
      "TaskStored",
      "TaskStored",
      "CaughtUp",
    ]);
  });

  it("who stands at revision 0, of whichever epoch, has nothing to lose", async () => {
    await using world = await openWithThree();
    using watcher = new WireWatcher(world, { transport });
    await watcher.connect("elsewhere_01.0");
    await world.caughtUp(watcher);
    expect(wordOf(watcher.events[0]!)).toBe("INITIAL");
  });

  it("who was away while more was removed than is remembered is told HISTORY_GONE, and holds nothing that is gone", async () => {
    await using world = await openWithThree({ removalsKeptMax: "1" });
    using watcher = new WireWatcher(world, { transport });
    await watcher.connect();
    await world.caughtUp(watcher);
    watcher.disconnect();
    const told = watcher.eventCount;
    await removeAll(world, ALICE, BOB);
    await watcher.reconnect();
    await world.caughtUp(watcher);
    expect(watcher.events.slice(told).map(wordOf)).toEqual(["HISTORY_GONE", "TaskStored", "CaughtUp"]);
    expect(watcher.client.held.size).toBe(1);
    expect(world.violations(watcher, "L7 no gap", "L9 loss is said")).toEqual([]);
  });

  it("who was away while as much was removed as is remembered is told of each removal instead", async () => {
    await using world = await openWithThree({ removalsKeptMax: "2" });
    using watcher = new WireWatcher(world, { transport });
    await watcher.connect();
    await world.caughtUp(watcher);
    watcher.disconnect();
    const told = watcher.eventCount;
    await removeAll(world, ALICE, BOB);
    await watcher.reconnect();
    await world.caughtUp(watcher);
    expect(watcher.events.slice(told).map(wordOf)).toEqual(["TaskRemoved", "TaskRemoved", "CaughtUp"]);
  });

  it("who is connected, and is told too seldom to hear of each removal, is told HISTORY_GONE in the middle", async () => {
    const clock = new ManualClock();
    await using world = await openWithThree({ removalsKeptMax: "1" }, clock);
    using watcher = new WireWatcher(world, { transport, minIntervalMs: 1_000 });
    using live = new WireWatcher(world, { transport });
    await Promise.all([watcher.connect(), live.connect()]);
    await Promise.all([world.caughtUp(watcher), world.caughtUp(live)]);
    const told = watcher.eventCount;
    await removeAll(world, ALICE, BOB);
    await world.caughtUp(live);
    clock.advance(1_000);
    await world.caughtUp(watcher);
    expect(watcher.events.slice(told).map(wordOf)).toEqual(["HISTORY_GONE", "TaskStored", "CaughtUp"]);
    expect(world.violations(watcher, "L7 no gap", "L9 loss is said")).toEqual([]);
  });

  it("who was cut off in a snapshot before what was forgotten goes on as if nothing had happened", async () => {
    await using world = await openWithThree({ removalsKeptMax: "1" });
    await removeAll(world, ALICE, BOB);
    await world.store.store(storeRequestOf(ALICE));
    using watcher = new WireWatcher(world, { transport });
    await watcher.connect();
    await world.caughtUp(watcher);
    const told = watcher.eventCount;
    await watcher.reconnect(2); // the first job of the snapshot: its revision lies below what is forgotten
    await world.caughtUp(watcher);
    expect(watcher.events.slice(told).map(wordOf)).toEqual(["TaskStored", "CaughtUp"]);
    expect(world.violations(watcher, "L7 no gap", "L8 resumable", "L9 loss is said")).toEqual([]);
  });

  it("who comes from the future is told HISTORY_GONE, and the state", async () => {
    await using world = await openWithThree();
    using watcher = new WireWatcher(world, { transport });
    await watcher.connect(`${world.history.epoch}.4`);
    await world.caughtUp(watcher);
    expect(wordOf(watcher.events[0]!)).toBe("HISTORY_GONE");
    expect(watcher.client.held.size).toBe(3);
  });

  it("who comes from another history is told EPOCH_CHANGED, and the state", async () => {
    await using world = await openWithThree();
    using watcher = new WireWatcher(world, { transport });
    await watcher.connect("elsewhere_01.2");
    await world.caughtUp(watcher);
    expect(wordOf(watcher.events[0]!)).toBe("EPOCH_CHANGED");
    expect(watcher.client.held.size).toBe(3);
  });
});

async function openWithThree(
  flags: Record<string, string> = {},
  clock?: ManualClock,
): Promise<RecordedServer> {
  const world = await RecordedServer.open(flags, clock ? { clock } : {});
  for (const key of [ALICE, BOB, CAROL]) await world.store.store(storeRequestOf(key));
  return world;
}

async function removeAll({ store }: RecordedServer, ...keys: readonly (typeof ALICE)[]): Promise<void> {
  for (const key of keys) await store.remove(key, ANY_ATTEMPT);
}

/** A Reset by its cause, any other event by its kind. */
function wordOf(event: WireEvent): string {
  return event.kind === "Reset" ? event.cause : event.kind;
}
