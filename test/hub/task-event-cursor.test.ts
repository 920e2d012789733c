import { describe, expect, it, vi } from "vitest";
import type { TaskEvent } from "../../src/hub/task-event.js";
import { newestRevisionIn, ORIGIN, type Position } from "../../src/protocol/position.js";
import type { JobFilter } from "../../src/store/task-store.js";
import { assert } from "../../src/util/assert.js";
import { BOOKMARK_MS, createCursor, type CursorReader } from "../kit/delivery/cursor-reader.js";
import { eventTexts } from "../kit/delivery/event-text.js";
import { jobKey } from "../kit/journal/entries.js";
import { ALICE, ANY_ATTEMPT, BOB, CAROL, manyKeys, reportOf, storeRequestOf } from "../kit/store/requests.js";
import { openStore, type OpenedStore, type StoresOptions } from "../kit/store/task-stores.js";

describe("a first subscription", () => {
  it("to an empty database receives a Reset and CaughtUp", async () => {
    await using world = await openWorld();
    expect(world.pull(world.subscribe())).toEqual(["Reset INITIAL 0.0.0", "CaughtUp 0"]);
  });

  it("receives a Reset, each job in the order of its latest change, then CaughtUp", async () => {
    await using world = await openWorld();
    await world.store.store(storeRequestOf(ALICE));
    await world.store.store(storeRequestOf(BOB));
    await world.report(ALICE);
    expect(world.pull(world.subscribe())).toEqual([
      "Reset INITIAL 0.0.3",
      "TaskStored bob 2.0.3",
      "TaskStored alice 3.0.3",
      "CaughtUp 3",
    ]);
  });

  it("receives nothing about jobs that were removed before", async () => {
    await using world = await openWorld();
    await world.store.store(storeRequestOf(ALICE));
    await world.store.remove(ALICE, ANY_ATTEMPT);
    expect(world.pull(world.subscribe())).toEqual(["Reset INITIAL 0.0.2", "CaughtUp 2"]);
  });

  it("receives removals and changes that happen during the snapshot", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB, CAROL);
    const cursor = world.subscribe();
    expect(world.pull(cursor, 2)).toEqual(["Reset INITIAL 0.0.3", "TaskStored alice 1.0.3"]);
    await world.store.remove(ALICE, ANY_ATTEMPT);
    await world.report(BOB);
    expect(world.pull(cursor)).toEqual([
      "TaskStored carol 3.0.3",
      "TaskRemoved alice 4.0.3",
      "TaskStored bob 5.0.3",
      "CaughtUp 5",
    ]);
  });

  it("learns what the snapshot has seen: another server must not be older when it continues there", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB, CAROL);
    const cursor = world.subscribe();
    world.pull(cursor, 2);
    await world.report(BOB);
    const carol = cursor.pull()!;
    expect(carol.position).toMatchObject({ revision: 3, catchUp: { base: 0, began: 3, seen: 4 } });
    expect(newestRevisionIn(carol.position)).toBe(4);
    expect(cursor.pull()!.position).toMatchObject({ revision: 4, catchUp: { base: 0, began: 3, seen: 4 } });
  });

  it("receives a whole job again if the job changes during the snapshot", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB);
    const cursor = world.subscribe();
    world.pull(cursor, 2);
    await world.report(ALICE);
    expect(world.pull(cursor)).toEqual(["TaskStored bob 2.0.2", "TaskStored alice 3.0.2", "CaughtUp 3"]);
  });

  it("gets the instant of the latest change for a job, and that of the delivery for other events", async () => {
    await using world = await openWorld();
    const start = world.clock.now();
    await world.storeAll(ALICE, BOB);
    const cursor = world.subscribe();
    world.clock.advance(10);
    const [reset, stored] = [cursor.pull(), cursor.pull()];
    await world.store.remove(BOB, ANY_ATTEMPT);
    world.clock.advance(10);
    const [removed, caughtUp] = [cursor.pull(), cursor.pull()];
    expect([reset, stored, removed, caughtUp].map((event) => event!.at - start)).toEqual([10, 0, 10, 20]);
  });
});

describe("a live subscription", () => {
  it("receives each change at its revision, one by one", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE);
    await world.store.store(storeRequestOf(BOB));
    expect(world.pull(cursor)).toEqual(["TaskStored bob 2"]);
    await world.report(ALICE);
    expect(world.pull(cursor)).toEqual(["TaskUpdated alice since 2 3"]);
    await world.store.remove(BOB, ANY_ATTEMPT);
    expect(world.pull(cursor)).toEqual(["TaskRemoved bob 4"]);
  });

  it("receives simultaneous changes of several jobs one by one", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE);
    await Promise.all([
      world.store.store(storeRequestOf(BOB)),
      world.report(ALICE),
      world.store.store(storeRequestOf(CAROL)),
    ]);
    expect(world.pull(cursor)).toEqual([
      "TaskStored bob 2",
      "TaskUpdated alice since 2 3",
      "TaskStored carol 4",
    ]);
  });

  it("receives TaskStored for a job that was stored again", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE);
    await world.store.store(storeRequestOf(ALICE));
    const event = cursor.pull();
    expect(eventTexts([event!])).toEqual(["TaskStored alice 2"]);
    expect(event).toMatchObject({ userTask: { attempt: 2, outcome: "OVERWRITTEN" } });
  });

  it("receives nothing while nothing changes", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE);
    expect(world.pull(cursor)).toEqual([]);
    await world.store.update(ALICE, reportOf());
    expect(world.pull(cursor)).toEqual([]);
  });

  it("receives the job object of the store, and the reason of a removal", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE, BOB);
    const updated = await world.report(ALICE);
    await world.store.purge();
    const [first, second, third] = [cursor.pull(), cursor.pull(), cursor.pull()];
    expect(updated.stamp.revision).toBe(3);
    expect(first).toMatchObject({ kind: "TaskRemoved", ...ALICE, reason: "PURGED" });
    expect(second).toMatchObject({ kind: "TaskRemoved", ...BOB, reason: "PURGED" });
    expect(third).toMatchObject({ kind: "CaughtUp" });
  });
});

describe("changes that were merged before their delivery", () => {
  it("are delivered against the base that their positions name, and end with CaughtUp", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE);
    await world.report(ALICE);
    await world.report(ALICE);
    expect(world.pull(cursor)).toEqual(["TaskUpdated alice since 1 3.1.3", "CaughtUp 3"]);
    await world.report(ALICE);
    expect(world.pull(cursor)).toEqual(["TaskUpdated alice since 3 4"]);
  });

  it("begin a catch-up at the first gap; earlier changes are delivered one by one", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE, BOB);
    await world.report(BOB);
    await world.report(ALICE);
    await world.report(ALICE);
    expect(world.pull(cursor)).toEqual([
      "TaskUpdated bob since 2 3",
      "TaskUpdated alice since 3 5.3.5",
      "CaughtUp 5",
    ]);
  });

  it("keep their base while more changes are merged, until CaughtUp", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE, BOB);
    await world.report(ALICE);
    await world.report(ALICE);
    await world.report(BOB);
    expect(world.pull(cursor, 1)).toEqual(["TaskUpdated alice since 2 4.2.5"]);
    await world.report(BOB);
    await world.report(ALICE);
    expect(world.pull(cursor)).toEqual([
      "TaskUpdated bob since 2 6.2.5",
      "TaskUpdated alice since 2 7.2.5",
      "CaughtUp 7",
    ]);
  });

  it("deliver TaskStored if the latest store of the job is among them", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE);
    await world.store.store(storeRequestOf(ALICE));
    await world.report(ALICE);
    expect(world.pull(cursor)).toEqual(["TaskStored alice 3.1.3", "CaughtUp 3"]);
  });

  it("deliver the removal of a job that was never delivered", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE);
    await world.store.store(storeRequestOf(BOB));
    await world.store.remove(BOB, ANY_ATTEMPT);
    expect(world.pull(cursor)).toEqual(["TaskRemoved bob 3.1.3", "CaughtUp 3"]);
  });

  it("omit a removal if the job was stored again", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE);
    await world.store.remove(ALICE, ANY_ATTEMPT);
    await world.store.store(storeRequestOf(ALICE));
    expect(world.pull(cursor)).toEqual(["TaskStored alice 3.1.3", "CaughtUp 3"]);
  });
});

describe("a subscription that resumes", () => {
  it("receives only CaughtUp if nothing has changed since", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB);
    expect(world.pull(world.resume("2"))).toEqual(["CaughtUp 2"]);
  });

  it("receives the changes since its position, against the revision of that position", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB, CAROL);
    await world.report(ALICE);
    await world.store.remove(BOB, ANY_ATTEMPT);
    expect(world.pull(world.resume("2"))).toEqual([
      "TaskStored carol 3.2.5",
      "TaskUpdated alice since 2 4.2.5",
      "TaskRemoved bob 5.2.5",
      "CaughtUp 5",
    ]);
  });

  it("continues in the middle of a snapshot", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB, CAROL);
    await world.report(BOB);
    expect(world.pull(world.resume("1.0.3"))).toEqual([
      "TaskStored carol 3.0.3",
      "TaskStored bob 4.0.3",
      "CaughtUp 4",
    ]);
  });

  it("in the middle of a snapshot receives the removals since the snapshot began, and no earlier ones", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB, CAROL);
    await world.store.remove(ALICE, ANY_ATTEMPT);
    await world.store.remove(BOB, ANY_ATTEMPT);
    expect(world.pull(world.resume("3.0.4"))).toEqual(["TaskRemoved bob 5.0.4", "CaughtUp 5"]);
  });

  it("in the middle of a catch-up continues with the same base", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB);
    await world.report(ALICE);
    await world.report(BOB);
    await world.report(ALICE);
    expect(world.pull(world.resume("4.2.4"))).toEqual(["TaskUpdated alice since 2 5.2.4", "CaughtUp 5"]);
  });

  it("at the Reset of a snapshot begins again", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE);
    expect(world.pull(world.resume("0.0.1"))).toEqual([
      "Reset INITIAL 0.0.1",
      "TaskStored alice 1.0.1",
      "CaughtUp 1",
    ]);
  });

  it("at revision 0 of any epoch is like a first subscription", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE);
    const asNew = world.pull(world.subscribe());
    expect(world.pull(world.resume("0"))).toEqual(asNew);
    expect(world.pull(world.resumeAt(ORIGIN))).toEqual(asNew);
    expect(world.pull(world.resumeAt({ epoch: "anotherEpoch", revision: 0 }))).toEqual(asNew);
  });

  it("is live once it has caught up", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE);
    const cursor = world.resume("1");
    world.pull(cursor);
    await world.report(ALICE);
    expect(world.pull(cursor)).toEqual(["TaskUpdated alice since 1 2"]);
  });
});

describe("a subscription whose history may be gone", () => {
  it("receives HISTORY_GONE and the state if removals were forgotten", async () => {
    await using world = await openWorld({ limits: { removalsKeptMax: 1 } });
    await world.storeAll(ALICE, BOB, CAROL);
    await world.remove(ALICE, BOB);
    expect(world.store.tombstoneHorizon).toBe(4);
    expect(world.pull(world.resume("3"))).toEqual([
      "Reset HISTORY_GONE 0.0.5",
      "TaskStored carol 3.0.5",
      "CaughtUp 5",
    ]);
  });

  it("receives only the changes since its position if that is the tombstone horizon", async () => {
    await using world = await openWorld({ limits: { removalsKeptMax: 1 } });
    await world.storeAll(ALICE, BOB, CAROL);
    await world.remove(ALICE, BOB);
    expect(world.pull(world.resume("4"))).toEqual(["TaskRemoved bob 5.4.5", "CaughtUp 5"]);
  });

  it("continues a snapshot that began at the tombstone horizon, and restarts one that began below it", async () => {
    await using world = await openWorld({ limits: { removalsKeptMax: 1 } });
    await world.storeAll(ALICE, BOB, CAROL);
    await world.remove(ALICE, BOB);
    expect(world.pull(world.resume("2.0.4"))).toEqual([
      "TaskStored carol 3.0.4",
      "TaskRemoved bob 5.0.4",
      "CaughtUp 5",
    ]);
    expect(world.pull(world.resume("2.0.3"), 1)).toEqual(["Reset HISTORY_GONE 0.0.5"]);
  });

  it("receives HISTORY_GONE in a catch-up if its position is below the tombstone horizon", async () => {
    await using world = await openWorld({ limits: { removalsKeptMax: 1 } });
    await world.storeAll(ALICE, BOB, CAROL);
    await world.remove(ALICE, BOB);
    expect(world.pull(world.resume("3.1.5"), 1)).toEqual(["Reset HISTORY_GONE 0.0.5"]);
  });

  it("receives HISTORY_GONE and the state if its position or the start of its catch-up is in the future", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE);
    const events = ["Reset HISTORY_GONE 0.0.1", "TaskStored alice 1.0.1", "CaughtUp 1"];
    expect(world.pull(world.resume("2"))).toEqual(events);
    expect(world.pull(world.resume("9007199254740991"))).toEqual(events);
    expect(world.pull(world.resume("1.0.2"))).toEqual(events);
  });

  it("receives EPOCH_CHANGED and the state if its position is of another epoch", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE);
    const cursor = world.resumeAt({ epoch: "anotherEpoch", revision: 1 });
    const [reset] = [cursor.pull()];
    expect(reset).toMatchObject({ kind: "Reset", cause: "EPOCH_CHANGED" });
    expect(reset!.position.epoch).toBe(world.store.position.epoch);
    expect(world.pull(cursor)).toEqual(["TaskStored alice 1.0.1", "CaughtUp 1"]);
  });

  it("receives HISTORY_GONE once, and the state, if it paused too long while live", async () => {
    await using world = await openWorld({ limits: { removalsKeptMax: 1 } });
    const cursor = await world.live(ALICE, BOB, CAROL);
    await world.remove(ALICE, BOB);
    expect(world.pull(cursor)).toEqual(["Reset HISTORY_GONE 0.0.5", "TaskStored carol 3.0.5", "CaughtUp 5"]);
    expect(world.pull(cursor)).toEqual([]);
  });

  it("receives HISTORY_GONE and the state if it paused too long in the middle of a snapshot", async () => {
    await using world = await openWorld({ limits: { removalsKeptMax: 1 } });
    await world.storeAll(ALICE, BOB, CAROL);
    const cursor = world.subscribe();
    expect(world.pull(cursor, 2)).toEqual(["Reset INITIAL 0.0.3", "TaskStored alice 1.0.3"]);
    await world.remove(ALICE, BOB);
    expect(world.pull(cursor)).toEqual(["Reset HISTORY_GONE 0.0.5", "TaskStored carol 3.0.5", "CaughtUp 5"]);
  });
});

describe("a filtered subscription", () => {
  const ALICE_TOO = jobKey("alice", "other");

  it.each<[string, JobFilter, string[]]>([
    ["a user", { username: ALICE.username }, ["alice 1.0.3", "alice 3.0.3"]],
    ["a job id", { jobId: ALICE.jobId }, ["alice 1.0.3", "bob 2.0.3"]],
    ["a user's job", ALICE, ["alice 1.0.3"]],
  ])("of %s receives nothing else", async (_, filter, stored) => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB, ALICE_TOO);
    expect(world.pull(world.subscribe({ filter }))).toEqual([
      "Reset INITIAL 0.0.3",
      ...stored.map((words) => `TaskStored ${words}`),
      "CaughtUp 3",
    ]);
  });

  it("receives no hidden stores, reports or removals, alone or merged", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    expect(world.pull(cursor)).toEqual([]);
    await world.report(BOB);
    await world.report(BOB);
    await world.store.store(storeRequestOf(CAROL));
    expect(world.pull(cursor)).toEqual([]);
    await world.remove(BOB, CAROL);
    expect(world.pull(cursor)).toEqual([]);
  });

  it("receives the next change that matches, against the revision before it", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    world.pull(cursor);
    await world.report(ALICE);
    expect(world.pull(cursor)).toEqual(["TaskUpdated alice since 3 4"]);
  });

  it("catches up if hidden changes were merged with matching ones", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    await world.report(BOB);
    await world.report(ALICE);
    expect(world.pull(cursor)).toEqual(["TaskUpdated alice since 2 5.2.5", "CaughtUp 5"]);
  });

  it("receives only CaughtUp when it resumes and all changes since were hidden", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB);
    await world.report(BOB);
    expect(world.pull(world.resume("2", { filter: ALICE }))).toEqual(["CaughtUp 3"]);
  });
});

describe("a merging subscription", () => {
  it("receives every change in a catch-up", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ isMerging: true }, ALICE);
    await world.report(ALICE);
    expect(world.pull(cursor)).toEqual(["TaskUpdated alice since 1 2.1.2", "CaughtUp 2"]);
    await world.store.store(storeRequestOf(BOB));
    await world.report(ALICE);
    expect(world.pull(cursor)).toEqual([
      "TaskStored bob 3.2.4",
      "TaskUpdated alice since 2 4.2.4",
      "CaughtUp 4",
    ]);
  });

  it("receives nothing for hidden changes", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ isMerging: true, filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    expect(world.pull(cursor)).toEqual([]);
  });
});

describe("the cost of a subscription that is not read", () => {
  it("is one event per job, however much has changed", async () => {
    await using world = await openWorld();
    const keys = manyKeys(3);
    const cursor = await world.live(...keys);
    await Promise.all(Array.from({ length: 900 }, (_, at) => world.report(keys[at % 3]!)));
    const events = pulled(cursor);
    expect(eventTexts(events)).toEqual([
      "TaskUpdated user0 since 3 901.3.903",
      "TaskUpdated user1 since 3 902.3.903",
      "TaskUpdated user2 since 3 903.3.903",
      "CaughtUp 903",
    ]);
    expect(events[0]).toMatchObject({ userTask: { version: 301, task: { done: 300 } } });
  });
});

describe("a bookmark", () => {
  it("advances the position of a subscription whose filter hid all changes for the bookmark time", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    expect(world.pull(cursor)).toEqual([]);
    expect(cursor.pullAgainInMs).toBe(BOOKMARK_MS);
    world.clock.advance(BOOKMARK_MS - 1);
    expect(world.pull(cursor)).toEqual([]);
    expect(cursor.pullAgainInMs).toBe(1);
    world.clock.advance(1);
    expect(world.pull(cursor)).toEqual(["CaughtUp 3"]);
    expect(cursor.pullAgainInMs).toBeUndefined();
  });

  it("has its own instant and the newest revision", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    world.pull(cursor);
    world.clock.advance(BOOKMARK_MS);
    await world.report(BOB);
    expect(cursor.pull()).toEqual({
      kind: "CaughtUp",
      position: world.store.position,
      at: world.clock.now(),
    });
  });

  it("does not come if nothing was hidden", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    world.clock.advance(10 * BOOKMARK_MS);
    expect(world.pull(cursor)).toEqual([]);
    await world.report(ALICE);
    expect(world.pull(cursor)).toEqual(["TaskUpdated alice since 2 3"]);
    world.clock.advance(10 * BOOKMARK_MS);
    expect(world.pull(cursor)).toEqual([]);
    expect(cursor.pullAgainInMs).toBeUndefined();
  });

  it("comes again only after another bookmark time in which a change was hidden", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    world.pull(cursor);
    world.clock.advance(BOOKMARK_MS);
    expect(world.pull(cursor)).toEqual(["CaughtUp 3"]);
    world.clock.advance(BOOKMARK_MS - 1);
    expect(world.pull(cursor)).toEqual([]);
    await world.report(BOB);
    expect(world.pull(cursor)).toEqual([]);
    world.clock.advance(1);
    expect(world.pull(cursor)).toEqual(["CaughtUp 4"]);
  });

  it("comes at once with the first hidden change if the last event is older than the bookmark time", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    world.clock.advance(10 * BOOKMARK_MS);
    expect(world.pull(cursor)).toEqual([]);
    await world.report(BOB);
    expect(world.pull(cursor)).toEqual(["CaughtUp 3"]);
  });

  it("comes in time while changes are hidden continuously", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    const pulls: string[][] = [];
    for (let step = 0; step < 7; step++) {
      await world.report(BOB);
      pulls.push(world.pull(cursor));
      world.clock.advance(BOOKMARK_MS / 3);
    }
    expect(pulls).toEqual([[], [], [], ["CaughtUp 6"], [], [], ["CaughtUp 9"]]);
  });

  it("does not delay a matching change, which restarts the bookmark time", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    world.pull(cursor);
    world.clock.advance(BOOKMARK_MS - 1);
    await world.report(ALICE);
    expect(world.pull(cursor)).toEqual(["TaskUpdated alice since 3 4"]);
    await world.report(BOB);
    world.clock.advance(BOOKMARK_MS - 1);
    expect(world.pull(cursor)).toEqual([]);
    expect(cursor.pullAgainInMs).toBe(1);
  });

  it("is due at the earlier time of two cursors that were merged", async () => {
    await using world = await openWorld();
    const before = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    world.pull(before);
    world.clock.advance(BOOKMARK_MS - 1);
    const after = world.resume("3", { filter: ALICE });
    expect(world.pull(after)).toEqual(["CaughtUp 3"]);
    after.merge(before);
    expect(world.pull(after)).toEqual([]);
    expect(after.pullAgainInMs).toBe(1);
    world.clock.advance(1);
    expect(world.pull(after)).toEqual(["CaughtUp 3"]);
  });

  it("can be resumed from after the previous position has expired", async () => {
    await using world = await openWorld({ limits: { removalsKeptMax: 1 } });
    const filter = ALICE;
    const cursor = await world.liveWith({ filter }, ALICE, BOB, CAROL);
    await world.remove(BOB);
    world.pull(cursor);
    await world.remove(CAROL);
    world.pull(cursor);
    expect(world.pull(world.resume("3", { filter }), 1)).toEqual(["Reset HISTORY_GONE 0.0.5"]);
    world.clock.advance(BOOKMARK_MS);
    const [bookmark] = pulled(cursor);
    await world.report(ALICE);
    expect(world.pull(world.resumeAt(bookmark!.position, { filter }))).toEqual([
      "TaskUpdated alice since 5 6.5.6",
      "CaughtUp 6",
    ]);
  });

  it("also comes to a merging subscription", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ isMerging: true, filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    expect(world.pull(cursor)).toEqual([]);
    world.clock.advance(BOOKMARK_MS);
    expect(world.pull(cursor)).toEqual(["CaughtUp 3"]);
  });

  it("is not delayed further by a clock that is set back", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    world.pull(cursor);
    world.clock.setBack(3_600_000);
    expect(world.pull(cursor)).toEqual([]);
    expect(cursor.pullAgainInMs).toBe(BOOKMARK_MS);
    world.clock.advance(BOOKMARK_MS);
    expect(world.pull(cursor)).toEqual(["CaughtUp 3"]);
  });
});

describe("a subscription whose filter hides more than a thousand changes", () => {
  const RARE = jobKey("alice", "rare");
  const MANY = manyKeys(1_100);

  it("yields to others, and loses nothing", async () => {
    await using world = await openWorld();
    await world.storeAtOnce([...MANY, RARE]);
    const cursor = world.subscribe({ filter: { jobId: RARE.jobId } });
    expect(world.pull(cursor)).toEqual(["Reset INITIAL 0.0.1101"]);
    expect(cursor.pullAgainInMs).toBe(0);
    expect(world.pull(cursor)).toEqual(["TaskStored alice 1101.0.1101", "CaughtUp 1101"]);
    expect(cursor.pullAgainInMs).toBeUndefined();
  });

  it("receives the changes that happen while it yields", async () => {
    await using world = await openWorld();
    await world.storeAtOnce([RARE, ...MANY]);
    const cursor = world.subscribe({ filter: { jobId: RARE.jobId } });
    expect(world.pull(cursor)).toEqual(["Reset INITIAL 0.0.1101", "TaskStored alice 1.0.1101"]);
    await world.report(RARE);
    await world.report(MANY[0]!);
    expect(world.pull(cursor)).toEqual(["TaskStored alice 1102.0.1101", "CaughtUp 1103"]);
  });

  it("receives no CaughtUp if it received nothing meanwhile", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: { jobId: RARE.jobId } }, RARE);
    await world.storeAtOnce(MANY);
    expect(world.pull(cursor)).toEqual([]);
    expect(cursor.pullAgainInMs).toBe(0);
    expect(world.pull(cursor)).toEqual([]);
    expect(cursor.pullAgainInMs).toBe(BOOKMARK_MS);
    world.clock.advance(BOOKMARK_MS);
    expect(world.pull(cursor)).toEqual(["CaughtUp 1101"]);
  });

  it("by a user finds the few matching changes without a scan of the others", async () => {
    await using world = await openWorld();
    await world.storeAtOnce([ALICE, ...MANY, RARE]);
    await world.report(ALICE);
    const looking = vi.spyOn(world.store, "nextChange");
    expect(world.pull(world.subscribe({ filter: { username: ALICE.username } }))).toEqual([
      "Reset INITIAL 0.0.1103",
      "TaskStored alice 1102.0.1103",
      "TaskStored alice 1103.0.1103",
      "CaughtUp 1103",
    ]);
    expect(looking.mock.calls.length).toBeLessThan(10);
  });

  it("by a user with more than a thousand jobs receives only the jobs of that user", async () => {
    await using world = await openWorld();
    const jobs = Array.from({ length: 1_100 }, (_, index) => jobKey("alice", `${index}`));
    const cursor = await world.liveWith({ filter: { username: ALICE.username } }, BOB);
    await world.storeAtOnce([...MANY, BOB, ...jobs]);
    const events = pulledToTheEnd(cursor);
    const stored = events.filter(({ kind }) => kind === "TaskStored");
    expect(stored).toHaveLength(jobs.length);
    expect(eventTexts(stored.slice(0, 2))).toEqual([
      "TaskStored alice 1103.1.2202",
      "TaskStored alice 1104.1.2202",
    ]);
    expect(eventTexts(events.slice(-2))).toEqual(["TaskStored alice 2202.1.2202", "CaughtUp 2202"]);
  });

  it.each([
    ["few jobs", 3],
    ["more than a thousand jobs", 1_001],
  ])("by a user of %s receives the unfiltered events less the hidden ones", async (_, count) => {
    await using world = await openWorld();
    const jobs = Array.from({ length: count }, (_each, index) => jobKey("alice", `${index}`));
    await world.storeAtOnce([...jobs, BOB, CAROL, ...MANY.slice(0, 200)]);
    const all = pulledToTheEnd(world.subscribe());
    const mine = pulledToTheEnd(world.subscribe({ filter: { username: ALICE.username } }));
    expect(mine).toEqual(all.filter((event) => concerns(event, "alice")));
    expect(mine).toHaveLength(count + 2);
  });
});

describe("a live subscription that has paused", () => {
  it("for a thousand changes receives them one by one", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE);
    await world.storeAtOnce(manyKeys(1_000));
    expect(world.pull(cursor, 2)).toEqual(["TaskStored user0 2", "TaskStored user1 3"]);
  });

  it("for more than a thousand changes catches up", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE);
    await world.storeAtOnce(manyKeys(1_001));
    const events = pulledToTheEnd(cursor);
    expect(eventTexts(events.slice(0, 2))).toEqual([
      "TaskStored user0 2.1.1002",
      "TaskStored user1 3.1.1002",
    ]);
    expect(eventTexts(events.slice(-2))).toEqual(["TaskStored user1000 1002.1.1002", "CaughtUp 1002"]);
    expect(events).toHaveLength(1_002);
    await world.report(ALICE);
    expect(world.pull(cursor)).toEqual(["TaskUpdated alice since 1002 1003"]);
  });
});

interface CursorOptions {
  readonly filter?: JobFilter;
  readonly isMerging?: boolean;
}

/** A store and its subscribers. */
interface World extends OpenedStore {
  storeAll(...keys: readonly (typeof ALICE)[]): Promise<void>;
  /** Stores the jobs concurrently. */
  storeAtOnce(keys: readonly (typeof ALICE)[]): Promise<void>;
  report(key: typeof ALICE): ReturnType<OpenedStore["store"]["update"]>;
  remove(...keys: readonly (typeof ALICE)[]): Promise<void>;
  subscribe(options?: CursorOptions): CursorReader;
  /** Resumes after a position of this epoch, such as `4` or `4.2.6`. */
  resume(position: string, options?: CursorOptions): CursorReader;
  resumeAt(after: Position, options?: CursorOptions): CursorReader;
  /** A subscriber that has caught up, after `keys` were stored. */
  live(...keys: readonly (typeof ALICE)[]): Promise<CursorReader>;
  liveWith(options: CursorOptions, ...keys: readonly (typeof ALICE)[]): Promise<CursorReader>;
  /** Pulls up to `count` events as texts. */
  pull(cursor: CursorReader, count?: number): string[];
}

/** Long enough that no job becomes SILENT. */
const LEASE = { leaseMs: 100 * BOOKMARK_MS };

async function openWorld(options?: StoresOptions): Promise<World> {
  const opened = await openStore(options);
  const { store, clock } = opened;
  const cursor = (after: Position | undefined, { filter = {}, isMerging = false }: CursorOptions = {}) =>
    createCursor(store, { filter, isMerging, after, clock });
  const world: World = {
    ...opened,
    async storeAll(...keys) {
      for (const key of keys) await store.store(storeRequestOf(key, LEASE));
    },
    async storeAtOnce(keys) {
      await Promise.all(keys.map((key) => store.store(storeRequestOf(key, LEASE))));
    },
    report: (key) => store.update(key, reportOf({ add: 1 })),
    async remove(...keys) {
      for (const key of keys) await store.remove(key, ANY_ATTEMPT);
    },
    subscribe: (given) => cursor(undefined, given),
    resume: (position, given) => cursor(positionAt(store.position.epoch, position), given),
    resumeAt: cursor,
    live: (...keys) => world.liveWith({}, ...keys),
    async liveWith(given, ...keys) {
      await world.storeAll(...keys);
      const subscribed = cursor(undefined, given);
      pulled(subscribed);
      return subscribed;
    },
    pull: (from, count = Infinity) => eventTexts(pulled(from, count)),
  };
  return world;
}

function positionAt(epoch: string, text: string): Position {
  const [revision, base, began] = text.split(".").map(Number);
  if (base === undefined) return { epoch, revision: revision! };
  return { epoch, revision: revision!, catchUp: { base, began: began! } };
}

/** Pulls up to `count` events, or all that are available. */
function pulled(cursor: CursorReader, count = Infinity): TaskEvent[] {
  const events: TaskEvent[] = [];
  while (events.length < count) {
    const event = cursor.pull();
    if (!event) break;
    events.push(event);
    assert(events.length < 1_000, "Law 9: never a loop");
  }
  return events;
}

/** Pulls all events, including those after a yield to others. */
function pulledToTheEnd(cursor: CursorReader): TaskEvent[] {
  const events: TaskEvent[] = [];
  do {
    for (let event; (event = cursor.pull());) events.push(event);
  } while (cursor.pullAgainInMs === 0);
  return events;
}

function concerns(event: TaskEvent, username: string): boolean {
  return event.kind === "TaskStored" ? event.userTask.username === username : true;
}
