import { describe, expect, it } from "vitest";
import type { WatchedTask } from "../../../src/client/index.js";
import { ExpandedTasks, visibleTasks } from "../../../src/web/job/visible-tasks.js";
import { createWatchedTask } from "../../kit/delivery/watched-jobs.js";

describe("The rows of a tree", () => {
  it("are its tasks, parents first, each with its depth and its index among its siblings", () => {
    const rows = visibleTasks(
      parent("", parent("0", createWatchedTask({ path: "0.0" })), createWatchedTask({ path: "1" })),
      new ExpandedTasks(),
    );

    expect(rows.map(({ task, depth, posInSet, setSize }) => [task.path, depth, posInSet, setSize])).toEqual([
      ["", 0, 1, 1],
      ["0", 1, 1, 2],
      ["0.0", 2, 1, 1],
      ["1", 1, 2, 2],
    ]);
  });

  it("omit the tasks below a collapsed one", () => {
    const open = new ExpandedTasks();
    open.set("0", false);

    expect(pathsOf(parent("", parent("0", createWatchedTask({ path: "0.0" }))), open)).toEqual(["", "0"]);
  });

  it("of a large tree are the branches that run, which stay expanded after they end", () => {
    const open = new ExpandedTasks();
    const before = pathsOf(largeTree("RUNNING"), open);
    const after = pathsOf(largeTree("FINISHED"), open);

    expect(before).toEqual(["", "0", "0.0", "1"]);
    expect(after).toEqual(before);
  });

  it("can all be expanded and collapsed", () => {
    const open = new ExpandedTasks();
    const tree = largeTree("RUNNING");
    open.setAll(tree, true);
    const all = pathsOf(tree, open).length;
    open.setAll(tree, false);

    expect([all, pathsOf(tree, open)]).toEqual([204, ["", "0", "1"]]);
  });
});

/** A branch with one task, and a finished one with 200. */
function largeTree(status: WatchedTask["status"]): WatchedTask {
  const many = Array.from({ length: 200 }, (_, index) => createWatchedTask({ path: `1.${index}` }));
  return parent(
    "",
    { ...parent("0", createWatchedTask({ path: "0.0" })), status },
    { ...parent("1", ...many), status: "FINISHED" },
  );
}

function parent(path: string, ...subTasks: readonly WatchedTask[]): WatchedTask {
  return createWatchedTask({ path, subTasks });
}

function pathsOf(root: WatchedTask, open: ExpandedTasks): string[] {
  return visibleTasks(root, open).map(({ task }) => task.path);
}
