import { describe, expect, it } from "vitest";
import type { TaskSpec } from "../../src/tasks/task-spec.js";
import { addTasks } from "../../src/tasks/task-update.js";
import type { Task } from "../../src/tasks/task.js";
import { preOrder } from "../../src/tasks/traverse.js";
import { branch, editAt, iterative, leaf } from "../kit/store/edits.js";
import { NOW, createTree, levelsOf, withUpdates } from "./sample-trees.js";

function leaves(count: number): TaskSpec[] {
  return Array.from({ length: count }, (_, index) => leaf(`leaf ${index}`, 10));
}

/** A root with 9,999 leaves. */
const WIDE = branch("root", ...leaves(9_999));

/** 31 nested levels, each with leaves beside the next level; 10,000 tasks. */
const DEEP = Array.from({ length: 30 }).reduce<TaskSpec>(
  (below, _, index) => branch(`level ${31 - index}`, below, ...leaves(index === 29 ? 313 : 322)),
  branch("level 32", ...leaves(318)),
);

/** 100 tasks with 99 leaves each, except for one leaf. */
const BUSHY = branch(
  "root",
  ...Array.from({ length: 100 }, (_, index) => branch(`phase ${index}`, ...leaves(99 - Number(index === 0)))),
);

const DEEPEST = Array<string>(31).fill("0").join(".");

/** The paths at which the task object changed. */
function renewed(before: Task, after: Task): string[] {
  const old = new Map(preOrder(before).map(({ path, task }) => [path, task]));
  return preOrder(after)
    .filter(({ path, task }) => old.get(path) !== task)
    .map(({ path }) => path);
}

function pathsDownTo(path: string): string[] {
  const indexes = path === "" ? [] : path.split(".");
  return ["", ...indexes.map((_, index) => indexes.slice(0, index + 1).join("."))];
}

describe("a large tree", () => {
  it.each([
    ["wide", WIDE, 2],
    ["deep", DEEP, 32],
    ["bushy", BUSHY, 3],
  ])("may be %s with 10,000 tasks", (_, spec, levels) => {
    const root = createTree(spec);

    expect([root.taskCount, levelsOf(root)]).toEqual([10_000, levels]);
  });
});

describe.each([
  ["wide", WIDE, "0"],
  ["wide, at its end", WIDE, "9998"],
  ["deep", DEEP, DEEPEST],
  ["deep, half way down", DEEP, "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.7"],
  ["bushy", BUSHY, "50.50"],
])("a change of one leaf in a tree of 10,000 tasks (%s)", (_, spec, path) => {
  const planting = createTree(spec);
  const running = withUpdates(planting, { path, done: 1 });

  it.each([{ done: 5 }, { add: 1 }, { volume: 99 }, { message: "here" }, { status: "FINISHED" as const }])(
    "creates new task objects on its path only: %j",
    (update) => {
      expect(renewed(running, withUpdates(running, { path, ...update }))).toEqual(pathsDownTo(path));
    },
  );

  it("creates no other tasks when it begins the tasks on its path", () => {
    expect(renewed(planting, running)).toEqual(pathsDownTo(path));
  });

  it("creates no tasks when it changes nothing", () => {
    expect(renewed(running, withUpdates(running, { path, done: 1, status: "RUNNING" }))).toEqual([]);
  });
});

describe("structural sharing", () => {
  it("creates only the added tasks and those on the path to them", () => {
    const before = createTree(branch("root", branch("a", leaf("b")), branch("c", ...leaves(5_000))));
    const after = addTasks(before, "0", [leaf("new"), leaf("new")], editAt(NOW, 2));

    expect(renewed(before, after)).toEqual(["", "0", "0.1", "0.2"]);
  });

  it("keeps ended and later iterations when one begins", () => {
    const before = withUpdates(
      createTree(iterative("rounds", "FIXED", 5_000, leaf("a", 1))),
      { path: "0", status: "FINISHED" },
      { path: "1", status: "RUNNING" },
    );

    expect(renewed(before, withUpdates(before, { iteration: 3 }))).toEqual(["", "1"]);
  });

  it("keeps all other iterations when one changes", () => {
    const before = createTree(
      iterative("rounds", "FIXED", 3_000, branch("round", leaf("a", 1), leaf("b", 1))),
    );
    const after = withUpdates(before, { path: "1500.1", done: 1 });

    expect(renewed(before, after)).toEqual(["", "1500", "1500.1"]);
    expect(after.done).toBe(1);
  });

  it("keeps tasks that did not run when their parent fails", () => {
    const before = withUpdates(createTree(WIDE), { path: "7", done: 1 });

    expect(renewed(before, withUpdates(before, { status: "FAILED" }))).toEqual(["", "7"]);
  });
});

describe("the sums on the path", () => {
  it("equal the totals of all leaves", () => {
    const root = withUpdates(
      createTree(DEEP),
      { path: DEEPEST, done: 7 },
      { path: "0.0.3", volume: 15, add: 15 },
      { path: "1", status: "FINISHED" },
    );

    expect([root.done, root.knownVolume, root.taskCount]).toEqual([7 + 15 + 10, 99_690 + 5, 10_000]);
  });
});
