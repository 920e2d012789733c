import { describe, expect, it, vi } from "vitest";
import type { TaskEvent } from "../../src/hub/task-event.js";
import { ORIGIN, type Position } from "../../src/protocol/position.js";
import type { JobFilter } from "../../src/store/task-store.js";
import { assert } from "../../src/util/assert.js";
import { BOOKMARK_MS, createCursor, type CursorReader } from "../kit/delivery/cursor-reader.js";
import { eventTexts } from "../kit/delivery/event-text.js";
import { jobKey } from "../kit/journal/entries.js";
import { ALICE, ANY_ATTEMPT, BOB, CAROL, manyKeys, reportOf, storeRequestOf } from "../kit/store/requests.js";
import { openStore, type OpenedStore, type StoresOptions } from "../kit/store/task-stores.js";

describe("a first subscription", () => {
  it("to an empty database is told so, and that this is all", async () => {
    await using world = await openWorld();
    expect(world.told(world.subscribe())).toEqual(["Reset INITIAL 0.0.0", "CaughtUp 0"]);
  });

  it("is told to forget, then each job in the order of its latest change, then that this is all", async () => {
    await using world = await openWorld();
    await world.store.store(storeRequestOf(ALICE));
    await world.store.store(storeRequestOf(BOB));
    await world.report(ALICE);
    expect(world.told(world.subscribe())).toEqual([
      "Reset INITIAL 0.0.3",
      "TaskStored bob 2.0.3",
      "TaskStored alice 3.0.3",
      "CaughtUp 3",
    ]);
  });

  it("is not told of what was gone before", async () => {
    await using world = await openWorld();
    await world.store.store(storeRequestOf(ALICE));
    await world.store.remove(ALICE, ANY_ATTEMPT);
    expect(world.told(world.subscribe())).toEqual(["Reset INITIAL 0.0.2", "CaughtUp 2"]);
  });

  it("is told of what goes and of what changes while the state is told", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB, CAROL);
    const cursor = world.subscribe();
    expect(world.told(cursor, 2)).toEqual(["Reset INITIAL 0.0.3", "TaskStored alice 1.0.3"]);
    await world.store.remove(ALICE, ANY_ATTEMPT);
    await world.report(BOB);
    expect(world.told(cursor)).toEqual([
      "TaskStored carol 3.0.3",
      "TaskRemoved alice 4.0.3",
      "TaskStored bob 5.0.3",
      "CaughtUp 5",
    ]);
  });

  it("is told of a job again, whole, when it changes after it was told and before all is", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB);
    const cursor = world.subscribe();
    world.told(cursor, 2);
    await world.report(ALICE);
    expect(world.told(cursor)).toEqual(["TaskStored bob 2.0.2", "TaskStored alice 3.0.2", "CaughtUp 3"]);
  });

  it("sees each event at its own instant: a job's at its latest change, the rest as it is told", async () => {
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
  it("is told each change at its revision, one by one", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE);
    await world.store.store(storeRequestOf(BOB));
    expect(world.told(cursor)).toEqual(["TaskStored bob 2"]);
    await world.report(ALICE);
    expect(world.told(cursor)).toEqual(["TaskUpdated alice since 2 3"]);
    await world.store.remove(BOB, ANY_ATTEMPT);
    expect(world.told(cursor)).toEqual(["TaskRemoved bob 4"]);
  });

  it("is told of several jobs' changes one by one though they came at once", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE);
    await Promise.all([
      world.store.store(storeRequestOf(BOB)),
      world.report(ALICE),
      world.store.store(storeRequestOf(CAROL)),
    ]);
    expect(world.told(cursor)).toEqual([
      "TaskStored bob 2",
      "TaskUpdated alice since 2 3",
      "TaskStored carol 4",
    ]);
  });

  it("is told of a job that was stored again as of one stored, with what came of it", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE);
    await world.store.store(storeRequestOf(ALICE));
    const event = cursor.pull();
    expect(eventTexts([event!])).toEqual(["TaskStored alice 2"]);
    expect(event).toMatchObject({ userTask: { attempt: 2, outcome: "OVERWRITTEN" } });
  });

  it("is told nothing while nothing changes", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE);
    expect(world.told(cursor)).toEqual([]);
    await world.store.update(ALICE, reportOf());
    expect(world.told(cursor)).toEqual([]);
  });

  it("is given the very job that the store has, and why another is gone", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE, BOB);
    const updated = await world.report(ALICE);
    await world.store.purge();
    const [first, second, third] = [cursor.pull(), cursor.pull(), cursor.pull()];
    expect(updated.stamp.revision).toBe(3);
    expect(first).toMatchObject({ kind: "TaskRemoved", ...BOB, reason: "PURGED" });
    expect(second).toMatchObject({ kind: "TaskRemoved", ...ALICE, reason: "PURGED" });
    expect(third).toMatchObject({ kind: "CaughtUp" });
  });
});

describe("changes that were merged before a subscription came to them", () => {
  it("are told against what it held, in positions that say so, and ended by CaughtUp", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE);
    await world.report(ALICE);
    await world.report(ALICE);
    expect(world.told(cursor)).toEqual(["TaskUpdated alice since 1 3.1.3", "CaughtUp 3"]);
    await world.report(ALICE);
    expect(world.told(cursor)).toEqual(["TaskUpdated alice since 3 4"]);
  });

  it("begin where the first is missing: what comes before is told one by one", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE, BOB);
    await world.report(BOB);
    await world.report(ALICE);
    await world.report(ALICE);
    expect(world.told(cursor)).toEqual([
      "TaskUpdated bob since 2 3",
      "TaskUpdated alice since 3 5.3.5",
      "CaughtUp 5",
    ]);
  });

  it("keep their base while more is merged, until all is told", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE, BOB);
    await world.report(ALICE);
    await world.report(ALICE);
    await world.report(BOB);
    expect(world.told(cursor, 1)).toEqual(["TaskUpdated alice since 2 4.2.5"]);
    await world.report(BOB);
    await world.report(ALICE);
    expect(world.told(cursor)).toEqual([
      "TaskUpdated bob since 2 6.2.5",
      "TaskUpdated alice since 2 7.2.5",
      "CaughtUp 7",
    ]);
  });

  it("tell of a job as stored when its latest store is among them", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE);
    await world.store.store(storeRequestOf(ALICE));
    await world.report(ALICE);
    expect(world.told(cursor)).toEqual(["TaskStored alice 3.1.3", "CaughtUp 3"]);
  });

  it("tell of a job as gone when it is, though its store may never have been told", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE);
    await world.store.store(storeRequestOf(BOB));
    await world.store.remove(BOB, ANY_ATTEMPT);
    expect(world.told(cursor)).toEqual(["TaskRemoved bob 3.1.3", "CaughtUp 3"]);
  });

  it("tell nothing of a removal that a later store has withdrawn", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE);
    await world.store.remove(ALICE, ANY_ATTEMPT);
    await world.store.store(storeRequestOf(ALICE));
    expect(world.told(cursor)).toEqual(["TaskStored alice 3.1.3", "CaughtUp 3"]);
  });
});

describe("a subscription that resumes", () => {
  it("is told just that it has all when nothing has changed since", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB);
    expect(world.told(world.resume("2"))).toEqual(["CaughtUp 2"]);
  });

  it("is told what has changed since, against the revision that it gives back", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB, CAROL);
    await world.report(ALICE);
    await world.store.remove(BOB, ANY_ATTEMPT);
    expect(world.told(world.resume("2"))).toEqual([
      "TaskStored carol 3.2.5",
      "TaskUpdated alice since 2 4.2.5",
      "TaskRemoved bob 5.2.5",
      "CaughtUp 5",
    ]);
  });

  it("goes on in the middle of a snapshot as if it had not been cut off", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB, CAROL);
    await world.report(BOB);
    expect(world.told(world.resume("1.0.3"))).toEqual([
      "TaskStored carol 3.0.3",
      "TaskStored bob 4.0.3",
      "CaughtUp 4",
    ]);
  });

  it("in the middle of a snapshot is told of what went since that began, and not of what went before", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB, CAROL);
    await world.store.remove(ALICE, ANY_ATTEMPT);
    await world.store.remove(BOB, ANY_ATTEMPT);
    expect(world.told(world.resume("3.0.4"))).toEqual(["TaskRemoved bob 5.0.4", "CaughtUp 5"]);
  });

  it("in the middle of a catch-up is told on against the base of that", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB);
    await world.report(ALICE);
    await world.report(BOB);
    await world.report(ALICE);
    expect(world.told(world.resume("4.2.4"))).toEqual(["TaskUpdated alice since 2 5.2.4", "CaughtUp 5"]);
  });

  it("at the Reset of a snapshot begins anew", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE);
    expect(world.told(world.resume("0.0.1"))).toEqual([
      "Reset INITIAL 0.0.1",
      "TaskStored alice 1.0.1",
      "CaughtUp 1",
    ]);
  });

  it("at revision 0 of whichever epoch is as one that is new", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE);
    const asNew = world.told(world.subscribe());
    expect(world.told(world.resume("0"))).toEqual(asNew);
    expect(world.told(world.resumeAt(ORIGIN))).toEqual(asNew);
    expect(world.told(world.resumeAt({ epoch: "anotherEpoch", revision: 0 }))).toEqual(asNew);
  });

  it("goes live once it has caught up", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE);
    const cursor = world.resume("1");
    world.told(cursor);
    await world.report(ALICE);
    expect(world.told(cursor)).toEqual(["TaskUpdated alice since 1 2"]);
  });
});

describe("a subscription that can't be told what has changed since", () => {
  it("as removals were forgotten is told so, and the state", async () => {
    await using world = await openWorld({ limits: { removalsKeptMax: 1 } });
    await world.storeAll(ALICE, BOB, CAROL);
    await world.remove(ALICE, BOB);
    expect(world.store.tombstoneHorizon).toBe(4);
    expect(world.told(world.resume("3"))).toEqual([
      "Reset HISTORY_GONE 0.0.5",
      "TaskStored carol 3.0.5",
      "CaughtUp 5",
    ]);
  });

  it("is one that lies before the floor; at the floor all is remembered", async () => {
    await using world = await openWorld({ limits: { removalsKeptMax: 1 } });
    await world.storeAll(ALICE, BOB, CAROL);
    await world.remove(ALICE, BOB);
    expect(world.told(world.resume("4"))).toEqual(["TaskRemoved bob 5.4.5", "CaughtUp 5"]);
  });

  it("is not one in the middle of a snapshot that began at the floor, as it holds nothing older", async () => {
    await using world = await openWorld({ limits: { removalsKeptMax: 1 } });
    await world.storeAll(ALICE, BOB, CAROL);
    await world.remove(ALICE, BOB);
    expect(world.told(world.resume("2.0.4"))).toEqual([
      "TaskStored carol 3.0.4",
      "TaskRemoved bob 5.0.4",
      "CaughtUp 5",
    ]);
    expect(world.told(world.resume("2.0.3"), 1)).toEqual(["Reset HISTORY_GONE 0.0.5"]);
  });

  it("is one in the middle of a catch-up that lies before the floor, though that began after it", async () => {
    await using world = await openWorld({ limits: { removalsKeptMax: 1 } });
    await world.storeAll(ALICE, BOB, CAROL);
    await world.remove(ALICE, BOB);
    expect(world.told(world.resume("3.1.5"), 1)).toEqual(["Reset HISTORY_GONE 0.0.5"]);
  });

  it("as it lies in the future is told so, and the state; also where its catch-up began in the future", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE);
    const anew = ["Reset HISTORY_GONE 0.0.1", "TaskStored alice 1.0.1", "CaughtUp 1"];
    expect(world.told(world.resume("2"))).toEqual(anew);
    expect(world.told(world.resume("9007199254740991"))).toEqual(anew);
    expect(world.told(world.resume("1.0.2"))).toEqual(anew);
  });

  it("as it is of another epoch is told so, and the state", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE);
    const cursor = world.resumeAt({ epoch: "anotherEpoch", revision: 1 });
    const [reset] = [cursor.pull()];
    expect(reset).toMatchObject({ kind: "Reset", cause: "EPOCH_CHANGED" });
    expect(reset!.position.epoch).toBe(world.store.position.epoch);
    expect(world.told(cursor)).toEqual(["TaskStored alice 1.0.1", "CaughtUp 1"]);
  });

  it("since it was away too long while it was live is told so, once, and the state", async () => {
    await using world = await openWorld({ limits: { removalsKeptMax: 1 } });
    const cursor = await world.live(ALICE, BOB, CAROL);
    await world.remove(ALICE, BOB);
    expect(world.told(cursor)).toEqual(["Reset HISTORY_GONE 0.0.5", "TaskStored carol 3.0.5", "CaughtUp 5"]);
    expect(world.told(cursor)).toEqual([]);
  });

  it("since it was away too long in the middle of a snapshot is told so, and the state", async () => {
    await using world = await openWorld({ limits: { removalsKeptMax: 1 } });
    await world.storeAll(ALICE, BOB, CAROL);
    const cursor = world.subscribe();
    expect(world.told(cursor, 2)).toEqual(["Reset INITIAL 0.0.3", "TaskStored alice 1.0.3"]);
    await world.remove(ALICE, BOB);
    expect(world.told(cursor)).toEqual(["Reset HISTORY_GONE 0.0.5", "TaskStored carol 3.0.5", "CaughtUp 5"]);
  });
});

describe("a filtered subscription", () => {
  const ALICE_TOO = jobKey("alice", "other");

  it.each<[string, JobFilter, string[]]>([
    ["a user", { username: ALICE.username }, ["alice 1.0.3", "alice 3.0.3"]],
    ["a job id", { jobId: ALICE.jobId }, ["alice 1.0.3", "bob 2.0.3"]],
    ["a user's job", ALICE, ["alice 1.0.3"]],
  ])("of %s is told of nothing else", async (_, filter, stored) => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB, ALICE_TOO);
    expect(world.told(world.subscribe({ filter }))).toEqual([
      "Reset INITIAL 0.0.3",
      ...stored.map((words) => `TaskStored ${words}`),
      "CaughtUp 3",
    ]);
  });

  it("is told nothing of changes that it hides: stores, reports, removals, alone and merged", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    expect(world.told(cursor)).toEqual([]);
    await world.report(BOB);
    await world.report(BOB);
    await world.store.store(storeRequestOf(CAROL));
    expect(world.told(cursor)).toEqual([]);
    await world.remove(BOB, CAROL);
    expect(world.told(cursor)).toEqual([]);
  });

  it("is told the next change that it lets through, against the revision before it", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    world.told(cursor);
    await world.report(ALICE);
    expect(world.told(cursor)).toEqual(["TaskUpdated alice since 3 4"]);
  });

  it("catches up when what it hides was merged with what it lets through", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    await world.report(BOB);
    await world.report(ALICE);
    expect(world.told(cursor)).toEqual(["TaskUpdated alice since 2 5.2.5", "CaughtUp 5"]);
  });

  it("that resumes where all was hidden since is told just that it has all", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB);
    await world.report(BOB);
    expect(world.told(world.resume("2", { filter: ALICE }))).toEqual(["CaughtUp 3"]);
  });
});

describe("a merging subscription", () => {
  it("is told every change by catching up", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ isMerging: true }, ALICE);
    await world.report(ALICE);
    expect(world.told(cursor)).toEqual(["TaskUpdated alice since 1 2.1.2", "CaughtUp 2"]);
    await world.store.store(storeRequestOf(BOB));
    await world.report(ALICE);
    expect(world.told(cursor)).toEqual([
      "TaskStored bob 3.2.4",
      "TaskUpdated alice since 2 4.2.4",
      "CaughtUp 4",
    ]);
  });

  it("is told nothing of changes that it hides", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ isMerging: true, filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    expect(world.told(cursor)).toEqual([]);
  });
});

describe("what a subscription costs that is not read", () => {
  it("is one event a job, however much has changed", async () => {
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
  it("says where a subscription stands whose filter has hidden what happened for so long", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    expect(world.told(cursor)).toEqual([]);
    expect(cursor.pullAgainInMs).toBe(BOOKMARK_MS);
    world.clock.advance(BOOKMARK_MS - 1);
    expect(world.told(cursor)).toEqual([]);
    expect(cursor.pullAgainInMs).toBe(1);
    world.clock.advance(1);
    expect(world.told(cursor)).toEqual(["CaughtUp 3"]);
    expect(cursor.pullAgainInMs).toBeUndefined();
  });

  it("is at its own instant, and at the newest revision", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    world.told(cursor);
    world.clock.advance(BOOKMARK_MS);
    await world.report(BOB);
    expect(cursor.pull()).toEqual({
      kind: "CaughtUp",
      position: world.store.position,
      at: world.clock.now(),
    });
  });

  it("does not come where nothing has changed, nor where all was told", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    world.clock.advance(10 * BOOKMARK_MS);
    expect(world.told(cursor)).toEqual([]);
    await world.report(ALICE);
    expect(world.told(cursor)).toEqual(["TaskUpdated alice since 2 3"]);
    world.clock.advance(10 * BOOKMARK_MS);
    expect(world.told(cursor)).toEqual([]);
    expect(cursor.pullAgainInMs).toBeUndefined();
  });

  it("comes again after each further time in which something was hidden, and then only", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    world.told(cursor);
    world.clock.advance(BOOKMARK_MS);
    expect(world.told(cursor)).toEqual(["CaughtUp 3"]);
    world.clock.advance(BOOKMARK_MS - 1);
    expect(world.told(cursor)).toEqual([]);
    await world.report(BOB);
    expect(world.told(cursor)).toEqual([]);
    world.clock.advance(1);
    expect(world.told(cursor)).toEqual(["CaughtUp 4"]);
  });

  it("comes at once with the first change that is hidden where nothing was told for longer", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    world.clock.advance(10 * BOOKMARK_MS);
    expect(world.told(cursor)).toEqual([]);
    await world.report(BOB);
    expect(world.told(cursor)).toEqual(["CaughtUp 3"]);
  });

  it("comes in time though there is something new to hide again and again", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    const told: string[][] = [];
    for (let step = 0; step < 7; step++) {
      await world.report(BOB);
      told.push(world.told(cursor));
      world.clock.advance(BOOKMARK_MS / 3);
    }
    expect(told).toEqual([[], [], [], ["CaughtUp 6"], [], [], ["CaughtUp 9"]]);
  });

  it("is no reason to be told later what the filter lets through, and that restarts its time", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    world.told(cursor);
    world.clock.advance(BOOKMARK_MS - 1);
    await world.report(ALICE);
    expect(world.told(cursor)).toEqual(["TaskUpdated alice since 3 4"]);
    await world.report(BOB);
    world.clock.advance(BOOKMARK_MS - 1);
    expect(world.told(cursor)).toEqual([]);
    expect(cursor.pullAgainInMs).toBe(1);
  });

  it("is due when it is for the one who knows less, or has known it for longer, of two who go on together", async () => {
    await using world = await openWorld();
    const before = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    world.told(before);
    world.clock.advance(BOOKMARK_MS - 1);
    const after = world.resume("3", { filter: ALICE });
    expect(world.told(after)).toEqual(["CaughtUp 3"]);
    after.merge(before);
    expect(world.told(after)).toEqual([]);
    expect(after.pullAgainInMs).toBe(1);
    world.clock.advance(1);
    expect(world.told(after)).toEqual(["CaughtUp 3"]);
  });

  it("can be resumed from, also where the position before it could not any more", async () => {
    await using world = await openWorld({ limits: { removalsKeptMax: 1 } });
    const filter = ALICE;
    const cursor = await world.liveWith({ filter }, ALICE, BOB, CAROL);
    await world.remove(BOB);
    world.told(cursor);
    await world.remove(CAROL);
    world.told(cursor);
    expect(world.told(world.resume("3", { filter }), 1)).toEqual(["Reset HISTORY_GONE 0.0.5"]);
    world.clock.advance(BOOKMARK_MS);
    const [bookmark] = pulled(cursor);
    await world.report(ALICE);
    expect(world.told(world.resumeAt(bookmark!.position, { filter }))).toEqual([
      "TaskUpdated alice since 5 6.5.6",
      "CaughtUp 6",
    ]);
  });

  it("comes to a merging subscription too", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ isMerging: true, filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    expect(world.told(cursor)).toEqual([]);
    world.clock.advance(BOOKMARK_MS);
    expect(world.told(cursor)).toEqual(["CaughtUp 3"]);
  });

  it("is no later than ever when the clock is set back", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: ALICE }, ALICE, BOB);
    await world.report(BOB);
    world.told(cursor);
    world.clock.setBack(3_600_000);
    expect(world.told(cursor)).toEqual([]);
    expect(cursor.pullAgainInMs).toBe(BOOKMARK_MS);
    world.clock.advance(BOOKMARK_MS);
    expect(world.told(cursor)).toEqual(["CaughtUp 3"]);
  });
});

describe("a subscription that a thousand changes and more are hidden from", () => {
  const RARE = jobKey("alice", "rare");
  const MANY = manyKeys(1_100);

  it("lets others have their turn, and loses nothing by that", async () => {
    await using world = await openWorld();
    await world.storeAtOnce([...MANY, RARE]);
    const cursor = world.subscribe({ filter: { jobId: RARE.jobId } });
    expect(world.told(cursor)).toEqual(["Reset INITIAL 0.0.1101"]);
    expect(cursor.pullAgainInMs).toBe(0);
    expect(world.told(cursor)).toEqual(["TaskStored alice 1101.0.1101", "CaughtUp 1101"]);
    expect(cursor.pullAgainInMs).toBeUndefined();
  });

  it("hears what changes while others have their turn", async () => {
    await using world = await openWorld();
    await world.storeAtOnce([RARE, ...MANY]);
    const cursor = world.subscribe({ filter: { jobId: RARE.jobId } });
    expect(world.told(cursor)).toEqual(["Reset INITIAL 0.0.1101", "TaskStored alice 1.0.1101"]);
    await world.report(RARE);
    await world.report(MANY[0]!);
    expect(world.told(cursor)).toEqual(["TaskStored alice 1102.0.1101", "CaughtUp 1103"]);
  });

  it("need not be told that it has caught up when it was told nothing meanwhile", async () => {
    await using world = await openWorld();
    const cursor = await world.liveWith({ filter: { jobId: RARE.jobId } }, RARE);
    await world.storeAtOnce(MANY);
    expect(world.told(cursor)).toEqual([]);
    expect(cursor.pullAgainInMs).toBe(0);
    expect(world.told(cursor)).toEqual([]);
    expect(cursor.pullAgainInMs).toBe(BOOKMARK_MS);
    world.clock.advance(BOOKMARK_MS);
    expect(world.told(cursor)).toEqual(["CaughtUp 1101"]);
  });

  it("by a user finds the few that are left without looking at the others", async () => {
    await using world = await openWorld();
    await world.storeAtOnce([ALICE, ...MANY, RARE]);
    await world.report(ALICE);
    const looking = vi.spyOn(world.store, "nextChange");
    expect(world.told(world.subscribe({ filter: { username: ALICE.username } }))).toEqual([
      "Reset INITIAL 0.0.1103",
      "TaskStored alice 1102.0.1103",
      "TaskStored alice 1103.0.1103",
      "CaughtUp 1103",
    ]);
    expect(looking.mock.calls.length).toBeLessThan(10);
  });

  it("by a user with as many jobs is told just what concerns that user", async () => {
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
  ])("by a user of %s is told what one is told who sees all, less what is hidden", async (_, count) => {
    await using world = await openWorld();
    const jobs = Array.from({ length: count }, (_each, index) => jobKey("alice", `${index}`));
    await world.storeAtOnce([...jobs, BOB, CAROL, ...MANY.slice(0, 200)]);
    const all = pulledToTheEnd(world.subscribe());
    const mine = pulledToTheEnd(world.subscribe({ filter: { username: ALICE.username } }));
    expect(mine).toEqual(all.filter((event) => concerns(event, "alice")));
    expect(mine).toHaveLength(count + 2);
  });
});

describe("a live subscription that was away", () => {
  it("for a thousand changes is told them one by one", async () => {
    await using world = await openWorld();
    const cursor = await world.live(ALICE);
    await world.storeAtOnce(manyKeys(1_000));
    expect(world.told(cursor, 2)).toEqual(["TaskStored user0 2", "TaskStored user1 3"]);
  });

  it("for more than that catches up", async () => {
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
    expect(world.told(cursor)).toEqual(["TaskUpdated alice since 1002 1003"]);
  });
});

interface CursorOptions {
  readonly filter?: JobFilter;
  readonly isMerging?: boolean;
}

/** A store and those who watch it. */
interface World extends OpenedStore {
  storeAll(...keys: readonly (typeof ALICE)[]): Promise<void>;
  /** As many writers, who do not wait for each other. */
  storeAtOnce(keys: readonly (typeof ALICE)[]): Promise<void>;
  report(key: typeof ALICE): ReturnType<OpenedStore["store"]["update"]>;
  remove(...keys: readonly (typeof ALICE)[]): Promise<void>;
  subscribe(options?: CursorOptions): CursorReader;
  /** After a position of this store's epoch, as `4` or `4.2.6`. */
  resume(place: string, options?: CursorOptions): CursorReader;
  resumeAt(after: Position, options?: CursorOptions): CursorReader;
  /** One that was told of these jobs, and all else. */
  live(...keys: readonly (typeof ALICE)[]): Promise<CursorReader>;
  liveWith(options: CursorOptions, ...keys: readonly (typeof ALICE)[]): Promise<CursorReader>;
  /** What a subscription is told now, up to `count` events of it. */
  told(cursor: CursorReader, count?: number): string[];
}

/** So long that what is silent here says nothing of anybody's health. */
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
    resume: (place, given) => cursor(positionAt(store.position.epoch, place), given),
    resumeAt: cursor,
    live: (...keys) => world.liveWith({}, ...keys),
    async liveWith(given, ...keys) {
      await world.storeAll(...keys);
      const subscribed = cursor(undefined, given);
      pulled(subscribed);
      return subscribed;
    },
    told: (from, count = Infinity) => eventTexts(pulled(from, count)),
  };
  return world;
}

function positionAt(epoch: string, place: string): Position {
  const [revision, base, began] = place.split(".").map(Number);
  if (base === undefined) return { epoch, revision: revision! };
  return { epoch, revision: revision!, catchUp: { base, began: began! } };
}

/** Up to `count` events, or all that there are now, which come to an end. */
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

/** All that there is, also what comes after others had their turn. */
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
