import { describe, expect, it } from "vitest";
import { currentIteration } from "../../src/tasks/task.js";
import { percentText, progressOf } from "../../src/tasks/progress.js";
import { addTasks, updateTask } from "../../src/tasks/task-update.js";
import { preOrder } from "../../src/tasks/traverse.js";
import { branch, editAt, iterative, leaf } from "../kit/store/edits.js";
import {
  at,
  iterativeAt,
  leafAt,
  NOW,
  paths,
  createTree,
  errorWithCode,
  withUpdates,
  statuses,
  statusesInOrder,
} from "./sample-trees.js";

const TWO_LEAVES = branch("root", leaf("a", 10), leaf("b"));
const THREE_LEVELS = branch("root", branch("phase", leaf("a", 10), leaf("b", 10)), leaf("c", 10));
const ENDS = ["FINISHED", "CANCELED", "FAILED"] as const;

describe("updateTask", () => {
  it("changes one task of the tree", () => {
    const root = withUpdates(createTree(TWO_LEAVES), { path: "0", done: 4 });

    expect(leafAt(root, "0").done).toBe(4);
    expect(leafAt(root, "1").done).toBe(0);
  });

  it("changes the root when the path is empty", () => {
    expect(withUpdates(createTree(TWO_LEAVES), { status: "RUNNING" }).status).toBe("RUNNING");
  });

  it.each([null, undefined])("does not change a field that is %s", (none) => {
    const before = withUpdates(createTree(leaf("a", 10)), { done: 4, message: "half way" });
    const nothing = { status: none, done: none, add: none, volume: none, message: none, iteration: none };

    expect(withUpdates(before, nothing)).toBe(before);
  });

  it("does not mutate the tree that it was given", () => {
    const before = createTree(TWO_LEAVES);
    const copy = structuredClone(preOrder(before).map(({ task }) => ({ ...task, stamp: null })));
    withUpdates(before, { path: "0", done: 4, status: "FINISHED", message: "done" }, { status: "FINISHED" });

    expect(preOrder(before).map(({ task }) => ({ ...task, stamp: null }))).toEqual(copy);
  });

  it("stamps only the task and those above it", () => {
    const root = withUpdates(createTree(THREE_LEVELS), { path: "0.1", done: 1 });

    expect(preOrder(root).map(({ task }) => task.stamp.revision)).toEqual([2, 2, 1, 2, 1]);
  });
});

describe("the path of an update", () => {
  it.each([
    "2",
    "0.0",
    "-1",
    "00",
    "0.",
    ".0",
    "0..1",
    "a",
    " ",
    "0,1",
    "__proto__",
    "length",
    "9".repeat(5_000),
  ])("is rejected with NOT_FOUND when no task has it: %j", (path) => {
    expect(() => withUpdates(createTree(TWO_LEAVES), { path, done: 1 })).toThrow(errorWithCode("NOT_FOUND"));
  });

  it("is rejected with NOT_FOUND even when the update changes nothing", () => {
    expect(() => withUpdates(createTree(TWO_LEAVES), { path: "2" })).toThrow(errorWithCode("NOT_FOUND"));
  });
});

describe("the fields of one update", () => {
  it("apply volume before done and status: FINISHED reaches the new volume", () => {
    const root = withUpdates(createTree(leaf("a", 10)), { volume: 20, done: 15, status: "FINISHED" });

    expect(root).toMatchObject({ volume: 20, done: 20, status: "FINISHED" });
  });

  it("apply done before status: an unknown volume becomes the new done", () => {
    expect(withUpdates(createTree(leaf("a")), { done: 7, status: "FINISHED" })).toMatchObject({
      volume: 7,
      done: 7,
    });
  });

  it("apply add before status", () => {
    expect(withUpdates(createTree(leaf("a")), { add: 7, status: "FAILED" })).toMatchObject({
      done: 7,
      status: "FAILED",
    });
  });

  it("apply the message before status: the last message may accompany the end", () => {
    const root = withUpdates(createTree(leaf("a")), { message: "bye", status: "FINISHED" });

    expect(root).toMatchObject({ message: "bye", status: "FINISHED" });
  });

  it("apply iteration before status: FINISHED ends the iteration that begins", () => {
    const root = withUpdates(
      createTree(iterative("rounds", "DYNAMIC", 3, leaf("a", 1))),
      { path: "0", status: "RUNNING" },
      { iteration: 2, status: "FINISHED" },
    );

    expect(statuses(root)).toEqual({ "": "FINISHED", "0": "FINISHED", "1": "CANCELED", "2": "CANCELED" });
    expect(iterativeAt(root, "").begunIterations).toBe(2);
  });

  it("are rejected with BAD_USER_INPUT when they have both done and add", () => {
    expect(() => withUpdates(createTree(leaf("a")), { done: 1, add: 1 })).toThrow(
      errorWithCode("BAD_USER_INPUT"),
    );
  });

  it("are rejected with BAD_USER_INPUT when they have both done and add, even if neither changes anything", () => {
    expect(() => withUpdates(createTree(leaf("a")), { done: 0, add: 0 })).toThrow(
      errorWithCode("BAD_USER_INPUT"),
    );
  });

  it.each([
    ["iteration", { message: "x", iteration: 4 }, "BAD_USER_INPUT"],
    ["status", { message: "x", iteration: 2, status: "PENDING" }, "ILLEGAL_TRANSITION"],
  ] as const)("have no effect when %s is rejected", (_, update, code) => {
    const before = createTree(iterative("rounds", "FIXED", 3, leaf("a", 1)));

    expect(() => withUpdates(before, update)).toThrow(errorWithCode(code));
    expect(before).toMatchObject({ message: null, begunIterations: 0, status: "PENDING" });
  });
});

describe("done, add and volume for a task that is not a leaf", () => {
  it.each([{ done: 1 }, { add: 1 }, { volume: 1 }, { done: 0 }, { add: 0 }])(
    "are rejected with NOT_A_LEAF: %j",
    (update) => {
      expect(() => withUpdates(createTree(TWO_LEAVES), update)).toThrow(errorWithCode("NOT_A_LEAF"));
    },
  );

  it("are rejected with NOT_A_LEAF for an iterative task that has ended", () => {
    const ended = withUpdates(createTree(iterative("rounds", "OPEN", null, leaf("a"))), {
      status: "FINISHED",
    });

    expect(() => withUpdates(ended, { done: 0 })).toThrow(errorWithCode("NOT_A_LEAF"));
  });
});

describe("a report of PENDING", () => {
  it.each(["RUNNING", "FINISHED"] as const)(
    "is rejected with ILLEGAL_TRANSITION for a task that is %s",
    (status) => {
      const root = withUpdates(createTree(leaf("a")), { status });

      expect(() => withUpdates(root, { status: "PENDING" })).toThrow(errorWithCode("ILLEGAL_TRANSITION"));
    },
  );

  it("is rejected with ILLEGAL_TRANSITION for a task that is PENDING", () => {
    expect(() => withUpdates(createTree(leaf("a")), { status: "PENDING" })).toThrow(
      errorWithCode("ILLEGAL_TRANSITION"),
    );
  });
});

describe("a repeated or late report", () => {
  const leafTask = withUpdates(createTree(leaf("a", 10)), { done: 4, message: "half way" });
  const rounds = withUpdates(createTree(iterative("rounds", "DYNAMIC", 3, leaf("a", 10))), { iteration: 2 });

  it.each([
    ["the same status", { status: "RUNNING" }],
    ["the same volume", { volume: 10 }],
    ["the same message", { message: "half way" }],
    ["add 0", { add: 0 }],
    ["the same done", { done: 4 }],
    ["a smaller done", { done: 3 }],
    ["all of these", { status: "RUNNING", volume: 10, message: "half way", done: 2 }],
  ] as const)("%s", (_, update) => {
    expect(withUpdates(leafTask, update)).toBe(leafTask);
  });

  it("changes nothing if it clears a message that is not set", () => {
    const root = createTree(leaf("a"));

    expect(withUpdates(root, { message: "" })).toBe(root);
  });

  it.each([1, 2])("changes nothing with an iteration that has already begun: %d of 2", (iteration) => {
    expect(withUpdates(rounds, { iteration })).toBe(rounds);
  });

  it.each([{ done: 0 }, { add: 0 }])("does not begin the task: %j", (update) => {
    const root = createTree(TWO_LEAVES);

    expect(withUpdates(root, { path: "0", ...update })).toBe(root);
  });

  it.each(ENDS)("changes nothing after the end as %s", (status) => {
    const ended = withUpdates(leafTask, { status });

    expect(withUpdates(ended, { status, volume: 10, message: "half way", done: 1 })).toBe(ended);
    expect(withUpdates(ended, { add: 0 })).toBe(ended);
  });

  it.each(ENDS)("changes nothing with an iteration that has already begun, after the end as %s", (status) => {
    const ended = withUpdates(rounds, { status });

    expect(withUpdates(ended, { iteration: 2 })).toBe(ended);
  });

  it.each(ENDS)("changes nothing below a task that is %s", (status) => {
    const ended = withUpdates(
      createTree(TWO_LEAVES),
      { path: "0", done: 4 },
      { path: "1", status: "FAILED" },
      { status },
    );

    expect(
      withUpdates(ended, { path: "0", done: 4 }, { path: "1", status: "FAILED" }, { path: "1", add: 0 }),
    ).toBe(ended);
  });

  it("changes nothing when it repeats all of an earlier report", () => {
    const last = { path: "0", volume: 12, done: 12, message: "written", status: "FINISHED" } as const;
    const ended = withUpdates(createTree(TWO_LEAVES), last, { status: "FINISHED", message: "all done" });

    expect(withUpdates(ended, last, { status: "FINISHED", message: "all done" })).toBe(ended);
  });
});

describe.each(ENDS)("a change of a task that is %s", (end) => {
  const ended = withUpdates(createTree(leaf("a", 10)), { done: 4 }, { status: end });
  const others = ENDS.filter((status) => status !== end);

  it.each([
    { done: 11 },
    { add: 1 },
    { volume: 11 },
    { message: "late" },
    { status: "RUNNING" as const },
    ...others.map((status) => ({ status })),
  ])("is ILLEGAL_TRANSITION: %j", (update) => {
    expect(() => withUpdates(ended, update)).toThrow(errorWithCode("ILLEGAL_TRANSITION"));
  });

  it("is rejected with ILLEGAL_TRANSITION when it clears the message", () => {
    const withMessage = withUpdates(createTree(leaf("a")), { message: "why", status: end });

    expect(() => withUpdates(withMessage, { message: "" })).toThrow(errorWithCode("ILLEGAL_TRANSITION"));
  });

  it("is rejected with ILLEGAL_TRANSITION when it begins an iteration", () => {
    const rounds = withUpdates(
      createTree(iterative("rounds", "DYNAMIC", 3, leaf("a"))),
      { iteration: 1 },
      { status: end },
    );

    expect(() => withUpdates(rounds, { iteration: 2 })).toThrow(errorWithCode("ILLEGAL_TRANSITION"));
  });

  it("is rejected with ILLEGAL_TRANSITION together with the rest of its input", () => {
    expect(() => withUpdates(ended, { done: 4, message: "late", status: end })).toThrow(
      errorWithCode("ILLEGAL_TRANSITION"),
    );
  });

  it("is rejected with a message that names the task and its status", () => {
    expect(() => withUpdates(ended, { message: "late" })).toThrow(`Task "a" is ${end} and cannot be changed`);
  });
});

describe.each(["CANCELED", "FAILED"] as const)("a change below a task that is %s", (end) => {
  const ended = withUpdates(
    createTree(branch("root", branch("phase", leaf("a", 10)), iterative("rounds", "FIXED", 2, leaf("b")))),
    {
      status: end,
    },
  );

  it.each([
    { path: "0", status: "RUNNING" as const },
    { path: "0", status: "CANCELED" as const },
    { path: "0", message: "late" },
    { path: "0.0", done: 1 },
    { path: "0.0", add: 1 },
    { path: "0.0", volume: 11 },
    { path: "0.0", status: "FINISHED" as const },
    { path: "1", iteration: 1 },
  ])("is ILLEGAL_TRANSITION: %j", (update) => {
    expect(statuses(ended)[update.path]).toBe("PENDING");
    expect(() => withUpdates(ended, update)).toThrow(errorWithCode("ILLEGAL_TRANSITION"));
  });
});

describe("the start of a task", () => {
  it.each([
    { status: "RUNNING" as const },
    { status: "FINISHED" as const },
    { status: "FAILED" as const },
    { done: 1 },
    { add: 1 },
  ])("is implied by %j, as is that of the tasks above it", (update) => {
    const root = withUpdates(createTree(THREE_LEVELS), { path: "0.0", ...update });

    expect(statuses(root)).toMatchObject({ "": "RUNNING", "0": "RUNNING", "0.1": "PENDING", "1": "PENDING" });
    expect(["", "0", "0.0"].map((path) => at(root, path).startedAt)).toEqual([NOW, NOW, NOW]);
  });

  it("is implied by an iteration, also for the tasks above it", () => {
    const root = withUpdates(createTree(branch("root", iterative("rounds", "FIXED", 2, leaf("a")))), {
      path: "0",
      iteration: 1,
    });

    expect(statuses(root)).toEqual({ "": "RUNNING", "0": "RUNNING", "0.0": "PENDING", "0.1": "PENDING" });
  });

  it.each([{ volume: 11 }, { message: "soon" }])("is not implied by %j", (update) => {
    const root = withUpdates(createTree(THREE_LEVELS), { path: "0.0", ...update });

    expect(new Set(statusesInOrder(root))).toEqual(new Set(["PENDING"]));
  });

  it("is not implied by CANCELED", () => {
    const root = withUpdates(createTree(THREE_LEVELS), { path: "0.0", status: "CANCELED" });

    expect(statuses(root)).toMatchObject({ "": "PENDING", "0": "PENDING", "0.0": "CANCELED" });
    expect(at(root, "0.0").startedAt).toBeNull();
  });

  it("happens once: later reports keep its time", () => {
    const root = withUpdates(createTree(THREE_LEVELS), { path: "0.0", done: 1 });
    const later = updateTask(root, { path: "0.0", done: 2 }, editAt(NOW + 1, 3));

    expect([later.startedAt, at(later, "0.0").startedAt]).toEqual([NOW, NOW]);
  });

  it("is possible while siblings run", () => {
    const root = withUpdates(
      createTree(THREE_LEVELS),
      { path: "0.0", status: "RUNNING" },
      { path: "0.1", done: 1 },
      { path: "1", add: 1 },
    );

    expect(new Set(statusesInOrder(root))).toEqual(new Set(["RUNNING"]));
  });
});

describe("done", () => {
  it("is absolute", () => {
    expect(withUpdates(createTree(leaf("a", 10)), { done: 4 }, { done: 6 })).toMatchObject({ done: 6 });
  });

  it("never decreases: a lower value changes nothing", () => {
    expect(withUpdates(createTree(leaf("a", 10)), { done: 6 }, { done: 4 })).toMatchObject({ done: 6 });
  });

  it("may exceed the volume; the ratio stays 1", () => {
    const root = withUpdates(createTree(leaf("a", 40)), { done: 44 });

    expect(progressOf(root)).toMatchObject({ done: 44, volume: 40, ratio: 1 });
  });

  it("is rejected with LIMIT_EXCEEDED when a sum would exceed 2^53 - 1", () => {
    const before = withUpdates(createTree(branch("root", leaf("a"), leaf("b"))), {
      path: "0",
      done: Number.MAX_SAFE_INTEGER,
    });

    expect(() => withUpdates(before, { path: "1", done: 1 })).toThrow(errorWithCode("LIMIT_EXCEEDED"));
    expect(progressOf(before).done).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe("add", () => {
  it("is relative", () => {
    expect(withUpdates(createTree(leaf("a", 10)), { add: 4 }, { add: 3 })).toMatchObject({ done: 7 });
  });

  it("is rejected with LIMIT_EXCEEDED when done would exceed 2^53 - 1", () => {
    const before = withUpdates(createTree(leaf("a")), { done: Number.MAX_SAFE_INTEGER - 1 });

    expect(withUpdates(before, { add: 1 })).toMatchObject({ done: Number.MAX_SAFE_INTEGER });
    expect(() => withUpdates(before, { add: 2 })).toThrow(errorWithCode("LIMIT_EXCEEDED"));
  });
});

describe("volume", () => {
  it("makes an unknown volume known", () => {
    expect(progressOf(withUpdates(createTree(TWO_LEAVES), { path: "1", volume: 30 })).volume).toBe(40);
  });

  it("can be corrected up, down and below done", () => {
    const root = withUpdates(createTree(leaf("a", 10)), { done: 6 }, { volume: 20 }, { volume: 4 });

    expect(progressOf(root)).toEqual({ done: 6, volume: 4, knownVolume: 4, ratio: 1 });
  });

  it("counts as known when it is 0", () => {
    expect(progressOf(withUpdates(createTree(leaf("a")), { volume: 0 })).volume).toBe(0);
  });

  it("is rejected with LIMIT_EXCEEDED when a sum of volumes would exceed 2^53 - 1", () => {
    const root = createTree(branch("root", leaf("a", 1), branch("b", leaf("c"))));
    const toTheBrim = withUpdates(root, { path: "1.0", volume: Number.MAX_SAFE_INTEGER - 1 });

    expect(progressOf(toTheBrim).knownVolume).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => withUpdates(root, { path: "1.0", volume: Number.MAX_SAFE_INTEGER })).toThrow(
      errorWithCode("LIMIT_EXCEEDED"),
    );
  });
});

describe("a message", () => {
  it("replaces the previous one, on a task of any kind", () => {
    const root = withUpdates(
      createTree(branch("root", leaf("a"), iterative("rounds", "OPEN", null, leaf("b")), leaf("c"))),
      { message: "one" },
      { message: "two" },
      { path: "0", message: "three" },
      { path: "1", message: "four" },
    );

    expect(["", "0", "1", "2"].map((path) => at(root, path).message)).toEqual(["two", "three", "four", null]);
  });

  it("is cleared by an empty message", () => {
    expect(withUpdates(createTree(leaf("a")), { message: "one" }, { message: "" }).message).toBeNull();
  });

  it("may accompany FAILED as the reason", () => {
    const root = withUpdates(createTree(leaf("a")), { status: "FAILED", message: "disk full" });

    expect(root).toMatchObject({ status: "FAILED", message: "disk full" });
  });

  it("is rejected with BAD_USER_INPUT when it has more than 4,096 bytes", () => {
    expect(withUpdates(createTree(leaf("a")), { message: "é".repeat(2_048) }).message).toHaveLength(2_048);
    expect(() => withUpdates(createTree(leaf("a")), { message: "é".repeat(2_049) })).toThrow(
      errorWithCode("BAD_USER_INPUT"),
    );
  });
});

describe("FINISHED", () => {
  it("completes a leaf: an unknown volume becomes done", () => {
    expect(withUpdates(createTree(leaf("a")), { done: 3 }, { status: "FINISHED" })).toMatchObject({
      done: 3,
      volume: 3,
    });
  });

  it("completes a leaf: done reaches a known volume", () => {
    expect(withUpdates(createTree(leaf("a", 10)), { done: 3 }, { status: "FINISHED" })).toMatchObject({
      done: 10,
    });
  });

  it("finishes running tasks and cancels pending tasks below any other task", () => {
    const root = withUpdates(createTree(THREE_LEVELS), { path: "0.0", done: 3 }, { status: "FINISHED" });

    expect(statuses(root)).toEqual({
      "": "FINISHED",
      "0": "FINISHED",
      "0.0": "FINISHED",
      "0.1": "CANCELED",
      "1": "CANCELED",
    });
    expect(percentText(progressOf(root))).toBe("100%");
  });

  it.each(["FAILED", "CANCELED"] as const)("cancels pending tasks below a task that is %s", (status) => {
    const root = withUpdates(
      createTree(THREE_LEVELS),
      { path: "0.0", done: 3 },
      { path: "0", status },
      { status: "FINISHED" },
    );

    expect(statuses(root)).toEqual({
      "": "FINISHED",
      "0": status,
      "0.0": status,
      "0.1": "CANCELED",
      "1": "CANCELED",
    });
  });

  it("cancels pending tasks below a canceled task that is itself below a pending one", () => {
    const root = withUpdates(
      createTree(
        branch("root", branch("phase", branch("part", leaf("a", 10)), leaf("b", 10)), leaf("c", 10)),
      ),
      { path: "0.0", status: "CANCELED" },
      { status: "FINISHED" },
    );

    expect(statusesInOrder(root)).toEqual(["FINISHED", ...Array<string>(5).fill("CANCELED")]);
  });

  it("begins and ends a PENDING task at the same instant", () => {
    expect(withUpdates(createTree(TWO_LEAVES), { status: "FINISHED" })).toMatchObject({
      status: "FINISHED",
      startedAt: NOW,
      endedAt: NOW,
    });
  });

  it("does not change the tasks above", () => {
    const root = withUpdates(
      createTree(THREE_LEVELS),
      { path: "0.0", status: "FINISHED" },
      { path: "0.1", status: "FINISHED" },
    );

    expect(statuses(root)).toMatchObject({ "": "RUNNING", "0": "RUNNING" });
  });

  it("is rejected with LIMIT_EXCEEDED when a sum of done would exceed 2^53 - 1", () => {
    const before = withUpdates(createTree(branch("root", leaf("a"), leaf("b", 1))), {
      path: "0",
      done: Number.MAX_SAFE_INTEGER,
    });

    expect(() => withUpdates(before, { path: "1", status: "FINISHED" })).toThrow(
      errorWithCode("LIMIT_EXCEEDED"),
    );
  });

  it("is exact at 2^53 - 1 when one volume becomes known and another is excluded", () => {
    const before = withUpdates(createTree(branch("root", leaf("a"), leaf("b", 2))), {
      path: "0",
      done: Number.MAX_SAFE_INTEGER,
    });

    expect(progressOf(withUpdates(before, { status: "FINISHED" }))).toMatchObject({
      done: Number.MAX_SAFE_INTEGER,
      volume: Number.MAX_SAFE_INTEGER,
    });
  });
});

describe.each(["FAILED", "CANCELED"] as const)("%s", (status) => {
  it("gives running tasks below the same status and does not change pending ones", () => {
    const root = withUpdates(createTree(THREE_LEVELS), { path: "0.0", done: 3 }, { status });

    expect(statuses(root)).toEqual({
      "": status,
      "0": status,
      "0.0": status,
      "0.1": "PENDING",
      "1": "PENDING",
    });
  });

  it("does not change the tasks above", () => {
    const root = withUpdates(createTree(THREE_LEVELS), { path: "0.0", done: 3 }, { path: "0", status });

    expect(statuses(root)).toEqual({
      "": "RUNNING",
      "0": status,
      "0.0": status,
      "0.1": "PENDING",
      "1": "PENDING",
    });
  });

  it("has an end time", () => {
    expect(withUpdates(createTree(leaf("a")), { status }).endedAt).toBe(NOW);
  });
});

describe("an iteration that begins", () => {
  const twoTasks = iterative("rounds", "DYNAMIC", 4, leaf("a", 10), leaf("b", 10));

  it("leaves its own tasks PENDING until they are reported", () => {
    const root = withUpdates(createTree(twoTasks), { iteration: 1 });

    expect(new Set(statusesInOrder(root).slice(1))).toEqual(new Set(["PENDING"]));
  });

  it("finishes running tasks and cancels pending tasks of earlier iterations", () => {
    const root = withUpdates(
      createTree(twoTasks),
      { iteration: 1 },
      { path: "0", done: 3 },
      { iteration: 2 },
    );

    expect(statuses(root)).toEqual({
      "": "RUNNING",
      "0": "FINISHED",
      "1": "CANCELED",
      "2": "PENDING",
      "3": "PENDING",
      "4": "PENDING",
      "5": "PENDING",
      "6": "PENDING",
      "7": "PENDING",
    });
    expect(progressOf(root)).toMatchObject({ done: 10, volume: 70 });
  });

  it("cancels all pending tasks of the iterations that it skips", () => {
    const root = withUpdates(
      createTree(twoTasks),
      { iteration: 1 },
      { path: "0", done: 3 },
      { iteration: 4 },
    );

    expect(statusesInOrder(root).slice(1)).toEqual([
      "FINISHED",
      ...Array<string>(5).fill("CANCELED"),
      "PENDING",
      "PENDING",
    ]);
    expect(progressOf(root)).toMatchObject({ done: 10, volume: 30 });
  });

  it("finishes and cancels tasks at every level of earlier iterations", () => {
    const root = withUpdates(
      createTree(iterative("rounds", "FIXED", 2, branch("round", leaf("a", 1), leaf("b", 1)))),
      { path: "0.0", status: "RUNNING" },
      { iteration: 2 },
    );

    expect(statuses(root)).toMatchObject({
      "0": "FINISHED",
      "0.0": "FINISHED",
      "0.1": "CANCELED",
      "1": "PENDING",
    });
  });

  it.each(["FAILED", "CANCELED"] as const)(
    "cancels pending tasks of earlier iterations below a task that is %s",
    (status) => {
      const root = withUpdates(
        createTree(iterative("rounds", "FIXED", 2, branch("round", leaf("a", 1), leaf("b", 1)))),
        { path: "0.0", status: "FINISHED" },
        { path: "0", status },
        { iteration: 2 },
      );

      expect(statuses(root)).toMatchObject({
        "0": status,
        "0.0": "FINISHED",
        "0.1": "CANCELED",
        "1": "PENDING",
      });
    },
  );

  it("does not change tasks of earlier iterations that have ended", () => {
    const root = withUpdates(
      createTree(twoTasks),
      { path: "0", status: "FAILED" },
      { path: "1", status: "CANCELED" },
      { iteration: 2 },
    );

    expect(statuses(root)).toMatchObject({ "0": "FAILED", "1": "CANCELED" });
  });

  it("counts once when it is repeated, and changes nothing when it is late", () => {
    const root = withUpdates(createTree(twoTasks), { iteration: 3 });

    expect(withUpdates(root, { iteration: 3 }, { iteration: 1 })).toBe(root);
  });

  it("has the sub-tasks (i-1)*k to i*k-1 of k tasks", () => {
    const root = createTree(twoTasks);
    const descriptions = preOrder(root).map(({ task }) => task.description);

    expect(descriptions).toEqual(["rounds", "a", "b", "a", "b", "a", "b", "a", "b"]);
  });

  it.each([5, 1_000_000])("is rejected with BAD_USER_INPUT above max: %d of 4", (iteration) => {
    expect(() => withUpdates(createTree(twoTasks), { iteration })).toThrow(errorWithCode("BAD_USER_INPUT"));
  });

  it("is rejected with a message that names its number, the task and the maximum", () => {
    expect(() => withUpdates(createTree(twoTasks), { iteration: 5 })).toThrow(/\b5\b.*"rounds".*\b4\b/);
  });

  it.each([0, -1])("is rejected with BAD_USER_INPUT when it is %d: iterations count from 1", (iteration) => {
    expect(() => withUpdates(createTree(twoTasks), { iteration })).toThrow(errorWithCode("BAD_USER_INPUT"));
  });

  it.each([leaf("a"), TWO_LEAVES])(
    "is rejected with BAD_USER_INPUT for a task that is not iterative: $description",
    (spec) => {
      expect(() => withUpdates(createTree(spec), { iteration: 1 })).toThrow(errorWithCode("BAD_USER_INPUT"));
    },
  );
});

describe("FIXED and DYNAMIC iterations", () => {
  it.each(["FIXED", "DYNAMIC"] as const)("reach their max in %s", (mode) => {
    const root = withUpdates(
      createTree(iterative("rounds", mode, 3, leaf("a", 1))),
      { iteration: 3 },
      { status: "FINISHED" },
    );

    expect(iterativeAt(root, "").begunIterations).toBe(3);
  });

  it("show 100 % when they end early", () => {
    const root = withUpdates(
      createTree(branch("root", iterative("rounds", "DYNAMIC", 20, leaf("round", 5)), leaf("write", 5))),
      { path: "0", iteration: 1 },
      { path: "0.0", done: 5 },
      { path: "0", iteration: 2 },
      { path: "0.1", done: 5 },
      { path: "0", status: "FINISHED" },
      { path: "1", status: "FINISHED" },
    );

    expect(progressOf(root)).toMatchObject({ done: 15, volume: 15, ratio: 1 });
    expect(percentText(progressOf(at(root, "0")))).toBe("100%");
    expect(currentIteration(iterativeAt(root, "0"))).toBe(2);
  });

  it("are exact at 2^53 - 1 when FINISHED in the same update makes one volume known and excludes another", () => {
    const root = withUpdates(
      createTree(iterative("rounds", "FIXED", 2, leaf("a"), leaf("b", 1))),
      { path: "0", done: Number.MAX_SAFE_INTEGER },
      { iteration: 2, status: "FINISHED" },
    );

    expect(progressOf(root)).toMatchObject({ volume: Number.MAX_SAFE_INTEGER, ratio: 1 });
  });
});

describe("OPEN iterations", () => {
  const open = iterative("rounds", "OPEN", null, leaf("a", 10), leaf("b", 10));

  it("have no tasks to report on before the first begins", () => {
    expect(statuses(createTree(open))).toEqual({ "": "PENDING" });
    expect(() => withUpdates(createTree(open), { path: "0", done: 1 })).toThrow(errorWithCode("NOT_FOUND"));
  });

  it("grow to the iteration that begins", () => {
    const root = withUpdates(createTree(open), { iteration: 1 }, { iteration: 2 });

    expect(statuses(root)).toEqual({
      "": "RUNNING",
      "0": "CANCELED",
      "1": "CANCELED",
      "2": "PENDING",
      "3": "PENDING",
    });
    expect(root.taskCount).toBe(5);
  });

  it("cancel the iterations that are skipped", () => {
    const root = withUpdates(createTree(open), { iteration: 3 });

    expect(statusesInOrder(root).slice(1)).toEqual([
      ...Array<string>(4).fill("CANCELED"),
      "PENDING",
      "PENDING",
    ]);
  });

  it("stamp new tasks with the change", () => {
    const root = updateTask(
      withUpdates(createTree(open), { iteration: 1 }),
      { path: "", iteration: 2 },
      editAt(NOW, 9),
    );

    expect(preOrder(root).map(({ task }) => task.stamp.revision)).toEqual([9, 9, 9, 9, 9]);
  });

  it("have an unknown volume until they are FINISHED, and always a known one", () => {
    const root = withUpdates(createTree(open), { iteration: 1 }, { path: "0", done: 4 });
    const ended = withUpdates(root, { status: "FINISHED" });

    expect(progressOf(root)).toEqual({ done: 4, volume: null, knownVolume: 20, ratio: null });
    expect(progressOf(ended)).toEqual({ done: 10, volume: 10, knownVolume: 10, ratio: 1 });
  });

  it.each(["FAILED", "CANCELED"] as const)("have an unknown volume even when %s", (status) => {
    expect(progressOf(withUpdates(createTree(open), { iteration: 1 }, { status })).volume).toBeNull();
  });

  it("have no volume if no iteration has begun, even when FINISHED", () => {
    expect(progressOf(withUpdates(createTree(open), { status: "FINISHED" }))).toMatchObject({
      volume: null,
      ratio: null,
    });
  });

  it("leave the volume above known once they are FINISHED, even if no iteration has begun", () => {
    const root = createTree(branch("root", open, leaf("c", 10)));

    expect(progressOf(root).volume).toBeNull();
    expect(progressOf(withUpdates(root, { path: "0", status: "FINISHED" })).volume).toBe(10);
  });

  it("are rejected with LIMIT_EXCEEDED when the tree would exceed 10,000 tasks", () => {
    const root = createTree(iterative("rounds", "OPEN", null, leaf("a"), leaf("b"), leaf("c")));

    expect(withUpdates(root, { iteration: 3_333 }).taskCount).toBe(10_000);
    expect(() => withUpdates(root, { iteration: 3_334 })).toThrow(errorWithCode("LIMIT_EXCEEDED"));
    expect(() => withUpdates(root, { iteration: Number.MAX_SAFE_INTEGER })).toThrow(
      errorWithCode("LIMIT_EXCEEDED"),
    );
  });

  it("are rejected with LIMIT_EXCEEDED when their volume would exceed 2^53 - 1", () => {
    const root = createTree(iterative("rounds", "OPEN", null, leaf("a", Number.MAX_SAFE_INTEGER)));

    const toTheBrim = withUpdates(root, { iteration: 1 });

    expect(toTheBrim.knownVolume).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => withUpdates(toTheBrim, { path: "0", status: "RUNNING" }, { iteration: 2 })).toThrow(
      errorWithCode("LIMIT_EXCEEDED"),
    );
  });

  it("are rejected with LIMIT_EXCEEDED when a sum above would exceed 2^53 - 1", () => {
    const rounds = iterative("rounds", "OPEN", null, leaf("a", 3));
    const root = createTree(branch("root", rounds, leaf("b", Number.MAX_SAFE_INTEGER - 2)));

    expect(() => withUpdates(root, { path: "0", iteration: 3 })).toThrow(errorWithCode("LIMIT_EXCEEDED"));
  });

  it("may grow when only skipped iterations, which are excluded, would exceed 2^53 - 1 above", () => {
    const rounds = iterative("rounds", "OPEN", null, leaf("a", 1));
    const root = createTree(branch("root", rounds, leaf("b", Number.MAX_SAFE_INTEGER - 2)));

    expect(withUpdates(root, { path: "0", iteration: 3 }).knownVolume).toBe(Number.MAX_SAFE_INTEGER - 1);
  });

  it("may grow when only skipped iterations would exceed 2^53 - 1 by themselves", () => {
    const root = createTree(iterative("rounds", "OPEN", null, leaf("a", Number.MAX_SAFE_INTEGER)));

    expect(withUpdates(root, { iteration: 3 }).knownVolume).toBe(Number.MAX_SAFE_INTEGER);
  });

  it("may grow when FINISHED in the same update cancels the iteration that would exceed 2^53 - 1", () => {
    const root = withUpdates(
      createTree(iterative("rounds", "OPEN", null, leaf("a", Number.MAX_SAFE_INTEGER))),
      { iteration: 1 },
      { path: "0", status: "RUNNING" },
      { iteration: 2, status: "FINISHED" },
    );

    expect(statuses(root)).toEqual({ "": "FINISHED", "0": "FINISHED", "1": "CANCELED" });
    expect(progressOf(root)).toMatchObject({ volume: Number.MAX_SAFE_INTEGER, ratio: 1 });
  });

  it("keep the concurrency of their tasks in every iteration", () => {
    const root = withUpdates(createTree({ ...open, maxConcurrency: 4 }), { iteration: 2 });

    expect(preOrder(root).map(({ task }) => task.maxConcurrency)).toEqual([4, 4, 4, 4, 4]);
  });

  it("grow independently inside other iterations", () => {
    const nested = createTree(iterative("outer", "FIXED", 2, iterative("inner", "OPEN", null, leaf("a", 1))));
    const root = withUpdates(nested, { path: "0", iteration: 2 }, { path: "1", iteration: 1 });

    expect(paths(root)).toEqual(["", "0", "0.0", "0.1", "1", "1.0"]);
  });
});

describe("addTasks", () => {
  const edit = editAt(NOW, 2);
  const more = [leaf("c", 5), branch("d", leaf("e", 6))];

  it("appends PENDING tasks below an INTERMEDIATE task", () => {
    const root = addTasks(createTree(TWO_LEAVES), "", more, edit);

    expect(preOrder(root).map(({ task }) => task.description)).toEqual(["root", "a", "b", "c", "d", "e"]);
    expect(new Set(statusesInOrder(root))).toEqual(new Set(["PENDING"]));
    expect(root).toMatchObject({ knownVolume: 21, unknownCount: 1, taskCount: 6 });
  });

  it("lets a tree grow while it runs, anywhere in it", () => {
    const running = withUpdates(createTree(THREE_LEVELS), { path: "0.0", status: "FINISHED" });
    const root = addTasks(running, "0", more, edit);

    expect(statuses(root)).toMatchObject({
      "": "RUNNING",
      "0": "RUNNING",
      "0.0": "FINISHED",
      "0.2": "PENDING",
    });
    expect(progressOf(root)).toMatchObject({ done: 10, volume: 41 });
  });

  it("begins nothing", () => {
    expect(addTasks(createTree(THREE_LEVELS), "0", more, edit)).toMatchObject({
      status: "PENDING",
      startedAt: null,
    });
  });

  it("stamps the new tasks and those above them", () => {
    const root = addTasks(createTree(THREE_LEVELS), "0", [leaf("new")], edit);

    expect(preOrder(root).map(({ task }) => task.stamp.revision)).toEqual([2, 2, 1, 1, 2, 1]);
  });

  it("gives new tasks the concurrency of their parent", () => {
    const root = createTree(branch("root", { ...branch("b", leaf("a")), maxConcurrency: 3 }));
    const grown = addTasks(root, "0", [leaf("c"), { ...leaf("d"), maxConcurrency: 1 }], edit);

    expect([at(grown, "0.1").maxConcurrency, at(grown, "0.2").maxConcurrency]).toEqual([3, 1]);
  });

  it("can add tasks below those of an iteration, and does not change later iterations", () => {
    const root = createTree(iterative("rounds", "OPEN", null, branch("round", leaf("a"))));
    const grown = addTasks(withUpdates(root, { iteration: 1 }), "0", [leaf("extra")], edit);

    expect(paths(withUpdates(grown, { iteration: 2 }))).toEqual(["", "0", "0.0", "0.1", "1", "1.0"]);
  });

  it("rejects an unknown path with NOT_FOUND", () => {
    expect(() => addTasks(createTree(TWO_LEAVES), "7", more, edit)).toThrow(errorWithCode("NOT_FOUND"));
  });

  it.each([
    leaf("a"),
    iterative("rounds", "FIXED", 2, leaf("a")),
    iterative("rounds", "OPEN", null, leaf("a")),
  ])("rejects a leaf or an iterative task as the parent with BAD_USER_INPUT: %j", (spec) => {
    expect(() => addTasks(createTree(spec), "", more, edit)).toThrow(errorWithCode("BAD_USER_INPUT"));
  });

  it("rejects an empty list with BAD_USER_INPUT", () => {
    expect(() => addTasks(createTree(TWO_LEAVES), "", [], edit)).toThrow(errorWithCode("BAD_USER_INPUT"));
  });

  it.each(ENDS)("rejects a parent that is %s with ILLEGAL_TRANSITION", (status) => {
    const ended = withUpdates(createTree(TWO_LEAVES), { status });

    expect(() => addTasks(ended, "", more, edit)).toThrow(errorWithCode("ILLEGAL_TRANSITION"));
  });

  it.each(["CANCELED", "FAILED"] as const)(
    "rejects a parent below a task that is %s with ILLEGAL_TRANSITION",
    (status) => {
      const ended = withUpdates(createTree(THREE_LEVELS), { status });

      expect(() => addTasks(ended, "0", more, edit)).toThrow(errorWithCode("ILLEGAL_TRANSITION"));
    },
  );

  it("rejects more than 10,000 tasks in a tree with LIMIT_EXCEEDED", () => {
    const root = createTree(branch("root", leaf("a")));
    const leaves = Array.from({ length: 9_999 }, () => leaf("new"));

    expect(addTasks(root, "", leaves.slice(1), edit).taskCount).toBe(10_000);
    expect(() => addTasks(root, "", leaves, edit)).toThrow(errorWithCode("LIMIT_EXCEEDED"));
  });

  it("rejects more than 32 levels with LIMIT_EXCEEDED", () => {
    const atLevel31 = Array<string>(30).fill("0").join(".");
    const root = createTree(
      Array.from({ length: 31 }).reduce<ReturnType<typeof leaf>>((spec) => branch("b", spec), leaf("a")),
    );

    expect(addTasks(root, atLevel31, [leaf("c")], edit).taskCount).toBe(33);
    expect(() => addTasks(root, atLevel31, [branch("c", leaf("d"))], edit)).toThrow(
      errorWithCode("LIMIT_EXCEEDED"),
    );
  });

  it("rejects volumes above 2^53 - 1 with LIMIT_EXCEEDED", () => {
    const root = createTree(branch("root", leaf("a", Number.MAX_SAFE_INTEGER)));

    expect(() => addTasks(root, "", [leaf("b", 1)], edit)).toThrow(errorWithCode("LIMIT_EXCEEDED"));
  });

  it("rejects an invalid task with BAD_USER_INPUT", () => {
    expect(() => addTasks(createTree(TWO_LEAVES), "", [leaf("")], edit)).toThrow(
      errorWithCode("BAD_USER_INPUT"),
    );
  });
});
