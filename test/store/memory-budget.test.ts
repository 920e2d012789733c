import { describe, expect, it } from "vitest";
import { heapSizeOf } from "../../src/tasks/heap-size.js";
import { untilIdle } from "../kit/deterministic/turns.js";
import { createFaultyJournal, type FaultyJournal } from "../kit/journal/faulty-journal.js";
import { branch, leaf } from "../kit/store/edits.js";
import {
  addTasksRequestOf,
  ALICE,
  ANY_ATTEMPT,
  BOB,
  CAROL,
  DATABASE,
  logReportOf,
  manyKeys,
  OTHER_DATABASE,
  rejection,
  reportOf,
  storeRequestOf,
} from "../kit/store/requests.js";
import { createStores, openStore, type OpenedStore } from "../kit/store/task-stores.js";
import { jobKey } from "../kit/journal/entries.js";

/** Counted twice, because the journal of these tests keeps a copy in memory. */
const COPIES = 2;

const ALICE_TOO = jobKey("alice", "other");

/** A tree of about 20 kB. */
const TREE = branch("root", ...Array.from({ length: 100 }, (_, at) => leaf(`leaf ${at}`, 10)));
const TREE_BYTES = 43_000;

describe("the memory of jobs", () => {
  it("is the sum of the estimated sizes of all jobs", async () => {
    await using world = await openStore();
    await world.store.store(storeRequestOf(ALICE, { spec: TREE }));
    await world.store.store(storeRequestOf(BOB));
    await world.store.update(ALICE, reportOf({ path: "0", done: 5, message: "half" }));

    const sizes = world.store.query().map(heapSizeOf);

    expect(world.memory.bytes).toBe(COPIES * (sizes[0]! + sizes[1]!));
    expect(world.memory.bytesOf(BOB.username)).toBe(COPIES * sizes[0]!);
  });

  it("does not grow with reports of numbers after the first", async () => {
    await using world = await openStore();
    await world.store.store(storeRequestOf(ALICE, { spec: TREE }));
    await world.store.updateAll(
      [1, 2].map((done) => ({ key: ALICE, report: reportOf({ path: "0", done }) })),
    );
    const { bytes } = world.memory;

    await world.store.update(ALICE, reportOf({ path: "0", done: 3 }, { path: "0", volume: 20 }));

    expect(world.memory.bytes).toBe(bytes);
  });

  it("does not grow when a task ends", async () => {
    await using world = await openStore();
    await world.store.store(storeRequestOf(ALICE, { spec: TREE }));
    await world.store.update(ALICE, reportOf({ path: "0", done: 1 }));
    const { bytes } = world.memory;

    await world.store.update(ALICE, reportOf({ status: "FINISHED" }));

    expect(world.memory.bytes).toBeLessThanOrEqual(bytes);
  });

  it("is returned by a write that fails", async () => {
    let faults!: FaultyJournal;
    await using world = await openStore({ journal: (journal) => (faults = createFaultyJournal(journal)) });
    await world.store.store(storeRequestOf(ALICE));
    const { bytes } = world.memory;
    faults.failNextAppend("before writing");

    await expect(world.store.store(storeRequestOf(BOB))).rejects.toMatchObject(rejection("UNAVAILABLE"));

    expect(world.memory.bytes).toBe(bytes);
  });

  it("is returned when the database is closed, and counted again when it is opened", async () => {
    await using world = createStores({ idleMs: 1_000 });
    const store = await world.provider.getTaskStore(DATABASE);
    await store.store(storeRequestOf(ALICE));
    const { bytes } = world.memory;
    await untilIdle();

    world.clock.advance(1_000);
    await world.provider.closeIdleStores();
    const closed = world.memory.bytes;
    await world.provider.find(DATABASE);

    expect([closed, world.memory.bytes]).toEqual([0, bytes]);
  });
});

describe("a change that would pass a bound of memory", () => {
  it.each([
    ["memoryMax", [ALICE, BOB], /the jobs of the server take 42\d+ of \d+, whose last tenth/],
    ["memoryPerDatabaseMax", [ALICE, BOB], /the jobs of this database take/],
    ["memoryPerUserMax", [ALICE, ALICE_TOO], /the jobs of user "alice" take/],
  ] as const)("is rejected by %s before it is made", async (limit, [first, second], message) => {
    await using world = await openStore({ limits: { [limit]: 2 * TREE_BYTES } });
    await world.store.store(storeRequestOf(first, { spec: TREE }));

    const rejected = world.store.store(storeRequestOf(second, { spec: TREE }));

    await expect(rejected).rejects.toMatchObject(rejection("LIMIT_EXCEEDED", limit));
    await expect(rejected).rejects.toThrow(message);
    expect(world.store.position.revision).toBe(1);
    expect(world.journal.appends).toHaveLength(1);
  });

  it("is rejected even if it is written together with others that fill the memory", async () => {
    await using world = createStores({ limits: { memoryMax: 2 * TREE_BYTES } });
    const stores = await Promise.all(
      [DATABASE, OTHER_DATABASE].map((name) => world.provider.getTaskStore(name)),
    );

    const results = await Promise.allSettled(
      stores.map((store) => store.store(storeRequestOf(ALICE, { database: store.database, spec: TREE }))),
    );

    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  });

  it("is accepted for another user below memoryPerUserMax", async () => {
    await using world = await openStore({ limits: { memoryPerUserMax: 2 * TREE_BYTES } });
    await world.store.store(storeRequestOf(ALICE, { spec: TREE }));

    await expect(world.store.store(storeRequestOf(BOB, { spec: TREE }))).resolves.toBeDefined();
  });
});

describe("the last tenth of the memory", () => {
  it("takes no new tasks, but reports, ends and removals", async () => {
    await using world = await openStore({ limits: { memoryMax: 2 * TREE_BYTES } });
    const { store } = world;
    await fillTo(world, 0.9 * 2 * TREE_BYTES);

    await expect(store.store(storeRequestOf(CAROL, { spec: TREE }))).rejects.toMatchObject(
      rejection("LIMIT_EXCEEDED", "memoryMax"),
    );
    await expect(store.addTasks(ALICE, addTasksRequestOf("", ...TREE.subTasks!))).rejects.toMatchObject(
      rejection("LIMIT_EXCEEDED", "memoryMax"),
    );
    await store.update(ALICE, logReportOf("x".repeat(1_000)));
    await store.update(ALICE, reportOf({ path: "0", done: 1 }));
    await store.remove(ALICE, ANY_ATTEMPT);
    expect(store.get(ALICE)).toBeUndefined();
  });

  it("is a bound too: a report beyond it is rejected, but an end is not", async () => {
    await using world = await openStore({ limits: { memoryMax: 2 * TREE_BYTES } });
    const { store } = world;
    await store.store(storeRequestOf(ALICE, { spec: TREE }));
    await store.update(ALICE, reportOf({ path: "0", done: 1 }));
    const lines = manyKeys(100).map(() => ({ key: ALICE, report: logReportOf("x".repeat(1_000)) }));

    const results = await store.updateAll(lines);
    const ended = await store.update(ALICE, reportOf({ status: "FINISHED" }));

    expect(results.at(0)).toMatchObject({ status: "fulfilled" });
    expect(results.at(-1)).toMatchObject({ reason: rejection("LIMIT_EXCEEDED", "memoryMax") });
    expect(ended.task.status).toBe("FINISHED");
    expect(world.memory.bytes).toBeLessThanOrEqual(2 * TREE_BYTES);
  });
});

describe("a full memory", () => {
  it("evicts the jobs that ended first, as many as the change needs", async () => {
    await using world = await openStore({ limits: { memoryMax: 4 * TREE_BYTES } });
    const { store, clock } = world;
    for (const key of [BOB, ALICE, CAROL]) {
      await store.store(storeRequestOf(key, { spec: TREE }));
      clock.advance(1);
      await store.update(key, reportOf({ status: "FINISHED" }));
    }

    await store.store(storeRequestOf(ALICE_TOO, { spec: TREE }));

    expect(store.query().map(({ username, jobId }) => `${username} ${jobId}`)).toEqual([
      "alice other",
      "carol job",
      "alice job",
    ]);
    expect(store.nextChange(6)).toMatchObject({ kind: "removal", username: "bob", reason: "EXPIRED" });
  });

  it("evicts only jobs of the user whose bound is reached", async () => {
    await using world = await openStore({ limits: { memoryPerUserMax: 2 * TREE_BYTES } });
    const { store } = world;
    for (const key of [BOB, ALICE]) {
      await store.store(storeRequestOf(key, { spec: TREE }));
      await store.update(key, reportOf({ status: "FINISHED" }));
    }

    await store.store(storeRequestOf(ALICE_TOO, { spec: TREE }));

    expect(store.query().map(({ username, jobId }) => `${username} ${jobId}`)).toEqual([
      "alice other",
      "bob job",
    ]);
  });

  it("evicts nothing if that would not suffice", async () => {
    await using world = await openStore({ limits: { memoryMax: 2 * TREE_BYTES } });
    const { store } = world;
    await store.store(storeRequestOf(BOB));
    await store.update(BOB, reportOf({ status: "FINISHED" }));
    await store.store(storeRequestOf(ALICE, { spec: TREE }));

    await expect(store.store(storeRequestOf(CAROL, { spec: TREE }))).rejects.toMatchObject(
      rejection("LIMIT_EXCEEDED", "memoryMax"),
    );

    expect(store.get(BOB)).toBeDefined();
  });

  it("accepts a smaller tree in the place of a larger one", async () => {
    await using world = await openStore({ limits: { memoryMax: 2 * TREE_BYTES } });
    await world.store.store(storeRequestOf(ALICE, { spec: TREE }));

    await expect(world.store.store(storeRequestOf(ALICE))).resolves.toMatchObject({ attempt: 2 });
  });
});

/** Stores Alice's tree, and small jobs until new ones are rejected. */
async function fillTo({ store, memory }: OpenedStore, bytes: number): Promise<void> {
  await store.store(storeRequestOf(ALICE, { spec: TREE }));
  await Promise.allSettled(manyKeys(100).map((key) => store.store(storeRequestOf(key))));
  expect(memory.bytes).toBeGreaterThan(0.9 * bytes);
}
