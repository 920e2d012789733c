import { describe, expect, it } from "vitest";
import { percentText, progressOf } from "../../src/tasks/progress.js";
import type { TaskSpec } from "../../src/tasks/task-spec.js";
import type { Task } from "../../src/tasks/task.js";
import { begin, cancel, fail, finish, settle } from "../../src/tasks/transitions.js";
import { branch, editAt, iterative, leaf } from "../kit/store/edits.js";
import { at, createTree, errorWithCode, withUpdates, statuses, statusesInOrder } from "./sample-trees.js";

const LATER = 9_000;
const edit = editAt(LATER, 3);

/** root{ended, running{running, pending}, pending{pending}}: every kind of task that a cascade can meet. */
const MIXED = branch(
  "root",
  leaf("ended", 10),
  branch("running", leaf("running", 20), leaf("pending", 40)),
  branch("pending", leaf("pending", 80)),
);

function mixed(): Task {
  return withUpdates(createTree(MIXED), { path: "0", status: "FINISHED" }, { path: "1.0", done: 5 });
}

function running(spec: TaskSpec): Task {
  return begin(createTree(spec), editAt(1_000, 2));
}

describe("begin", () => {
  it("makes a PENDING task RUNNING and sets when it started", () => {
    expect(begin(createTree(leaf("a")), edit)).toMatchObject({
      status: "RUNNING",
      startedAt: LATER,
      endedAt: null,
    });
  });

  it("does not change the tasks below", () => {
    expect(statuses(begin(createTree(branch("root", leaf("a"))), edit))).toEqual({
      "": "RUNNING",
      "0": "PENDING",
    });
  });

  it("rejects a task that runs", () => {
    expect(() => begin(running(leaf("a")), edit)).toThrow(errorWithCode("ILLEGAL_TRANSITION"));
  });
});

describe("finish", () => {
  it("ends a leaf and sets its end", () => {
    const ended = finish(running(leaf("a", 4)), edit);

    expect(ended).toMatchObject({ status: "FINISHED", startedAt: 1_000, endedAt: LATER });
  });

  it("raises done to the volume of a leaf, if known", () => {
    const leafTask = withUpdates(createTree(leaf("a", 10)), { done: 4 });

    expect(finish(leafTask, edit)).toMatchObject({ done: 10, volume: 10, knownVolume: 10 });
  });

  it("sets an unknown volume of a leaf to done", () => {
    const leafTask = withUpdates(createTree(leaf("a")), { done: 4 });

    expect(finish(leafTask, edit)).toMatchObject({ done: 4, volume: 4, knownVolume: 4, unknownCount: 0 });
  });

  it("keeps done above the volume", () => {
    const leafTask = withUpdates(createTree(leaf("a", 40)), { done: 44 });

    expect(finish(leafTask, edit)).toMatchObject({ done: 44, volume: 40 });
  });

  it("finishes running tasks and cancels pending tasks below, at every level", () => {
    expect(statuses(finish(mixed(), edit))).toEqual({
      "": "FINISHED",
      "0": "FINISHED",
      "1": "FINISHED",
      "1.0": "FINISHED",
      "1.1": "CANCELED",
      "2": "CANCELED",
      "2.0": "CANCELED",
    });
  });

  it("sets the end of exactly the tasks that it ends", () => {
    const ended = finish(mixed(), edit);
    const ends = ["", "0", "1", "1.0", "1.1", "2", "2.0"].map((path) => at(ended, path).endedAt);

    expect(ends).toEqual([LATER, 5_000, LATER, LATER, LATER, LATER, LATER]);
  });

  it("excludes the tasks that it cancels from the volume, so that an early end shows 100 %", () => {
    const progress = progressOf(finish(mixed(), edit));

    expect(progress).toMatchObject({ done: 30, volume: 30, knownVolume: 30, ratio: 1 });
    expect(percentText(progress)).toBe("100%");
  });

  it("does not change the volume of the tasks that it cancels, so that they do not look complete", () => {
    const ended = finish(mixed(), edit);

    expect(progressOf(at(ended, "2"))).toMatchObject({ done: 0, volume: 80, ratio: 0 });
  });

  it("keeps the volume of tasks that were canceled or failed before in the sum", () => {
    const root = withUpdates(
      createTree(branch("root", leaf("a", 10), leaf("b", 10), leaf("c", 20))),
      { path: "0", status: "FINISHED" },
      { path: "1", status: "CANCELED" },
      { path: "2", done: 5, status: "FAILED" },
    );

    expect(progressOf(finish(root, edit))).toMatchObject({ done: 15, volume: 40 });
  });

  it("makes the volume known when the leaf of unknown volume is canceled", () => {
    const root = withUpdates(createTree(branch("root", leaf("a", 10), leaf("b"))), {
      path: "0",
      status: "RUNNING",
    });

    expect(progressOf(finish(root, edit))).toMatchObject({ done: 10, volume: 10 });
  });

  it("makes the volume of OPEN iterations known", () => {
    const root = withUpdates(createTree(iterative("rounds", "OPEN", null, leaf("a", 5))), { iteration: 2 });

    expect(progressOf(root).volume).toBeNull();
    expect(progressOf(finish(root, edit)).volume).not.toBeNull();
  });

  it.each(["PENDING", "FINISHED", "CANCELED", "FAILED"] as const)("rejects a task that is %s", (status) => {
    expect(() => finish({ ...createTree(leaf("a")), status }, edit)).toThrow(
      errorWithCode("ILLEGAL_TRANSITION"),
    );
  });
});

describe.each([
  ["fail", fail, "FAILED"],
  ["cancel", cancel, "CANCELED"],
] as const)("%s", (_, act, status) => {
  it(`makes a running task ${status} and sets its end`, () => {
    expect(act(running(leaf("a", 4)), edit)).toMatchObject({ status, startedAt: 1_000, endedAt: LATER });
  });

  it("does not change done and volume", () => {
    const leafTask = withUpdates(createTree(leaf("a")), { done: 4 });

    expect(act(leafTask, edit)).toMatchObject({ done: 4, volume: null, knownVolume: 0, unknownCount: 1 });
  });

  it("gives running tasks below the same status and does not change pending ones", () => {
    expect(statuses(act(mixed(), edit))).toEqual({
      "": status,
      "0": "FINISHED",
      "1": status,
      "1.0": status,
      "1.1": "PENDING",
      "2": "PENDING",
      "2.0": "PENDING",
    });
  });

  it("does not change the sums", () => {
    const before = mixed();

    expect(progressOf(act(before, edit))).toEqual(progressOf(before));
  });

  it("leaves the volume of OPEN iterations unknown", () => {
    const root = withUpdates(createTree(iterative("rounds", "OPEN", null, leaf("a", 5))), { iteration: 1 });

    expect(progressOf(act(root, edit))).toMatchObject({ volume: null, knownVolume: 5 });
  });

  it.each(["FINISHED", "CANCELED", "FAILED"] as const)("rejects a task that is %s", (ended) => {
    expect(() => act({ ...createTree(leaf("a")), status: ended }, edit)).toThrow(
      errorWithCode("ILLEGAL_TRANSITION"),
    );
  });
});

describe("a PENDING task", () => {
  it("can be canceled, with an end and no start", () => {
    expect(cancel(createTree(leaf("a")), edit)).toMatchObject({
      status: "CANCELED",
      startedAt: null,
      endedAt: LATER,
    });
  });

  it("can't fail", () => {
    expect(() => fail(createTree(leaf("a")), edit)).toThrow(errorWithCode("ILLEGAL_TRANSITION"));
  });

  it("leaves the tasks below it PENDING when it is canceled", () => {
    expect(statuses(cancel(createTree(branch("root", leaf("a"))), edit))).toEqual({
      "": "CANCELED",
      "0": "PENDING",
    });
  });
});

describe("settle", () => {
  it("finishes a running task", () => {
    expect(settle(running(leaf("a", 4)), edit)).toMatchObject({
      status: "FINISHED",
      done: 4,
      isExcluded: false,
    });
  });

  it("cancels and excludes a pending task with all tasks below it", () => {
    const settled = settle(createTree(branch("b", leaf("c"), branch("d", leaf("e")))), edit);

    expect(settled.isExcluded).toBe(true);
    expect(statusesInOrder(settled)).toEqual(["CANCELED", "CANCELED", "CANCELED", "CANCELED"]);
  });

  it.each(["FINISHED", "CANCELED", "FAILED"] as const)("does not change a leaf that is %s", (status) => {
    const task = { ...createTree(leaf("a", 4)), status };

    expect(settle(task, edit)).toBe(task);
  });
});
