import { describe, expect, it } from "vitest";
import { addTasks, updateTask, type TaskUpdate } from "../../src/tasks/task-update.js";
import type { Task } from "../../src/tasks/task.js";
import { changedTasksSince, preOrder } from "../../src/tasks/traverse.js";
import { branch, editAt, iterative, leaf } from "../kit/store/edits.js";
import { createTree } from "./sample-trees.js";

const SPEC = branch("root", branch("b", leaf("c", 1), leaf("d", 1)), leaf("e", 1), branch("f", leaf("g", 1)));

/** The tree after these updates, the first of which is revision 2. */
function revised(root: Task, ...updates: readonly TaskUpdate[]): Task {
  return updates.reduce((task, update, index) => updateTask(task, update, editAt(index, index + 2)), root);
}

function pathsSince(root: Task, revision: number): string[] {
  return changedTasksSince(root, revision).map(({ path }) => path);
}

describe("pre-order", () => {
  it("lists parents before children, and children in order", () => {
    const placed = preOrder(createTree(SPEC));

    expect(placed.map(({ task, path, depth }) => [task.description, path, depth])).toEqual([
      ["root", "", 0],
      ["b", "0", 1],
      ["c", "0.0", 2],
      ["d", "0.1", 2],
      ["e", "1", 1],
      ["f", "2", 1],
      ["g", "2.0", 2],
    ]);
  });

  it("lists a leaf alone", () => {
    expect(preOrder(createTree(leaf("a")))).toMatchObject([{ path: "", depth: 0 }]);
  });

  it("lists each iteration separately, although equal ones share one value", () => {
    const placed = preOrder(createTree(iterative("rounds", "FIXED", 2, branch("round", leaf("a")))));

    expect(placed.map(({ path }) => path)).toEqual(["", "0", "0.0", "1", "1.0"]);
  });
});

describe("the changes since a revision", () => {
  it("include every task before the tree was stored", () => {
    expect(pathsSince(createTree(SPEC), 0)).toHaveLength(7);
  });

  it("are empty at or after the latest change", () => {
    const root = revised(createTree(SPEC), { path: "1", done: 1 });

    expect([pathsSince(root, 2), pathsSince(root, 3)]).toEqual([[], []]);
  });

  it("include the changed task and those above it whose sums differ, parents first", () => {
    expect(pathsSince(revised(createTree(SPEC), { path: "0.1", done: 1 }), 1)).toEqual(["", "0", "0.1"]);
  });

  it("include each task of several revisions once", () => {
    const root = revised(
      createTree(SPEC),
      { path: "0.1", done: 1 },
      { path: "1", done: 1 },
      { path: "0.1", status: "FINISHED" },
    );

    expect(pathsSince(root, 1)).toEqual(["", "0", "0.1", "1"]);
    expect(pathsSince(root, 3)).toContain("0.1");
    expect(pathsSince(root, 3)).not.toContain("1");
  });

  it("include all tasks that one change affected, below and above", () => {
    const root = revised(
      createTree(SPEC),
      { path: "0", status: "RUNNING" },
      { path: "0", status: "FINISHED" },
    );

    expect(pathsSince(root, 2)).toEqual(["", "0", "0.0", "0.1"]);
  });

  it("include the tasks that were added", () => {
    const root = addTasks(createTree(SPEC), "2", [leaf("h"), branch("i", leaf("j"))], editAt(9, 2));

    expect(pathsSince(root, 1)).toEqual(["", "2", "2.1", "2.2", "2.2.0"]);
  });

  it("exclude tasks above a message, whose state and sums are equal", () => {
    expect(pathsSince(revised(createTree(SPEC), { path: "0.1", message: "soon" }), 1)).toEqual(["0.1"]);
  });
});
