import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PerDatabaseTaskStore } from "../../src/store/per-database-task-store.js";
import { TASK_STATUSES } from "../../src/tasks/task-status.js";
import { branch, leaf } from "../kit/store/edits.js";
import { commandGroups, applyCommandGroups } from "../kit/store/job-commands.js";
import { comparableState, comparableStates } from "../kit/store/comparable-state.js";
import { RecordingListener } from "../kit/store/recording-listener.js";
import { ALICE, manyKeys, reportOf, storeRequestOf } from "../kit/store/requests.js";
import { openStore } from "../kit/store/task-stores.js";
import { microtasks, until } from "../kit/deterministic/turns.js";

describe("L3: reads are consistent", () => {
  it("count, list, names, changes and position agree within one turn, at every revision", async () => {
    await fc.assert(
      fc.asyncProperty(commandGroups(), async (groups) => {
        await using world = await openStore();
        const reads = readAtEachChange(world.store);
        await applyCommandGroups(world, groups);
        expect(reads.map(({ torn }) => torn)).toEqual(reads.map(() => []));
        expect(reads.map(({ revision }) => revision)).toEqual(reads.map((_, at) => at + 1));
      }),
    );
  });

  it("a reader sees all of a batch or nothing, at any moment", async () => {
    await using world = await openStore();
    const { store } = world;
    await Promise.all(manyKeys(5).map((key) => store.store(storeRequestOf(key))));
    const [counts] = await Promise.all([countsInEachMicrotask(store), store.purge()]);
    expect(new Set(counts)).toEqual(new Set([5, 0]));
  });

  it("during an append, all reads see the state before it", async () => {
    await using world = await openStore();
    const { store, journal } = world;
    await store.store(storeRequestOf(ALICE, { spec: branch("root", leaf("a", 10), leaf("b", 10)) }));
    const before = comparableState(store.get(ALICE));
    const release = journal.holdAppends();
    const updating = store.update(ALICE, reportOf({ path: "0", done: 10 }, { path: "1", done: 5 }));
    await until(() => journal.appends.length === 2);
    expect(comparableState(store.get(ALICE))).toEqual(before);
    expect(store.position.revision).toBe(1);
    release();
    expect((await updating).task.done).toBe(15);
  });

  it("a job that was read never changes", async () => {
    await fc.assert(
      fc.asyncProperty(commandGroups(10), commandGroups(10), async (before, after) => {
        await using world = await openStore();
        await applyCommandGroups(world, before);
        const given = world.store.query();
        const asGiven = structuredClone(comparableStates(given));
        await applyCommandGroups(world, after);
        expect(comparableStates(given)).toEqual(asGiven);
      }),
    );
  });

  it("a list that was read never changes", async () => {
    await using world = await openStore();
    const { store } = world;
    await store.store(storeRequestOf(ALICE));
    const [list, names] = [store.query(), store.usernames(10)];
    await store.purge();
    expect(list).toHaveLength(1);
    expect(names).toEqual(["alice"]);
  });
});

interface WholeRead {
  readonly revision: number;
  /** The reads that disagree with the list. */
  readonly torn: readonly string[];
}

/** Reads everything in the turn of each change. */
function readAtEachChange(store: PerDatabaseTaskStore): WholeRead[] {
  const reads: WholeRead[] = [];
  store.addListener(
    new RecordingListener(() => reads.push({ revision: store.position.revision, torn: tornIn(store) })),
  );
  return reads;
}

/** Counts in each of a hundred microtasks: no change takes longer with a memory journal. */
async function countsInEachMicrotask(store: PerDatabaseTaskStore): Promise<number[]> {
  const counts: number[] = [];
  while (counts.length < 100) {
    counts.push(store.taskCount());
    await microtasks(1);
  }
  return counts;
}

function tornIn(store: PerDatabaseTaskStore): string[] {
  const list = store.query();
  const { revision } = store.position;
  const names = [...new Set(list.map(({ username }) => username))].toSorted();
  const latest = Math.max(...list.map(({ stamp }) => stamp.revision), 0);
  const agrees = {
    count: store.taskCount() === list.length,
    counts: TASK_STATUSES.every(
      (status) =>
        store.taskCount({ statuses: [status] }) === list.filter(({ task }) => task.status === status).length,
    ),
    usernames: String(store.usernames(100)) === String(names),
    lookups: list.every((job) => store.get(job) === job),
    "no later change": store.nextChange(revision) === undefined,
    "nothing newer than the position": latest <= revision,
    "the latest change": store.nextChange(revision - 1)?.stamp.revision === revision,
  };
  return Object.entries(agrees).flatMap(([name, isSo]) => (isSo ? [] : [name]));
}
