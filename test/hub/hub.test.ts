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

describe("the hub, asked for events", () => {
  it("tells the state, then what happens", async () => {
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

  it("tells what has changed since a position, and nothing of what the filter hides", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(ALICE));
    const { position } = world.store;
    await world.store.store(storeRequestOf(BOB));
    await world.store.store(storeRequestOf(CAROL));
    const events = await world.taskEvents({ after: position, username: BOB.username });
    expect(await eventsOf(events, 2)).toEqual(["TaskStored bob 2.1.3", "CaughtUp 3"]);
  });

  it("tells a watcher of a database that is not there yet what is stored in it later", async () => {
    await using world = await openHub();
    const events = await world.taskEvents({ database: OTHER_DATABASE });
    expect(await eventsOf(events, 2)).toEqual(["Reset INITIAL 0.0.0", "CaughtUp 0"]);
    const store = await world.provider.getTaskStore(OTHER_DATABASE);
    await store.store(storeRequestOf(ALICE));
    expect(await eventsOf(events, 1)).toEqual(["TaskStored alice 1"]);
  });

  it("loses nothing that happens between the subscription and the first look", async () => {
    await using world = await openHub();
    const events = await world.taskEvents();
    await world.store.store(storeRequestOf(ALICE));
    expect(await eventsOf(events, 3)).toEqual([
      "Reset INITIAL 0.0.1",
      "TaskStored alice 1.0.1",
      "CaughtUp 1",
    ]);
  });

  it("with an interval tells the newest of each job, at most once in it, by catching up", async () => {
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

  it("with an interval rests after each time that it has caught up, also when there is more already", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(ALICE));
    const events = await world.taskEvents({ minIntervalMs: 100 });
    await eventsOf(events, 3);
    await world.store.update(ALICE, reportOf({ add: 1 }));
    const told = watched(events);
    await untilIdle();
    expect(told).not.toHaveBeenCalled();
    world.clock.advance(100);
    await until(() => told.mock.calls.length === 1);
  });

  it("tells one who does not read the newest of each job, once it reads", async () => {
    await using world = await openHub();
    const events = await world.taskEvents();
    await eventsOf(events, 2);
    await world.store.store(storeRequestOf(ALICE));
    await Promise.all(Array.from({ length: 500 }, () => world.store.update(ALICE, reportOf({ add: 1 }))));
    expect(await eventsOf(events, 2)).toEqual(["TaskStored alice 501.0.501", "CaughtUp 501"]);
  });
});

describe("the hub, asked for events with an interval that is longer than the time of a bookmark", () => {
  it("tells where one stands with the next tick", async () => {
    await using world = await openHub();
    const minIntervalMs = 2 * BOOKMARK_MS;
    const events = await world.taskEvents({ username: ALICE.username, minIntervalMs });
    await eventsOf(events, 2);
    const told = watched(events);
    await world.store.store(storeRequestOf(BOB));
    await untilIdle();
    world.clock.advance(minIntervalMs);
    await until(() => told.mock.calls.length === 1);
    expect(told.mock.calls.flat()).toMatchObject([
      { value: { kind: "CaughtUp", position: { revision: 1 } } },
    ]);
  });
});

describe("the hub, asked for a task", () => {
  it("tells the job now, and then after every change", async () => {
    await using world = await openHub();
    const stored = await world.store.store(storeRequestOf(ALICE));
    const jobs = await world.task();
    expect((await jobs.next()).value).toBe(stored);
    const next = jobs.next();
    const updated = await world.store.update(ALICE, reportOf({ done: 1 }));
    expect((await next).value).toBe(updated);
  });

  it("tells null while the job is not there, before its first store and after its removal", async () => {
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

  it("tells nothing of other jobs", async () => {
    await using world = await openHub();
    const jobs = await world.task();
    await jobs.next();
    const told = watched(jobs);
    await world.store.store(storeRequestOf(BOB));
    await untilIdle();
    expect(told).not.toHaveBeenCalled();
    await world.store.store(storeRequestOf(ALICE));
    await until(() => told.mock.calls.length === 1);
  });

  it("tells one who is slow the newest", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(ALICE));
    const jobs = await world.task();
    await jobs.next();
    await world.store.update(ALICE, reportOf({ done: 1 }));
    const newest = await world.store.update(ALICE, reportOf({ done: 2 }));
    expect((await jobs.next()).value).toBe(newest);
  });

  it.each(["FINISHED", "FAILED", "CANCELED"] as const)(
    "completes once it has told that the job is %s",
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

  it("tells a job that has ended already, and completes", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(ALICE));
    const ended = await world.store.update(ALICE, reportOf({ status: "FINISHED" }));
    const jobs = await world.task();
    expect((await jobs.next()).value).toBe(ended);
    expect(await jobs.next()).toEqual({ done: true, value: undefined });
  });

  it("goes on to the next attempt when it is not to complete", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(ALICE));
    await world.store.update(ALICE, reportOf({ status: "FINISHED" }));
    const jobs = await world.task({ untilEnded: false });
    await jobs.next();
    const again = await world.store.store(storeRequestOf(ALICE));
    expect((await jobs.next()).value).toBe(again);
  });

  it("with an interval completes at once when it has told that the job has ended", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(ALICE));
    await world.store.update(ALICE, reportOf({ status: "FINISHED" }));
    const jobs = await world.task({ minIntervalMs: 100 });
    await jobs.next();
    const told = watched(jobs);
    await untilIdle();
    expect(told).toHaveBeenCalledExactlyOnceWith({ done: true, value: undefined });
  });

  it("with an interval tells at most one state in it, the newest", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(ALICE));
    const jobs = await world.task({ minIntervalMs: 100 });
    await jobs.next();
    const told = watched(jobs);
    await untilIdle();
    await world.store.update(ALICE, reportOf({ done: 1 }));
    const newest = await world.store.update(ALICE, reportOf({ done: 2 }));
    await untilIdle();
    expect(told).not.toHaveBeenCalled();
    world.clock.advance(100);
    await until(() => told.mock.calls.length === 1);
    expect(told).toHaveBeenCalledWith({ done: false, value: newest });
  });
});

describe("the hub, asked for a count", () => {
  it("tells it now, and then whenever it is another one", async () => {
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

  it("counts what the filter lets through", async () => {
    await using world = await openHub();
    await Promise.all([ALICE, BOB].map((key) => world.store.store(storeRequestOf(key))));
    const counts = await world.taskCount({ username: ALICE.username, statuses: ["RUNNING"] });
    expect((await counts.next()).value).toBe(0);
    const next = counts.next();
    await world.store.update(BOB, reportOf({ status: "RUNNING" }));
    await world.store.update(ALICE, reportOf({ status: "RUNNING" }));
    expect((await next).value).toBe(1);
  });

  it("with an interval lets it pass between two answers, also when there is another count already", async () => {
    await using world = await openHub();
    const counts = await world.taskCount({ minIntervalMs: 100 });
    await counts.next();
    await world.store.store(storeRequestOf(ALICE));
    const told = watched(counts);
    await untilIdle();
    expect(told).not.toHaveBeenCalled();
    world.clock.advance(100);
    await until(() => told.mock.calls.length === 1);
    expect(told).toHaveBeenCalledWith({ done: false, value: 1 });
  });
});

describe("the hub, asked for cancel requests", () => {
  it("tells those that there are, and then whenever there is another one", async () => {
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

  it("tells that there are none, and none of other users or of jobs that have ended", async () => {
    await using world = await openHub();
    for (const key of [ALICE, BOB]) await world.store.store(storeRequestOf(key));
    for (const key of [ALICE, BOB]) await world.store.requestCancel(key, CANCEL);
    await world.store.update(ALICE, reportOf({ status: "CANCELED" }));
    const requests = await world.hub.cancelRequests({ database: DATABASE, username: ALICE.username });

    expect(usersOf(await requests.next())).toEqual([]);
  });

  it("tells a request for the next attempt again", async () => {
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
  const { value } = result as IteratorResult<readonly { readonly username: string }[]>; // so the stream tells
  return value.map(({ username }: { readonly username: string }) => username);
}

describe("subscribers with the same interval", () => {
  it("are told the very same events, a thousand of them in each tick", async () => {
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
    expect(ticks.map(([told = []]) => eventTexts(told))).toEqual([
      ["Reset INITIAL 0.0.0", "CaughtUp 0"],
      ["TaskStored alice 1.0.1", "CaughtUp 1"],
      ["TaskUpdated alice since 1 2.1.2", "CaughtUp 2"],
    ]);
    expect(ticks.map((told) => new Set(told.flat()).size)).toEqual([2, 2, 2]);
  });

  it("come to one tick, whenever they joined", async () => {
    await using world = await openHub();
    const streams: PullStream<TaskEvent>[] = [];
    for (let joined = 0; joined < 3; joined++) {
      streams.push(await world.taskEvents({ minIntervalMs: 100 }));
      await take(streams.at(-1)!, 2);
      world.clock.advance(30);
    }
    const told = streams.map(watched);
    await world.store.store(storeRequestOf(ALICE));
    await untilIdle();
    world.clock.advance(9);
    await untilIdle();
    expect(told.map(({ mock }) => mock.calls.length)).toEqual([0, 0, 0]);
    world.clock.advance(1);
    await untilIdle();
    expect(told.map(({ mock }) => mock.calls.length)).toEqual([1, 1, 1]);
  });

  it("tick apart from those with another one", async () => {
    await using world = await openHub();
    const [quick, slow] = [
      await world.taskCount({ minIntervalMs: 10 }),
      await world.taskCount({ minIntervalMs: 100 }),
    ];
    await Promise.all([quick.next(), slow.next()]);
    const [toldQuick, toldSlow] = [watched(quick), watched(slow)];
    await world.store.store(storeRequestOf(ALICE));
    await untilIdle();
    world.clock.advance(99);
    await until(() => toldQuick.mock.calls.length === 1);
    expect(toldSlow).not.toHaveBeenCalled();
    world.clock.advance(1);
    await until(() => toldSlow.mock.calls.length === 1);
  });

  it("wait a whole one after a first answer, if there is but one of them", async () => {
    await using world = await openHub();
    world.clock.advance(70);
    const counts = await world.taskCount({ minIntervalMs: 100 });
    await counts.next();
    const told = watched(counts);
    await world.store.store(storeRequestOf(ALICE));
    await untilIdle();
    world.clock.advance(99);
    await untilIdle();
    expect(told).not.toHaveBeenCalled();
    world.clock.advance(1);
    await until(() => told.mock.calls.length === 1);
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

describe("a subscriber from whom all is hidden that happens", () => {
  it.each([0, 100])(
    "is told where it stands after a while, again and again: interval %i",
    async (minIntervalMs) => {
      await using world = await openHub();
      const events = await world.taskEvents({ username: ALICE.username, minIntervalMs });
      await take(events, 2);
      const told = watched(events);
      await world.store.store(storeRequestOf(BOB));
      await untilIdle();
      world.clock.advance(minIntervalMs);
      await untilIdle();
      world.clock.advance(BOOKMARK_MS - minIntervalMs - 1);
      await untilIdle();
      expect(told).not.toHaveBeenCalled();
      world.clock.advance(1);
      await until(() => told.mock.calls.length === 1);
      const again = watched(events);
      await world.store.store(storeRequestOf(CAROL));
      await untilIdle();
      world.clock.advance(minIntervalMs);
      await untilIdle();
      world.clock.advance(BOOKMARK_MS);
      await until(() => again.mock.calls.length === 1);
      expect([...told.mock.calls, ...again.mock.calls].flat()).toEqual([caughtUpAt(1), caughtUpAt(2)]);
    },
  );

  it("leaves no timer behind when it goes", async () => {
    await using world = await openHub();
    await world.store.store(storeRequestOf(CAROL)); // from now on the store has one for the health of its jobs
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

  it("lets others have their turn while it passes over that", async () => {
    await using world = await openHub();
    const keys = manyKeys(2_500);
    await Promise.all(keys.map((key) => world.store.store(storeRequestOf(key))));
    await world.store.store(storeRequestOf(ALICE));
    const { jobId } = jobKey("nobody", "none");
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
  it("wake those whom they concern once, and nobody else", async () => {
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
    expect(counting).toHaveBeenCalledTimes(2); // to tell, and to see that this was all
    expect(getting).not.toHaveBeenCalled();
    await Promise.all([jobs.return(), counts.return()]);
  });
});

describe("the subscribers of a hub", () => {
  it("are counted while they are there", async () => {
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

  it("share one listener of a store, which goes with the last of them", async () => {
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

  it("release a store that nothing was stored in with the last of them", async () => {
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

  it("who ask the same hold the store once, however many come and go", async () => {
    await using world = await openHub();
    const held = countLeases(world.provider);
    const streams = await Promise.all(Array.from({ length: 5 }, () => world.taskEvents()));
    const counts = [held()];
    for (const stream of streams) {
      await stream.return();
      counts.push(held());
    }
    expect(counts).toEqual([1, 1, 1, 1, 1, 0]);
  });

  it("can come again after the last of them went", async () => {
    await using world = await openHub();
    const before = await world.taskCount();
    await before.return();
    const after = await world.taskCount();
    await after.next();
    await world.store.store(storeRequestOf(ALICE));
    expect((await after.next()).value).toBe(1);
  });

  it("all hear of a change though one of them goes while it is told", async () => {
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

  it("who don't read keep no writer waiting", async () => {
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

  it("can't be where the store can't be opened, and leave nothing behind", async () => {
    let faults: FaultyJournal | undefined;
    await using world = await openHub({ journal: (journal) => (faults = createFaultyJournal(journal)) });
    faults!.failNextOpen();
    await expect(world.taskEvents({ database: OTHER_DATABASE })).rejects.toMatchObject(
      rejection("UNAVAILABLE"),
    );
    expect(world.hub.subscriberCount).toBe(0);
    expect(world.provider.peek(OTHER_DATABASE)).toBeUndefined();
  });

  it("are told that all is empty where tracking is off, also when they resume", async () => {
    await using world = await openHub();
    const hub = new Hub(new EmptyTaskStoreProvider(world), { clock: world.clock, bookmarkMs: BOOKMARK_MS });
    const events = await hub.taskEvents({ database: DATABASE, minIntervalMs: 0 });
    expect(await eventsOf(events, 2)).toEqual(["Reset INITIAL 0.0.0", "CaughtUp 0"]);
    const after = { epoch: "anotherEpoch", revision: 7 };
    const resumed = await hub.taskEvents({ database: DATABASE, minIntervalMs: 0, after });
    expect(await eventsOf(resumed, 2)).toEqual(["Reset EPOCH_CHANGED 0.0.0", "CaughtUp 0"]);
  });
});

/** Returns how many leases of stores are held, of those that are given from now on. */
function countLeases(provider: Stores["provider"]): () => number {
  const retain = provider.retain.bind(provider);
  let held = 0;
  vi.spyOn(provider, "retain").mockImplementation(async (database) => {
    const { store, release } = await retain(database);
    held++;
    return {
      store,
      release() {
        held--;
        release();
      },
    };
  });
  return () => held;
}

interface HubWorld extends Stores {
  readonly hub: Hub;
  /** Of `DATABASE`, in which nothing is stored yet. */
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

/** Asks for the next, and says what it was when it comes. */
function watched(stream: PullStream<unknown>): ReturnType<typeof vi.fn<(result: unknown) => void>> {
  const told = vi.fn<(result: unknown) => void>();
  void stream.next().then(told);
  return told;
}
