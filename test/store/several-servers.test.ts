import { describe, expect, it, onTestFinished } from "vitest";
import { Hub } from "../../src/hub/hub.js";
import type { PullStream } from "../../src/hub/pull-stream.js";
import type { TaskEvent } from "../../src/hub/task-event.js";
import { UnknownFormatError } from "../../src/journal/journal.js";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { formatPosition, parsePosition, type Position } from "../../src/protocol/position.js";
import { PerDatabaseTaskStoreProvider } from "../../src/store/per-database-task-store-provider.js";
import type { TaskStore } from "../../src/store/task-store.js";
import { eventTexts } from "../kit/delivery/event-text.js";
import { untilIdle } from "../kit/deterministic/turns.js";
import { ManualSteadyClock } from "../kit/deterministic/manual-steady-clock.js";
import { ForkingJournal } from "../kit/journal/forking-journal.js";
import { RecordingLog } from "../kit/server/recording-log.js";
import { RecordingListener } from "../kit/store/recording-listener.js";
import { ALICE, ANY_ATTEMPT, BOB, CAROL, DATABASE, reportOf, storeRequestOf } from "../kit/store/requests.js";
import { retentionOf } from "../kit/store/task-stores.js";

/** Several servers on one journal, and what they do when the journal's own server fails. */

describe("two servers", () => {
  it("tell their listeners of each change once, in order, whoever made it", async () => {
    const { first, second } = await openTwo();
    const listeners = [first, second].map(({ store }) => listenTo(store));
    await first.store.store(storeRequestOf(ALICE));
    await second.store.update(ALICE, reportOf({ path: "", done: 1 }));
    await Promise.all([first.store.store(storeRequestOf(BOB)), second.store.store(storeRequestOf(CAROL))]);
    await second.store.remove(ALICE, ANY_ATTEMPT);
    await first.store.catchUp(second.store.position);
    await second.store.catchUp(first.store.position);
    for (const { revisions } of listeners) expect(revisions).toEqual([1, 2, 3, 4, 5]);
    expect(listeners[0]!.words).toEqual(listeners[1]!.words);
  });

  it("decide a rejection by the newest state", async () => {
    const { first, second, log } = await openTwo();
    await first.store.store(storeRequestOf(ALICE));
    const reported = await second.store.update(ALICE, reportOf({ path: "", add: 2 }));
    expect(reported).toMatchObject({ task: { done: 2 } });
    await first.store.remove(ALICE, ANY_ATTEMPT);
    await expect(second.store.update(ALICE, reportOf())).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(log.lines).toEqual([]);
  });

  it("reduce a report again if the other one has changed its job meanwhile", async () => {
    const { first, second } = await openTwo();
    await first.store.store(storeRequestOf(ALICE));
    const reports = Array.from({ length: 20 }, (_, index) =>
      [first, second][index % 2]!.store.update(ALICE, reportOf({ path: "", add: 1 })),
    );
    await Promise.all(reports);
    await first.store.catchUp(second.store.position);
    await second.store.catchUp(first.store.position);
    expect(first.store.get(ALICE)).toMatchObject({ task: { done: 20 }, version: 21 });
    expect(first.store.position).toEqual(second.store.position);
  });

  it("leave health and expiry to the one that holds the lease", async () => {
    const { first, second, journal, clock } = await openTwo();
    await first.store.store(storeRequestOf(ALICE, { leaseMs: 1_000 }));
    journal.holdsLease = false;
    clock.advance(1_500);
    await first.provider.runMaintenance();
    await second.provider.runMaintenance();
    expect(first.store.get(ALICE)).toMatchObject({ health: "OK" });
    journal.holdsLease = true;
    await first.provider.runMaintenance();
    expect(first.store.get(ALICE)).toMatchObject({ health: "SILENT" });
  });
});

describe("a database server that does not confirm a change", () => {
  it("is named after 4 s, and the change counts once if it is written after all", async () => {
    const { first, journal, clock } = await openTwo();
    await first.store.store(storeRequestOf(ALICE));
    const release = journal.holdAppends();
    const report = { ...reportOf({ path: "", add: 1 }), requestId: "r" };
    const late = first.store.update(ALICE, report);
    await untilIdle();
    const behind = first.store.store(storeRequestOf(BOB));
    clock.advance(4_000);

    await expect(late).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("is unknown"),
    });
    await expect(behind).rejects.toMatchObject({ message: expect.stringContaining("Nothing has changed") });
    await expect(first.store.store(storeRequestOf(CAROL))).rejects.toMatchObject({ code: "UNAVAILABLE" });
    release();
    await expect.poll(() => first.store.get(ALICE)?.version).toBe(2);
    expect(await first.store.update(ALICE, report)).toMatchObject({ version: 2, task: { done: 1 } });
    expect(first.store.query()).toMatchObject([ALICE]);
  });
});

describe("after a failover that lost nothing", () => {
  it("subscribers go on without a Reset, and new positions name the new generation", async () => {
    const { first, journal } = await openTwo();
    await first.store.store(storeRequestOf(ALICE));
    const events = await subscribe(first);
    await events.take(3);
    await journal.failOver();
    await first.store.update(ALICE, reportOf({ path: "", done: 1 }));
    const [event] = await events.take(1);
    expect(eventTexts([event!])).toEqual(["TaskUpdated alice since 1 2"]);
    expect(formatPosition(event!.position)).toMatch(/^.{12}~g1\.2$/);
  });

  it("a position from before resumes, also through the text that clients send", async () => {
    const { first, second, journal } = await openTwo();
    await first.store.store(storeRequestOf(ALICE));
    const position = parsePosition(formatPosition(first.store.position));
    await journal.failOver();
    await second.store.store(storeRequestOf(BOB));
    const events = await subscribe(first, position);
    expect(eventTexts(await events.take(2))).toEqual(["TaskStored bob 2.1.2", "CaughtUp 2"]);
  });
});

describe("after a failover that lost changes", () => {
  it("resets exactly the subscribers that received one of them", async () => {
    const { first, second, journal } = await openTwo();
    await first.store.store(storeRequestOf(ALICE));
    const below = await subscribe(second, undefined);
    const atFork = parsePosition(formatPosition(first.store.position));
    await below.take(3);
    await first.store.store(storeRequestOf(BOB));
    const above = await subscribe(first);
    await above.take(4);
    const aboveFork = first.store.position;
    await journal.failOver(1);

    const resumed = await subscribe(second, atFork);
    await second.store.store(storeRequestOf(CAROL));
    expect(eventTexts(await above.take(2))).toEqual(["Reset HISTORY_LOST 0.0.1", "TaskStored alice 1.0.1"]);
    expect(eventTexts(await resumed.take(1))).toEqual(["TaskStored carol 2.1.2"]);
    const late = await subscribe(second, aboveFork);
    expect(eventTexts(await late.take(1))).toEqual(["Reset HISTORY_LOST 0.0.2"]);
  });

  it("names the jobs whose changes are lost in the log, and tells listeners once", async () => {
    const { first, journal, log } = await openTwo();
    const listener = listenTo(first.store);
    let replaced = 0;
    first.store.addListener({ ...NO_CALLS, onHistoryReplaced: () => void replaced++ });
    await first.store.store(storeRequestOf(ALICE));
    await first.store.store(storeRequestOf(BOB));
    await journal.failOver(1);
    await first.store.store(storeRequestOf(CAROL));
    expect(first.store.get(BOB)).toBeUndefined();
    expect(listener.words).toEqual(["added alice", "added bob", "added carol"]);
    expect(replaced).toBe(1);
    const lost = { level: "error", fields: { jobs: [{ username: "bob", jobId: "job", revision: 2 }] } };
    expect(log.lines).toMatchObject([lost, lost]); // both servers had it
  });

  it("knows the generations of two failovers", async () => {
    const { first, second, journal } = await openTwo();
    await first.store.store(storeRequestOf(ALICE));
    await journal.failOver();
    await first.store.store(storeRequestOf(BOB));
    const inSecondGeneration = first.store.position;
    await first.store.store(storeRequestOf(CAROL));
    const lost = first.store.position;
    await journal.failOver(2);
    await second.store.remove(ALICE, ANY_ATTEMPT);
    await first.store.catchUp(second.store.position);
    expect(first.store.includes(inSecondGeneration)).toBe(true);
    expect(first.store.includes(lost)).toBe(false);
    expect(first.store.isSameEpoch(lost)).toBe(true);
    expect(first.store.includes({ ...lost, epoch: `${lost.epoch}x` })).toBe(false);
  });
});

describe("a database of which another server has written what this one cannot read", () => {
  it("is unavailable, ends its streams, and is opened again on request", async () => {
    const { first, journal } = await openTwo();
    await first.store.store(storeRequestOf(ALICE));
    const events = await subscribe(first);
    await events.take(3);
    const next = events.take(1);
    journal.failFollowing(new UnknownFormatError('a change of the kind "painted"'));
    await expect(next).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("painted"),
    });
    expect(() => first.store.query()).toThrow(/painted/);
    await expect.poll(() => first.provider.peek(DATABASE)).toBeUndefined();
  });
});

const NO_CALLS = { onTaskAdded: () => {}, onTaskUpdated: () => {}, onTaskRemoved: () => {} };

interface Node {
  readonly provider: PerDatabaseTaskStoreProvider;
  readonly hub: Hub;
  readonly store: TaskStore;
}

interface TwoNodes {
  readonly first: Node;
  readonly second: Node;
  readonly journal: ForkingJournal;
  readonly clock: ManualSteadyClock;
  readonly log: RecordingLog;
}

async function openTwo(): Promise<TwoNodes> {
  const journal = new ForkingJournal(DEFAULT_LIMITS);
  const clock = new ManualSteadyClock(1_700_000_000_000);
  const log = new RecordingLog();
  const open = async (): Promise<Node> => {
    const options = { clock, log, limits: DEFAULT_LIMITS, retention: retentionOf(86_400_000) };
    const provider = new PerDatabaseTaskStoreProvider(journal, {
      ...options,
      idleMs: 1e9,
      lostAfterLeases: 3,
    });
    onTestFinished(() => provider.close());
    const hub = new Hub(provider, { clock, bookmarkMs: 30_000 });
    return { provider, hub, store: await provider.getTaskStore(DATABASE) };
  };
  return { first: await open(), second: await open(), journal, clock, log };
}

function listenTo(store: TaskStore): RecordingListener {
  const listener = new RecordingListener();
  store.addListener(listener);
  return listener;
}

/** The events of a subscription, some at a time. */
class Events {
  readonly #stream: PullStream<TaskEvent>;

  constructor(stream: PullStream<TaskEvent>) {
    this.#stream = stream;
  }

  async take(count: number): Promise<TaskEvent[]> {
    const events: TaskEvent[] = [];
    while (events.length < count) {
      const next = await this.#stream.next();
      if (next.done) break;
      events.push(next.value);
    }
    return events;
  }
}

async function subscribe({ hub }: Node, after?: Position): Promise<Events> {
  const stream = await hub.taskEvents({ database: DATABASE, after, minIntervalMs: 0 });
  onTestFinished(() => void stream.return());
  return new Events(stream);
}
