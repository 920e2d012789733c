import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { JobTable } from "../../src/store/job-table.js";
import { MemoryBudget, type MemoryAccount } from "../../src/store/memory-budget.js";
import type { JobFilter, PageWindow } from "../../src/store/task-store.js";
import { heapSizeOf } from "../../src/tasks/heap-size.js";
import type { JobKey } from "../../src/tasks/names.js";
import { expiresAt, type Retention } from "../../src/tasks/retention.js";
import { TASK_STATUSES } from "../../src/tasks/task-status.js";
import type { JobState, Removal, UserTask } from "../../src/tasks/user-task.js";
import { assert } from "../../src/util/assert.js";
import { changesAfter } from "../kit/store/changes.js";
import { NEVER_SET, EPOCH, editAt } from "../kit/store/edits.js";
import { commandGroups, KEYS, type CommandGroup } from "../kit/store/job-commands.js";
import { jobKey, removes, reports, stores, type ScriptedChange } from "../kit/journal/entries.js";
import { ModelDatabase } from "../kit/store/model-database.js";
import { ALICE, BOB, CAROL, DATABASE } from "../kit/store/requests.js";
import { retentionOf } from "../kit/store/task-stores.js";

const LEASE_TERMS = { lostAfterLeases: 3, clock: NEVER_SET };

const ALICE_TOO = jobKey("alice", "other");

describe("a job table", () => {
  it("finds a job by its key, and nothing under other keys", () => {
    const table = tableOf(stores(ALICE));
    expect(table.get(ALICE)).toMatchObject({ ...ALICE, attempt: 1 });
    expect(table.get(ALICE_TOO)).toBeUndefined();
    expect(table.get(BOB)).toBeUndefined();
  });

  it("keeps the removal of a job under its key", () => {
    const table = tableOf(stores(ALICE), removes(ALICE));
    expect(table.get(ALICE)).toMatchObject({ kind: "removal", ...ALICE });
  });

  it("lists the jobs of all users, newest store first", () => {
    const table = tableOf(stores(ALICE), stores(BOB), stores(ALICE_TOO), begins(ALICE));
    expect(keysOf(table.query({}))).toEqual([ALICE_TOO, BOB, ALICE]);
  });

  it("moves a job to the front when it is stored again, but not for a report", () => {
    const table = tableOf(stores(ALICE), stores(BOB), begins(ALICE));
    expect(keysOf(table.query({}))).toEqual([BOB, ALICE]);
    applyFrom(4, table, stores(ALICE));
    expect(keysOf(table.query({}))).toEqual([ALICE, BOB]);
  });

  it("lists the jobs of one user, and none for an unknown user", () => {
    const table = tableOf(stores(ALICE), stores(BOB), stores(ALICE_TOO));
    expect(keysOf(table.query({ username: ALICE.username }))).toEqual([ALICE_TOO, ALICE]);
    expect(table.query({ username: CAROL.username })).toEqual([]);
  });

  it("lists the jobs of all users under one job id", () => {
    const table = tableOf(stores(ALICE), stores(ALICE_TOO), stores(BOB));
    expect(keysOf(table.query({ jobId: ALICE.jobId }))).toEqual([BOB, ALICE]);
  });

  it("lists the one job of a user under a job id", () => {
    const table = tableOf(stores(ALICE), stores(ALICE_TOO), stores(BOB));
    expect(keysOf(table.query(ALICE))).toEqual([ALICE]);
    expect(table.query({ username: BOB.username, jobId: ALICE_TOO.jobId })).toEqual([]);
  });

  it("lists the jobs with certain statuses, and none for an empty list", () => {
    const table = tableOf(stores(ALICE), stores(BOB), begins(BOB));
    expect(keysOf(table.query({ statuses: ["RUNNING"] }))).toEqual([BOB]);
    expect(keysOf(table.query({ statuses: ["PENDING", "RUNNING"] }))).toEqual([BOB, ALICE]);
    expect(table.query({ statuses: [] })).toEqual([]);
  });

  it("counts jobs by user and by status, and moves the count with the status", () => {
    const table = tableOf(stores(ALICE), stores(ALICE_TOO), stores(BOB), begins(BOB));
    expect(table.count({})).toBe(3);
    expect(table.count({ username: ALICE.username })).toBe(2);
    expect(table.count({ statuses: ["PENDING"] })).toBe(2);
    applyFrom(5, table, finishes(BOB));
    expect(table.count({ statuses: ["RUNNING"] })).toBe(0);
    expect(table.count({ username: BOB.username, statuses: ["FINISHED"] })).toBe(1);
    expect(table.count({ statuses: [] })).toBe(0);
  });

  it("counts a repeated status once", () => {
    expect(tableOf(stores(ALICE)).count({ statuses: ["PENDING", "PENDING"] })).toBe(1);
  });

  it("lists a user while the user has a job", () => {
    const table = tableOf(stores(BOB), stores(ALICE), stores(ALICE_TOO), removes(ALICE));
    expect(table.usernames(10, "")).toEqual(["alice", "bob"]);
    applyFrom(5, table, removes(ALICE_TOO));
    expect(table.usernames(10, "")).toEqual(["bob"]);
    applyFrom(6, table, stores(ALICE));
    expect(table.usernames(10, "")).toEqual(["alice", "bob"]);
  });

  it("visits each key that has changed since a revision once, at its latest change", () => {
    const table = tableOf(stores(ALICE), stores(BOB), stores(CAROL), begins(ALICE), removes(BOB));
    expect(changesIn(table, 0)).toEqual([
      [3, "userTask", "carol"],
      [4, "userTask", "alice"],
      [5, "removal", "bob"],
    ]);
    expect(changesIn(table, 3)).toHaveLength(2);
    expect(changesIn(table, 5)).toEqual([]);
  });

  it("withdraws a removal when its key is stored again", () => {
    const table = tableOf(stores(ALICE), removes(ALICE), stores(ALICE));
    expect(changesIn(table, 0)).toEqual([[3, "userTask", "alice"]]);
  });

  it("keeps the newest removals, and moves its tombstone horizon to the newest dropped one", () => {
    const table = tableKeeping(2, stores(ALICE), stores(BOB), stores(CAROL));
    applyFrom(4, table, removes(BOB));
    applyFrom(5, table, removes(CAROL));
    expect(table.tombstoneHorizon).toBe(0);
    applyFrom(6, table, removes(ALICE));
    expect(table.tombstoneHorizon).toBe(4);
    expect(table.get(BOB)).toBeUndefined();
    expect(changesIn(table, 0)).toEqual([
      [5, "removal", "carol"],
      [6, "removal", "alice"],
    ]);
  });

  it("does not count a withdrawn removal", () => {
    const table = tableKeeping(2, stores(ALICE), stores(BOB), stores(CAROL));
    applyFrom(4, table, removes(ALICE));
    applyFrom(5, table, removes(BOB));
    applyFrom(6, table, stores(ALICE));
    applyFrom(7, table, removes(CAROL));
    expect(table.tombstoneHorizon).toBe(0);
    expect(table.get(BOB)).toMatchObject({ kind: "removal" });
  });

  it("loads the tombstone horizon, jobs and removals", async () => {
    const states = [changedAt(5, undefined, stores(BOB)), changedAt(7, undefined, stores(ALICE))];
    const job = changedAt(6, undefined, stores(CAROL));
    const removal = changedAt(8, job, removes(CAROL));
    const table = await loadTable([...states.toReversed(), removal], {
      removalsKeptMax: 1,
      tombstoneHorizon: 4,
    });
    expect(table.tombstoneHorizon).toBe(4);
    expect(table.count({})).toBe(2);
    expect(keysOf(table.query({}))).toEqual([ALICE, BOB]);
    expect(changesIn(table, 5)).toEqual([
      [7, "userTask", "alice"],
      [8, "removal", "carol"],
    ]);
    applyFrom(9, table, removes(ALICE));
    expect(table.tombstoneHorizon).toBe(8);
  });

  it("orders loaded jobs by their stores, even if their changes are in another order", async () => {
    const alice = changedAt(1, undefined, stores(ALICE));
    const bob = changedAt(2, undefined, stores(BOB));
    const table = await loadTable([bob, changedAt(3, alice, begins(ALICE))], {
      removalsKeptMax: 1,
      tombstoneHorizon: 0,
    });
    expect(keysOf(table.query({}))).toEqual([BOB, ALICE]);
    expect(changesIn(table, 0)).toEqual([
      [2, "userTask", "bob"],
      [3, "userTask", "alice"],
    ]);
  });

  it("finds the next change after a job has changed ten thousand times", () => {
    const talk = Array.from({ length: 9_998 }, (_, at) => says(BOB, `${at}`));
    const table = tableOf(stores(ALICE), stores(BOB), ...talk);
    expect(changesIn(table, 0)).toEqual([
      [1, "userTask", "alice"],
      [10_000, "userTask", "bob"],
    ]);
  });
});

describe("the next change of one user", () => {
  const OF_ALICE = { username: ALICE.username };

  it("is found among the changes of others, each key once, at its latest change, with removals", () => {
    const table = tableOf(stores(ALICE), stores(BOB), stores(ALICE_TOO), begins(ALICE), removes(ALICE_TOO));
    applyFrom(6, table, begins(BOB));
    expect(changesIn(table, 0, OF_ALICE)).toEqual([
      [4, "userTask", "alice"],
      [5, "removal", "alice"],
    ]);
    expect(changesIn(table, 4, OF_ALICE)).toEqual([[5, "removal", "alice"]]);
    expect(changesIn(table, 5, OF_ALICE)).toEqual([]);
  });

  it("ignores the statuses of the filter", () => {
    const table = tableOf(stores(BOB), stores(ALICE), begins(ALICE));
    expect(changesIn(table, 0, { ...OF_ALICE, statuses: ["FAILED"] })).toEqual([[3, "userTask", "alice"]]);
    expect(changesIn(table, 0, { ...OF_ALICE, statuses: [] })).toEqual([[3, "userTask", "alice"]]);
  });

  it("is undefined for a user who is unknown or no longer remembered", () => {
    const table = tableKeeping(1, stores(ALICE), stores(BOB));
    expect(table.nextChange(0, { username: CAROL.username })).toBeUndefined();
    applyFrom(3, table, removes(ALICE));
    applyFrom(4, table, removes(BOB));
    expect(table.nextChange(0, OF_ALICE)).toBeUndefined();
  });

  it("is undefined after the last removal of a user", () => {
    const table = tableOf(stores(ALICE), removes(ALICE), stores(BOB));
    expect(changesIn(table, 0, OF_ALICE)).toEqual([[2, "removal", "alice"]]);
    expect(table.nextChange(2, OF_ALICE)).toBeUndefined();
  });

  it.each([
    ["few jobs", 5],
    ["as many as are scanned", 1_000],
    ["more", 1_001],
  ])("omits none if the user has %s", (_, count) => {
    const jobs = Array.from({ length: count }, (_each, index) => jobKey("alice", `${index}`));
    const table = tableOf(...jobs.map((key) => stores(key)), stores(BOB), removes(jobs[3]!));
    applyFrom(count + 3, table, begins(jobs[1]!));
    const ofAlice = changesIn(table, 0, OF_ALICE).filter((change) => change[2] === "alice");
    expect(ofAlice).toHaveLength(count);
    expect(ofAlice).toEqual(changesIn(table, 0).filter((change) => change[2] === "alice"));
    expect(ofAlice.slice(-2)).toEqual([
      [count + 2, "removal", "alice"],
      [count + 3, "userTask", "alice"],
    ]);
  });

  it("takes one step for a user with few jobs, however many others have changed", () => {
    const others = Array.from({ length: 2_000 }, (_, index) => jobKey("other", `${index}`));
    const table = tableOf(stores(ALICE), ...others.map((key) => stores(key)), stores(ALICE_TOO));
    expect(table.nextChange(1, OF_ALICE)).toMatchObject({ ...ALICE_TOO, stamp: { revision: 2_002 } });
  });
});

describe("a page of a job table", () => {
  it("from the newest end says whether there are older jobs", () => {
    expect(pageOf(fourJobs(), {}, { count: 2, from: "newest" })).toEqual({
      stores: [4, 3],
      hasNewer: false,
      hasOlder: true,
    });
  });

  it("from the oldest end is also sorted newest first", () => {
    expect(pageOf(fourJobs(), {}, { count: 2, from: "oldest" })).toEqual({
      stores: [2, 1],
      hasNewer: true,
      hasOlder: false,
    });
  });

  it("excludes its bounds", () => {
    expect(pageOf(fourJobs(), {}, { count: 9, from: "newest", storedBefore: 4, storedAfter: 1 })).toEqual({
      stores: [3, 2],
      hasNewer: true,
      hasOlder: true,
    });
  });

  it("contains only matching jobs, and stops scanning once it is full", () => {
    expect(pageOf(fourJobs(), { username: ALICE.username }, { count: 1, from: "oldest" })).toEqual({
      stores: [1],
      hasNewer: true,
      hasOlder: false,
    });
    expect(pageOf(fourJobs(), { username: BOB.username }, { count: 1, from: "newest" })).toEqual({
      stores: [2],
      hasNewer: false,
      hasOlder: false,
    });
  });

  it("that is empty says whether jobs lie before and after it", () => {
    expect(pageOf(fourJobs(), {}, { count: 1, from: "newest", storedBefore: 1 })).toEqual({
      stores: [],
      hasNewer: true,
      hasOlder: false,
    });
    expect(pageOf(fourJobs(), {}, { count: 1, from: "oldest", storedAfter: 4 })).toEqual({
      stores: [],
      hasNewer: false,
      hasOlder: true,
    });
  });
});

describe("a job table and a naive model", () => {
  it("give equal answers to all queries after any changes", () => {
    fc.assert(
      fc.property(commandGroups(), removalsKept, queries, (groups, removalsKeptMax, query) => {
        const { table, model } = afterCommands(groups, removalsKeptMax);
        expect(answersOf(indexed(table), query)).toEqual(answersOf(scanned(model), query));
      }),
      { numRuns: 300 },
    );
  });

  it("give equal answers after the indexes have dropped stale entries", () => {
    fc.assert(
      fc.property(
        commandGroups(400),
        fc.constantFrom(1, 1_000),
        queries,
        (groups, removalsKeptMax, query) => {
          const { table, model } = afterCommands(groups, removalsKeptMax);
          expect(answersOf(indexed(table), query)).toEqual(answersOf(scanned(model), query));
        },
      ),
      { numRuns: 20 },
    );
  });

  it("page equally in both directions after any changes", () => {
    fc.assert(
      fc.property(commandGroups(), anyFilter, pageWindow, (groups, filter, within) => {
        const { table, model } = afterCommands(groups, 1_000);
        expect(pageOf(table, filter, within)).toEqual(pageOf(model, filter, within));
      }),
      { numRuns: 300 },
    );
  });

  it("give equal answers once the states were loaded into a new table", async () => {
    await fc.assert(
      fc.asyncProperty(commandGroups(), removalsKept, queries, async (groups, removalsKeptMax, query) => {
        const { model } = afterCommands(groups, removalsKeptMax);
        const states = model.changesAfter(0).toReversed();
        const table = await loadTable(states, { removalsKeptMax, tombstoneHorizon: model.tombstoneHorizon });
        expect(answersOf(indexed(table), query)).toEqual(answersOf(scanned(model), query));
      }),
    );
  });
});

const removalsKept = fc.constantFrom(1, 2, 1_000);
const anyFilter: fc.Arbitrary<JobFilter> = fc.record({
  username: fc.option(fc.constantFrom(...KEYS.map(({ username }) => username)), { nil: undefined }),
  jobId: fc.option(fc.constantFrom(...KEYS.map(({ jobId }) => jobId)), { nil: undefined }),
  statuses: fc.option(fc.subarray([...TASK_STATUSES]), { nil: undefined }),
});
const pageWindow: fc.Arbitrary<PageWindow> = fc
  .record({
    count: fc.integer({ min: 1, max: 7 }),
    from: fc.constantFrom("newest" as const, "oldest" as const),
    bounds: fc.option(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 40 })), { nil: undefined }),
  })
  .map(({ count, from, bounds }) => ({
    count,
    from,
    storedAfter: bounds?.[0],
    storedBefore: bounds && bounds[0] + bounds[1],
  }));
const queries = fc.record({
  filter: anyFilter,
  revision: fc.nat(40),
  after: fc.constantFrom("", "alice", "b", "carol"),
  now: fc.nat(100_000),
});

const RETENTION = retentionOf(1_000, 20_000);

type Query = typeof queries extends fc.Arbitrary<infer T> ? T : never;

interface Queryable {
  readonly tombstoneHorizon: number;
  get(key: JobKey): JobState;
  query(filter: JobFilter): UserTask[];
  count(filter: JobFilter): number;
  usernames(first: number, after: string): string[];
  nextChange(revision: number, filter?: JobFilter): UserTask | Removal | undefined;
  ended(): UserTask[];
  due(retention: Retention, now: number): UserTask[];
}

function answersOf(table: Queryable, { filter, revision, after, now }: Query): object {
  return {
    tombstoneHorizon: table.tombstoneHorizon,
    states: KEYS.map((key) => table.get(key)),
    query: table.query(filter),
    count: table.count(filter),
    usernames: table.usernames(2, after),
    changes: changesIn(table, revision),
    changesOfUser: changesOfUser(table, revision, filter),
    ended: table.ended(),
    due: table.due(RETENTION, now),
  };
}

/** Drops the changes of other users, which a table may also return. */
function changesOfUser(
  table: Pick<Queryable, "nextChange">,
  revision: number,
  { username }: JobFilter,
): unknown[][] {
  const changes = changesIn(table, revision, { username });
  return changes.filter(([, , ofUser]) => username === undefined || ofUser === username);
}

function indexed(table: JobTable): Queryable {
  return {
    tombstoneHorizon: table.tombstoneHorizon,
    get: (key) => table.get(key),
    query: (filter) => table.query(filter),
    count: (filter) => table.count(filter),
    usernames: (first, after) => table.usernames(first, after),
    nextChange: (revision, filter) => table.nextChange(revision, filter),
    ended: () => [...table.ended.oldestFirst()].map(({ userTask }) => userTask),
    due: (retention, now) =>
      [...table.ended.expired(retention, now, NEVER_SET.monotonicAt)].map(({ userTask }) => userTask),
  };
}

function scanned(model: ModelDatabase): Queryable {
  return {
    tombstoneHorizon: model.tombstoneHorizon,
    get: (key) => model.get(key),
    query: (filter) => model.query(filter),
    count: (filter) => model.query(filter).length,
    usernames: (first, after) => model.usernames(first, after),
    nextChange: (revision) => model.changesAfter(revision)[0],
    ended: () => model.ended(),
    due: (retention, now) => model.ended().filter((job) => (expiresAt(job, retention) ?? Infinity) <= now),
  };
}

/** A table and a model after the same commands. */
function afterCommands(
  groups: readonly CommandGroup[],
  removalsKeptMax: number,
): { table: JobTable; model: ModelDatabase } {
  const table = new JobTable({ removalsKeptMax, memory: account(), ...LEASE_TERMS });
  const model = new ModelDatabase(EPOCH, { ...DEFAULT_LIMITS, removalsKeptMax });
  for (const state of model.runAll(groups, 0).made) table.apply(state, heapSizeOf(state));
  return { table, model };
}

/** A table after these changes, at the revisions 1, 2, 3 … */
function tableOf(...changes: readonly ScriptedChange[]): JobTable {
  return tableKeeping(1_000, ...changes);
}

function tableKeeping(removalsKeptMax: number, ...changes: readonly ScriptedChange[]): JobTable {
  const table = new JobTable({ removalsKeptMax, memory: account(), ...LEASE_TERMS });
  applyFrom(1, table, ...changes);
  return table;
}

function account(): MemoryAccount {
  return new MemoryBudget(DEFAULT_LIMITS).open(DATABASE);
}

/** A table loaded in two slices. */
function loadTable(
  states: readonly (UserTask | Removal)[],
  { tombstoneHorizon, ...options }: { removalsKeptMax: number; tombstoneHorizon: number },
): Promise<JobTable> {
  const loading = JobTable.createLoader({ ...options, memory: account(), ...LEASE_TERMS });
  const half = Math.ceil(states.length / 2);
  loading.add(states.slice(0, half));
  loading.add(states.slice(half));
  return loading.finish(tombstoneHorizon);
}

function applyFrom(revision: number, table: JobTable, ...changes: readonly ScriptedChange[]): void {
  changes.forEach((change, at) => {
    const state = changedAt(revision + at, table.get(change.key), change);
    table.apply(state, heapSizeOf(state));
  });
}

function changedAt(revision: number, before: JobState, { key, make }: ScriptedChange): UserTask | Removal {
  const after = make(before, editAt(revision, revision));
  assert(after && after !== before, `no change for ${key.username}`);
  return after;
}

function begins(key: JobKey): ScriptedChange {
  return reports(key, { updates: [{ path: "", status: "RUNNING" }] });
}

function finishes(key: JobKey): ScriptedChange {
  return reports(key, { updates: [{ path: "", status: "FINISHED" }] });
}

function says(key: JobKey, message: string): ScriptedChange {
  return reports(key, { updates: [{ path: "", message }] });
}

function keysOf(jobs: readonly UserTask[]): JobKey[] {
  return jobs.map(({ username, jobId }) => ({ username, jobId }));
}

/** Changes as `[4, "userTask", "alice"]`. */
function changesIn(
  table: Pick<Queryable, "nextChange">,
  revision: number,
  filter: JobFilter = {},
): unknown[][] {
  const changes = changesAfter({ nextChange: (at) => table.nextChange(at, filter) }, revision);
  return changes.map(({ stamp, kind, username }) => [stamp.revision, kind, username]);
}

function pageOf(table: Pick<JobTable, "page">, filter: JobFilter, within: PageWindow): object {
  const { userTasks, hasNewer, hasOlder } = table.page(filter, within);
  return { stores: userTasks.map(({ storedStamp }) => storedStamp.revision), hasNewer, hasOlder };
}

function fourJobs(): JobTable {
  return tableOf(stores(ALICE), stores(BOB), stores(CAROL), stores(ALICE_TOO));
}
