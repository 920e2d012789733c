import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { JournalError, type DatabaseJournal, type JournalEntry } from "../../src/journal/journal.js";
import { PerDatabaseTaskStore } from "../../src/store/per-database-task-store.js";
import { createFaultyJournal, type FaultyJournal } from "../kit/journal/faulty-journal.js";
import { changesAfter } from "../kit/store/changes.js";
import { branch, leaf } from "../kit/store/edits.js";
import { commandGroups, applyCommandGroups } from "../kit/store/job-commands.js";
import { jobKey } from "../kit/journal/entries.js";
import { ModelDatabase } from "../kit/store/model-database.js";
import { withHandles } from "../kit/journal/observed-journal.js";
import { comparableState, comparableStates } from "../kit/store/comparable-state.js";
import { RecordingListener } from "../kit/store/recording-listener.js";
import {
  ALICE,
  ANY_ATTEMPT,
  BOB,
  CAROL,
  DATABASE,
  manyKeys,
  rejection,
  cancelRequestOf,
  addTasksRequestOf,
  reportOf,
  storeRequestOf,
} from "../kit/store/requests.js";
import { openStore, retentionOf, type OpenedStore } from "../kit/store/task-stores.js";
import { untilIdle, until } from "../kit/deterministic/turns.js";

/** Small ones, so that random callers meet them. */
const bounds = fc.record({
  removalsKeptMax: fc.constantFrom(1, 2, 1_000),
  jobsPerDatabaseMax: fc.constantFrom(1, 2, 3, 4, 1_000),
});

describe("a task store", () => {
  it("answers a store with the job as it can be read then", async () => {
    await using world = await openStore();
    const { store, clock } = world;
    const userTask = await store.store(storeRequestOf(ALICE));
    expect(userTask).toMatchObject({ ...ALICE, attempt: 1, outcome: "CREATED", storedAt: clock.now() });
    expect(userTask.stamp.revision).toBe(1);
    expect(store.get(ALICE)).toBe(userTask);
    expect(store.position).toEqual({ epoch: userTask.stamp.epoch, revision: 1 });
  });

  it("answers a report, a growth and a request to cancel with the job as it can be read then", async () => {
    await using world = await openStore();
    const { store } = world;
    await store.store(storeRequestOf(ALICE, { spec: branch("root", leaf("a", 10)) }));
    const reported = await store.update(ALICE, reportOf({ path: "0", done: 4 }));
    expect(reported.task.done).toBe(4);
    const grown = await store.addTasks(ALICE, addTasksRequestOf("", leaf("b", 10)));
    expect(grown.task.knownVolume).toBe(20);
    const canceled = await store.requestCancel(ALICE, cancelRequestOf("enough"));
    expect(canceled.cancelRequest).toMatchObject({ by: "operator", reason: "enough" });
    expect(store.get(ALICE)).toBe(canceled);
  });

  it("answers many reports in their order, each as if it had come alone", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    await Promise.all([store.store(storeRequestOf(ALICE)), store.store(storeRequestOf(BOB))]);
    const answers = await store.updateAll([
      { key: ALICE, report: reportOf({ path: "", done: 1 }) },
      { key: ALICE, report: reportOf({ path: "7", done: 2 }) },
      { key: BOB, report: reportOf({ path: "", done: 3 }) },
      { key: ALICE, report: reportOf({ path: "", done: 4 }) },
    ]);
    expect(answers).toMatchObject([
      { status: "fulfilled", value: { ...ALICE, task: { done: 1 }, stamp: { revision: 3 } } },
      { status: "rejected", reason: rejection("NOT_FOUND") },
      { status: "fulfilled", value: { ...BOB, task: { done: 3 }, stamp: { revision: 4 } } },
      { status: "fulfilled", value: { ...ALICE, task: { done: 4 }, stamp: { revision: 5 } } },
    ]);
    expect(journal.appends).toHaveLength(2);
    expect(await store.updateAll([])).toEqual([]);
  });

  it("answers a removal with the job that was there, and with null when there was none", async () => {
    await using world = await openStore();
    const { store } = world;
    const stored = await store.store(storeRequestOf(ALICE));
    expect(await store.remove(ALICE, ANY_ATTEMPT)).toBe(stored);
    expect(store.get(ALICE)).toBeUndefined();
    expect(await store.remove(ALICE, ANY_ATTEMPT)).toBeNull();
    expect(await store.remove(BOB, ANY_ATTEMPT)).toBeNull();
    expect(store.position.revision).toBe(2);
  });

  it("takes no revision and appends nothing for what changes nothing", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    await store.store(storeRequestOf(ALICE));
    const running = await store.update(ALICE, reportOf({ status: "RUNNING" }));
    expect(await store.update(ALICE, reportOf({ status: "RUNNING" }))).toBe(running);
    expect(store.position.revision).toBe(2);
    expect(journal.appends).toHaveLength(2);
  });

  it("commits a heartbeat when a quarter of the lease has passed, and only answers it before", async () => {
    await using world = await openStore();
    const { store, clock } = world;
    const stored = await store.store(storeRequestOf(ALICE, { leaseMs: 60_000 }));
    clock.advance(14_999);
    expect(await store.update(ALICE, reportOf())).toBe(stored);
    clock.advance(1);
    const beaten = await store.update(ALICE, reportOf());
    expect(beaten.reportedAt).toBe(clock.now());
    expect(store.position.revision).toBe(2);
  });

  it("makes each change from what the ones asked for before it led to", async () => {
    await using world = await openStore();
    const { store } = world;
    const answers = await Promise.all([
      store.store(storeRequestOf(ALICE)),
      store.update(ALICE, reportOf({ add: 3 })),
      store.update(ALICE, reportOf({ add: 4 })),
      store.remove(ALICE, ANY_ATTEMPT),
      store.store(storeRequestOf(ALICE)),
    ]);
    expect(answers.map((answer) => answer?.stamp.revision)).toEqual([1, 2, 3, 3, 5]);
    expect(answers.map((answer) => answer?.task.done)).toEqual([0, 3, 7, 7, 0]);
    expect(answers.map((answer) => answer?.attempt)).toEqual([1, 1, 1, 1, 2]);
  });

  it("opens with what the journal has kept: jobs, removals, position and floor", async () => {
    await using world = await openStore({ limits: { removalsKeptMax: 1 } });
    const { store } = world;
    await Promise.all([ALICE, BOB, CAROL].map((key) => store.store(storeRequestOf(key))));
    await store.remove(ALICE, ANY_ATTEMPT);
    await store.remove(BOB, ANY_ATTEMPT);
    const reopened = await world.reopened();
    expect(reopened.position).toEqual(store.position);
    expect(reopened.tombstoneHorizon).toBe(4);
    expect(comparableStates(reopened.query())).toEqual(comparableStates(store.query()));
    expect(comparableState(reopened.nextChange(3))).toEqual(comparableState(store.nextChange(3)));
  });

  it("does to any commands what a naive database does, one by one and together", async () => {
    await fc.assert(
      fc.asyncProperty(commandGroups(), bounds, async (groups, limits) => {
        await using world = await openStore({ limits });
        const model = new ModelDatabase(world.store.position.epoch, world.limits);
        const start = world.clock.now();
        expect(await applyCommandGroups(world, groups)).toEqual(model.runAll(groups, start).answers);
        expect(stateOf(world.store)).toEqual(stateOfModel(model));
      }),
      { numRuns: 150 },
    );
  });
});

describe("group commit", () => {
  it("appends together what is asked for in one turn", async () => {
    await using world = await openStore();
    await Promise.all([ALICE, BOB, CAROL].map((key) => world.store.store(storeRequestOf(key))));
    expect(appendedUsers(world)).toEqual([["alice", "bob", "carol"]]);
  });

  it("appends together what arrives while an append is under way, and not before that has ended", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    const release = journal.holdAppends();
    const first = store.store(storeRequestOf(ALICE));
    await until(() => journal.appends.length === 1);
    const others = [store.store(storeRequestOf(BOB)), store.store(storeRequestOf(CAROL))];
    await untilIdle();
    expect(appendedUsers(world)).toEqual([["alice"]]);
    release();
    await Promise.all([first, ...others]);
    expect(appendedUsers(world)).toEqual([["alice"], ["bob", "carol"]]);
  });

  it("appends at most 1,000 changes together; more wait for the next append", async () => {
    await using world = await openStore();
    await Promise.all(manyKeys(1_001).map((key) => world.store.store(storeRequestOf(key))));
    expect(world.journal.appends.map(({ length }) => length)).toEqual([1_000, 1]);
  });

  it("numbers a batch in the order in which its changes were asked for", async () => {
    await using world = await openStore();
    const answers = await Promise.all(
      [CAROL, ALICE, BOB].map((key) => world.store.store(storeRequestOf(key))),
    );
    expect(answers.map(({ stamp }) => stamp.revision)).toEqual([1, 2, 3]);
  });

  it("makes all changes of a batch at one instant, that of its append", async () => {
    await using world = await openStore();
    const { store, journal, clock } = world;
    const release = journal.holdAppends();
    const first = store.store(storeRequestOf(ALICE));
    await until(() => journal.appends.length === 1);
    const second = store.store(storeRequestOf(BOB));
    clock.advance(500);
    release();
    expect((await second).storedAt - (await first).storedAt).toBe(500);
  });

  it("answers a refusal with its batch, as it may rest on a change in it", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    const release = journal.holdAppends();
    const [stored, refused] = [vi.fn<() => void>(), vi.fn<(reason: unknown) => void>()];
    const storing = store.store(storeRequestOf(ALICE)).then(stored);
    const rejecting = store.store(storeRequestOf(ALICE, { onConflict: "REJECT" })).catch(refused);
    await untilIdle();
    expect(refused).not.toHaveBeenCalled();
    release();
    await Promise.all([storing, rejecting]);
    expect(stored).toHaveBeenCalledOnce();
    expect(refused).toHaveBeenCalledWith(expect.objectContaining(rejection("ALREADY_EXISTS")));
  });

  it("answers a refusal that nothing was asked for with at once, and appends nothing", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    await expect(store.update(ALICE, reportOf({ done: 1 }))).rejects.toMatchObject(rejection("NOT_FOUND"));
    expect(journal.appends).toHaveLength(0);
  });

  it("goes on with what a listener asks for while it is told", async () => {
    await using world = await openStore();
    const { store } = world;
    const asked: Promise<unknown>[] = [];
    const asking = new RecordingListener(() => {
      store.removeListener(asking);
      asked.push(store.update(ALICE, reportOf({ done: 5 })));
    });
    store.addListener(asking);
    await store.store(storeRequestOf(ALICE));
    await Promise.all(asked);
    expect(store.get(ALICE)?.task.done).toBe(5);
  });
});

describe("an append that fails before it has written", () => {
  it("is UNAVAILABLE to all of its batch, whatever they would have been answered", async () => {
    await using world = await openFaultyStore();
    const { store, faults } = world;
    await store.store(storeRequestOf(BOB));
    faults.failNextAppend("before writing");
    const answers = await Promise.allSettled([
      store.store(storeRequestOf(ALICE)),
      store.store(storeRequestOf(ALICE, { onConflict: "REJECT" })),
      store.update(BOB, reportOf()),
      store.remove(CAROL, ANY_ATTEMPT),
    ]);
    const unavailable = { status: "rejected", reason: expect.objectContaining(rejection("UNAVAILABLE")) };
    expect(answers).toEqual([unavailable, unavailable, unavailable, unavailable]);
  });

  it("applies and tells nothing", async () => {
    await using world = await openFaultyStore();
    const { store, faults } = world;
    const listener = new RecordingListener();
    store.addListener(listener);
    faults.failNextAppend("before writing");
    await Promise.allSettled([store.store(storeRequestOf(ALICE)), store.store(storeRequestOf(BOB))]);
    expect(store.position.revision).toBe(0);
    expect(store.taskCount()).toBe(0);
    expect(store.nextChange(0)).toBeUndefined();
    expect(listener.calls).toEqual([]);
  });

  it("does not stop the next one, which takes the revision that it would have had", async () => {
    await using world = await openFaultyStore();
    const { store, faults } = world;
    faults.failNextAppend("before writing");
    await expect(store.store(storeRequestOf(ALICE))).rejects.toMatchObject(rejection("UNAVAILABLE"));
    const userTask = await store.store(storeRequestOf(ALICE));
    expect(userTask).toMatchObject({ attempt: 1, outcome: "CREATED" });
    expect(userTask.stamp.revision).toBe(1);
  });

  it("does not fail what arrived while it was under way", async () => {
    await using world = await openFaultyStore();
    const { store, faults, journal } = world;
    const release = journal.holdAppends();
    faults.failNextAppend("before writing");
    const failing = Promise.allSettled([store.store(storeRequestOf(ALICE))]);
    await until(() => journal.appends.length === 1);
    const later = store.store(storeRequestOf(BOB));
    release();
    expect(await failing).toMatchObject([{ status: "rejected", reason: rejection("UNAVAILABLE") }]);
    expect((await later).stamp.revision).toBe(1);
  });
});

describe("an append whose outcome is unknown", () => {
  it("is found in the journal, and then applied, told and answered once", async () => {
    await using world = await openFaultyStore();
    const { store, faults } = world;
    const listener = new RecordingListener();
    store.addListener(listener);
    faults.failNextAppend("after writing");
    const answers = await Promise.all([store.store(storeRequestOf(ALICE)), store.store(storeRequestOf(BOB))]);
    expect(answers.map(({ stamp }) => stamp.revision)).toEqual([1, 2]);
    expect(listener.words).toEqual(["added alice", "added bob"]);
    expect(store.position.revision).toBe(2);
    expect(comparableStates((await world.reopened()).query())).toEqual(comparableStates(store.query()));
  });

  it("is found however long it was", async () => {
    await using world = await openFaultyStore();
    const { store, faults } = world;
    await Promise.all(manyKeys(1_500).map((key) => store.store(storeRequestOf(key))));
    faults.failNextAppend("after writing");
    expect(await store.purge()).toBe(1_500);
    expect(store.position.revision).toBe(3_000);
    expect((await store.store(storeRequestOf(ALICE))).stamp.revision).toBe(3_001);
  });

  it("is UNAVAILABLE when it is not found, and nothing of it is there", async () => {
    const isFailing = { now: true };
    await using world = await openStore({
      journal: (journal) => withHandles(journal, (handle) => failUnwritten(handle, isFailing)),
    });
    const { store } = world;
    await expect(store.store(storeRequestOf(ALICE))).rejects.toMatchObject(rejection("UNAVAILABLE"));
    expect(store.position.revision).toBe(0);
    isFailing.now = false;
    expect((await store.store(storeRequestOf(ALICE))).stamp.revision).toBe(1);
  });

  it("is UNAVAILABLE when it cannot be looked for", async () => {
    const faults = { lookups: 1 };
    await using world = await openFaultyStore((handle) => failLookups(handle, faults));
    world.faults.failNextAppend("after writing");
    await expect(world.store.store(storeRequestOf(ALICE))).rejects.toMatchObject(rejection("UNAVAILABLE"));
  });

  it("that cannot be looked for is cleared up before the next change: applied and told once, if it was kept", async () => {
    const faults = { lookups: 1 };
    await using world = await openFaultyStore((handle) => failLookups(handle, faults));
    const { store } = world;
    const listener = new RecordingListener();
    store.addListener(listener);
    world.faults.failNextAppend("after writing");
    await settledInTurn(
      () => store.store(storeRequestOf(ALICE)),
      () => store.store(storeRequestOf(BOB)),
    );
    expect(listener.words).toEqual(["added alice", "added bob"]);
    expect(listener.revisions).toEqual([1, 2]);
    expect(comparableStates((await world.reopened()).query())).toEqual(comparableStates(store.query()));
  });

  it("that cannot be looked for at all lets nothing more be written, and nothing more be kept", async () => {
    const faults = { lookups: 3 };
    await using world = await openFaultyStore((handle) => failLookups(handle, faults));
    const { store, journal } = world;
    world.faults.failNextAppend("after writing");
    const outcomes = await settledInTurn(
      () => store.store(storeRequestOf(ALICE)),
      () => store.store(storeRequestOf(BOB)),
      () => store.store(storeRequestOf(BOB)),
      () => store.store(storeRequestOf(CAROL)),
    );
    expect(outcomes).toEqual(["rejected", "rejected", "rejected", "fulfilled"]);
    expect(journal.appends).toHaveLength(2);
    expect(store.query()).toMatchObject([CAROL, ALICE]);
  });
});

describe("a journal that another has written to", () => {
  it("makes a change of the same job UNAVAILABLE", async () => {
    await using world = await openStore();
    const another = await world.reopened();
    await another.store(storeRequestOf(ALICE));
    await expect(world.store.store(storeRequestOf(ALICE))).rejects.toMatchObject(rejection("UNAVAILABLE"));
    expect(world.store.get(ALICE)).toBeUndefined();
  });
});

describe("purging and expiring", () => {
  it("purges n jobs as n revisions in one append, and says how many", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    await Promise.all(manyKeys(3).map((key) => store.store(storeRequestOf(key))));
    expect(await store.purge()).toBe(3);
    expect(journal.appends.map(({ length }) => length)).toEqual([3, 3]);
    expect(store.position.revision).toBe(6);
    expect(store.taskCount()).toBe(0);
  });

  it("purges what was stored before it in the same turn, and not what was stored after", async () => {
    await using world = await openStore();
    const { store } = world;
    const [, removed, stored] = await Promise.all([
      store.store(storeRequestOf(ALICE)),
      store.purge(),
      store.store(storeRequestOf(ALICE)),
    ]);
    expect(removed).toBe(1);
    expect(stored).toMatchObject({ attempt: 2, outcome: "CREATED" });
    expect(store.query()).toEqual([stored]);
  });

  it("purges nothing from an empty store, and takes no revision for it", async () => {
    await using world = await openStore();
    expect(await world.store.purge()).toBe(0);
    expect(world.store.position.revision).toBe(0);
    expect(world.journal.appends).toHaveLength(0);
  });

  it("says of each job that it was PURGED, EXPIRED or REMOVED", async () => {
    await using world = await openStore();
    const { store } = world;
    const listener = new RecordingListener();
    store.addListener(listener);
    await Promise.all([ALICE, BOB, CAROL].map((key) => store.store(storeRequestOf(key))));
    await store.remove(ALICE, ANY_ATTEMPT);
    await store.update(BOB, reportOf({ status: "FINISHED" }));
    await store.expire(retentionOf(0));
    await store.purge();
    const removals = listener.calls.filter(({ kind }) => kind === "removed");
    expect(removals).toMatchObject(
      ["REMOVED", "EXPIRED", "PURGED"].map((reason) => ({ removal: { reason } })),
    );
  });

  it("expires jobs whose end lies the retention back, and no others", async () => {
    await using world = await openStore();
    const { store, clock } = world;
    await Promise.all([ALICE, BOB, CAROL].map((key) => store.store(storeRequestOf(key))));
    await store.update(ALICE, reportOf({ status: "FINISHED" }));
    clock.advance(1);
    await store.update(BOB, reportOf({ status: "CANCELED" }));
    clock.advance(999);
    expect(await store.expire(retentionOf(1_000))).toBe(1);
    expect(store.query().map(({ username }) => username)).toEqual(["carol", "bob"]);
    clock.advance(1);
    expect(await store.expire(retentionOf(1_000))).toBe(1);
    clock.advance(1_000_000);
    expect(await store.expire(retentionOf(1_000))).toBe(0);
  });

  it("expires what FAILED by a time of its own, and a job of no retention as soon as it has ended", async () => {
    await using world = await openStore();
    const { store } = world;
    await Promise.all([ALICE, BOB, CAROL].map((key) => store.store(storeRequestOf(key))));
    await store.update(ALICE, reportOf({ status: "FAILED" }));
    await store.update(BOB, reportOf({ status: "FINISHED" }));
    expect(store.nextExpiresAt(retentionOf(0, 1_000))).toBe(world.clock.now());
    expect(await store.expire(retentionOf(0, 1_000))).toBe(1);
    expect(store.query().map(({ username }) => username)).toEqual(["carol", "alice"]);
    expect(store.nextExpiresAt(retentionOf(0, 1_000))).toBe(world.clock.now() + 1_000);
  });

  it("expires what ended before the clock was set back, when its time has come", async () => {
    await using world = await openStore();
    const { store, clock } = world;
    await endAll(store, ALICE);
    clock.setBack(5_000);
    await endAll(store, BOB);
    clock.advance(1_000);
    expect(await store.expire(retentionOf(1_000))).toBe(1);
    expect(store.query()).toMatchObject([ALICE]);
    clock.advance(5_000);
    expect(await store.expire(retentionOf(1_000))).toBe(1);
  });

  it("expires what ended before the store was opened", async () => {
    await using world = await openStore();
    await endAll(world.store, ALICE);
    await using reopened = await world.reopened();
    expect(await reopened.expire(retentionOf(0))).toBe(1);
    expect(reopened.query()).toEqual([]);
  });

  it("expires up to 1,000 jobs in one append, and lets others have their turn in between", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    await endAll(store, ...manyKeys(2_500));
    const before = journal.appends.length;
    const expiring = store.expire(retentionOf(0));
    await until(() => journal.appends.length > before);
    await store.store(storeRequestOf(ALICE));
    expect(store.taskCount()).toBeGreaterThan(500);
    expect(await expiring).toBe(2_500);
    expect(store.query()).toMatchObject([ALICE]);
    const counts = journal.appends.slice(before).map((entries) => entries.filter(isRemoval).length);
    expect(counts.filter((count) => count > 0)).toEqual([1_000, 1_000, 500]);
  });

  it("does not expire a job that is stored again at the same time", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    await endAll(store, ALICE);
    const release = journal.holdAppends();
    const again = store.store(storeRequestOf(ALICE));
    await until(() => journal.appends.length === 3);
    const expiring = store.expire(retentionOf(0));
    await untilIdle();
    release();
    expect(await expiring).toBe(0);
    expect(store.query()).toEqual([await again]);
  });
});

describe("a full store", () => {
  it("removes the job that ended longest ago for one more, as a change of its own before it", async () => {
    await using world = await openStore({ limits: { jobsPerDatabaseMax: 3 } });
    const { store, clock } = world;
    await endAll(store, BOB);
    clock.advance(1);
    await endAll(store, ALICE);
    await store.store(storeRequestOf(CAROL));
    const listener = new RecordingListener();
    store.addListener(listener);
    const stored = await store.store(storeRequestOf(DAVE));
    expect(listener.calls).toMatchObject([
      { kind: "removed", removal: { ...BOB, reason: "EXPIRED" } },
      { kind: "added", userTask: DAVE },
    ]);
    expect(stored.stamp.revision).toBe(7);
    expect(world.journal.appends.at(-1)).toHaveLength(2);
    expect(store.query().map(({ username }) => username)).toEqual(["dave", "carol", "alice"]);
  });

  it("removes another for each of those who come in one turn, and refuses who comes when none is left", async () => {
    await using world = await openStore({ limits: { jobsPerDatabaseMax: 2 } });
    const { store } = world;
    await endAll(store, ALICE, BOB);
    const asked = manyKeys(3).map((key) => store.store(storeRequestOf(key)));
    const answers = await Promise.allSettled(asked);
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
    await expect(asked[2]).rejects.toMatchObject(rejection("LIMIT_EXCEEDED", "jobsPerDatabaseMax"));
    expect(store.query().map(({ username }) => username)).toEqual(["user1", "user0"]);
  });

  it("removes a job that ended in the same turn", async () => {
    await using world = await openStore({ limits: { jobsPerDatabaseMax: 1 } });
    const { store } = world;
    await store.store(storeRequestOf(ALICE));
    const [, stored] = await Promise.all([
      store.update(ALICE, reportOf({ status: "FINISHED" })),
      store.store(storeRequestOf(BOB)),
    ]);
    expect(store.query()).toEqual([stored]);
  });

  it("removes a job that ended before one that ended in the same turn", async () => {
    await using world = await openStore({ limits: { jobsPerDatabaseMax: 2 } });
    const { store, clock } = world;
    await store.store(storeRequestOf(BOB));
    await endAll(store, ALICE);
    clock.advance(1);
    await Promise.all([
      store.update(BOB, reportOf({ status: "FINISHED" })),
      store.store(storeRequestOf(CAROL)),
    ]);
    expect(store.query().map(({ username }) => username)).toEqual(["carol", "bob"]);
  });

  it("removes first what ended by a clock that was set back, also in the same turn", async () => {
    await using world = await openStore({ limits: { jobsPerDatabaseMax: 2 } });
    const { store, clock } = world;
    await store.store(storeRequestOf(BOB));
    await endAll(store, ALICE);
    clock.setBack(1);
    await Promise.all([
      store.update(BOB, reportOf({ status: "FAILED" })),
      store.store(storeRequestOf(CAROL)),
    ]);
    expect(store.query().map(({ username }) => username)).toEqual(["carol", "alice"]);
  });

  it("removes the oldest store of those that ended in one turn, also of one that was stored again in it", async () => {
    await using world = await openStore({ limits: { jobsPerDatabaseMax: 2 } });
    const { store } = world;
    await Promise.all([ALICE, BOB].map((key) => store.store(storeRequestOf(key))));
    await Promise.all([
      store.store(storeRequestOf(ALICE)),
      store.update(ALICE, reportOf({ status: "FINISHED" })),
      store.update(BOB, reportOf({ status: "FINISHED" })),
      store.store(storeRequestOf(CAROL)),
    ]);
    expect(store.query().map(({ username }) => username)).toEqual(["carol", "alice"]);
  });

  it("does not remove a job that was stored again, or removed, in the same turn", async () => {
    await using world = await openStore({ limits: { jobsPerDatabaseMax: 3 } });
    const { store, clock } = world;
    await endAll(store, ALICE);
    clock.advance(1);
    await endAll(store, BOB, CAROL);
    await Promise.all([store.store(storeRequestOf(ALICE)), store.store(storeRequestOf(DAVE))]);
    expect(store.query().map(({ username }) => username)).toEqual(["dave", "alice", "carol"]);
  });

  it("takes a victim that is stored again in the same turn as a job like any other", async () => {
    await using world = await openStore({ limits: { jobsPerDatabaseMax: 2 } });
    const { store } = world;
    await endAll(store, ALICE, BOB);
    const [, again] = await Promise.all([
      store.store(storeRequestOf(CAROL)),
      store.store(storeRequestOf(ALICE)),
    ]);
    expect(again).toMatchObject({ attempt: 2, outcome: "CREATED" });
    expect(store.query().map(({ username }) => username)).toEqual(["alice", "carol"]);
    await using reopened = await world.reopened();
    expect(stateOf(reopened)).toEqual(stateOf(store));
  });

  it("removes nothing for a store that is refused, or changes nothing, or is of a job that is there", async () => {
    await using world = await openStore({ limits: { jobsPerDatabaseMax: 2, tasksPerTreeMax: 1 } });
    const { store } = world;
    await store.store(storeRequestOf(BOB, { requestId: "once" }));
    await endAll(store, ALICE);
    const refused = store.store(storeRequestOf(CAROL, { spec: branch("root", leaf("a")) }));
    await expect(refused).rejects.toMatchObject(rejection("LIMIT_EXCEEDED", "tasksPerTreeMax"));
    await store.store(storeRequestOf(BOB, { requestId: "once" }));
    await store.store(storeRequestOf(BOB));
    expect(store.query().map(({ username }) => username)).toEqual(["bob", "alice"]);
    expect(store.position.revision).toBe(4);
  });

  it("is brought down to a bound that was lowered, by what has ended", async () => {
    await using world = await openStore();
    await endAll(world.store, ...manyKeys(10));
    await world.store.store(storeRequestOf(ALICE));
    await using lowered = await PerDatabaseTaskStore.open(DATABASE, await world.journal.open(DATABASE), {
      ...world,
      limits: { ...world.limits, jobsPerDatabaseMax: 4 },
    });
    await lowered.store(storeRequestOf(BOB));
    expect(lowered.query().map(({ username }) => username)).toEqual(["bob", "alice", "user9", "user8"]);
  });

  it("is brought down 1,000 jobs at a time where the bound was lowered by more", async () => {
    await using world = await openStore();
    await endAll(world.store, ...manyKeys(1_500));
    await using lowered = await PerDatabaseTaskStore.open(DATABASE, await world.journal.open(DATABASE), {
      ...world,
      limits: { ...world.limits, jobsPerDatabaseMax: 1 },
    });
    await Promise.all([lowered.store(storeRequestOf(ALICE)), lowered.store(storeRequestOf(BOB))]);
    expect(world.journal.appends.at(-1)?.filter(isRemoval)).toHaveLength(1_001);
    expect(lowered.taskCount()).toBe(501);
    await lowered.store(storeRequestOf(CAROL));
    expect(lowered.taskCount()).toBe(3);
  });

  it("that can't be brought down stores one more only in the place of another", async () => {
    await using world = await openStore();
    await Promise.all(manyKeys(5).map((key) => world.store.store(storeRequestOf(key))));
    await endAll(world.store, ALICE);
    await using lowered = await PerDatabaseTaskStore.open(DATABASE, await world.journal.open(DATABASE), {
      ...world,
      limits: { ...world.limits, jobsPerDatabaseMax: 2 },
    });
    await lowered.store(storeRequestOf(BOB));
    expect(lowered.taskCount()).toBe(6);
    await expect(lowered.store(storeRequestOf(CAROL))).rejects.toMatchObject(
      rejection("LIMIT_EXCEEDED", "jobsPerDatabaseMax"),
    );
  });
});

describe("the bounds of a store", () => {
  it("refuse one job too many, also when it comes in one turn with those that fill the store", async () => {
    await using world = await openStore({ limits: { jobsPerDatabaseMax: 2 } });
    const asked = [ALICE, BOB, CAROL].map((key) => world.store.store(storeRequestOf(key)));
    const answers = await Promise.allSettled(asked);
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
    await expect(asked[2]).rejects.toMatchObject(rejection("LIMIT_EXCEEDED", "jobsPerDatabaseMax"));
    expect(world.store.taskCount()).toBe(2);
  });

  it("let a full store's jobs be stored again, reported on and removed", async () => {
    await using world = await openStore({ limits: { jobsPerDatabaseMax: 1 } });
    const { store } = world;
    await store.store(storeRequestOf(ALICE));
    expect(await store.store(storeRequestOf(ALICE))).toMatchObject({ attempt: 2 });
    expect(await store.update(ALICE, reportOf({ done: 1 }))).toMatchObject({ attempt: 2 });
    expect(await store.remove(ALICE, ANY_ATTEMPT)).toMatchObject({ attempt: 2 });
  });

  it("count a job as gone as soon as its removal was asked for", async () => {
    await using world = await openStore({ limits: { jobsPerDatabaseMax: 1 } });
    const { store } = world;
    await store.store(storeRequestOf(ALICE));
    const [, stored] = await Promise.all([
      store.remove(ALICE, ANY_ATTEMPT),
      store.store(storeRequestOf(BOB)),
    ]);
    expect(store.query()).toEqual([stored]);
  });

  it("refuse one change too many that waits, and take others when there is room again", async () => {
    await using world = await openStore({ limits: { changesWaitingMax: 2 } });
    const { store, journal } = world;
    const release = journal.holdAppends();
    const first = store.store(storeRequestOf(ALICE));
    await until(() => journal.appends.length === 1);
    const waiting = [store.store(storeRequestOf(BOB)), store.store(storeRequestOf(CAROL))];
    await expect(store.store(storeRequestOf(ALICE))).rejects.toMatchObject(
      rejection("LIMIT_EXCEEDED", "changesWaitingMax"),
    );
    release();
    await Promise.all([first, ...waiting]);
    expect(await store.store(storeRequestOf(ALICE))).toMatchObject({ attempt: 2 });
  });
});

describe("more reports than may wait", () => {
  it("are refused one by one, and those that there is room for are not", async () => {
    await using world = await openStore({ limits: { changesWaitingMax: 1 } });
    const { store } = world;
    await store.store(storeRequestOf(ALICE));
    const report = { key: ALICE, report: reportOf({ path: "", done: 1 }) };
    expect(await store.updateAll([report, report])).toMatchObject([
      { status: "fulfilled", value: { version: 2 } },
      { status: "rejected", reason: rejection("LIMIT_EXCEEDED", "changesWaitingMax") },
    ]);
  });
});

describe("closing a store", () => {
  it("waits for what was asked for, which is answered", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    const [release, closed] = [journal.holdAppends(), vi.fn<() => void>()];
    const first = store.store(storeRequestOf(ALICE));
    await until(() => journal.appends.length === 1);
    const second = store.store(storeRequestOf(BOB));
    const closing = store.close().then(closed);
    await untilIdle();
    expect(closed).not.toHaveBeenCalled();
    release();
    await closing;
    expect((await first).stamp.revision).toBe(1);
    expect((await second).stamp.revision).toBe(2);
    expect(journal.openHandleCount).toBe(0);
  });

  it("refuses what is asked for afterwards as UNAVAILABLE", async () => {
    await using world = await openStore();
    await world.store.close();
    await expect(world.store.store(storeRequestOf(ALICE))).rejects.toMatchObject(rejection("UNAVAILABLE"));
    await expect(world.store.purge()).rejects.toMatchObject(rejection("UNAVAILABLE"));
    expect(world.journal.appends).toHaveLength(0);
  });

  it("twice is harmless", async () => {
    await using world = await openStore();
    await Promise.all([world.store.close(), world.store.close()]);
    await expect(world.store.close()).resolves.toBeUndefined();
  });
});

interface FaultyStore extends OpenedStore {
  readonly faults: FaultyJournal;
}

/** A store over a journal that fails when it is told to, and whose handles do otherwise what `change` says. */
async function openFaultyStore(
  change: (handle: DatabaseJournal) => Partial<DatabaseJournal> = () => ({}),
): Promise<FaultyStore> {
  let faults: FaultyJournal | undefined;
  const world = await openStore({
    journal: (journal) => withHandles((faults = createFaultyJournal(journal)), change),
  });
  return { ...world, faults: faults! };
}

/** Appends nothing and does not know it. */
function failUnwritten(handle: DatabaseJournal, isFailing: { now: boolean }): Partial<DatabaseJournal> {
  return {
    async append(entries) {
      if (isFailing.now) throw new JournalError("Lost on the way.", "unknown");
      return handle.append(entries);
    },
  };
}

function failLookups(handle: DatabaseJournal, faults: { lookups: number }): Partial<DatabaseJournal> {
  return {
    async find(commitId) {
      if (faults.lookups-- > 0) throw new JournalError("Still gone.", "unknown");
      return handle.find(commitId);
    },
  };
}

/** Does one after the other, whatever comes of it. */
async function settledInTurn(...asks: readonly (() => Promise<unknown>)[]): Promise<string[]> {
  const outcomes: string[] = [];
  for (const ask of asks) outcomes.push(...(await Promise.allSettled([ask()])).map(({ status }) => status));
  return outcomes;
}

const DAVE = jobKey("dave", "job");

/** Stores these jobs, and ends them at once. */
async function endAll(store: OpenedStore["store"], ...keys: readonly (typeof ALICE)[]): Promise<void> {
  await Promise.all(keys.map((key) => store.store(storeRequestOf(key))));
  await Promise.all(keys.map((key) => store.update(key, reportOf({ status: "FINISHED" }))));
}

function isRemoval({ change }: JournalEntry): boolean {
  return change.kind === "removed";
}

function appendedUsers({ journal }: OpenedStore): string[][] {
  return journal.appends.map((entries) => entries.map(({ username }) => username));
}

function stateOf(store: OpenedStore["store"]): object {
  return {
    revision: store.position.revision,
    tombstoneHorizon: store.tombstoneHorizon,
    jobs: comparableStates(store.query()),
    changes: comparableStates(changesAfter(store, 0)),
  };
}

function stateOfModel(model: ModelDatabase): object {
  const { revision, tombstoneHorizon } = model;
  return {
    revision,
    tombstoneHorizon,
    jobs: comparableStates(model.query()),
    changes: comparableStates(model.changesAfter(0)),
  };
}
