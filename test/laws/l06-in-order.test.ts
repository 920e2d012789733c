import { describe, expect, it } from "vitest";
import { parsePosition } from "../../src/protocol/position.js";
import { manyKeys, reportOf, storeRequestOf } from "../kit/store/requests.js";
import { WIRE_TRANSPORTS } from "../kit/wire/connection.js";
import { isChange, type WireEvent } from "../kit/wire/event.js";
import { WireWatcher } from "../kit/wire/watcher.js";
import { RecordedServer } from "../kit/wire/recorded-server.js";

const KEYS = manyKeys(4);
const REPORTS = Array.from({ length: 30 }, (_, at) => reportOf({ done: at + 1 }));

describe.each(WIRE_TRANSPORTS)("L6: in order, over $name", (transport) => {
  it("positions increase and no change is repeated under concurrent writes", async () => {
    await using world = await RecordedServer.open();
    using watcher = new WireWatcher(world, { transport });
    await Promise.all(KEYS.map((key) => world.store.store(storeRequestOf(key))));
    await watcher.connect();
    await Promise.all(KEYS.map((key) => reportAll(world, key)));
    await world.caughtUp(watcher);
    const revisions = watcher.events.filter(isChange).map(revisionOf);
    expect(revisions).toEqual([...new Set(revisions)].toSorted((a, b) => a - b));
    expect(revisions.at(-1)).toBe(KEYS.length * (REPORTS.length + 1));
    expect(world.violations(watcher, "L6 in order", "L6 no repeat")).toEqual([]);
  });

  it("a reader that keeps up receives every revision", async () => {
    await using world = await RecordedServer.open();
    using watcher = new WireWatcher(world, { transport });
    await watcher.connect();
    await world.caughtUp(watcher);
    for (const key of KEYS) {
      await world.store.store(storeRequestOf(key));
      await world.caughtUp(watcher);
    }
    expect(watcher.events.filter(isChange).map(revisionOf)).toEqual([1, 2, 3, 4]);
  });

  it("the epoch changes only at a Reset", async () => {
    await using before = await RecordedServer.open();
    await using world = await RecordedServer.open();
    await before.store.store(storeRequestOf(KEYS[0]!));
    await world.store.store(storeRequestOf(KEYS[1]!));
    using old = new WireWatcher(before, { transport });
    await old.connect();
    await before.caughtUp(old);
    using watcher = new WireWatcher(world, { transport });
    await watcher.connect(old.position);
    await world.caughtUp(watcher);
    await world.store.update(KEYS[1]!, reportOf({ done: 1 }));
    await world.caughtUp(watcher);
    const epochs = watcher.events.map(({ position }) => parsePosition(position).epoch);
    expect(watcher.events[0]).toMatchObject({ kind: "Reset", cause: "EPOCH_CHANGED" });
    expect(new Set(epochs)).toEqual(new Set([world.history.epoch]));
    expect(epochs).not.toContain(before.history.epoch);
  });

  it("a watcher that resumes receives no change up to its position", async () => {
    await using world = await RecordedServer.open();
    using watcher = new WireWatcher(world, { transport });
    await Promise.all(KEYS.map((key) => world.store.store(storeRequestOf(key))));
    await watcher.connect();
    await watcher.until(() => watcher.eventCount >= 3);
    await watcher.reconnect();
    await world.caughtUp(watcher);
    expect(watcher.events.filter(isChange).map(revisionOf)).toEqual([1, 2, 3, 4]);
    expect(world.violations(watcher, "L6 in order", "L6 no repeat")).toEqual([]);
  });
});

async function reportAll({ store }: RecordedServer, key: (typeof KEYS)[number]): Promise<void> {
  for (const report of REPORTS) await store.update(key, report);
}

function revisionOf({ position }: WireEvent): number {
  return parsePosition(position).revision;
}
