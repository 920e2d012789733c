import { describe, expect, it } from "vitest";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { ALICE, ANY_ATTEMPT, BOB, CAROL, storeRequestOf } from "../kit/store/requests.js";
import { WIRE_TRANSPORTS } from "../kit/wire/connection.js";
import type { WireEvent } from "../kit/wire/event.js";
import { WireWatcher } from "../kit/wire/watcher.js";
import { RecordedServer } from "../kit/wire/recorded-server.js";

describe.each(WIRE_TRANSPORTS)("L9: loss is reported, over $name", (transport) => {
  it("a watcher without a position receives Reset INITIAL and the state", async () => {
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

  it("a watcher at revision 0 of any epoch has nothing to lose", async () => {
    await using world = await openWithThree();
    using watcher = new WireWatcher(world, { transport });
    await watcher.connect("elsewhere_01.0");
    await world.caughtUp(watcher);
    expect(wordOf(watcher.events[0]!)).toBe("INITIAL");
  });

  it("a watcher that missed forgotten removals receives HISTORY_GONE, and has no removed job in its copy", async () => {
    await using world = await openWithThree({ removalsKeptMax: "1" });
    using watcher = new WireWatcher(world, { transport });
    await watcher.connect();
    await world.caughtUp(watcher);
    watcher.disconnect();
    const before = watcher.eventCount;
    await removeAll(world, ALICE, BOB);
    await watcher.reconnect();
    await world.caughtUp(watcher);
    expect(watcher.events.slice(before).map(wordOf)).toEqual(["HISTORY_GONE", "TaskStored", "CaughtUp"]);
    expect(watcher.client.held.size).toBe(1);
    expect(world.violations(watcher, "L7 no gap", "L9 loss is reported")).toEqual([]);
  });

  it("a watcher that missed only remembered removals receives each of them", async () => {
    await using world = await openWithThree({ removalsKeptMax: "2" });
    using watcher = new WireWatcher(world, { transport });
    await watcher.connect();
    await world.caughtUp(watcher);
    watcher.disconnect();
    const before = watcher.eventCount;
    await removeAll(world, ALICE, BOB);
    await watcher.reconnect();
    await world.caughtUp(watcher);
    expect(watcher.events.slice(before).map(wordOf)).toEqual(["TaskRemoved", "TaskRemoved", "CaughtUp"]);
  });

  it("a connected watcher with a long interval receives HISTORY_GONE if removals were forgotten", async () => {
    const clock = new ManualClock();
    await using world = await openWithThree({ removalsKeptMax: "1" }, clock);
    using watcher = new WireWatcher(world, { transport, minIntervalMs: 1_000 });
    using live = new WireWatcher(world, { transport });
    await Promise.all([watcher.connect(), live.connect()]);
    await Promise.all([world.caughtUp(watcher), world.caughtUp(live)]);
    const before = watcher.eventCount;
    await removeAll(world, ALICE, BOB);
    await world.caughtUp(live);
    clock.advance(1_000);
    await world.caughtUp(watcher);
    expect(watcher.events.slice(before).map(wordOf)).toEqual(["HISTORY_GONE", "TaskStored", "CaughtUp"]);
    expect(world.violations(watcher, "L7 no gap", "L9 loss is reported")).toEqual([]);
  });

  it("a watcher continues a snapshot that began after the forgotten removals", async () => {
    await using world = await openWithThree({ removalsKeptMax: "1" });
    await removeAll(world, ALICE, BOB);
    await world.store.store(storeRequestOf(ALICE));
    using watcher = new WireWatcher(world, { transport });
    await watcher.connect();
    await world.caughtUp(watcher);
    const before = watcher.eventCount;
    await watcher.reconnect(2); // the first job of the snapshot, whose revision is below the tombstone horizon
    await world.caughtUp(watcher);
    expect(watcher.events.slice(before).map(wordOf)).toEqual(["TaskStored", "CaughtUp"]);
    expect(world.violations(watcher, "L7 no gap", "L8 resumable", "L9 loss is reported")).toEqual([]);
  });

  it("a watcher with a future position receives HISTORY_GONE and the state", async () => {
    await using world = await openWithThree();
    using watcher = new WireWatcher(world, { transport });
    await watcher.connect(`${world.history.epoch}.4`);
    await world.caughtUp(watcher);
    expect(wordOf(watcher.events[0]!)).toBe("HISTORY_GONE");
    expect(watcher.client.held.size).toBe(3);
  });

  it("a watcher with a position of another epoch receives EPOCH_CHANGED and the state", async () => {
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

/** The cause of a Reset, or the kind of another event. */
function wordOf(event: WireEvent): string {
  return event.kind === "Reset" ? event.cause : event.kind;
}
