import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  JournalError,
  type AppendResult,
  type DatabaseSummary,
  type DatabaseJournal,
  type Journal,
  type JournalNews,
  type JournalOptions,
  type JournalPoint,
  type JournalRecord,
} from "../../src/journal/journal.js";
import { createMemoryJournal } from "../../src/journal/memory/memory-journal.js";
import type { JobKey } from "../../src/tasks/names.js";
import { treeOf } from "../../src/tasks/task-rows.js";
import type { TaskSpec } from "../../src/tasks/task-spec.js";
import { IS_FULL_LENGTH } from "../kit/process/full-length.js";
import { untilIdle } from "../kit/deterministic/turns.js";
import {
  databaseName,
  grows,
  FIRST_OF_HISTORY,
  jobKey,
  loadAll,
  type JournalSnapshot,
  openWriter,
  plainTree,
  recordsAfter,
  removes,
  removing,
  replayEntries,
  reports,
  sorted,
  stores,
  storing,
  updating,
  updatingOften,
  type ScriptedChange,
  type JournalWriter,
} from "../kit/journal/entries.js";

/**
 * The contract in src/journal/journal.ts as tests, which every driver, decorator and fake passes. The tests of
 * a driver cover only what is specific to it.
 *
 *     journalSuite("the memory journal", async (options) => createMemoryJournal(options));
 *
 * `openFresh` opens a journal that was never written to. `reopen`, for a durable driver, closes a journal and
 * opens its data again.
 */
export function journalSuite(name: string, openFresh: OpenFresh, reopen?: Reopen): void {
  const open = async (bounds: Partial<JournalOptions> = {}): Promise<Journal> =>
    closedAtEnd(await openFresh({ ...OPTIONS, ...bounds }));

  describe(`${name} is a journal`, () => {
    describe("opening a database", () => {
      specifyOpening(open);
    });
    describe("appending", () => {
      specifyAppending(open);
    });
    describe("an append that conflicts", () => {
      specifyConflicts(open);
    });
    describe("the loaded state", () => {
      specifyState(open);
    });
    describe("removals", () => {
      specifyRemovals(open);
    });
    describe("erasing", () => {
      specifyErasing(open, reopen);
    });
    describe("names", () => {
      specifyNames(open);
    });
    describe("finding", () => {
      specifyFinding(open);
    });
    describe("following", () => {
      specifyFollowing(open);
    });
    describe("concurrent calls", () => {
      specifyConcurrency(open);
    });
    describe("leases", () => {
      specifyLeases(open);
    });
    describe("closing", () => {
      specifyClosing(open);
    });
    describe("durability", () => {
      specifyDurability(open, reopen);
    });
    describe.skipIf(!reopen)("an import (skipped: without durability)", () => {
      specifyImports(open, reopen!);
    });
  });
}

export type OpenFresh = (options: JournalOptions) => Promise<Journal>;
export type Reopen = (journal: Journal) => Promise<Journal>;

type Open = (bounds?: Partial<JournalOptions>) => Promise<Journal>;

const OPTIONS: JournalOptions = { removalsKeptMax: 100, logLinesPerJobMax: 3 };
const ENTRIES_KEPT_AT_LEAST = 1_000;
/** Of random appends. */
const RUNS = IS_FULL_LENGTH ? 100 : 40;

const DB = databaseName("neo4j");
const OTHER_DB = databaseName("movies");
const JOB = jobKey("alice", "job-1");
const OTHER_JOB = jobKey("alice", "job-2");
const THIRD_JOB = jobKey("bob", "job-1");

function specifyOpening(open: Open): void {
  it("does not create it, and neither does reading", async () => {
    const journal = await open();
    const handle = await journal.open(DB);
    await Promise.all([loadAll(handle), handle.head(), handle.find("none")]);
    expect(await journal.databases()).toEqual([]);
  });

  it("loads an empty state at revision 0 if it does not exist, in an epoch of 12 characters of base64url", async () => {
    const { handle } = await world(open);
    const empty = { ...FIRST_OF_HISTORY, revision: 0, tombstoneHorizon: 0, jobs: [], removals: [] };
    expect(await loadAll(handle)).toEqual({ ...empty, epoch: expect.stringMatching(/^[\w-]{12}$/) });
    expect(await handle.head()).toMatchObject({ revision: 0 });
  });

  it("shows all handles one epoch, which no other database has", async () => {
    const { journal, handle } = await world(open);
    const { epoch } = await loadAll(handle);
    expect(await epochOf(journal.open(DB))).toBe(epoch);
    expect(await epochOf(journal.open(OTHER_DB))).not.toBe(epoch);
  });

  it("keeps its epoch while entries are appended", async () => {
    const { handle } = await world(open);
    const { epoch } = await loadAll(handle);
    await handle.append([storing(JOB), updating(JOB, 1), removing(JOB, 2)]);
    expect(await loadAll(handle)).toMatchObject({ epoch, revision: 3 });
  });

  it("lists it once it has entries, by name and with its number of jobs", async () => {
    const journal = await open();
    const [second, first, emptied] = await openAll(journal, ["second", "first", "gone"]);
    await second!.append([storing(JOB)]);
    await first!.append([storing(JOB), storing(OTHER_JOB), storing(THIRD_JOB), removing(JOB, 1)]);
    await emptied!.append([storing(JOB), removing(JOB, 1)]);
    await journal.open(OTHER_DB);
    expect(await listed(journal)).toEqual([
      { name: "first", jobCount: 2 },
      { name: "gone", jobCount: 0 },
      { name: "second", jobCount: 1 },
    ]);
  });

  it("lists its newest revision if other processes may write to it", async () => {
    const { journal, handle } = await world(open);
    await handle.append([storing(JOB), updating(JOB, 1)]);
    const [database] = await journal.databases();
    expect(database?.revision !== undefined).toBe(journal.supports.otherWriters);
  });

  it("finds the journal writable", async () => {
    const journal = await open();
    expect(await journal.isWritable()).toBe(true);
  });
}

function specifyAppending(open: Open): void {
  it("numbers entries 1, 2, 3 across all handles", async () => {
    const { handle, other } = await world(open);
    expect(await handle.append([storing(JOB)])).toEqual(appendedAt(1));
    expect(await other.append([storing(OTHER_JOB)])).toEqual(appendedAt(2));
    expect(await handle.append([updating(OTHER_JOB, 2)])).toEqual(appendedAt(3));
  });

  it("numbers the entries of one append consecutively", async () => {
    const { handle } = await world(open);
    expect(await handle.append([storing(JOB), storing(OTHER_JOB)])).toEqual(appendedAt(1));
    expect(await handle.append([storing(THIRD_JOB)])).toEqual(appendedAt(3));
    expect(revisionsOfJobs(await loadAll(handle))).toEqual([1, 2, 3]);
  });

  it("numbers the entries of each database separately", async () => {
    const { journal, handle } = await world(open);
    const elsewhere = await journal.open(OTHER_DB);
    await handle.append([storing(JOB), storing(OTHER_JOB)]);
    expect(await elsewhere.append([storing(JOB)])).toEqual(appendedAt(1));
    expect(await handle.head()).toMatchObject({ revision: 2 });
    expect(await elsewhere.head()).toMatchObject({ revision: 1 });
  });

  it("has a head that is the state of a load", async () => {
    const { handle } = await world(open);
    await handle.append([storing(JOB), updating(JOB, 1)]);
    expect(await loadAll(handle)).toMatchObject(await handle.head());
  });

  it("moves the head to the newest revision that any handle has written", async () => {
    const { handle, other } = await world(open);
    await handle.append([storing(JOB), updating(JOB, 1)]);
    expect(await other.head()).toMatchObject({ revision: 2 });
    expect(await handle.head()).toMatchObject({ revision: 2 });
  });

  it("is visible to a load through another handle", async () => {
    const { handle, other } = await world(open);
    const writer = await openWriter(handle, OPTIONS);
    await writer.write(stores(JOB, TREE), stores(OTHER_JOB), removes(OTHER_JOB));
    expect(await loaded(other)).toEqual(writer.expected());
  });

  it("accepts entries of one job that are each made from the revision of the previous one", async () => {
    const { handle } = await world(open);
    await handle.append([storing(THIRD_JOB)]);
    const result = await handle.append([
      storing(JOB),
      updating(JOB, 2),
      removing(JOB, 3),
      storing(JOB, 4),
      updating(JOB, 5),
    ]);
    expect(result).toEqual(appendedAt(2));
    expect(await loadAll(handle)).toMatchObject({ revision: 6, jobs: { length: 2 }, removals: [] });
  });
}

function specifyConflicts(open: Open): void {
  it("names the first job that has changed since, and writes nothing", async () => {
    const { handle } = await world(open);
    await handle.append([storing(JOB), storing(OTHER_JOB), updating(OTHER_JOB, 2)]);
    const before = await loaded(handle);
    const batch = [storing(THIRD_JOB), updating(OTHER_JOB, 2), updating(JOB, 9)];
    expect(await handle.append(batch)).toMatchObject(conflictOf(OTHER_JOB));
    expect(await loaded(handle)).toEqual(before);
    expect(await handle.head()).toMatchObject({ revision: 3 });
    expect(await Promise.all(batch.map(({ commitId }) => handle.find(commitId)))).toEqual(NOTHING_OF_3);
  });

  it("uses no revision", async () => {
    const { handle } = await world(open);
    await handle.append([storing(JOB)]);
    await handle.append([storing(OTHER_JOB), updating(JOB, 5)]);
    expect(await handle.append([updating(JOB, 1)])).toEqual(appendedAt(2));
    expect(await followed(handle, 0, 2)).toMatchObject([{ revision: 1 }, { revision: 2 }]);
  });

  it("does not create a database", async () => {
    const { journal, handle } = await world(open);
    expect(await handle.append([storing(JOB), storing(OTHER_JOB, 7)])).toMatchObject(conflictOf(OTHER_JOB));
    expect(await journal.databases()).toEqual([]);
    expect(await loadAll(handle)).toMatchObject({ revision: 0, jobs: [] });
  });

  it.each([
    ["an older revision than the job's", 1],
    ["a newer revision than the job's", 3],
    ["nothing, where there is a job", 0],
  ])("contains an entry made from %s", async (_, madeFrom) => {
    const { handle } = await world(open);
    await handle.append([storing(JOB), updating(JOB, 1)]);
    expect(await handle.append([storing(JOB, madeFrom)])).toMatchObject(conflictOf(JOB));
    expect(await handle.append([updating(JOB, madeFrom)])).toMatchObject(conflictOf(JOB));
    expect(await handle.append([removing(JOB, madeFrom)])).toMatchObject(conflictOf(JOB));
  });

  it("contains an entry made from a job that does not exist", async () => {
    const { handle } = await world(open);
    expect(await handle.append([storing(JOB, 1)])).toMatchObject(conflictOf(JOB));
    expect(await handle.append([updating(JOB, 1)])).toMatchObject(conflictOf(JOB));
  });

  it("contains an entry made from a job, or from nothing, whose removal is remembered", async () => {
    const { handle } = await world(open);
    await handle.append([storing(JOB), removing(JOB, 1)]);
    expect(await handle.append([storing(JOB, 0)])).toMatchObject(conflictOf(JOB));
    expect(await handle.append([updating(JOB, 1)])).toMatchObject(conflictOf(JOB));
    expect(await handle.append([storing(JOB, 2)])).toEqual(appendedAt(3));
  });

  it("depends on the first entry of each job: further ones are made from the one before", async () => {
    const { handle } = await world(open);
    await handle.append([storing(JOB)]);
    expect(await handle.append([updating(JOB, 1), updating(JOB, 9)])).toEqual(appendedAt(2));
    expect(await handle.append([updating(JOB, 9), updating(JOB, 3)])).toMatchObject(conflictOf(JOB));
    expect(await handle.append([storing(OTHER_JOB), storing(OTHER_JOB)])).toEqual(appendedAt(4));
  });

  it("says at which revision the job has changed, at the latest", async () => {
    const { handle, other } = await world(open);
    await handle.append([storing(JOB), storing(OTHER_JOB)]);
    await other.append([updating(JOB, 1), updating(OTHER_JOB, 2)]);
    expect(await handle.append([updating(JOB, 1)])).toEqual({ ...conflictOf(JOB), head: 4 });
  });

  it("depends on the job alone: other jobs of the database may have changed", async () => {
    const { handle, other } = await world(open);
    await handle.append([storing(JOB), storing(OTHER_JOB)]);
    await other.append([updating(JOB, 1)]);
    expect(await handle.append([updating(OTHER_JOB, 2)])).toEqual(appendedAt(4));
  });
}

function specifyState(open: Open): void {
  it("has a stored tree with the revision that wrote each row", async () => {
    const { handle, writer } = await writing(open);
    await writer.write(stores(OTHER_JOB));
    await writer.write(stores(JOB, TREE));
    expect(await loaded(handle)).toEqual(writer.expected());
    expect(await treeIn(handle, JOB)).toEqual(plainTree(writer.userTask(JOB).task));
  });

  it("combines updated rows with those that did not change", async () => {
    const { handle, writer } = await writing(open);
    await writer.write(stores(JOB, TREE));
    await writer.write(reports(JOB, { updates: [{ path: "0", done: 7, message: "halfway" }] }));
    await writer.write(reports(JOB, { updates: [{ path: "1.1", add: 1 }], requestId: "request-1" }));
    expect(await loaded(handle)).toEqual(writer.expected());
    expect(await treeIn(handle, JOB)).toEqual(plainTree(writer.userTask(JOB).task));
  });

  it("has the iterations and tasks that were added to a tree", async () => {
    const { handle, writer } = await writing(open);
    await writer.write(stores(JOB, TREE));
    await writer.write(reports(JOB, { updates: [{ path: "2", iteration: 3 }] }));
    await writer.write(grows(JOB, "1", [LEAF, LEAF]), reports(JOB, { updates: [{ path: "1.13", add: 1 }] }));
    expect(await treeIn(handle, JOB)).toEqual(plainTree(writer.userTask(JOB).task));
  });

  it("has nothing of a tree and its log once another tree is stored", async () => {
    const { handle, writer } = await writing(open);
    await writer.write(stores(JOB, TREE), reports(JOB, { log: [lineOf("first attempt")] }));
    await writer.write(stores(JOB, { description: "smaller", subTasks: [LEAF] }));
    const { jobs } = await loaded(handle);
    expect(jobs).toEqual(writer.expected().jobs);
    expect(jobs).toMatchObject([{ revision: 3, storedRevision: 3, tasks: { length: 2 }, log: [] }]);
    expect(await treeIn(handle, JOB)).toEqual(plainTree(writer.userTask(JOB).task));
  });

  it("has the header of a job, and the revisions of its latest change and latest store", async () => {
    const { handle, writer } = await writing(open);
    await writer.write(stores(JOB), reports(JOB, { updates: [{ path: "", add: 1 }] }));
    await writer.write(
      stores(JOB),
      reports(JOB, { updates: [{ path: "", add: 1 }], requestId: "request-1" }),
    );
    const { attempt, version, requestIds, changedAt } = writer.userTask(JOB);
    const header = { attempt, version, requestIds, changedAt };
    expect(header).toMatchObject({ attempt: 2, version: 4, requestIds: ["request-1"] });
    expect(await loadAll(handle)).toMatchObject({ jobs: [{ header, revision: 4, storedRevision: 3 }] });
  });

  it("has the newest log lines of a job in order", async () => {
    const { handle, writer } = await writing(open, { logLinesPerJobMax: 3 });
    await writer.write(stores(JOB), reports(JOB, { log: [lineOf("one"), lineOf("two")] }));
    expect(await logIn(handle)).toEqual(["one", "two"]);
    await writer.write(reports(JOB, { updates: [{ path: "", add: 1 }] }));
    await writer.write(reports(JOB, { log: [lineOf("three"), lineOf("four")] }));
    expect(await logIn(handle)).toEqual(["two", "three", "four"]);
  });

  it("does not change with later appends", async () => {
    const { handle, writer } = await writing(open);
    await writer.write(stores(JOB, TREE), stores(OTHER_JOB), removes(OTHER_JOB));
    const snapshot = await loadAll(handle);
    const before = structuredClone(snapshot);
    await writer.write(reports(JOB, { updates: [{ path: "0", add: 1 }], log: [lineOf("later")] }));
    await writer.write(stores(THIRD_JOB), removes(THIRD_JOB), stores(OTHER_JOB));
    expect(snapshot).toEqual(before);
  });

  it("waits until each slice is taken", async () => {
    const { journal, handle } = await world(open);
    const elsewhere = await journal.open(OTHER_DB);
    await handle.append([storing(JOB), storing(OTHER_JOB), removing(OTHER_JOB, 2)]);
    const keys: JobKey[] = [];
    await handle.load(async ({ jobs, removals }) => {
      await untilIdle();
      for (let looks = 0; looks < 10; looks++) await elsewhere.head();
      keys.push(...jobs, ...removals);
    });
    expect(keys).toHaveLength(2);
  });

  it("equals the entries applied one by one, after any appends", async () => {
    const bounds = { removalsKeptMax: 2, logLinesPerJobMax: 3 };
    const journal = await open(bounds);
    let databaseCount = 0;
    const check = async (appends: readonly (readonly Step[])[]): Promise<void> => {
      const handle = await journal.open(databaseName(`database-${++databaseCount}`));
      const writer = await openWriter(handle, bounds);
      for (const steps of appends) {
        await writer.write(...steps.map(changeOf));
        expect(await loaded(handle)).toEqual(writer.expected());
      }
      await handle.close();
    };
    await fc.assert(fc.asyncProperty(fc.array(APPEND, { maxLength: 15 }), check), { numRuns: RUNS });
  });
}

function specifyRemovals(open: Open): void {
  it("are remembered instead of the job, with its attempt and version", async () => {
    const { handle, writer } = await writing(open);
    await writer.write(stores(JOB), stores(JOB), stores(OTHER_JOB));
    await writer.write(removes(JOB));
    const removal = { ...JOB, kind: "removed", reason: "REMOVED", attempt: 2, version: 3, revision: 4 };
    expect(await loadAll(handle)).toMatchObject({
      removals: [removal],
      jobs: [OTHER_JOB],
      tombstoneHorizon: 0,
    });
    expect(await loaded(handle)).toEqual(writer.expected());
  });

  it("are dropped when the key is stored again", async () => {
    const { handle, writer } = await writing(open);
    await writer.write(stores(JOB), stores(OTHER_JOB));
    await writer.write(removes(JOB), removes(OTHER_JOB));
    await writer.write(stores(JOB));
    expect(await loadAll(handle)).toMatchObject({ removals: [OTHER_JOB], jobs: [JOB], tombstoneHorizon: 0 });
    expect(await loaded(handle)).toEqual(writer.expected());
  });

  it("are kept up to the limit, and the tombstone horizon is the newest one dropped", async () => {
    const { handle } = await world(open, { removalsKeptMax: 3 });
    await handle.append(numberedJobs(6).map((key) => storing(key)));
    await handle.append(numberedJobs(3).map((key, index) => removing(key, index + 1)));
    expect(await loadAll(handle)).toMatchObject({ removals: { length: 3 }, tombstoneHorizon: 0 });
    await handle.append([removing(numberedJob(5), 6)]);
    expect(removalsOf(await loadAll(handle))).toEqual({ tombstoneHorizon: 7, revisions: [8, 9, 10] });
    await handle.append([removing(numberedJob(3), 4), removing(numberedJob(4), 5)]);
    expect(removalsOf(await loadAll(handle))).toEqual({ tombstoneHorizon: 9, revisions: [10, 11, 12] });
  });

  it("may exceed the limit in one append", async () => {
    const { handle } = await world(open, { removalsKeptMax: 2 });
    await handle.append(numberedJobs(50).map((key) => storing(key)));
    await handle.append(numberedJobs(50).map((key, index) => removing(key, index + 1)));
    expect(removalsOf(await loadAll(handle))).toEqual({ tombstoneHorizon: 98, revisions: [99, 100] });
  });

  it("no longer count once their key is stored again, and do not move the tombstone horizon", async () => {
    const { handle } = await world(open, { removalsKeptMax: 2 });
    await handle.append(numberedJobs(3).map((key) => storing(key)));
    await handle.append([removing(numberedJob(0), 1), removing(numberedJob(1), 2)]);
    await handle.append([storing(numberedJob(0), 4), removing(numberedJob(2), 3)]);
    expect(removalsOf(await loadAll(handle))).toEqual({ tombstoneHorizon: 0, revisions: [5, 7] });
    await handle.append([removing(numberedJob(0), 6)]);
    expect(removalsOf(await loadAll(handle))).toEqual({ tombstoneHorizon: 5, revisions: [7, 8] });
  });

  it("leave no trace once they are forgotten", async () => {
    const { handle } = await world(open, { removalsKeptMax: 1 });
    await handle.append([storing(JOB), storing(OTHER_JOB), removing(JOB, 1), removing(OTHER_JOB, 2)]);
    expect(await handle.append([storing(JOB, 3)])).toMatchObject(conflictOf(JOB));
    expect(await handle.append([storing(JOB, 0)])).toEqual(appendedAt(5));
    expect(removalsOf(await loadAll(handle))).toEqual({ tombstoneHorizon: 3, revisions: [4] });
  });

  it("are still a valid base for an entry of the append that forgets them", async () => {
    const { handle } = await world(open, { removalsKeptMax: 1 });
    await handle.append([storing(JOB), removing(JOB, 1), storing(OTHER_JOB)]);
    expect(await handle.append([removing(OTHER_JOB, 3), storing(JOB, 2)])).toEqual(appendedAt(4));
    expect(removalsOf(await loadAll(handle))).toEqual({ tombstoneHorizon: 2, revisions: [4] });
  });
}

function specifyErasing(open: Open, reopen: Reopen | undefined): void {
  it("leaves no database, through any handle", async () => {
    const { journal, handle, writer } = await writing(open);
    await writer.write(stores(JOB), removes(JOB), stores(OTHER_JOB));
    const other = await journal.open(DB);
    await other.erase();
    expect(await loadAll(handle)).toMatchObject({ revision: 0, tombstoneHorizon: 0, jobs: [], removals: [] });
    expect(await journal.databases()).toEqual([]);
    await other.close();
    await handle.close();
    expect(await journal.databases()).toEqual([]);
  });

  it("begins a new epoch at revision 1 with the next entry", async () => {
    const { journal, handle, writer } = await writing(open);
    await writer.write(stores(JOB));
    const { epoch } = await loadAll(handle);
    await handle.erase();
    expect(await handle.append([storing(OTHER_JOB)])).toEqual(appendedAt(1));
    const after = await loadAll(await journal.open(DB));
    expect(after).toMatchObject({ revision: 1, jobs: [OTHER_JOB] });
    expect(after.epoch).not.toBe(epoch);
  });

  it("needs no load, and does not affect other databases", async () => {
    const journal = await open();
    for (const name of [DB, OTHER_DB]) {
      const handle = await journal.open(name);
      await handle.append([storing(JOB)]);
      await handle.close();
    }
    await (await journal.open(DB)).erase();
    expect(await listed(journal)).toEqual([{ name: OTHER_DB, jobCount: 1 }]);
    expect(await loadAll(await journal.open(OTHER_DB))).toMatchObject({ jobs: [JOB] });
  });

  it("happens only at the revision that is named, if one is", async () => {
    const { journal, handle, writer } = await writing(open);
    await writer.write(stores(JOB), stores(OTHER_JOB));
    expect(await handle.erase(1)).toBe(false);
    expect(await loaded(handle)).toEqual(writer.expected());
    expect(await handle.erase(2)).toBe(true);
    expect(await journal.databases()).toEqual([]);
  });

  it("makes the states before it gone, for appends and followers", async () => {
    const { handle, other } = await world(open);
    await handle.append([storing(JOB)]);
    const before = await loadAll(handle);
    const news = handle.follow(() => before, new AbortController().signal)[Symbol.asyncIterator]();
    const next = news.next();
    await other.erase();
    expect(await next).toEqual({ done: false, value: { kind: "gone" } });
    expect(await news.next()).toEqual(END);
    await other.append([storing(JOB)]);
    expect(await handle.append([storing(OTHER_JOB)], before)).toEqual({ kind: "stale" });
    expect(await handle.append([storing(OTHER_JOB)], await loadAll(handle))).toEqual(appendedAt(2));
  });

  it("has no effect on a database that does not exist", async () => {
    const journal = await open();
    expect(await (await journal.open(DB)).erase()).toBe(true);
    expect(await journal.databases()).toEqual([]);
  });

  it.skipIf(!reopen)("outlasts the journal", async () => {
    const { journal, handle, writer } = await writing(open);
    await writer.write(stores(JOB));
    await handle.erase();
    const later = closedAtEnd(await reopen!(journal));
    expect(await later.databases()).toEqual([]);
  });
}

function specifyNames(open: Open): void {
  it("identify jobs, with any characters", async () => {
    const { handle, writer } = await writing(open);
    await writer.write(...HOSTILE_KEYS.map((key) => stores(key, { description: descriptionOf(key) })));
    const { jobs } = await loadAll(handle);
    expect(jobs.map(({ username, jobId }) => descriptionOf({ username, jobId })).toSorted()).toEqual(
      HOSTILE_KEYS.map(descriptionOf).toSorted(),
    );
    expect(await loaded(handle)).toEqual(writer.expected());
  });

  it("identify jobs when they are updated, removed and stored again", async () => {
    const { handle, writer } = await writing(open);
    await writer.write(...HOSTILE_KEYS.map((key) => stores(key, { description: descriptionOf(key) })));
    await writer.write(...everyThird(0).map((key) => reports(key, { updates: [{ path: "", add: 1 }] })));
    await writer.write(...everyThird(1).map(removes));
    expect(await loaded(handle)).toEqual(writer.expected());
    await writer.write(...everyThird(2).map(removes), ...everyThird(1).map((key) => stores(key)));
    expect(await loaded(handle)).toEqual(writer.expected());
  });

  it("identify databases, with any characters", async () => {
    const journal = await open();
    const handles = await openAll(journal, HOSTILE_NAMES);
    await Promise.all(
      handles.map((handle, index) => handle.append(numberedJobs(index + 1).map((key) => storing(key)))),
    );
    const expected = HOSTILE_NAMES.map((name, index) => ({ name: databaseName(name), jobCount: index + 1 }));
    expect(await journal.databases()).toHaveLength(HOSTILE_NAMES.length);
    expect(await listed(journal)).toEqual(expect.arrayContaining(expected));
    expect(await Promise.all(handles.map((handle) => handle.head()))).toMatchObject(
      expected.map(({ jobCount }) => ({ revision: jobCount })),
    );
  });
}

function specifyFinding(open: Open): void {
  it("returns an entry by its commit id, through any handle", async () => {
    const { handle, other } = await world(open);
    const [first, second, third] = [storing(JOB), updating(JOB, 1), storing(OTHER_JOB)];
    await handle.append([first, second]);
    await handle.append([third]);
    expect(await other.find(first.commitId)).toBe(1);
    expect(await other.find(second.commitId)).toBe(2);
    expect(await handle.find(third.commitId)).toBe(3);
  });

  it("returns nothing for an entry of another database, or one that was never appended", async () => {
    const { journal, handle } = await world(open);
    const entry = storing(JOB);
    await handle.append([entry]);
    const elsewhere = await journal.open(OTHER_DB);
    expect(await elsewhere.find(entry.commitId)).toBeUndefined();
    expect(await handle.find("__proto__")).toBeUndefined();
  });

  it("returns each of the newest 1,000 entries, even after its job was removed", async () => {
    const { handle } = await world(open);
    const entries = updatingOften(JOB, 1, ENTRIES_KEPT_AT_LEAST + 500);
    await handle.append([storing(JOB), ...entries]);
    await handle.append([removing(JOB, entries.length + 1)]);
    const newest = entries.slice(1 - ENTRIES_KEPT_AT_LEAST);
    expect(await Promise.all(newest.map(({ commitId }) => handle.find(commitId)))).toEqual(
      range(entries.length + 3 - ENTRIES_KEPT_AT_LEAST, entries.length + 1),
    );
  });
}

function specifyFollowing(open: Open): void {
  it("yields every entry as it was appended, in order, from revision 0", async () => {
    const { handle } = await world(open);
    const entries = [storing(JOB), updating(JOB, 1), removing(JOB, 2)];
    await handle.append(entries.slice(0, 2));
    await handle.append(entries.slice(2));
    expect(await followed(handle, 0, 3)).toEqual(
      entries.map((entry, index) => ({ revision: index + 1, entry })),
    );
  });

  it("yields the entries after a revision", async () => {
    const { handle } = await world(open);
    await handle.append([storing(JOB), ...updatingOften(JOB, 1, 9)]);
    expect(revisionsOf(await followed(handle, 7, 3))).toEqual([8, 9, 10]);
  });

  it("yields later entries through any handle as they are appended", async () => {
    const { handle, other } = await world(open);
    await handle.append([storing(JOB)]);
    const records = follow(handle, 1);
    const next = records.next();
    await other.append([updating(JOB, 1)]);
    expect(await next).toMatchObject({ value: { revision: 2 } });
    const afterNext = records.next();
    await handle.append([updating(JOB, 2)]);
    expect(await afterNext).toMatchObject({ value: { revision: 3 } });
  });

  it("yields the first entry of a database that did not exist", async () => {
    const { handle, other } = await world(open);
    const next = follow(handle, 0).next();
    await other.append([storing(JOB)]);
    expect(await next).toMatchObject({ done: false, value: { revision: 1 } });
  });

  it("leads from a loaded state to a later one when its entries are applied", async () => {
    const { handle, other } = await world(open);
    const writer = await openWriter(other, OPTIONS);
    await writer.write(stores(JOB, TREE));
    const { revision } = await loadAll(handle);
    const later = followed(handle, revision, 3);
    await writer.write(reports(JOB, { updates: [{ path: "0", add: 1 }] }));
    await writer.write(stores(OTHER_JOB), removes(OTHER_JOB));
    const records = [...writer.records.slice(0, revision), ...(await later)];
    expect(await loaded(handle)).toMatchObject(replayEntries(records, OPTIONS));
  });

  it("yields every entry to each of several followers, from their own start", async () => {
    const { handle, other } = await world(open);
    await handle.append([storing(JOB), ...updatingOften(JOB, 1, 4)]);
    const all = Promise.all([followed(handle, 0, 10), followed(other, 3, 7), followed(handle, 5, 5)]);
    await other.append(updatingOften(JOB, 5, 2));
    await handle.append(updatingOften(JOB, 7, 3));
    const [fromStart, fromMiddle, live] = await all;
    expect(revisionsOf(fromStart)).toEqual(range(1, 10));
    expect(revisionsOf(fromMiddle)).toEqual(range(4, 10));
    expect(revisionsOf(live)).toEqual(range(6, 10));
  });

  it("yields an entry to all that wait for it", async () => {
    const { handle, other } = await world(open);
    const waiting = Promise.all([handle, other, handle].map((follower) => followed(follower, 0, 1)));
    await handle.append([storing(JOB)]);
    expect((await waiting).map(revisionsOf)).toEqual([[1], [1], [1]]);
  });

  it("yields every entry once and in order during concurrent appends", async () => {
    const { handle, other } = await world(open);
    const all = followed(handle, 0, 100);
    await Promise.all(
      numberedJobs(100).map((key, index) => [handle, other][index % 2]!.append([storing(key)])),
    );
    expect(revisionsOf(await all)).toEqual(range(1, 100));
  });

  it("yields the entries of its own database only", async () => {
    const { journal, handle } = await world(open);
    const elsewhere = await journal.open(OTHER_DB);
    await elsewhere.append([storing(OTHER_JOB)]);
    const next = follow(handle, 0).next();
    await elsewhere.append([updating(OTHER_JOB, 1)]);
    await handle.append([storing(JOB)]);
    expect(await next).toMatchObject({ value: { revision: 1, entry: JOB } });
  });

  it("ends when the signal aborts, even while it waits", async () => {
    const { handle } = await world(open);
    await handle.append([storing(JOB)]);
    const abort = new AbortController();
    const records = recordsAfter(handle, 0, abort.signal)[Symbol.asyncIterator]();
    await records.next();
    const next = records.next();
    abort.abort();
    expect(await next).toEqual(END);
    expect(await records.next()).toEqual(END);
  });

  it("ends at once if the signal has already aborted", async () => {
    const { handle } = await world(open);
    await handle.append([storing(JOB)]);
    expect(await untilEnd(recordsAfter(handle, 0, AbortSignal.abort()))).toEqual([]);
  });

  it("continues when another follower ends", async () => {
    const { handle } = await world(open);
    const abort = new AbortController();
    const ended = untilEnd(recordsAfter(handle, 0, abort.signal));
    const next = follow(handle, 0).next();
    abort.abort();
    expect(await ended).toEqual([]);
    await handle.append([storing(JOB)]);
    expect(await next).toMatchObject({ value: { revision: 1 } });
  });

  it("ends when its handle or the journal is closed", async () => {
    const { journal, handle, other } = await world(open);
    await handle.append([storing(JOB)]);
    const [ofHandle, ofJournal] = [follow(handle, 0), follow(other, 0)];
    await Promise.all([ofHandle.next(), ofJournal.next()]);
    const ends = [ofHandle.next(), ofJournal.next()];
    await handle.close();
    expect(await ends[0]).toEqual(END);
    await journal.close();
    expect(await ends[1]).toEqual(END);
  });

  it("yields at least the newest 1,000 entries", async () => {
    const { handle } = await world(open);
    await handle.append([storing(JOB), ...updatingOften(JOB, 1, 2_499)]);
    const records = await followed(handle, 2_500 - ENTRIES_KEPT_AT_LEAST, ENTRIES_KEPT_AT_LEAST);
    expect(revisionsOf(records)).toEqual(range(2_501 - ENTRIES_KEPT_AT_LEAST, 2_500));
  });

  it("rejects with a JournalError from a revision that is no longer kept, and never leaves a gap", async () => {
    const { handle } = await world(open);
    await handle.append([storing(JOB), ...updatingOften(JOB, 1, 2_499)]);
    const [fromStart, fromMiddle] = [followed(handle, 0, 2_500), followed(handle, 1_200, 1_300)];
    expect([range(1, 2_500), REJECTED]).toContainEqual(await revisionsOrRejection(fromStart));
    expect([range(1_201, 2_500), REJECTED]).toContainEqual(await revisionsOrRejection(fromMiddle));
  });

  it("rejects with a JournalError when it falls behind the kept entries, and never leaves a gap", async () => {
    const { handle } = await world(open);
    await handle.append([storing(JOB), updating(JOB, 1)]);
    const records = follow(handle, 0);
    await records.next();
    await handle.append(updatingOften(JOB, 2, 2_498));
    expect([range(2, 2_500), REJECTED]).toContainEqual(await revisionsOrRejection(taken(records, 2_499)));
  });
}

function specifyConcurrency(open: Open): void {
  it("give 100 appends through two handles distinct revisions without a gap", async () => {
    const { handle, other } = await world(open);
    const results = await Promise.all(
      numberedJobs(100).map((key, index) => [handle, other][index % 2]!.append([storing(key)])),
    );
    expect(results.map(firstRevisionOf).toSorted(ascending)).toEqual(range(1, 100));
    expect(revisionsOfJobs(await loadAll(handle))).toEqual(range(1, 100));
  });

  it("return for each append the revision that it wrote", async () => {
    const { handle, other } = await world(open);
    const entries = numberedJobs(20).map((key) => storing(key));
    const results = await Promise.all(
      entries.map((entry, index) => [handle, other][index % 2]!.append([entry])),
    );
    const found = await Promise.all(entries.map(({ commitId }) => handle.find(commitId)));
    expect(found).toEqual(results.map(firstRevisionOf));
  });

  it("write one of 10 entries that are made from one revision", async () => {
    const { handle, other } = await world(open);
    await handle.append([storing(JOB)]);
    const results = await Promise.all(
      range(1, 10).map((index) => [handle, other][index % 2]!.append([updating(JOB, 1)])),
    );
    expect(results.filter(({ kind }) => kind === "appended")).toEqual([appendedAt(2)]);
    expect(results.filter(({ kind }) => kind === "conflict")).toHaveLength(9);
    expect(await handle.head()).toMatchObject({ revision: 2 });
  });

  it("load every entry up to a revision, none after it, and no partial append", async () => {
    const { handle, other } = await world(open);
    const batches = range(0, 19).map((batch) => numberedJobs(100).slice(batch * 5, batch * 5 + 5));
    const appends = batches.map((keys) => handle.append(keys.map((key) => storing(key))));
    const snapshots = await Promise.all(batches.map(() => loadAll(other)));
    await Promise.all(appends);
    expect(snapshots.map(revisionsOfJobs)).toEqual(snapshots.map(({ revision }) => range(1, revision)));
    expect(snapshots.filter(({ revision }) => revision % 5 !== 0)).toEqual([]);
  });
}

function specifyLeases(open: Open): void {
  it("are held by the only process that has a database open", async () => {
    const { handle, other } = await world(open);
    await handle.append([storing(JOB)]);
    expect([handle.holdsLease(), other.holdsLease()]).toEqual([true, true]);
  });
}

function specifyClosing(open: Open): void {
  it.each(Object.entries(CALLS))("makes a handle reject %s with a JournalError", async (_, call) => {
    const { handle } = await world(open);
    await handle.append([storing(JOB)]);
    await handle.close();
    await expect(call(handle)).rejects.toThrow(JournalError);
  });

  it.each(Object.entries(CALLS))(
    "makes every handle of a journal reject %s with a JournalError",
    async (_, call) => {
      const { journal, handle } = await world(open);
      await handle.append([storing(JOB)]);
      await journal.close();
      await expect(call(handle)).rejects.toThrow(JournalError);
    },
  );

  it("makes a journal reject openings, list nothing and not be writable", async () => {
    const journal = await open();
    await journal.close();
    await expect(journal.open(DB)).rejects.toThrow(JournalError);
    await expect(journal.databases()).rejects.toThrow(JournalError);
    expect(await journal.isWritable()).toBe(false);
  });

  it("makes a later append fail with the outcome that nothing was written", async () => {
    const { handle, other } = await world(open);
    await handle.close();
    await expect(handle.append([storing(JOB)])).rejects.toMatchObject({ outcome: "nothing written" });
    expect(await other.head()).toMatchObject({ revision: 0 });
  });

  it("leaves other handles open, and keeps the entries of the closed one", async () => {
    const { journal, handle, other } = await world(open);
    const writer = await openWriter(handle, OPTIONS);
    await writer.write(stores(JOB, TREE));
    await handle.close();
    expect(await loaded(other)).toEqual(writer.expected());
    await other.close();
    expect(await loaded(await journal.open(DB))).toEqual(writer.expected());
  });

  it("has no effect the second time", async () => {
    const { journal, handle, other } = await world(open);
    await Promise.all([handle.close(), handle.close()]);
    await expect(handle.close()).resolves.toBeUndefined();
    await Promise.all([journal.close(), journal.close()]);
    await expect(journal.close()).resolves.toBeUndefined();
    await expect(other.close()).resolves.toBeUndefined();
  });

  it("happens when a journal is disposed of", async () => {
    const journal = await open();
    await journal[Symbol.asyncDispose]();
    expect(await journal.isWritable()).toBe(false);
  });
}

function specifyDurability(open: Open, reopen: Reopen | undefined): void {
  const skipped = reopen ? "" : " (skipped: no way to reopen is given)";
  const reopened = async (journal: Journal): Promise<DatabaseJournal> => {
    const later = closedAtEnd(await reopen!(journal));
    return later.open(DB);
  };

  it("is supported exactly by journals that this suite can reopen", async () => {
    const { supports } = await open();
    expect(supports.durability).toBe(reopen !== undefined);
  });

  it.skipIf(!reopen)(`restores the state when the journal is reopened${skipped}`, async () => {
    const { journal, writer } = await writing(open);
    await writer.write(stores(JOB, TREE), stores(OTHER_JOB), removes(OTHER_JOB));
    await writer.write(reports(JOB, { updates: [{ path: "0", add: 1 }], log: [lineOf("kept")] }));
    expect(await loaded(await reopened(journal))).toEqual(writer.expected());
  });

  it.skipIf(!reopen)(`continues numbering when the journal is reopened${skipped}`, async () => {
    const { journal, handle } = await world(open);
    await handle.append([storing(JOB), removing(JOB, 1)]);
    const later = await reopened(journal);
    expect(await later.head()).toMatchObject({ revision: 2 });
    expect(await later.append([storing(JOB, 2)])).toEqual(appendedAt(3));
  });

  it.skipIf(!reopen)(`finds and follows entries when the journal is reopened${skipped}`, async () => {
    const { journal, handle } = await world(open);
    const entries = [storing(JOB), updating(JOB, 1)];
    await handle.append(entries);
    const later = await reopened(journal);
    expect(await later.find(entries[1]!.commitId)).toBe(2);
    expect(await followed(later, 0, 2)).toMatchObject(entries.map((entry) => ({ entry })));
  });
}

function specifyImports(open: Open, reopen: Reopen): void {
  it("is supported", async () => {
    const journal = await open();
    expect(journal.import).toBeTypeOf("function");
  });

  it("makes a database that equals the one that was loaded, also when the journal is reopened", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(APPEND, { minLength: 1, maxLength: 12 }), async (appends) => {
        const { handle, writer } = await writing(openMemory, { removalsKeptMax: 2 });
        await writer.write(stores(JOB, TREE), reports(JOB, { log: [lineOf("imported")] }));
        for (const steps of appends) await writer.write(...steps.map(changeOf));
        const target = await open({ removalsKeptMax: 2 });
        await target.import!(DB, handle);
        expect(await loaded(await target.open(DB))).toEqual(writer.expected());
        const later = closedAtEnd(await reopen(target));
        expect(await loaded(await later.open(DB))).toEqual(writer.expected());
      }),
      { numRuns: 5 },
    );
  });

  it("keeps the names of jobs and databases, with any characters", async () => {
    const { journal, handle, writer } = await writing(openMemory);
    await writer.write(...HOSTILE_KEYS.map((key) => stores(key)), ...everyThird(1).map(removes));
    const target = await open();
    for (const name of HOSTILE_NAMES) await target.import!(databaseName(name), handle);
    const jobCount = HOSTILE_KEYS.length - everyThird(1).length;
    const expected = HOSTILE_NAMES.map((name) => ({ name: databaseName(name), jobCount }));
    expect(await target.databases()).toHaveLength(expected.length);
    expect(await listed(target)).toEqual(expect.arrayContaining(expected));
    expect(await loaded(await target.open(databaseName("a:")))).toEqual(writer.expected());
    expect(await journal.databases()).toHaveLength(1);
  });

  it("continues the history: numbers, conflicts, removals and followers", async () => {
    const { handle } = await world(openMemory);
    await handle.append([storing(JOB), updating(JOB, 1), storing(OTHER_JOB), removing(OTHER_JOB, 3)]);
    const target = await open();
    await target.import!(DB, handle);
    const copy = await target.open(DB);
    const head = await copy.load(() => {});

    expect(await copy.head()).toEqual({ epoch: head.epoch, generation: head.generation, revision: 4 });
    expect(await copy.append([updating(JOB, 1)])).toMatchObject(conflictOf(JOB));
    expect(await copy.append([storing(OTHER_JOB, 0)])).toMatchObject(conflictOf(OTHER_JOB));
    expect(await copy.append([updating(JOB, 2), storing(OTHER_JOB, 4)], head)).toEqual(appendedAt(5));
    expect(revisionsOf(await followed(copy, 4, 2))).toEqual([5, 6]);
  });

  it("keeps neither the newest entries nor what could be found of them", async () => {
    const { handle } = await world(openMemory);
    const entry = storing(JOB);
    await handle.append([entry]);
    const target = await open();
    await target.import!(DB, handle);
    const copy = await target.open(DB);
    const { epoch, generation } = await copy.load(() => {});
    expect(await copy.find(entry.commitId)).toBeUndefined();
    expect(await newsAt(copy, { epoch, generation, revision: 0 })).toEqual({ kind: "gone" });
  });

  it("has the newest log lines of a job that had more in the source", async () => {
    const { handle, writer } = await writing(openMemory, { logLinesPerJobMax: 9 });
    await writer.write(stores(JOB), reports(JOB, { log: ["1", "2", "3", "4", "5"].map(lineOf) }));
    const target = await open();
    await target.import!(DB, handle);
    const { jobs } = await loadAll(await target.open(DB));
    expect(jobs[0]!.log.map(({ message }) => message)).toEqual(["3", "4", "5"]);
  });

  it("forgets its oldest removals as later ones come", async () => {
    const { handle } = await world(openMemory);
    await handle.append([storing(JOB), storing(OTHER_JOB), removing(JOB, 1), removing(OTHER_JOB, 2)]);
    const target = await open({ removalsKeptMax: 2 });
    await target.import!(DB, handle);
    const copy = await target.open(DB);
    await copy.append([storing(THIRD_JOB), removing(THIRD_JOB, 5)]);
    const { removals, tombstoneHorizon } = await loadAll(copy);
    expect(removals.map(({ revision }) => revision)).toEqual([4, 6]);
    expect(tombstoneHorizon).toBe(3);
  });

  it("keeps the generations, whose states are still recognized", async () => {
    const { handle } = await world(openMemory);
    await handle.append([storing(JOB), ...updatingOften(JOB, 1, 9)]);
    const generations = [
      { id: "", startsAt: 0 },
      { id: "second", startsAt: 4 },
      { id: "third", startsAt: 10 },
    ];
    const target = await open();
    await target.import!(DB, {
      load: async (take) => ({ ...(await handle.load(take)), generation: "third", generations }),
    });
    const later = closedAtEnd(await reopen(target));
    const copy = await later.open(DB);
    const { epoch } = await copy.load(() => {});
    const at = (generation: string, revision: number): JournalPoint => ({ epoch, generation, revision });

    expect(await loadAll(copy)).toMatchObject({ generation: "third", generations });
    expect(await newsAt(copy, at("second", 10))).toEqual({ kind: "generation", generations });
    expect(await newsAt(copy, at("", 5))).toEqual({ kind: "gone" });
    expect(await copy.append([updating(JOB, 10)], at("", 4))).toEqual({ kind: "stale" });
    expect(await copy.append([updating(JOB, 10)], at("third", 10))).toEqual(appendedAt(11));
    expect(await newsAt(copy, at("third", 10))).toMatchObject({ kind: "entries" });
  });

  it("is refused if the database exists, which does not change", async () => {
    const { journal, handle } = await world(open);
    const elsewhere = await journal.open(OTHER_DB);
    await handle.append([storing(JOB)]);
    await elsewhere.append([storing(OTHER_JOB), storing(THIRD_JOB)]);
    const before = await loaded(handle);
    const error = await journal.import!(DB, elsewhere).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "JournalError", outcome: "nothing written" });
    expect(await loaded(handle)).toEqual(before);
  });

  it("leaves nothing if the load fails in the middle, and can be repeated", async () => {
    const { handle, writer } = await writing(openMemory);
    await writer.write(stores(JOB, TREE), stores(OTHER_JOB), removes(OTHER_JOB));
    const target = await open();
    const failing = target.import!(DB, {
      load: async (take) => {
        await handle.load(take);
        throw new Error("the source is gone");
      },
    });
    await expect(failing).rejects.toThrow("the source is gone");
    expect(await target.databases()).toEqual([]);
    expect(await (await target.open(OTHER_DB)).head()).toMatchObject({ revision: 0 });
    await target.import!(DB, handle);
    expect(await loaded(await target.open(DB))).toEqual(writer.expected());
  });
}

/** The source of imports: a journal that is not of the driver. */
async function openMemory(bounds: Partial<JournalOptions> = {}): Promise<Journal> {
  return closedAtEnd(createMemoryJournal({ ...OPTIONS, ...bounds }));
}

const LEAF: TaskSpec = { description: "leaf", volume: 10 };

/** Every kind of task, and more than ten below one, so that paths such as "1.1" and "1.10" exist. */
const TREE: TaskSpec = {
  description: "every kind of task",
  maxConcurrency: 4,
  subTasks: [
    LEAF,
    { description: "many", subTasks: Array.from({ length: 12 }, () => ({ description: "unknown volume" })) },
    { description: "open", iterations: { mode: "OPEN", tasks: [LEAF, { description: "ünïcode \u2028 ✓" }] } },
    { description: "fixed", iterations: { mode: "FIXED", max: 2, tasks: [LEAF] } },
  ],
};

const HOSTILE_NAMES = [
  "__proto__",
  "constructor",
  "tostring",
  "a",
  "a:",
  "a:b",
  "a/b",
  "a\\b",
  "..",
  "../a",
  "{a}",
  "*",
  "a b",
  "%00",
  "a\u2028b",
  "\u{10ffff}",
  "\uffff",
  "ß",
  "𝒟🧪",
  "\u202eright to left",
  "é".repeat(64),
];

const HOSTILE_KEYS: readonly JobKey[] = [
  ...HOSTILE_NAMES.flatMap((name) => [jobKey(name, "job"), jobKey("job", name)]),
  ...[":", "/", "|", " ", "\\", ".", ",", "%", "\u2028", "\uffff"].flatMap((separator) => [
    jobKey(`a${separator}b`, "c"),
    jobKey("a", `b${separator}c`),
  ]),
  jobKey("__proto__", "constructor"),
  jobKey("constructor", "__proto__"),
  jobKey("Case", "c"),
  jobKey("case", "C"),
];

function everyThird(first: number): JobKey[] {
  return HOSTILE_KEYS.filter((_, index) => index % 3 === first);
}

const POINT = { epoch: "x".repeat(12), generation: "", revision: 0 };

/** Every call that a closed handle rejects. */
const CALLS: Readonly<Record<string, (handle: DatabaseJournal) => Promise<unknown>>> = {
  "a load": (handle) => loadAll(handle),
  "an append": (handle) => handle.append([storing(OTHER_JOB)]),
  "a find": (handle) => handle.find("none"),
  "a follow": (handle) => firstOf(handle.follow(() => POINT, AbortSignal.abort())),
  "a look at the head": (handle) => handle.head(),
};

interface Step {
  readonly kind: "store" | "report" | "grow" | "remove";
  readonly key: JobKey;
  readonly number: number;
}

const STEP: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom("store", "report", "report", "grow", "remove"),
  key: fc.constantFrom(JOB, OTHER_JOB, THIRD_JOB, jobKey("bob", "job-2")),
  number: fc.nat({ max: 2 }),
});
const APPEND = fc.array(STEP, { minLength: 1, maxLength: 5 });

function changeOf({ kind, key, number }: Step): ScriptedChange {
  switch (kind) {
    case "store":
      return stores(key, { description: "root", subTasks: Array.from({ length: number + 1 }, () => LEAF) });
    case "report":
      return reports(key, { updates: [{ path: "0", add: number }], log: range(1, number).map(lineOf) });
    case "grow":
      return grows(key, "", [LEAF]);
    case "remove":
      return removes(key);
  }
}

interface World {
  readonly journal: Journal;
  readonly handle: DatabaseJournal;
  readonly other: DatabaseJournal;
}

async function world(open: Open, bounds?: Partial<JournalOptions>): Promise<World> {
  const journal = await open(bounds);
  return { journal, handle: await journal.open(DB), other: await journal.open(DB) };
}

async function writing(
  open: Open,
  bounds?: Partial<JournalOptions>,
): Promise<World & { writer: JournalWriter }> {
  const opened = await world(open, bounds);
  return { ...opened, writer: await openWriter(opened.handle, { ...OPTIONS, ...bounds }) };
}

function closedAtEnd(journal: Journal): Journal {
  onTestFinished(() => journal.close());
  return journal;
}

function openAll(journal: Journal, names: readonly string[]): Promise<DatabaseJournal[]> {
  return Promise.all(names.map((name) => journal.open(databaseName(name))));
}

async function epochOf(handle: Promise<DatabaseJournal>): Promise<string> {
  const { epoch } = await loadAll(await handle);
  return epoch;
}

async function newsAt(handle: DatabaseJournal, point: JournalPoint): Promise<JournalNews | undefined> {
  return firstOf(handle.follow(() => point, AbortSignal.timeout(10_000)));
}

async function loaded(handle: DatabaseJournal): Promise<JournalSnapshot> {
  return sorted(await loadAll(handle));
}

async function treeIn(handle: DatabaseJournal, { username, jobId }: JobKey): Promise<readonly object[]> {
  const { epoch, jobs } = await loadAll(handle);
  const job = jobs.find((stored) => stored.username === username && stored.jobId === jobId);
  return plainTree(treeOf(epoch, job!.tasks));
}

/** The databases without their revisions, which not every journal lists. */
async function listed(journal: Journal): Promise<Partial<DatabaseSummary>[]> {
  return (await journal.databases()).map(({ name, jobCount }) => ({ name, jobCount }));
}

async function logIn(handle: DatabaseJournal): Promise<string[]> {
  const { jobs } = await loadAll(handle);
  return jobs.flatMap(({ log }) => log.map(({ message }) => message));
}

async function firstOf(news: AsyncIterable<JournalNews>): Promise<JournalNews | undefined> {
  for await (const first of news) return first;
  return undefined;
}

/** Follows until the test ends. */
function follow(handle: DatabaseJournal, revision: number): AsyncIterator<JournalRecord> {
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  return recordsAfter(handle, revision, abort.signal);
}

function followed(handle: DatabaseJournal, revision: number, count: number): Promise<JournalRecord[]> {
  return taken(follow(handle, revision), count);
}

async function taken(records: AsyncIterator<JournalRecord>, count: number): Promise<JournalRecord[]> {
  const first: JournalRecord[] = [];
  while (first.length < count) {
    const next = await records.next();
    if (next.done) break;
    first.push(next.value);
  }
  return first;
}

async function untilEnd(records: AsyncIterable<JournalRecord>): Promise<JournalRecord[]> {
  const every: JournalRecord[] = [];
  for await (const record of records) every.push(record);
  return every;
}

/** A driver may keep more entries than required: either all arrive, or the gap is reported. */
function revisionsOrRejection(records: Promise<JournalRecord[]>): Promise<unknown> {
  return records.then(revisionsOf, (error: unknown) => (error instanceof JournalError ? REJECTED : error));
}

function appendedAt(firstRevision: number): AppendResult {
  return { kind: "appended", firstRevision };
}

function conflictOf(key: JobKey): Partial<AppendResult> {
  return { kind: "conflict", key };
}

function firstRevisionOf(result: AppendResult): number {
  return result.kind === "appended" ? result.firstRevision : NaN;
}

function revisionsOf(records: readonly JournalRecord[]): number[] {
  return records.map(({ revision }) => revision);
}

function revisionsOfJobs({ jobs }: JournalSnapshot): number[] {
  return jobs.map(({ revision }) => revision).toSorted(ascending);
}

function removalsOf({ tombstoneHorizon, removals }: JournalSnapshot): object {
  return { tombstoneHorizon, revisions: removals.map(({ revision }) => revision).toSorted(ascending) };
}

function numberedJob(index: number): JobKey {
  return jobKey("alice", `numbered-${index}`);
}

function numberedJobs(count: number): JobKey[] {
  return Array.from({ length: count }, (_, index) => numberedJob(index));
}

function descriptionOf({ username, jobId }: JobKey): string {
  return JSON.stringify([username, jobId]);
}

function lineOf(message: string | number): { level: "INFO"; path: string; message: string } {
  return { level: "INFO", path: "", message: String(message) };
}

/** Includes both ends. */
function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function ascending(a: number, b: number): number {
  return a - b;
}

const NOTHING_OF_3 = [undefined, undefined, undefined];
const REJECTED = "rejected with a JournalError";
const END = { done: true, value: undefined };
