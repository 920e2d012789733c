import { describe, expect, it } from "vitest";
import { branch, leaf } from "../kit/store/edits.js";
import {
  ALICE,
  ANY_ATTEMPT,
  BOB,
  CAROL,
  manyKeys,
  addTasksRequestOf,
  reportOf,
  storeRequestOf,
} from "../kit/store/requests.js";
import { WIRE_TRANSPORTS } from "../kit/wire/connection.js";
import { queryWireState } from "../kit/wire/event.js";
import { heldJob } from "../kit/wire/client.js";
import { WireWatcher } from "../kit/wire/watcher.js";
import { RecordedServer } from "../kit/wire/recorded-server.js";

const TREE = branch("root", leaf("a", 10), branch("b", leaf("c"), leaf("d", 5)));

describe.each(WIRE_TRANSPORTS)("L7: no gap, over $name", (transport) => {
  it("a watcher's copy equals the answer of a query", async () => {
    await using world = await RecordedServer.open();
    using watcher = new WireWatcher(world, { transport });
    await watcher.connect();
    await changeAll(world);
    await world.caughtUp(watcher);
    const { jobs } = await queryWireState(world.url);
    expect([...watcher.client.held.values()]).toEqual(expect.arrayContaining(jobs.map(heldJob)));
    expect(watcher.client.held.size).toBe(jobs.length);
    expect(world.violations(watcher, "L7 no gap", "parents first")).toEqual([]);
  });

  it("a live watcher's copy is exact at each event", async () => {
    await using world = await RecordedServer.open();
    using watcher = new WireWatcher(world, { transport });
    await watcher.connect();
    await world.caughtUp(watcher);
    await changeAll(world, () => world.caughtUp(watcher));
    expect(watcher.events.map(({ kind }) => kind)).toEqual([
      "Reset",
      "CaughtUp",
      "TaskStored",
      "TaskStored",
      "TaskUpdated",
      "TaskUpdated",
      "TaskUpdated",
      "TaskUpdated",
      "TaskRemoved",
      "TaskStored",
      "TaskUpdated",
    ]);
    expect(world.violations(watcher, "L7 no gap", "L10 merged right")).toEqual([]);
  });

  it.each([
    ["a user", { username: ALICE.username }],
    ["a job", { ...BOB }],
    ["a user without jobs", { username: CAROL.username, jobId: ALICE.jobId }],
  ])("the copy is exact for %s", async (_, filter) => {
    await using world = await RecordedServer.open();
    using watcher = new WireWatcher(world, { transport, filter });
    await watcher.connect();
    await world.caughtUp(watcher);
    await changeAll(world);
    await world.caughtUp(watcher);
    const { jobs } = await queryWireState(world.url, filter);
    expect([...watcher.client.held.values()]).toEqual(jobs.map(heldJob));
    expect(world.violations(watcher, "L7 no gap")).toEqual([]);
  });

  it("a change during a snapshot is not lost", async () => {
    await using world = await RecordedServer.open();
    const keys = manyKeys(200);
    await Promise.all(keys.map((key) => world.store.store(storeRequestOf(key))));
    using watcher = new WireWatcher(world, { transport });
    await watcher.connect();
    await watcher.until(() => watcher.eventCount > 1);
    await world.store.update(keys.at(-1)!, reportOf({ done: 1 }));
    await world.store.remove(keys[0]!, ANY_ATTEMPT);
    await world.store.store(storeRequestOf(keys[1]!));
    await world.store.store(storeRequestOf(ALICE));
    await world.caughtUp(watcher);
    expect(watcher.client.held.size).toBe(200);
    expect(world.violations(watcher, "L6 in order", "L7 no gap", "L10 merged right")).toEqual([]);
  });

  it("no change is lost between a query and a subscription after its position", async () => {
    await using world = await RecordedServer.open();
    for (const key of [ALICE, BOB]) await world.store.store(storeRequestOf(key, { spec: TREE }));
    const { jobs, position } = await queryWireState(world.url);
    await world.store.update(ALICE, reportOf({ path: "1.0", done: 1 }));
    await world.store.remove(BOB, ANY_ATTEMPT);
    using watcher = new WireWatcher(world, { transport });
    await watcher.connect(position, { kind: "answer", jobs });
    await world.caughtUp(watcher);
    expect(watcher.events.map(({ kind }) => kind)).toEqual(["TaskUpdated", "TaskRemoved", "CaughtUp"]);
    expect(world.violations(watcher, "L7 no gap", "L8 resumable", "L10 merged right")).toEqual([]);
  });
});

/** Makes changes of every kind, and awaits `then` after each. */
async function changeAll(
  { store }: RecordedServer,
  then: () => Promise<void> = async () => {},
): Promise<void> {
  const changes = [
    () => store.store(storeRequestOf(ALICE, { spec: TREE })),
    () => store.store(storeRequestOf(BOB, { spec: TREE })),
    () => store.update(ALICE, reportOf({ path: "1.0", done: 3, message: "halfway" })),
    () => store.addTasks(ALICE, addTasksRequestOf("1", leaf("e", 1))),
    () => store.update(ALICE, reportOf({ path: "1", status: "FINISHED" })),
    () => store.update(BOB, reportOf({ path: "0", status: "FAILED", message: "no" })),
    () => store.remove(BOB, ANY_ATTEMPT),
    () => store.store(storeRequestOf(BOB)),
    () => store.update(BOB, reportOf({ done: 1 })),
  ];
  for (const change of changes) {
    await change();
    await then();
  }
}
