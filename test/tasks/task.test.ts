import { describe, expect, it } from "vitest";
import { allRows, treeOf } from "../../src/tasks/task-rows.js";
import { currentIteration, subTasksOf, type Task } from "../../src/tasks/task.js";
import { preOrder } from "../../src/tasks/traverse.js";
import { branch, EPOCH, iterative, leaf } from "../kit/store/edits.js";
import { at, iterativeAt, createTree, withUpdates } from "./sample-trees.js";

describe("the sub-tasks of a task", () => {
  it("are absent for a leaf", () => {
    expect(subTasksOf(createTree(leaf("a")))).toEqual([]);
  });

  it("are those directly below it, in order", () => {
    const root = createTree(branch("root", leaf("a"), branch("b", leaf("c"))));

    expect(subTasksOf(root)).toEqual([at(root, "0"), at(root, "1")]);
  });
});

describe("the tasks of one kind", () => {
  const spec = branch("root", leaf("a", 10), leaf("b"), iterative("rounds", "OPEN", null, leaf("c")));
  const fieldsOf = (root: Task): string[] =>
    preOrder(root).map(({ task }) => `${task.kind}: ${Object.keys(task).join(" ")}`);
  const planned = createTree(spec);
  const begun = withUpdates(
    planned,
    { path: "0", done: 1 },
    { path: "2", iteration: 1 },
    { path: "2.0", done: 1 },
  );
  const ended = withUpdates(begun, { status: "FINISHED" });
  const loaded = treeOf(
    EPOCH,
    allRows(ended).map((row) => ({ row, revision: 2 })),
  );

  it("have the same fields in the same order, however they were created", () => {
    const kinds = [planned, begun, ended, loaded].flatMap(fieldsOf);

    expect(new Set(kinds).size).toBe(3);
  });
});

describe("the current iteration", () => {
  const twoTasks = createTree(iterative("rounds", "FIXED", 3, leaf("a", 1), leaf("b", 1)));

  it.each([
    [[], 0],
    [["0"], 0],
    [["0", "1"], 1],
    [["0", "1", "2"], 1],
    [["0", "1", "2", "3", "4", "5"], 3],
  ])("is, with the sub-tasks %j finished, %d when an iteration has two tasks", (paths, expected) => {
    const root = withUpdates(twoTasks, ...paths.map((path) => ({ path, status: "FINISHED" as const })));

    expect(currentIteration(iterativeAt(root, ""))).toBe(expected);
  });

  it("does not count canceled or failed tasks", () => {
    const root = withUpdates(
      twoTasks,
      { path: "0", status: "FINISHED" },
      { path: "1", status: "CANCELED" },
      { path: "2", status: "FAILED" },
    );

    expect(currentIteration(iterativeAt(root, ""))).toBe(0);
  });

  it("counts direct sub-tasks, not those below them", () => {
    const root = createTree(iterative("rounds", "FIXED", 2, branch("round", leaf("a"), leaf("b"))));
    const oneLeafDone = withUpdates(root, { path: "0.0", status: "FINISHED" });

    expect(currentIteration(iterativeAt(oneLeafDone, ""))).toBe(0);
  });
});
