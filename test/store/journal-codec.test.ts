import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JournalEntry } from "../../src/journal/journal.js";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import { JobTable } from "../../src/store/job-table.js";
import { decodeChange, decodeSlice, encodeChange, entryOf } from "../../src/store/journal-codec.js";
import type { MemoryAccount } from "../../src/store/memory-budget.js";
import type { JobFilter } from "../../src/store/task-store.js";
import { removeJob, applyReport, requestCancel, storeJob } from "../../src/tasks/job-changes.js";
import type { Username } from "../../src/tasks/names.js";
import { Stamp } from "../../src/tasks/stamp.js";
import type { JobState, Removal, UserTask } from "../../src/tasks/user-task.js";
import { changesAfter } from "../kit/store/changes.js";
import { branch, editAt, EPOCH, leaf } from "../kit/store/edits.js";
import { commandGroups, applyCommandGroups } from "../kit/store/job-commands.js";
import { comparableState, comparableStates } from "../kit/store/comparable-state.js";
import { RecordingListener, type RecordedCall } from "../kit/store/recording-listener.js";
import { exactTree, sharedParts } from "../kit/store/tree-parts.js";
import {
  ALICE,
  ANY_ATTEMPT,
  DATABASE,
  cancelRequestOf,
  logReportOf,
  reportOf,
  storeRequestOf,
} from "../kit/store/requests.js";
import { openStore, type OpenedStore } from "../kit/store/task-stores.js";

const STORED = storeJob(
  undefined,
  storeRequestOf(ALICE, { spec: branch("root", leaf("a"), leaf("b")) }),
  editAt(0, 1),
);

describe("a job object", () => {
  it("has the same fields in the same order after a store, a report or a load", async () => {
    await using world = await openStore();
    const stored = await world.store.store(storeRequestOf(ALICE));
    const reported = await world.store.update(ALICE, reportOf({ path: "", done: 1 }));
    const loaded = (await world.reopened()).get(ALICE)!;

    expect(new Set([stored, reported, loaded].map((job) => Object.keys(job).join(" "))).size).toBe(1);
  });
});

describe("a journal entry", () => {
  it("names the job, the previous revision and the commit", () => {
    const { change } = encodeChange(undefined, 0, STORED);
    const entry = entryOf(ALICE, change, 7, "commit");
    expect(entry).toMatchObject({ ...ALICE, format: 1, madeFrom: 7, commitId: "commit" });
  });

  it("of a store contains the whole tree", () => {
    expect(writtenBy(undefined, STORED)).toEqual(["", "0", "1"]);
  });

  it("of a repeated store contains the whole tree", () => {
    const storedAgain = storeJob(STORED, storeRequestOf(ALICE), editAt(1, 2));
    expect(encodeChange(STORED, 0, storedAgain).change.kind).toBe("stored");
    expect(writtenBy(STORED, storedAgain)).toEqual([""]);
  });

  it("of an update contains the tasks whose own state differs, but not those whose sums alone differ", () => {
    const begun = applyReport(STORED, ALICE, reportOf({ path: "0", done: 1 }), editAt(1, 2));
    expect(writtenBy(STORED, begun)).toEqual(["", "0"]);
    const further = applyReport(begun, ALICE, reportOf({ path: "0", done: 2 }), editAt(2, 3));
    expect(writtenBy(begun, further)).toEqual(["0"]);
  });

  it("of a heartbeat or a cancel request contains no task", () => {
    const canceling = requestCancel(STORED, ALICE, cancelRequestOf(), editAt(1, 2));
    expect(writtenBy(STORED, canceling)).toEqual([]);
  });

  it("of an update contains only the new lines of the log", () => {
    const once = applyReport(STORED, ALICE, logReportOf("a", "a"), editAt(1, 2));
    const twice = applyReport(once, ALICE, logReportOf("a", "b"), editAt(1, 3));
    expect(logOf(STORED, once)).toEqual(["a", "a"]);
    expect(logOf(once, twice)).toEqual(["a", "b"]);
  });

  it("contains the new lines that remain after the log is trimmed", () => {
    const edit = { logLinesPerJobMax: 2 };
    const once = applyReport(STORED, ALICE, logReportOf("a"), editAt(1, 2, edit));
    const twice = applyReport(once, ALICE, logReportOf("b", "c", "d"), editAt(1, 3, edit));
    expect(logOf(once, twice)).toEqual(["c", "d"]);
  });

  it("of a removal contains its reason, its time, and the attempt that the next store continues", () => {
    const removal = removeJob(STORED, ANY_ATTEMPT, "EXPIRED", editAt(9, 2))!;
    expect(encodeChange(STORED, 0, removal as UserTask).change).toEqual({
      kind: "removed",
      reason: "EXPIRED",
      removedAt: 9,
      attempt: 1,
      version: 2,
    });
  });
});

describe("a reopened journal", () => {
  it("restores all jobs after any commands, and counts the same memory", async () => {
    await fc.assert(
      fc.asyncProperty(commandGroups(), fc.constantFrom(1, 1_000), async (groups, removalsKeptMax) => {
        await using world = await openStore({ limits: { removalsKeptMax, logLinesPerJobMax: 3 } });
        await applyCommandGroups(world, groups);
        const reopened = await world.reopened();
        expect(allOf(reopened)).toEqual(allOf(world.store));
        const [first, second] = world.memory.largest(2);
        expect(second!.bytes).toBe(first!.bytes);
      }),
      { numRuns: 200 },
    );
  });

  it("continues like one that was never closed", async () => {
    await fc.assert(
      fc.asyncProperty(commandGroups(15), commandGroups(15), async (before, after) => {
        await using once = await openStore();
        await using reopened = await openStore();
        await applyCommandGroups(once, [...before, ...after]);
        await applyCommandGroups(reopened, before);
        await reopened.store.close();
        const store = await reopened.reopened();
        await applyCommandGroups({ ...reopened, store }, after);
        expect({ ...allOf(store), epoch: "" }).toEqual({ ...allOf(once.store), epoch: "" });
      }),
      { numRuns: 100 },
    );
  });
});

describe("a change that another store wrote", () => {
  it("leaves the state, the indexes and the memory that it left where it was made, after any commands", async () => {
    await fc.assert(
      fc.asyncProperty(commandGroups(), fc.constantFrom(1, 1_000), async (groups, removalsKeptMax) => {
        await using world = await openStore({ limits: { removalsKeptMax, logLinesPerJobMax: 3 } });
        const follower = await Follower.load(world);
        world.store.addListener(new RecordingListener((call) => follower.compareAfter(call)));

        await applyCommandGroups(world, groups);

        expect(follower.differences).toEqual([]);
        expect(allOf(follower)).toEqual(allOf(world.store));
        expect(follower.memory.bytes).toBe(world.memory.bytes - follower.memory.bytes);
      }),
      { numRuns: 200 },
    );
  });

  it("is applied to what was loaded in between", async () => {
    await fc.assert(
      fc.asyncProperty(commandGroups(15), commandGroups(15), async (before, after) => {
        await using world = await openStore({ limits: { logLinesPerJobMax: 3 } });
        await applyCommandGroups(world, before);
        await world.store.close();
        const store = await world.reopened();
        const follower = await Follower.load(world);
        store.addListener(new RecordingListener((call) => follower.compareAfter(call)));

        await applyCommandGroups({ ...world, store }, after);

        expect(follower.differences).toEqual([]);
        expect(allOf(follower)).toEqual(allOf(store));
        expect(follower.memory.bytes).toBe(world.memory.bytes - follower.memory.bytes);
      }),
      { numRuns: 100 },
    );
  });

  it("fails with an assertion if it updates a job that is not stored", () => {
    const begun = applyReport(STORED, ALICE, reportOf({ path: "0", done: 1 }), editAt(1, 2));
    const entry = entryOf(ALICE, encodeChange(STORED, 0, begun).change, 1, "commit");
    const decode = () => decodeChange(DATABASE, undefined, 0, entry, Stamp.of(EPOCH, 2), DEFAULT_LIMITS);
    expect(decode).toThrow("for a job that is not stored");
  });
});

/** Applies the entries of a journal to the state that it loaded, and compares each result with that of their writer. */
class Follower {
  /** The changes that left another state than at the writer. */
  readonly differences: object[] = [];
  readonly memory: MemoryAccount;
  readonly #world: OpenedStore;
  readonly #table: JobTable;
  #point: { readonly epoch: string; readonly revision: number };

  static async load(world: OpenedStore): Promise<Follower> {
    const memory = world.memory.open(DATABASE);
    const loading = JobTable.createLoader({ ...world, ...world.limits, memory });
    const handle = await world.journal.open(DATABASE);
    const head = await handle.load((slice) => loading.add(decodeSlice(DATABASE, slice)));
    return new Follower(world, await loading.finish(head.tombstoneHorizon), memory, head);
  }

  private constructor(
    world: OpenedStore,
    table: JobTable,
    memory: MemoryAccount,
    point: { readonly epoch: string; readonly revision: number },
  ) {
    this.#world = world;
    this.#table = table;
    this.memory = memory;
    this.#point = point;
  }

  get position() {
    return this.#point;
  }

  get tombstoneHorizon(): number {
    return this.#table.tombstoneHorizon;
  }

  query(): UserTask[] {
    return this.#table.query({});
  }

  taskCount(filter: JobFilter): number {
    return this.#table.count(filter);
  }

  usernames(first: number): Username[] {
    return this.#table.usernames(first, "");
  }

  nextChange(revision: number): UserTask | Removal | undefined {
    return this.#table.nextChange(revision);
  }

  compareAfter(call: RecordedCall): void {
    const [old, state] = this.#applyNext();
    const [oldThere, there] = statesOf(call);
    const [here, expected] = [viewOf(old, state), viewOf(oldThere, there)];
    if (!isDeepStrictEqual(here, expected)) this.differences.push({ here, expected });
  }

  #applyNext(): [JobState, UserTask | Removal] {
    const revision = this.#point.revision + 1;
    const written = this.#world.journal.appends.flat()[revision - 1];
    const entry = JSON.parse(JSON.stringify(written)) as JournalEntry;
    const before = this.#table.get(entry);
    const heapSize = this.#table.heapSizeOf(entry);
    const stamp = Stamp.of(this.#point.epoch, revision);
    const decoded = decodeChange(DATABASE, before, heapSize, entry, stamp, this.#world.limits);
    this.#table.apply(decoded.state, decoded.heapSize);
    this.#point = { ...this.#point, revision };
    return [before, decoded.state];
  }
}

/** The states before and after the call. */
function statesOf(call: RecordedCall): [JobState, UserTask | Removal] {
  switch (call.kind) {
    case "added":
      return [call.replaced, call.userTask];
    case "updated":
      return [call.before, call.userTask];
    case "removed":
      return [call.userTask, call.removal];
  }
}

/** A state with everything that later changes and subscribers depend on, and the parts that it shares with the one before. */
function viewOf(before: JobState, state: UserTask | Removal): object {
  const plain = { ...comparableState(state), task: undefined };
  if (state.kind === "removal") return plain;
  const old = before?.kind === "userTask" && before.storedStamp === state.storedStamp ? before : undefined;
  return {
    ...plain,
    task: exactTree(state.task),
    sharedTasks: sharedParts(old?.task, state.task),
    isStore: state.storedStamp === state.stamp,
    sharedFields: old && sharedFields(old, state),
  };
}

/** The names of the objects that two states of a job share. */
function sharedFields(before: UserTask, after: UserTask): string[] {
  const { storedStamp, memory, cancelRequest, log, requestIds } = after;
  return Object.entries({ storedStamp, memory, cancelRequest, log, requestIds }).flatMap(([name, field]) =>
    before[name as keyof UserTask] === field ? [name] : [],
  );
}

/** The paths of the tasks that an entry writes. */
function writtenBy(before: JobState, after: UserTask): string[] {
  const { change } = encodeChange(before, 0, after);
  return change.kind === "removed" ? [] : change.tasks.map(({ path }) => path);
}

function logOf(before: UserTask, after: UserTask): string[] {
  const { change } = encodeChange(before, 0, after);
  return change.kind === "updated" ? change.log.map(({ message }) => message) : [];
}

type Readable = Pick<
  OpenedStore["store"],
  "position" | "tombstoneHorizon" | "query" | "taskCount" | "usernames" | "nextChange"
>;

function allOf(store: Readable): object {
  const { epoch, revision } = store.position;
  return {
    epoch,
    revision,
    tombstoneHorizon: store.tombstoneHorizon,
    jobs: comparableStates(store.query()),
    count: store.taskCount({ statuses: ["RUNNING"] }),
    usernames: store.usernames(10),
    changes: comparableStates(changesAfter(store, 0)),
  };
}
