import { describe, expect, it } from "vitest";
import { branch, leaf } from "../kit/store/edits.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { ALICE, BOB, manyKeys, reportOf, storeRequestOf } from "../kit/store/requests.js";
import { WIRE_TRANSPORTS } from "../kit/wire/connection.js";
import { isChange } from "../kit/wire/event.js";
import { WireWatcher } from "../kit/wire/watcher.js";
import { RecordedServer } from "../kit/wire/recorded-server.js";

/** Events of this tree have about 200 kB, so that few of them fill the network buffers. */
const WIDE = branch(
  "wide",
  ...Array.from({ length: 500 }, (_, at) => leaf(`${at}`.padStart(200, "."), 1_000)),
);
const CHANGES = 120;

describe.each(WIRE_TRANSPORTS)("L10: slow watchers get fewer, newer events, over $name", (transport) => {
  it.each([0, 1])(
    "a paused watcher delays no other, and receives the last state when it reads again (interval %i ms)",
    async (minIntervalMs) => {
      await using world = await RecordedServer.open();
      await world.store.store(storeRequestOf(ALICE, { spec: WIDE }));
      await world.store.store(storeRequestOf(BOB));
      using slow = new WireWatcher(world, { transport, minIntervalMs });
      using quick = new WireWatcher(world, { transport, filter: { username: BOB.username } });
      await Promise.all([slow.connect(), quick.connect()]);
      await Promise.all([world.caughtUp(slow), world.caughtUp(quick)]);

      slow.pause();
      const before = slow.eventCount;
      await change(world, quick);
      const duringPause = slow.eventCount;
      slow.resume();
      await world.caughtUp(slow);

      expect(duringPause - before).toBeLessThan(CHANGES);
      expect(quick.eventCount).toBe(3 + CHANGES);
      expect(slow.events.slice(before).filter(isChange).length).toBeLessThan(2 * CHANGES);
      expect(slow.client.held.get(JSON.stringify([ALICE.username, ALICE.jobId]))?.own.version).toBe(
        1 + CHANGES,
      );
      expect(world.violations(slow, "L6 in order", "L7 no gap", "L8 resumable", "L10 merged right")).toEqual(
        [],
      );
    },
  );

  it("a watcher with an interval receives the newest state of each job once per interval", async () => {
    const clock = new ManualClock();
    await using world = await RecordedServer.open({}, { clock });
    const keys = manyKeys(3);
    await Promise.all(keys.map((key) => world.store.store(storeRequestOf(key))));
    using limited = new WireWatcher(world, { transport, minIntervalMs: 1_000 });
    using live = new WireWatcher(world, { transport });
    await Promise.all([limited.connect(), live.connect()]);
    await Promise.all([world.caughtUp(limited), world.caughtUp(live)]);
    const start = limited.eventCount;

    for (const done of [1, 2, 3])
      await Promise.all(keys.map((key) => world.store.update(key, reportOf({ done }))));
    await world.caughtUp(live);
    const beforeTick = limited.eventCount;
    clock.advance(1_000);
    await world.caughtUp(limited);

    expect(beforeTick).toBe(start);
    expect(limited.events.slice(start)).toEqual([
      ...keys.map(({ username }) =>
        expect.objectContaining({
          kind: "TaskUpdated",
          userTask: expect.objectContaining({ username, version: 4 }),
          changed: [expect.objectContaining({ progress: expect.objectContaining({ done: 3 }) })],
        }),
      ),
      expect.objectContaining({ kind: "CaughtUp" }),
    ]);
    expect(world.violations(limited, "L10 in batches", "L10 merged right", "L7 no gap")).toEqual([]);
  });

  it.each([0, 20])("the last state of every job arrives with an interval of %i ms", async (minIntervalMs) => {
    await using world = await RecordedServer.open();
    const keys = manyKeys(20);
    using watcher = new WireWatcher(world, { transport, minIntervalMs });
    await watcher.connect();
    await Promise.all(keys.map((key) => world.store.store(storeRequestOf(key))));
    for (const done of [1, 2, 3])
      await Promise.all(keys.map((key) => world.store.update(key, reportOf({ done }))));
    await world.caughtUp(watcher);
    watcher.quiet();
    const held = [...watcher.client.held.values()];
    expect(held.map(({ own }) => own.version)).toEqual(keys.map(() => 4));
    expect(world.violations(watcher, "L10 last state", "L10 in batches", "L10 merged right")).toEqual([]);
  });
});

/** Changes both jobs repeatedly. The watcher of the small job reads each change before the next one. */
async function change(world: RecordedServer, quick: WireWatcher): Promise<void> {
  for (let done = 1; done <= CHANGES; done++) {
    await world.store.update(ALICE, reportOf({ path: "0", done }));
    await world.store.update(BOB, reportOf({ add: 1 }));
    await world.caughtUp(quick);
  }
}
