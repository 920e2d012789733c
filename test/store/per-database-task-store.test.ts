import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { JournalError, type DatabaseJournal, type JournalEntry } from "../../src/journal/journal.js";
import { badUserInput } from "../../src/protocol/tidemark-error.js";
import { PerDatabaseTaskStore } from "../../src/store/per-database-task-store.js";
import type { UserTask } from "../../src/tasks/user-task.js";
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

/** Small limits, so that random commands reach them. */
const bounds = fc.record({
  removalsKeptMax: fc.constantFrom(1, 2, 1_000),
  jobsPerDatabaseMax: fc.constantFrom(1, 2, 3, 4, 1_000),
});

describe("a task store", () => {
  it("answers a store with the job that can now be read", async () => {
    await using world = await openStore();
    const { store, clock } = world;
    const userTask = await store.store(storeRequestOf(ALICE));
    expect(userTask).toMatchObject({ ...ALICE, attempt: 1, outcome: "CREATED", storedAt: clock.now() });
    expect(userTask.stamp.revision).toBe(1);
    expect(store.get(ALICE)).toBe(userTask);
    expect(store.position).toEqual({ epoch: userTask.stamp.epoch, revision: 1 });
  });

  it("answers a report, added tasks and a cancel request with the job that can now be read", async () => {
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

  it("records nothing that `admit` rejects, and passes it the result of each change", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    await store.store(storeRequestOf(ALICE, { spec: branch("root", leaf("a", 10)) }));
    const seen: number[] = [];
    const refuse = ({ task }: UserTask): never => {
      seen.push(task.taskCount);
      throw badUserInput("too large");
    };

    const answers = await Promise.allSettled([
      store.store(storeRequestOf(ALICE, { spec: leaf("new") }), refuse),
      store.update(ALICE, reportOf({ path: "0", done: 4 }), refuse),
      store.addTasks(ALICE, addTasksRequestOf("", leaf("b", 10)), refuse),
      store.requestCancel(ALICE, cancelRequestOf("enough"), refuse),
      store.remove(ALICE, ANY_ATTEMPT, refuse),
    ]);

    expect(answers).toMatchObject(answers.map(() => ({ reason: rejection("BAD_USER_INPUT") })));
    expect(seen).toEqual([1, 2, 3, 2, 2]);
    expect(store.get(ALICE)).toMatchObject({ attempt: 1, version: 1 });
    expect(journal.appends).toHaveLength(1);
  });

  it("answers many reports in order, each as if it were alone", async () => {
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

  it("answers a removal with the removed job, or with null if there was none", async () => {
    await using world = await openStore();
    const { store } = world;
    const stored = await store.store(storeRequestOf(ALICE));
    expect(await store.remove(ALICE, ANY_ATTEMPT)).toBe(stored);
    expect(store.get(ALICE)).toBeUndefined();
    expect(await store.remove(ALICE, ANY_ATTEMPT)).toBeNull();
    expect(await store.remove(BOB, ANY_ATTEMPT)).toBeNull();
    expect(store.position.revision).toBe(2);
  });

  it("uses no revision and no append for a request without effect", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    await store.store(storeRequestOf(ALICE));
    const running = await store.update(ALICE, reportOf({ status: "RUNNING" }));
    expect(await store.update(ALICE, reportOf({ status: "RUNNING" }))).toBe(running);
    expect(store.position.revision).toBe(2);
    expect(journal.appends).toHaveLength(2);
  });

  it("commits a heartbeat only after a quarter of the lease", async () => {
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

  it("makes each change from the result of the previous ones", async () => {
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

  it("loads the jobs, removals, position and tombstone horizon of its journal", async () => {
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

  it("behaves like a naive model for any commands, sequential and concurrent", async () => {
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
  it("appends the changes of one turn together", async () => {
    await using world = await openStore();
    await Promise.all([ALICE, BOB, CAROL].map((key) => world.store.store(storeRequestOf(key))));
    expect(appendedUsers(world)).toEqual([["alice", "bob", "carol"]]);
  });

  it("appends the changes that arrive during an append together, after that append", async () => {
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

  it("appends at most 1,000 changes together, and the others later", async () => {
    await using world = await openStore();
    await Promise.all(manyKeys(1_001).map((key) => world.store.store(storeRequestOf(key))));
    expect(world.journal.appends.map(({ length }) => length)).toEqual([1_000, 1]);
  });

  it("numbers the changes of a batch in call order", async () => {
    await using world = await openStore();
    const answers = await Promise.all(
      [CAROL, ALICE, BOB].map((key) => world.store.store(storeRequestOf(key))),
    );
    expect(answers.map(({ stamp }) => stamp.revision)).toEqual([1, 2, 3]);
  });

  it("gives all changes of a batch the instant of its append", async () => {
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

  it("answers a rejection with its batch, because it may depend on a change in it", async () => {
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

  it("answers a lone rejection at once, and appends nothing", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    await expect(store.update(ALICE, reportOf({ done: 1 }))).rejects.toMatchObject(rejection("NOT_FOUND"));
    expect(journal.appends).toHaveLength(0);
  });

  it("accepts changes that a listener requests during its notification", async () => {
    await using world = await openStore();
    const { store } = world;
    const updates: Promise<unknown>[] = [];
    const asking = new RecordingListener(() => {
      store.removeListener(asking);
      updates.push(store.update(ALICE, reportOf({ done: 5 })));
    });
    store.addListener(asking);
    await store.store(storeRequestOf(ALICE));
    await Promise.all(updates);
    expect(store.get(ALICE)?.task.done).toBe(5);
  });
});

describe("an append that fails before it writes", () => {
  it("answers its whole batch with UNAVAILABLE, whatever the results would have been", async () => {
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

  it("applies nothing and notifies no listener", async () => {
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

  it("does not stop the next one, which uses the same revision", async () => {
    await using world = await openFaultyStore();
    const { store, faults } = world;
    faults.failNextAppend("before writing");
    await expect(store.store(storeRequestOf(ALICE))).rejects.toMatchObject(rejection("UNAVAILABLE"));
    const userTask = await store.store(storeRequestOf(ALICE));
    expect(userTask).toMatchObject({ attempt: 1, outcome: "CREATED" });
    expect(userTask.stamp.revision).toBe(1);
  });

  it("does not fail the changes that arrived during it", async () => {
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
  it("is looked up in the journal, then applied, delivered and answered once", async () => {
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

  it("is found even if it was long", async () => {
    await using world = await openFaultyStore();
    const { store, faults } = world;
    await Promise.all(manyKeys(1_500).map((key) => store.store(storeRequestOf(key))));
    faults.failNextAppend("after writing");
    expect(await store.purge()).toBe(1_500);
    expect(store.position.revision).toBe(3_000);
    expect((await store.store(storeRequestOf(ALICE))).stamp.revision).toBe(3_001);
  });

  it("is UNAVAILABLE if it is not found, and leaves nothing behind", async () => {
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

  it("is UNAVAILABLE if the lookup fails", async () => {
    const faults = { lookups: 1 };
    await using world = await openFaultyStore((handle) => failLookups(handle, faults));
    world.faults.failNextAppend("after writing");
    await expect(world.store.store(storeRequestOf(ALICE))).rejects.toMatchObject(rejection("UNAVAILABLE"));
  });

  it("is resolved before the next change if the lookup failed: applied and delivered once", async () => {
    const faults = { lookups: 1 };
    await using world = await openFaultyStore((handle) => failLookups(handle, faults));
    const { store } = world;
    const listener = new RecordingListener();
    store.addListener(listener);
    world.faults.failNextAppend("after writing");
    await outcomesInOrder(
      () => store.store(storeRequestOf(ALICE)),
      () => store.store(storeRequestOf(BOB)),
    );
    expect(listener.words).toEqual(["added alice", "added bob"]);
    expect(listener.revisions).toEqual([1, 2]);
    expect(comparableStates((await world.reopened()).query())).toEqual(comparableStates(store.query()));
  });

  it("blocks all writes while the lookup fails", async () => {
    const faults = { lookups: 3 };
    await using world = await openFaultyStore((handle) => failLookups(handle, faults));
    const { store, journal } = world;
    world.faults.failNextAppend("after writing");
    const outcomes = await outcomesInOrder(
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

describe("a journal with another writer", () => {
  it("makes a change of the same job from what the other has written", async () => {
    await using world = await openStore();
    const another = await world.reopened();
    await another.store(storeRequestOf(ALICE));
    expect(await world.store.store(storeRequestOf(ALICE))).toMatchObject({ attempt: 2, version: 2 });
  });
});

describe("purging and expiring", () => {
  it("purges n jobs as n revisions, up to 250 per append, and returns n", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    await Promise.all(manyKeys(600).map((key) => store.store(storeRequestOf(key))));
    expect(await store.purge()).toBe(600);
    expect(journal.appends.map(({ length }) => length)).toEqual([600, 250, 250, 100]);
    expect(store.position.revision).toBe(1_200);
    expect(store.taskCount()).toBe(0);
  });

  it("keeps a job that is stored again while a purge removes others", async () => {
    await using world = await openStore();
    const { store } = world;
    await Promise.all(manyKeys(300).map((key) => store.store(storeRequestOf(key))));
    const purged = store.purge();
    await until(() => store.taskCount() < 300);
    const stored = await store.store(storeRequestOf(store.query().at(-1)!));
    expect(await purged).toBe(299);
    expect(store.query()).toEqual([stored]);
  });

  it("says how many jobs it purged before it failed", async () => {
    await using world = await openFaultyStore();
    const { store, faults } = world;
    await Promise.all(manyKeys(300).map((key) => store.store(storeRequestOf(key))));
    const purging = store.purge();
    await until(() => store.taskCount() < 300);
    faults.failNextAppend("before writing");
    await expect(purging).rejects.toMatchObject({
      ...rejection("UNAVAILABLE"),
      message: expect.stringContaining("Only 250 of 300 jobs were removed. Purge again."),
    });
    expect(store.taskCount()).toBe(50);
  });

  it("purges jobs stored before it in the same turn, but not those stored after it", async () => {
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

  it("purges an empty store without a revision", async () => {
    await using world = await openStore();
    expect(await world.store.purge()).toBe(0);
    expect(world.store.position.revision).toBe(0);
    expect(world.journal.appends).toHaveLength(0);
  });

  it("gives each removal its reason: PURGED, EXPIRED or REMOVED", async () => {
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

  it("expires only the jobs that ended at least the retention ago", async () => {
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

  it("expires FAILED jobs by their own retention, and jobs with a retention of 0 at their end", async () => {
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

  it.each([-5_000, 5_000])("expires jobs on time although the clock is set by %s ms", async (ms) => {
    await using world = await openStore();
    const { store, clock } = world;
    await endAll(store, ALICE);
    clock.advance(1);
    clock.setBack(-ms);
    await endAll(store, BOB);
    clock.advance(998);
    expect(await store.expire(retentionOf(1_000))).toBe(0);
    clock.advance(2);
    expect(await store.expire(retentionOf(1_000))).toBe(2);
  });

  it("expires jobs that ended before the store was opened", async () => {
    await using world = await openStore();
    await endAll(world.store, ALICE);
    await using reopened = await world.reopened();
    expect(await reopened.expire(retentionOf(0))).toBe(1);
    expect(reopened.query()).toEqual([]);
  });

  it("expires up to 250 jobs per append, and yields to others in between", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    await endAll(store, ...manyKeys(600));
    const before = journal.appends.length;
    const expiring = store.expire(retentionOf(0));
    await until(() => journal.appends.length > before);
    await store.store(storeRequestOf(ALICE));
    expect(store.taskCount()).toBeGreaterThan(100);
    expect(await expiring).toBe(600);
    expect(store.query()).toMatchObject([ALICE]);
    const counts = journal.appends.slice(before).map((entries) => entries.filter(isRemoval).length);
    expect(counts.filter((count) => count > 0)).toEqual([250, 250, 100]);
  });

  it("keeps a job that is stored again at the same time", async () => {
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
  it("evicts the job that ended first, with its own change before the store", async () => {
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

  it("evicts one job per store of one turn, and rejects a store when no ended job is left", async () => {
    await using world = await openStore({ limits: { jobsPerDatabaseMax: 2 } });
    const { store } = world;
    await endAll(store, ALICE, BOB);
    const stores = manyKeys(3).map((key) => store.store(storeRequestOf(key)));
    const answers = await Promise.allSettled(stores);
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
    await expect(stores[2]).rejects.toMatchObject(rejection("LIMIT_EXCEEDED", "jobsPerDatabaseMax"));
    expect(store.query().map(({ username }) => username)).toEqual(["user1", "user0"]);
  });

  it("evicts a job that ended in the same turn", async () => {
    await using world = await openStore({ limits: { jobsPerDatabaseMax: 1 } });
    const { store } = world;
    await store.store(storeRequestOf(ALICE));
    const [, stored] = await Promise.all([
      store.update(ALICE, reportOf({ status: "FINISHED" })),
      store.store(storeRequestOf(BOB)),
    ]);
    expect(store.query()).toEqual([stored]);
  });

  it("evicts an earlier ended job before one that ended in the same turn", async () => {
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

  it("evicts by end time even if the clock was set back, and in the same turn", async () => {
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

  it("evicts the oldest store of those that ended at once, even if another was stored again", async () => {
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

  it("does not evict a job that was stored again in the same turn", async () => {
    await using world = await openStore({ limits: { jobsPerDatabaseMax: 3 } });
    const { store, clock } = world;
    await endAll(store, ALICE);
    clock.advance(1);
    await endAll(store, BOB, CAROL);
    await Promise.all([store.store(storeRequestOf(ALICE)), store.store(storeRequestOf(DAVE))]);
    expect(store.query().map(({ username }) => username)).toEqual(["dave", "alice", "carol"]);
  });

  it("accepts an evicted job that is stored again in the same turn", async () => {
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

  it("evicts nothing for a store request that is rejected, has no effect, or replaces a job", async () => {
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

  it("shrinks to a lowered limit by evicting ended jobs", async () => {
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

  it("shrinks by 1,000 jobs at a time", async () => {
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

  it("above its limit stores a job only if it can evict an ended one", async () => {
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

describe("the limits of a store", () => {
  it("reject a job beyond the limit, even in the same turn as those that fill the store", async () => {
    await using world = await openStore({ limits: { jobsPerDatabaseMax: 2 } });
    const stores = [ALICE, BOB, CAROL].map((key) => world.store.store(storeRequestOf(key)));
    const answers = await Promise.allSettled(stores);
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
    await expect(stores[2]).rejects.toMatchObject(rejection("LIMIT_EXCEEDED", "jobsPerDatabaseMax"));
    expect(world.store.taskCount()).toBe(2);
  });

  it("allow stores, reports and removals for the existing jobs of a full store", async () => {
    await using world = await openStore({ limits: { jobsPerDatabaseMax: 1 } });
    const { store } = world;
    await store.store(storeRequestOf(ALICE));
    expect(await store.store(storeRequestOf(ALICE))).toMatchObject({ attempt: 2 });
    expect(await store.update(ALICE, reportOf({ done: 1 }))).toMatchObject({ attempt: 2 });
    expect(await store.remove(ALICE, ANY_ATTEMPT)).toMatchObject({ attempt: 2 });
  });

  it("count a job as removed as soon as its removal is queued", async () => {
    await using world = await openStore({ limits: { jobsPerDatabaseMax: 1 } });
    const { store } = world;
    await store.store(storeRequestOf(ALICE));
    const [, stored] = await Promise.all([
      store.remove(ALICE, ANY_ATTEMPT),
      store.store(storeRequestOf(BOB)),
    ]);
    expect(store.query()).toEqual([stored]);
  });

  it("reject a waiting change beyond the limit, and accept others once there is room", async () => {
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

describe("updateAll with more reports than may wait", () => {
  it("rejects only the reports beyond the limit", async () => {
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
  it("waits for the queued changes, which are answered", async () => {
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

  it("rejects later requests with UNAVAILABLE", async () => {
    await using world = await openStore();
    await world.store.close();
    await expect(world.store.store(storeRequestOf(ALICE))).rejects.toMatchObject(rejection("UNAVAILABLE"));
    await expect(world.store.purge()).rejects.toMatchObject(rejection("UNAVAILABLE"));
    expect(world.journal.appends).toHaveLength(0);
  });

  it("is harmless when it is repeated", async () => {
    await using world = await openStore();
    await Promise.all([world.store.close(), world.store.close()]);
    await expect(world.store.close()).resolves.toBeUndefined();
  });
});

interface FaultyStore extends OpenedStore {
  readonly faults: FaultyJournal;
}

/** A store over a journal with injected faults, whose handles `change` may override. */
async function openFaultyStore(
  change: (handle: DatabaseJournal) => Partial<DatabaseJournal> = () => ({}),
): Promise<FaultyStore> {
  let faults: FaultyJournal | undefined;
  const world = await openStore({
    journal: (journal) => withHandles((faults = createFaultyJournal(journal)), change),
  });
  return { ...world, faults: faults! };
}

/** Appends nothing, with an unknown outcome. */
function failUnwritten(handle: DatabaseJournal, isFailing: { now: boolean }): Partial<DatabaseJournal> {
  return {
    async append(entries) {
      if (isFailing.now) throw new JournalError("Connection lost.", "unknown");
      return handle.append(entries);
    },
  };
}

function failLookups(handle: DatabaseJournal, faults: { lookups: number }): Partial<DatabaseJournal> {
  return {
    async find(commitId) {
      if (faults.lookups-- > 0) throw new JournalError("Connection still lost.", "unknown");
      return handle.find(commitId);
    },
  };
}

/** Runs the requests one after the other, and returns their outcomes. */
async function outcomesInOrder(...requests: readonly (() => Promise<unknown>)[]): Promise<string[]> {
  const outcomes: string[] = [];
  for (const request of requests)
    outcomes.push(...(await Promise.allSettled([request()])).map(({ status }) => status));
  return outcomes;
}

const DAVE = jobKey("dave", "job");

/** Stores jobs and ends them at once. */
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
