import { describe, expect, it, vi } from "vitest";
import { BOOKMARK_MS } from "../kit/delivery/cursor-reader.js";
import { Hub, type TaskCountRequest, type TaskEventsRequest, type TaskRequest } from "../../src/hub/hub.js";
import type { PullStream } from "../../src/hub/pull-stream.js";
import type { TaskEvent } from "../../src/hub/task-event.js";
import { EmptyTaskStoreProvider } from "../../src/store/empty-task-store.js";
import type { TaskStore } from "../../src/store/task-store.js";
import { createFaultyJournal, type FaultyJournal } from "../kit/journal/faulty-journal.js";
import { eventTexts } from "../kit/delivery/event-text.js";
import { jobKey } from "../kit/journal/entries.js";
import {
  ALICE,
  ANY_ATTEMPT,
  BOB,
  CAROL,
  DATABASE,
  manyKeys,
  OTHER_DATABASE,
  rejection,
  reportOf,
  storeRequestOf,
} from "../kit/store/requests.js";
import { createStores, type Stores, type StoresOptions } from "../kit/store/task-stores.js";
import { untilIdle, until } from "../kit/deterministic/turns.js";

describe("Hub.taskEvents", () => {
  it("delivers the current state, then each change", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(ALICE));
    const events = await world.taskEvents();
    expect(await eventsOf(events, 3)).toEqual([
      "Reset INITIAL 0.0.1",
      "TaskStored alice 1.0.1",
      "CaughtUp 1",
    ]);
    const next = eventsOf(events, 1);
    await world.store.store(storeRequestOf(BOB));
    expect(await next).toEqual(["TaskStored bob 2"]);
  });

  it("delivers the changes since a position that match the filter", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(ALICE));
    const { position } = world.store;
    await world.store.store(storeRequestOf(BOB));
    await world.store.store(storeRequestOf(CAROL));
    const events = await world.taskEvents({ after: position, username: BOB.username });
    expect(await eventsOf(events, 2)).toEqual(["TaskStored bob 2.1.3", "CaughtUp 3"]);
  });

  it("delivers the first job of a database that did not exist at the subscription", async () => {
    await using world = await openHub();
    const events = await world.taskEvents({ database: OTHER_DATABASE });
    expect(await eventsOf(events, 2)).toEqual(["Reset INITIAL 0.0.0", "CaughtUp 0"]);
    const store = await world.provider.getTaskStore(OTHER_DATABASE);
    await store.store(storeRequestOf(ALICE));
    expect(await eventsOf(events, 1)).toEqual(["TaskStored alice 1"]);
  });

  it("delivers Reset EPOCH_CHANGED when the database is deleted, and the jobs that are stored later", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(ALICE));
    const { position } = world.store;
    const events = await world.taskEvents();
    const bobs = await world.taskEvents({ username: BOB.username });
    const counts = await world.hub.taskCount({ database: DATABASE, minIntervalMs: 0 });
    await eventsOf(events, 3);
    await eventsOf(bobs, 2);
    expect(await counts.next()).toMatchObject({ value: 1 });

    const live = [eventsOf(events, 2), eventsOf(bobs, 2)];
    const count = counts.next();
    await untilIdle();
    await world.provider.delete(DATABASE);
    const reset = ["Reset EPOCH_CHANGED 0.0.0", "CaughtUp 0"];
    expect(await Promise.all(live)).toEqual([reset, reset]);
    expect(await count).toMatchObject({ value: 0 });

    const store = await world.provider.getTaskStore(DATABASE);
    await store.store(storeRequestOf(BOB));
    expect(await eventsOf(events, 1)).toEqual(["TaskStored bob 1"]);
    expect(await eventsOf(bobs, 1)).toEqual(["TaskStored bob 1"]);
    const resumed = await world.taskEvents({ after: position });
    expect(await eventsOf(resumed, 3)).toEqual([
      "Reset EPOCH_CHANGED 0.0.1",
      "TaskStored bob 1.0.1",
      "CaughtUp 1",
    ]);
  });

  it("loses no change between the subscription and the first read", async () => {
    await using world = await openHub();
    const events = await world.taskEvents();
    await world.store.store(storeRequestOf(ALICE));
    expect(await eventsOf(events, 3)).toEqual([
      "Reset INITIAL 0.0.1",
      "TaskStored alice 1.0.1",
      "CaughtUp 1",
    ]);
  });

  it("with an interval delivers the newest state of each job, at most once per interval, as a catch-up", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(ALICE));
    const events = await world.taskEvents({ minIntervalMs: 100 });
    await eventsOf(events, 3);
    const next = events.next();
    await untilIdle();
    await world.store.update(ALICE, reportOf({ add: 1 }));
    await world.store.update(ALICE, reportOf({ add: 1 }));
    world.clock.advance(100);
    expect(eventTexts([(await next).value!])).toEqual(["TaskUpdated alice since 1 3.1.3"]);
    expect(await eventsOf(events, 1)).toEqual(["CaughtUp 3"]);
  });

  it("with an interval pauses after each catch-up, even if more is available already", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(ALICE));
    const events = await world.taskEvents({ minIntervalMs: 100 });
    await eventsOf(events, 3);
    await world.store.update(ALICE, reportOf({ add: 1 }));
    const onResult = watched(events);
    await untilIdle();
    expect(onResult).not.toHaveBeenCalled();
    world.clock.advance(100);
    await until(() => onResult.mock.calls.length === 1);
  });

  it("delivers the newest state of each job to a reader that has paused", async () => {
    await using world = await openHub();
    const events = await world.taskEvents();
    await eventsOf(events, 2);
    await world.store.store(storeRequestOf(ALICE));
    await Promise.all(Array.from({ length: 500 }, () => world.store.update(ALICE, reportOf({ add: 1 }))));
    expect(await eventsOf(events, 2)).toEqual(["TaskStored alice 501.0.501", "CaughtUp 501"]);
  });
});

describe("Hub.taskEvents with an interval that is longer than the bookmark time", () => {
  it("delivers a bookmark at the next tick", async () => {
    await using world = await openHub();
    const minIntervalMs = 2 * BOOKMARK_MS;
    const events = await world.taskEvents({ username: ALICE.username, minIntervalMs });
    await eventsOf(events, 2);
    const onResult = watched(events);
    await world.store.store(storeRequestOf(BOB));
    await untilIdle();
    world.clock.advance(minIntervalMs);
    await until(() => onResult.mock.calls.length === 1);
    expect(onResult.mock.calls.flat()).toMatchObject([
      { value: { kind: "CaughtUp", position: { revision: 1 } } },
    ]);
  });
});

describe("Hub.task", () => {
  it("delivers the job now, and after every change", async () => {
    await using world = await openHub();
    const stored = await world.store.store(storeRequestOf(ALICE));
    const jobs = await world.task();
    expect((await jobs.next()).value).toBe(stored);
    const next = jobs.next();
    const updated = await world.store.update(ALICE, reportOf({ done: 1 }));
    expect((await next).value).toBe(updated);
  });

  it("delivers null before the job is stored and after it is removed", async () => {
    await using world = await openHub();
    const jobs = await world.task();
    expect(await jobs.next()).toEqual({ done: false, value: null });
    const stored = await world.store.store(storeRequestOf(ALICE));
    expect((await jobs.next()).value).toBe(stored);
    await world.store.remove(ALICE, ANY_ATTEMPT);
    expect(await jobs.next()).toEqual({ done: false, value: null });
    const again = await world.store.store(storeRequestOf(ALICE));
    expect((await jobs.next()).value).toBe(again);
  });

  it("delivers nothing for other jobs", async () => {
    await using world = await openHub();
    const jobs = await world.task();
    await jobs.next();
    const onResult = watched(jobs);
    await world.store.store(storeRequestOf(BOB));
    await untilIdle();
    expect(onResult).not.toHaveBeenCalled();
    await world.store.store(storeRequestOf(ALICE));
    await until(() => onResult.mock.calls.length === 1);
  });

  it("delivers the newest state to a slow reader", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(ALICE));
    const jobs = await world.task();
    await jobs.next();
    await world.store.update(ALICE, reportOf({ done: 1 }));
    const newest = await world.store.update(ALICE, reportOf({ done: 2 }));
    expect((await jobs.next()).value).toBe(newest);
  });

  it.each(["FINISHED", "FAILED", "CANCELED"] as const)(
    "completes after it has delivered the status %s",
    async (status) => {
      await using world = await openHub();
      await world.store.store(storeRequestOf(ALICE));
      const jobs = await world.task();
      await jobs.next();
      const ended = await world.store.update(ALICE, reportOf({ status }));
      expect((await jobs.next()).value).toBe(ended);
      expect(await jobs.next()).toEqual({ done: true, value: undefined });
      expect(world.hub.subscriberCount).toBe(0);
    },
  );

  it("delivers a job that has ended already, and completes", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(ALICE));
    const ended = await world.store.update(ALICE, reportOf({ status: "FINISHED" }));
    const jobs = await world.task();
    expect((await jobs.next()).value).toBe(ended);
    expect(await jobs.next()).toEqual({ done: true, value: undefined });
  });

  it("continues with the next attempt if it does not complete at the end of the job", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(ALICE));
    await world.store.update(ALICE, reportOf({ status: "FINISHED" }));
    const jobs = await world.task({ untilEnded: false });
    await jobs.next();
    const again = await world.store.store(storeRequestOf(ALICE));
    expect((await jobs.next()).value).toBe(again);
  });

  it("with an interval completes at once after the end of the job", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(ALICE));
    await world.store.update(ALICE, reportOf({ status: "FINISHED" }));
    const jobs = await world.task({ minIntervalMs: 100 });
    await jobs.next();
    const onResult = watched(jobs);
    await untilIdle();
    expect(onResult).toHaveBeenCalledExactlyOnceWith({ done: true, value: undefined });
  });

  it("with an interval delivers at most one state per interval, the newest", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(ALICE));
    const jobs = await world.task({ minIntervalMs: 100 });
    await jobs.next();
    const onResult = watched(jobs);
    await untilIdle();
    await world.store.update(ALICE, reportOf({ done: 1 }));
    const newest = await world.store.update(ALICE, reportOf({ done: 2 }));
    await untilIdle();
    expect(onResult).not.toHaveBeenCalled();
    world.clock.advance(100);
    await until(() => onResult.mock.calls.length === 1);
    expect(onResult).toHaveBeenCalledWith({ done: false, value: newest });
  });
});

describe("Hub.taskCount", () => {
  it("delivers the count now, and whenever it changes", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(ALICE));
    const counts = await world.taskCount();
    expect((await counts.next()).value).toBe(1);
    const next = counts.next();
    await world.store.update(ALICE, reportOf({ done: 1 }));
    await world.store.store(storeRequestOf(ALICE));
    await world.store.store(storeRequestOf(BOB));
    expect((await next).value).toBe(2);
    const afterPurge = counts.next();
    await untilIdle();
    await world.store.purge();
    expect((await afterPurge).value).toBe(0);
  });

  it("counts the jobs that match the filter", async () => {
    await using world = await openHub();
    await Promise.all([ALICE, BOB].map((key) => world.store.store(storeRequestOf(key))));
    const counts = await world.taskCount({ username: ALICE.username, statuses: ["RUNNING"] });
    expect((await counts.next()).value).toBe(0);
    const next = counts.next();
    await world.store.update(BOB, reportOf({ status: "RUNNING" }));
    await world.store.update(ALICE, reportOf({ status: "RUNNING" }));
    expect((await next).value).toBe(1);
  });

  it("with an interval pauses between two counts, even if the count has changed already", async () => {
    await using world = await openHub();
    const counts = await world.taskCount({ minIntervalMs: 100 });
    await counts.next();
    await world.store.store(storeRequestOf(ALICE));
    const onResult = watched(counts);
    await untilIdle();
    expect(onResult).not.toHaveBeenCalled();
    world.clock.advance(100);
    await until(() => onResult.mock.calls.length === 1);
    expect(onResult).toHaveBeenCalledWith({ done: false, value: 1 });
  });
});

describe("Hub.cancelRequests", () => {
  it("delivers the pending requests, and again whenever one is added", async () => {
    await using world = await openHub();
    for (const key of [ALICE, BOB, CAROL]) await world.store.store(storeRequestOf(key));
    await world.store.requestCancel(ALICE, CANCEL);
    const requests = await world.hub.cancelRequests({ database: DATABASE });
    expect(usersOf(await requests.next())).toEqual(["alice"]);

    const next = watched(requests);
    await world.store.update(BOB, reportOf({ done: 1 }));
    await world.store.update(ALICE, reportOf({ done: 1 }));
    await untilIdle();
    expect(next).not.toHaveBeenCalled();
    await world.store.requestCancel(CAROL, CANCEL);
    await until(() => next.mock.calls.length > 0);
    expect(usersOf(next.mock.calls[0]![0])).toEqual(["alice", "carol"]);
  });

  it("delivers an empty list without requests of other users or for ended jobs", async () => {
    await using world = await openHub();
    for (const key of [ALICE, BOB]) await world.store.store(storeRequestOf(key));
    for (const key of [ALICE, BOB]) await world.store.requestCancel(key, CANCEL);
    await world.store.update(ALICE, reportOf({ status: "CANCELED" }));
    const requests = await world.hub.cancelRequests({ database: DATABASE, username: ALICE.username });

    expect(usersOf(await requests.next())).toEqual([]);
  });

  it("delivers a request for the next attempt again", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(ALICE));
    await world.store.requestCancel(ALICE, CANCEL);
    const requests = await world.hub.cancelRequests({ database: DATABASE });
    await requests.next();
    const next = requests.next();
    await world.store.store(storeRequestOf(ALICE));
    await world.store.requestCancel(ALICE, CANCEL);

    expect((await next).value).toMatchObject([{ attempt: 2 }]);
  });
});

const CANCEL = { ...ANY_ATTEMPT, by: "carol", reason: null };

function usersOf(result: unknown): unknown[] {
  const { value } = result as IteratorResult<readonly { readonly username: string }[]>; // the type of the stream
  return value.map(({ username }: { readonly username: string }) => username);
}

describe("subscribers with the same interval", () => {
  it("receive the same event objects, a thousand subscribers in each tick", async () => {
    await using world = await openHub();
    const streams = await Promise.all(
      Array.from({ length: 1_000 }, () => world.taskEvents({ minIntervalMs: 100 })),
    );
    const snapshots = await Promise.all(streams.map((stream) => take(stream, 2)));
    const first = streams.map((stream) => take(stream, 2));
    await world.store.store(storeRequestOf(ALICE));
    await untilIdle();
    world.clock.advance(100);
    const ticks = [snapshots, await Promise.all(first)];
    const second = streams.map((stream) => take(stream, 2));
    await world.store.update(ALICE, reportOf({ add: 1 }));
    await untilIdle();
    world.clock.advance(100);
    ticks.push(await Promise.all(second));
    expect(ticks.map(([events = []]) => eventTexts(events))).toEqual([
      ["Reset INITIAL 0.0.0", "CaughtUp 0"],
      ["TaskStored alice 1.0.1", "CaughtUp 1"],
      ["TaskUpdated alice since 1 2.1.2", "CaughtUp 2"],
    ]);
    expect(ticks.map((tick) => new Set(tick.flat()).size)).toEqual([2, 2, 2]);
  });

  it("share one tick, whenever they joined", async () => {
    await using world = await openHub();
    const streams: PullStream<TaskEvent>[] = [];
    for (let joined = 0; joined < 3; joined++) {
      streams.push(await world.taskEvents({ minIntervalMs: 100 }));
      await take(streams.at(-1)!, 2);
      world.clock.advance(30);
    }
    const received = streams.map(watched);
    await world.store.store(storeRequestOf(ALICE));
    await untilIdle();
    world.clock.advance(9);
    await untilIdle();
    expect(received.map(({ mock }) => mock.calls.length)).toEqual([0, 0, 0]);
    world.clock.advance(1);
    await untilIdle();
    expect(received.map(({ mock }) => mock.calls.length)).toEqual([1, 1, 1]);
  });

  it("tick independently of subscribers with another interval", async () => {
    await using world = await openHub();
    const [quick, slow] = [
      await world.taskCount({ minIntervalMs: 10 }),
      await world.taskCount({ minIntervalMs: 100 }),
    ];
    await Promise.all([quick.next(), slow.next()]);
    const [onQuick, onSlow] = [watched(quick), watched(slow)];
    await world.store.store(storeRequestOf(ALICE));
    await untilIdle();
    world.clock.advance(99);
    await until(() => onQuick.mock.calls.length === 1);
    expect(onSlow).not.toHaveBeenCalled();
    world.clock.advance(1);
    await until(() => onSlow.mock.calls.length === 1);
  });

  it("wait a whole interval after the first answer, even a single one", async () => {
    await using world = await openHub();
    world.clock.advance(70);
    const counts = await world.taskCount({ minIntervalMs: 100 });
    await counts.next();
    const onResult = watched(counts);
    await world.store.store(storeRequestOf(ALICE));
    await untilIdle();
    world.clock.advance(99);
    await untilIdle();
    expect(onResult).not.toHaveBeenCalled();
    world.clock.advance(1);
    await until(() => onResult.mock.calls.length === 1);
  });

  it("leave no timer behind with the last of them", async () => {
    await using world = await openHub();
    const timers = world.clock.timerCount;
    const streams = [
      await world.taskCount({ minIntervalMs: 100 }),
      await world.taskEvents({ minIntervalMs: 100 }),
    ];
    await Promise.all(streams.map((stream) => stream.next()));
    expect(world.clock.timerCount).toBe(timers + 1);
    await Promise.all(streams.map((stream) => stream.return()));
    expect(world.clock.timerCount).toBe(timers);
  });
});

describe("a subscriber whose filter hides all changes", () => {
  it.each([0, 100])("receives a bookmark after a while, repeatedly (interval %i)", async (minIntervalMs) => {
    await using world = await openHub();
    const events = await world.taskEvents({ username: ALICE.username, minIntervalMs });
    await take(events, 2);
    const onResult = watched(events);
    await world.store.store(storeRequestOf(BOB));
    await untilIdle();
    world.clock.advance(minIntervalMs);
    await untilIdle();
    world.clock.advance(BOOKMARK_MS - minIntervalMs - 1);
    await untilIdle();
    expect(onResult).not.toHaveBeenCalled();
    world.clock.advance(1);
    await until(() => onResult.mock.calls.length === 1);
    const again = watched(events);
    await world.store.store(storeRequestOf(CAROL));
    await untilIdle();
    world.clock.advance(minIntervalMs);
    await untilIdle();
    world.clock.advance(BOOKMARK_MS);
    await until(() => again.mock.calls.length === 1);
    expect([...onResult.mock.calls, ...again.mock.calls].flat()).toEqual([caughtUpAt(1), caughtUpAt(2)]);
  });

  it("leaves no timer behind when it unsubscribes", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(CAROL)); // starts the timer for the health of its jobs
    const timers = world.clock.timerCount;
    const events = await world.taskEvents({ username: ALICE.username });
    await take(events, 2);
    void events.next();
    await world.store.store(storeRequestOf(BOB));
    await untilIdle();
    expect(world.clock.timerCount).toBe(timers + 1);
    await events.return();
    expect(world.clock.timerCount).toBe(timers);
  });

  it("lets others pull while it skips the hidden changes", async () => {
    await using world = await openHub();
    const keys = manyKeys(2_500);
    await Promise.all(keys.map((key) => world.store.store(storeRequestOf(key))));
    await world.store.store(storeRequestOf(ALICE));
    const { jobId } = jobKey("dave", "unknown");
    const [seeking, counting] = [await world.taskEvents({ jobId }), await world.taskCount()];
    await take(seeking, 1);
    const order: string[] = [];
    await Promise.all([
      take(seeking, 1).then(([event]) => order.push(event!.kind)),
      counting.next().then(() => order.push("a count")),
    ]);
    expect(order).toEqual(["a count", "CaughtUp"]);
  });
});

describe("the changes of one turn of the event loop", () => {
  it("wake the subscribers that they concern once, and no others", async () => {
    await using world = await openHub();
    await Promise.all([ALICE, BOB].map((key) => world.store.store(storeRequestOf(key))));
    const [jobs, counts] = [await world.task(CAROL), await world.taskCount()];
    await Promise.all([jobs.next(), counts.next()]);
    const waiting = [jobs.next(), counts.next()];
    await untilIdle();
    const [getting, counting] = [vi.spyOn(world.store, "get"), vi.spyOn(world.store, "taskCount")];
    await world.store.purge();
    await waiting[1];
    expect(world.store.position.revision).toBe(4);
    expect(counting).toHaveBeenCalledTimes(2); // once to deliver, once to see that nothing is left
    expect(getting).not.toHaveBeenCalled();
    await Promise.all([jobs.return(), counts.return()]);
  });
});

describe("the subscribers of a hub", () => {
  it("are counted while their streams are open", async () => {
    await using world = await openHub();
    const streams = [
      await world.taskEvents(),
      await world.task(),
      await world.taskCount({ database: OTHER_DATABASE }),
    ];
    expect(world.hub.subscriberCount).toBe(3);
    await Promise.all(streams.map((stream) => stream.return()));
    await streams[0]!.return();
    expect(world.hub.subscriberCount).toBe(0);
  });

  it("share one listener of the store, which the last of them removes", async () => {
    await using world = await openHub();
    const adding = vi.spyOn(world.store, "addListener");
    const removing = vi.spyOn(world.store, "removeListener");
    const [events, jobs] = [await world.taskEvents(), await world.task()];
    expect(adding).toHaveBeenCalledOnce();
    await events.return();
    expect(removing).not.toHaveBeenCalled();
    await jobs.return();
    expect(removing).toHaveBeenCalledExactlyOnceWith(adding.mock.calls[0]![0]);
  });

  it("release an empty store with the last of them", async () => {
    await using world = await openHub();
    const [events, jobs] = [
      await world.taskEvents({ database: OTHER_DATABASE }),
      await world.task({ database: OTHER_DATABASE }),
    ];
    await events.return();
    expect(world.provider.peek(OTHER_DATABASE)).toBeDefined();
    await jobs.return();
    expect(world.provider.peek(OTHER_DATABASE)).toBeUndefined();
    await until(() => world.journal.openHandleCount === 1);
  });

  it("with the same request hold one lease on the store until the last of them leaves", async () => {
    await using world = await openHub();
    const leaseCount = countLeases(world.provider);
    const streams = await Promise.all(Array.from({ length: 5 }, () => world.taskEvents()));
    const counts = [leaseCount()];
    for (const stream of streams) {
      await stream.return();
      counts.push(leaseCount());
    }
    expect(counts).toEqual([1, 1, 1, 1, 1, 0]);
  });

  it("can subscribe again after the last of them has left", async () => {
    await using world = await openHub();
    const before = await world.taskCount();
    await before.return();
    const after = await world.taskCount();
    await after.next();
    await world.store.store(storeRequestOf(ALICE));
    expect((await after.next()).value).toBe(1);
  });

  it("all receive a change even if one of them leaves during its delivery", async () => {
    await using world = await openHub();
    const [leaving, staying] = [await world.taskCount(), await world.taskCount()];
    await Promise.all([leaving.next(), staying.next()]);
    void leaving.next().then(() => leaving.return());
    const next = staying.next();
    await world.store.store(storeRequestOf(ALICE));
    expect((await next).value).toBe(1);
    expect(world.hub.subscriberCount).toBe(1);
  });

  it("of one database are not woken by another", async () => {
    await using world = await openHub();
    const counting = vi.spyOn(world.store, "taskCount");
    const counts = await world.taskCount();
    await counts.next();
    const next = counts.next();
    await untilIdle();
    counting.mockClear();
    const other = await world.provider.getTaskStore(OTHER_DATABASE);
    await other.store(storeRequestOf(ALICE));
    await untilIdle();
    expect(counting).not.toHaveBeenCalled();
    await counts.return();
    expect((await next).done).toBe(true);
  });

  it("that do not read do not delay writers", async () => {
    await using world = await openHub();
    const streams = await Promise.all(Array.from({ length: 50 }, () => world.taskEvents()));
    await world.store.store(storeRequestOf(ALICE));
    await Promise.all(Array.from({ length: 200 }, () => world.store.update(ALICE, reportOf({ add: 1 }))));
    expect(world.store.get(ALICE)?.task.done).toBe(200);
    expect(await eventsOf(streams[7]!, 3)).toEqual([
      "Reset INITIAL 0.0.201",
      "TaskStored alice 201.0.201",
      "CaughtUp 201",
    ]);
  });

  it("are rejected if the store can't be opened, and leave nothing behind", async () => {
    let faults: FaultyJournal | undefined;
    await using world = await openHub({ journal: (journal) => (faults = createFaultyJournal(journal)) });
    faults!.failNextOpen();
    await expect(world.taskEvents({ database: OTHER_DATABASE })).rejects.toMatchObject(
      rejection("UNAVAILABLE"),
    );
    expect(world.hub.subscriberCount).toBe(0);
    expect(world.provider.peek(OTHER_DATABASE)).toBeUndefined();
  });

  it("receive an empty state if tracking is off, even when they resume", async () => {
    await using world = await openHub();
    const hub = new Hub(new EmptyTaskStoreProvider(world), { clock: world.clock, bookmarkMs: BOOKMARK_MS });
    const events = await hub.taskEvents({ database: DATABASE, minIntervalMs: 0 });
    expect(await eventsOf(events, 2)).toEqual(["Reset INITIAL 0.0.0", "CaughtUp 0"]);
    const after = { epoch: "anotherEpoch", revision: 7 };
    const resumed = await hub.taskEvents({ database: DATABASE, minIntervalMs: 0, after });
    expect(await eventsOf(resumed, 2)).toEqual(["Reset EPOCH_CHANGED 0.0.0", "CaughtUp 0"]);
  });
});

/** Counts the store leases that are granted from now on and not released. */
function countLeases(provider: Stores["provider"]): () => number {
  const retain = provider.retain.bind(provider);
  let leaseCount = 0;
  vi.spyOn(provider, "retain").mockImplementation(async (database) => {
    const { store, release } = await retain(database);
    leaseCount++;
    return {
      store,
      release() {
        leaseCount--;
        release();
      },
    };
  });
  return () => leaseCount;
}

interface HubWorld extends Stores {
  readonly hub: Hub;
  /** The empty store of `DATABASE`. */
  readonly store: TaskStore;
  taskEvents(request?: Partial<TaskEventsRequest>): Promise<PullStream<TaskEvent>>;
  task(request?: Partial<TaskRequest>): ReturnType<Hub["task"]>;
  taskCount(request?: Partial<TaskCountRequest>): ReturnType<Hub["taskCount"]>;
}

async function openHub(options?: StoresOptions): Promise<HubWorld> {
  const world = createStores(options);
  const hub = new Hub(world.provider, { clock: world.clock, bookmarkMs: BOOKMARK_MS });
  const common = { database: DATABASE, minIntervalMs: 0 };
  return {
    ...world,
    hub,
    store: await world.provider.getTaskStore(DATABASE),
    taskEvents: (request) => hub.taskEvents({ ...common, ...request }),
    task: (request) => hub.task({ ...common, ...ALICE, untilEnded: true, ...request }),
    taskCount: (request) => hub.taskCount({ ...common, ...request }),
  };
}

async function eventsOf(stream: PullStream<TaskEvent>, count: number): Promise<string[]> {
  return eventTexts(await take(stream, count));
}

async function take(stream: PullStream<TaskEvent>, count: number): Promise<TaskEvent[]> {
  const events: TaskEvent[] = [];
  while (events.length < count) events.push((await stream.next()).value!);
  return events;
}

function caughtUpAt(revision: number): object {
  const value: unknown = expect.objectContaining({
    kind: "CaughtUp",
    position: expect.objectContaining({ revision }),
  });
  return { done: false, value };
}

/** Reads the next value and records it when it arrives. */
function watched(stream: PullStream<unknown>): ReturnType<typeof vi.fn<(result: unknown) => void>> {
  const onResult = vi.fn<(result: unknown) => void>();
  void stream.next().then(onResult);
  return onResult;
}
