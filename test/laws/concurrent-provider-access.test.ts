import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { TaskStoreProvider } from "../../src/store/task-store-provider.js";
import type { TaskStore } from "../../src/store/task-store.js";
import type { UserTask } from "../../src/tasks/user-task.js";
import { delayJournal } from "../kit/journal/delayed-journal.js";
import { leaf } from "../kit/store/edits.js";
import { createFaultyJournal, type FaultyJournal } from "../kit/journal/faulty-journal.js";
import { inRandomRounds } from "../kit/deterministic/random-rounds.js";
import { addListeners, RecordingListener } from "../kit/store/recording-listener.js";
import {
  ALICE,
  DATABASE,
  manyKeys,
  OTHER_DATABASE,
  reportOf,
  storeRequestOf,
} from "../kit/store/requests.js";
import { createStores, type Stores } from "../kit/store/task-stores.js";
import { randomTurns } from "../kit/deterministic/turns.js";

/**
 * Covers the races of the test `concurrent provider access` in GDS: ten concurrent requests for one unopened database.
 * Instead of threads, a journal with random delays interleaves them. A failure prints the seed.
 */

const TEN = manyKeys(10);

describe("concurrent provider access", () => {
  it("gives ten concurrent requests one store, and keeps all ten jobs", async () => {
    await using world = createStores();
    const stored = await storeAll(world.provider, TEN);
    expect(new Set(stored.map(({ store }) => store)).size).toBe(1);
    expect(world.journal.opened).toEqual([DATABASE]);
    expect(stored[0]!.store.taskCount()).toBe(10);
    expect(stored[0]!.store.usernames(20)).toEqual(TEN.map(({ username }) => username));
  });

  it("gives each database its own store and jobs", async () => {
    await using world = createStores();
    const [here, there] = await Promise.all([
      storeAll(world.provider, TEN),
      storeAll(world.provider, TEN.slice(0, 3), OTHER_DATABASE),
    ]);
    expect(here[0]!.store.taskCount()).toBe(10);
    expect(there[0]!.store.taskCount()).toBe(3);
  });
});

describe("concurrent provider access stress", () => {
  it("gives all callers one store in 100 rounds with random interleavings", async () => {
    await inRandomRounds(async (random) => {
      await using world = createDelayedStores(random);
      const stored = await storeAll(world.provider, TEN);
      const { store } = stored[0]!;
      expect(new Set(stored.map((one) => one.store)).size).toBe(1);
      expect(store.taskCount()).toBe(10);
      expect(revisionsOf(stored)).toEqual(numbersTo(10));
      expect(stored.map(({ userTask }) => store.get(userTask))).toEqual(
        stored.map(({ userTask }) => userTask),
      );
    });
  });

  it("gives all callers one store while readers come and go", async () => {
    await inRandomRounds(async (random) => {
      await using world = createDelayedStores(random);
      const [stored, seen] = await Promise.all([
        storeAll(world.provider, TEN),
        Promise.all(TEN.map(() => visit(world.provider, random))),
      ]);
      expect(new Set(stored.map(({ store }) => store)).size).toBe(1);
      expect(stored[0]!.store.taskCount()).toBe(10);
      expect(world.provider.openStores()).toEqual([stored[0]!.store]);
      expect(Math.max(...seen)).toBeLessThanOrEqual(10);
    });
  });

  it("recovers by a retry if the first openings fail, and never delays other databases", async () => {
    await inRandomRounds(async (random) => {
      const { faults, ...world } = createDelayedFaultyStores(random);
      faults.failNextOpen();
      faults.failNextOpen();
      const answers = await Promise.allSettled(TEN.map((key) => storeOne(world.provider, key)));
      const failed = TEN.filter((_, at) => answers[at]!.status === "rejected");
      const again = await storeAll(world.provider, failed);
      expect(failed).toHaveLength(2);
      expect(again[0]!.store.taskCount()).toBe(10);
      expect(world.journal.openHandleCount).toBe(1);
    });
  });
});

describe("concurrent overwrites", () => {
  it("of one key by ten callers leave one job at attempt 10", async () => {
    await using world = createStores();
    const stored = await overwriteTenTimes(world.provider);
    const { store } = stored[0]!;
    expect(store.taskCount()).toBe(1);
    expect(store.get(ALICE)).toMatchObject({ attempt: 10, version: 10, outcome: "OVERWRITTEN" });
    expect(store.position.revision).toBe(10);
  });

  it("give each caller its own attempt and keep the last tree, in 100 rounds", async () => {
    await inRandomRounds(async (random) => {
      await using world = createDelayedStores(random);
      const stored = await overwriteTenTimes(world.provider);
      const attempts = stored.map(({ userTask }) => userTask.attempt).toSorted((a, b) => a - b);
      const last = stored.find(({ userTask }) => userTask.attempt === 10)!;
      expect(attempts).toEqual(numbersTo(10));
      expect(last.store.query()).toEqual([last.userTask]);
      expect(last.store.get(ALICE)).toBe(last.userTask);
    });
  });

  it("of one key with REJECT accept one of ten", async () => {
    await inRandomRounds(async (random) => {
      await using world = createDelayedStores(random);
      const answers = await Promise.allSettled(
        TEN.map(() => storeOne(world.provider, ALICE, DATABASE, { onConflict: "REJECT" })),
      );
      const store = await world.provider.getTaskStore(DATABASE);
      expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect(store.get(ALICE)?.attempt).toBe(1);
    });
  });
});

describe("concurrent listeners", () => {
  it("each receive ten changes exactly once, in order of revision", async () => {
    await using world = createStores();
    const store = await world.provider.getTaskStore(DATABASE);
    const listeners = addListeners(store, 3);
    await storeAll(world.provider, TEN);
    expect(listeners.map(({ revisions }) => revisions)).toEqual([
      numbersTo(10),
      numbersTo(10),
      numbersTo(10),
    ]);
    expect(new Set(listeners[0]!.words)).toEqual(new Set(TEN.map(({ username }) => `added ${username}`)));
  });

  it("each receive every change exactly once, in order of revision, in 100 rounds", async () => {
    await inRandomRounds(async (random) => {
      await using world = createDelayedStores(random);
      const store = await world.provider.getTaskStore(DATABASE);
      const listeners = addListeners(store, 3);
      const stored = await storeAll(world.provider, TEN);
      await Promise.all(TEN.map((key) => store.update(key, reportOf({ done: 1 }))));
      await store.purge();
      expect(stored).toHaveLength(10);
      expect(listeners.map(({ revisions }) => revisions)).toEqual(listeners.map(() => numbersTo(30)));
    });
  });

  it("that join during writes receive all later changes without a gap", async () => {
    await inRandomRounds(async (random) => {
      await using world = createDelayedStores(random);
      const store = await world.provider.getTaskStore(DATABASE);
      const late = new RecordingListener();
      const joined = { after: -1 };
      const writing = storeAll(world.provider, TEN);
      await world.provider.retain(OTHER_DATABASE);
      joined.after = store.position.revision;
      store.addListener(late);
      await writing;
      expect(late.revisions).toEqual(numbersTo(10).filter((revision) => revision > joined.after));
    });
  });

  it("receive every change even if one of them throws, and each write is answered", async () => {
    await inRandomRounds(async (random) => {
      await using world = createDelayedStores(random);
      const store = await world.provider.getTaskStore(DATABASE);
      const [before] = addListeners(store, 1);
      store.addListener(throwing());
      const [after] = addListeners(store, 1);
      const stored = await storeAll(world.provider, TEN);
      expect(revisionsOf(stored)).toEqual(numbersTo(10));
      expect([before!.revisions, after!.revisions]).toEqual([numbersTo(10), numbersTo(10)]);
      expect(world.log.lines).toHaveLength(10);
    });
  });

  it("that join or leave during a notification affect only the next one", async () => {
    await inRandomRounds(async (random) => {
      await using world = createDelayedStores(random);
      const store = await world.provider.getTaskStore(DATABASE);
      const joining = new RecordingListener();
      const leaving: RecordingListener = new RecordingListener(() => {
        store.removeListener(leaving);
        store.addListener(joining);
      });
      store.addListener(leaving);
      const [staying] = addListeners(store, 1);
      await storeAll(world.provider, TEN);
      expect(leaving.revisions).toEqual([1]);
      expect(staying!.revisions).toEqual(numbersTo(10));
      expect(joining.revisions).toEqual(numbersTo(10).slice(1));
    });
  });

  it("receive a change once if they were added twice, and nothing once they were removed twice", async () => {
    await using world = createStores();
    const store = await world.provider.getTaskStore(DATABASE);
    const [twice, gone] = addListeners(store, 2);
    store.addListener(twice!);
    store.removeListener(gone!);
    store.removeListener(gone!);
    await storeAll(world.provider, TEN);
    expect(twice!.revisions).toEqual(numbersTo(10));
    expect(gone!.revisions).toEqual([]);
  });
});

describe("counts read while others write", () => {
  it("only increase during stores, and agree with the list and the position of the same turn", async () => {
    await inRandomRounds(async (random) => {
      await using world = createDelayedStores(random);
      const store = await world.provider.getTaskStore(DATABASE);
      const writing = { isOver: false };
      const [reads] = await Promise.all([
        readUntil(() => writing.isOver, store),
        storeAll(world.provider, TEN).then(() => (writing.isOver = true)),
      ]);
      const counts = reads.map(({ count }) => count);
      expect(counts).toEqual(counts.toSorted((a, b) => a - b));
      expect(reads.map(({ listed }) => listed)).toEqual(counts);
      expect(reads.map(({ revision }) => revision)).toEqual(counts);
      expect(reads.map(({ named }) => named)).toEqual(counts);
    });
  });
});

interface Stored {
  readonly store: TaskStore;
  readonly userTask: UserTask;
}

function createDelayedStores(random: () => number): Stores {
  return createStores({ journal: (journal) => delayJournal(journal, random) });
}

function createDelayedFaultyStores(random: () => number): Stores & { readonly faults: FaultyJournal } {
  let faults: FaultyJournal | undefined;
  const world = createStores({
    journal: (journal) => delayJournal((faults = createFaultyJournal(journal)), random),
  });
  return { ...world, faults: faults! };
}

/** Concurrently requests the store and stores each job. */
function storeAll(
  provider: TaskStoreProvider,
  keys: readonly (typeof ALICE)[],
  database = DATABASE,
): Promise<Stored[]> {
  return Promise.all(keys.map((key) => storeOne(provider, key, database)));
}

async function storeOne(
  provider: TaskStoreProvider,
  key: typeof ALICE,
  database = DATABASE,
  fields: Parameters<typeof storeRequestOf>[1] = {},
): Promise<Stored> {
  const store = await provider.getTaskStore(database);
  return { store, userTask: await store.store(storeRequestOf(key, { ...fields, database })) };
}

function overwriteTenTimes(provider: TaskStoreProvider): Promise<Stored[]> {
  const specs = Array.from({ length: 10 }, (_, at) => leaf(`Task ${at}`, 100));
  return Promise.all(specs.map((spec) => storeOne(provider, ALICE, DATABASE, { spec })));
}

function throwing(): RecordingListener {
  return new RecordingListener(() => {
    throw new Error("listener failed");
  });
}

/** Reads the number of jobs with a short lease. */
async function visit(provider: TaskStoreProvider, random: () => number): Promise<number> {
  const { store, release } = await provider.retain(DATABASE);
  await randomTurns(random);
  const count = store.taskCount();
  release();
  return count;
}

interface Read {
  readonly count: number;
  readonly listed: number;
  readonly named: number;
  readonly revision: number;
}

/** Reads in each turn until `isOver`, and in the turn after. */
async function readUntil(isOver: () => boolean, store: TaskStore): Promise<Read[]> {
  const reads = [readOf(store)];
  while (!isOver()) {
    await setImmediate();
    reads.push(readOf(store));
  }
  return reads;
}

function readOf(store: TaskStore): Read {
  return {
    count: store.taskCount(),
    listed: store.query().length,
    named: store.usernames(100).length,
    revision: store.position.revision,
  };
}

function revisionsOf(stored: readonly Stored[]): number[] {
  return stored.map(({ userTask }) => userTask.stamp.revision).toSorted((a, b) => a - b);
}

function numbersTo(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at + 1);
}
