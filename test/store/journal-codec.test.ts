import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeChange, entryOf } from "../../src/store/journal-codec.js";
import { removeJob, applyReport, requestCancel, storeJob } from "../../src/tasks/job-changes.js";
import type { JobState, UserTask } from "../../src/tasks/user-task.js";
import { changesAfter } from "../kit/store/changes.js";
import { branch, editAt, leaf } from "../kit/store/edits.js";
import { commandGroups, applyCommandGroups } from "../kit/store/job-commands.js";
import { comparableStates } from "../kit/store/comparable-state.js";
import {
  ALICE,
  ANY_ATTEMPT,
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

/** The paths of the tasks that an entry writes. */
function writtenBy(before: JobState, after: UserTask): string[] {
  const { change } = encodeChange(before, 0, after);
  return change.kind === "removed" ? [] : change.tasks.map(({ path }) => path);
}

function logOf(before: UserTask, after: UserTask): string[] {
  const { change } = encodeChange(before, 0, after);
  return change.kind === "updated" ? change.log.map(({ message }) => message) : [];
}

function allOf(store: OpenedStore["store"]): object {
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
