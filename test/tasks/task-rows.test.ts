import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Edit } from "../../src/tasks/edit.js";
import { Stamp } from "../../src/tasks/stamp.js";
import { addTasks, updateTask, type TaskUpdate } from "../../src/tasks/task-update.js";
import {
  allRows,
  applyRows,
  changeOfTree,
  treeOf,
  type TaskRow,
  type VersionedRow,
} from "../../src/tasks/task-rows.js";
import type { Task } from "../../src/tasks/task.js";
import { preOrder } from "../../src/tasks/traverse.js";
import { branch, editAt, EPOCH, iterative, leaf } from "../kit/store/edits.js";
import { exactTree, flatTask, sharedParts } from "../kit/store/tree-parts.js";
import { scenarios } from "./model-scenarios.js";
import { play, type Step } from "./model-comparison.js";
import { NOW, createTree, withUpdates } from "./sample-trees.js";

const SPEC = branch(
  "root",
  leaf("a", 10),
  branch("b", leaf("c")),
  iterative("d", "OPEN", null, leaf("e", 5)),
);

function written(rows: readonly TaskRow[], revision: number): VersionedRow[] {
  return rows.map((row) => ({ row, revision }));
}

/** The readable fields of a tree, with revisions instead of stamps. */
function readable(root: Task): unknown {
  return preOrder(root).map(({ task, path }) => ({ ...flatTask(task), path, revision: task.stamp.revision }));
}

describe("the list of rows of a tree", () => {
  it("has one row per task, parents before children", () => {
    expect(allRows(createTree(SPEC)).map(({ path, kind }) => [path, kind])).toEqual([
      ["", "INTERMEDIATE"],
      ["0", "LEAF"],
      ["1", "INTERMEDIATE"],
      ["1.0", "LEAF"],
      ["2", "ITERATIVE"],
    ]);
  });

  it("has the state of each task, and no sums, which can be derived", () => {
    const [root, a] = allRows(withUpdates(createTree(SPEC), { path: "0", done: 4, message: "here" }));

    expect(root).not.toHaveProperty("done");
    expect(a).toEqual({
      kind: "LEAF",
      path: "0",
      description: "a",
      status: "RUNNING",
      startedAt: NOW,
      endedAt: null,
      message: "here",
      maxConcurrency: null,
      isExcluded: false,
      volume: 10,
      done: 4,
      rateEstimate: null,
    });
  });

  it("survives JSON without loss", () => {
    const rows = allRows(withUpdates(createTree(SPEC), { path: "2", iteration: 2 }));

    expect(JSON.parse(JSON.stringify(rows))).toEqual(rows);
  });

  it("has no rows for iterations that do not exist yet, however many are possible", () => {
    const [root] = allRows(
      createTree(iterative("outer", "OPEN", null, iterative("inner", "FIXED", 5_000, leaf("a")))),
    );

    expect(JSON.stringify(root).length).toBeLessThan(500);
  });
});

describe("an update", () => {
  const before = withUpdates(createTree(SPEC), { path: "0", done: 1 }, { path: "1.0", done: 1 });

  function pathsWritten(...updates: readonly Partial<TaskUpdate>[]): string[] {
    return changeOfTree(before, withUpdates(before, ...updates)).rows.map(({ path }) => path);
  }

  it("writes one row for one leaf", () => {
    expect(pathsWritten({ path: "1.0", done: 2 })).toEqual(["1.0"]);
  });

  it("writes a row for each task that it begins", () => {
    const rows = changeOfTree(createTree(SPEC), withUpdates(createTree(SPEC), { path: "1.0", done: 1 })).rows;

    expect(rows.map(({ path }) => path)).toEqual(["", "1", "1.0"]);
  });

  it("writes nothing when it changes nothing", () => {
    expect(pathsWritten({ path: "1.0", done: 1 })).toEqual([]);
  });

  it.each([
    ["message", { path: "0", message: "x" }, ["0"]],
    ["volume", { path: "1.0", volume: 7 }, ["1.0"]],
    ["status", { path: "0", status: "FAILED" }, ["0"]],
    ["done", { path: "0", add: 1 }, ["0"]],
    ["iteration", { path: "2", iteration: 1 }, ["2", "2.0"]],
    ["end of all", { status: "FINISHED" }, ["", "0", "1", "1.0", "2"]],
  ] as const)("is written for a new %s", (_, update, paths) => {
    expect(pathsWritten(update)).toEqual(paths);
  });

  it("writes a row for each new task", () => {
    const after = addTasks(before, "1", [leaf("f"), branch("g", leaf("h"))], editAt(NOW, 3));

    expect(changeOfTree(before, after).rows.map(({ path }) => path)).toEqual(["1.1", "1.2", "1.2.0"]);
  });

  it("writes the rows of a subtree that is excluded", () => {
    const left = withUpdates(createTree(branch("root", branch("b", leaf("c", 5)))), { status: "FINISHED" });
    const rows = changeOfTree(createTree(branch("root", branch("b", leaf("c", 5)))), left).rows;

    expect(rows.map(({ path, isExcluded }) => [path, isExcluded])).toEqual([
      ["", false],
      ["0", true],
      ["0.0", false],
    ]);
  });
});

describe("a tree that is read back", () => {
  it("is the one that was written, whatever the order of its rows", () => {
    const root = withUpdates(
      createTree(SPEC),
      { path: "2", iteration: 2 },
      { path: "0", status: "FAILED", message: "why" },
    );
    const rows = written(allRows(root), 2);

    expect(readable(treeOf(EPOCH, rows.toReversed()))).toEqual(readable(treeOf(EPOCH, rows)));
    expect(treeOf(EPOCH, rows)).toMatchObject({
      done: 0,
      knownVolume: root.knownVolume,
      taskCount: root.taskCount,
    });
  });

  it("has the epoch and the newest revision in or below each task", () => {
    const rows = allRows(createTree(SPEC));
    const later = allRows(withUpdates(createTree(SPEC), { path: "1.0", volume: 3 })).find(
      ({ path }) => path === "1.0",
    );
    const older = rows.filter(({ path }) => path !== later!.path);
    const root = treeOf(EPOCH, [...written(older, 3), ...written([later!], 8)]);

    expect(preOrder(root).map(({ task }) => task.stamp.revision)).toEqual([8, 3, 8, 8, 3]);
    expect(root.stamp.epoch).toBe(EPOCH);
  });

  it("keeps its sub-tasks in order, even more than ten", () => {
    const root = createTree(
      branch("root", ...Array.from({ length: 12 }, (_, index) => leaf(`leaf ${index}`))),
    );

    expect(readable(treeOf(EPOCH, written(allRows(root), 1).toReversed()))).toEqual(readable(root));
  });

  it("grows OPEN iterations from their template as before", () => {
    const spec = {
      ...iterative("rounds", "OPEN", null, leaf("a", 5), branch("b", leaf("c"))),
      maxConcurrency: 2,
    };
    const root = withUpdates(createTree(spec), { iteration: 1 });
    const again = treeOf(EPOCH, written(allRows(root), 2));

    expect(readable(withUpdates(again, { iteration: 2 }))).toEqual(
      readable(withUpdates(root, { iteration: 2 })),
    );
  });

  it("may be larger than today's limits allow", () => {
    const large = branch("root", ...Array.from({ length: 10_500 }, () => leaf("a")));
    const rows = allRows(createTree(branch("root", leaf("a")))).slice(0, 1);
    const leaves = large.subTasks!.map((_, index): TaskRow => ({
      ...allRows(createTree(leaf("a")))[0]!,
      path: `${index}`,
    }));

    expect(treeOf(EPOCH, written([...rows, ...leaves], 1)).taskCount).toBe(10_501);
  });

  it("fails with an assertion when it has no root", () => {
    expect(() => treeOf(EPOCH, [])).toThrow("a job has no root row");
  });

  it("equals the current tree when it is read from stored rows and all later changes", () => {
    fc.assert(
      fc.property(scenarios({ updatesMax: 1 }), (scenario) => {
        const trees = treesAndTheirRows(play(scenario));

        expect(trees.map(({ rows }) => readable(treeOf(EPOCH, rows)))).toEqual(
          trees.map(({ tree }) => readable(tree)),
        );
      }),
      { numRuns: 200 },
    );
  });
});

describe("a change that is applied elsewhere", () => {
  it("leaves the same tree, stamps, shared parts and size as the change itself, at each step of any history", () => {
    fc.assert(
      fc.property(scenarios({ updatesMax: 1 }), (scenario) => {
        const changes = changesOf(play(scenario));

        const copies = applyAll(changes);

        expect(copies.map(({ after }) => exactTree(after))).toEqual(
          changes.map(({ after }) => exactTree(after)),
        );
        expect(copies.map(({ before, after }) => sharedParts(before, after))).toEqual(
          changes.map(({ before, after }) => sharedParts(before, after)),
        );
        expect(copies.map(growthOf)).toEqual(changes.map(growthOf));
      }),
      { numRuns: 100 },
    );
  });

  it("leaves the same sums and rows after reports of several updates, which may cancel each other out", () => {
    fc.assert(
      fc.property(scenarios(), (scenario) => {
        const changes = changesOf(play(scenario));

        const copies = applyAll(changes);

        expect(copies.map(({ after }) => unstamped(after))).toEqual(
          changes.map(({ after }) => unstamped(after)),
        );
      }),
      { numRuns: 100 },
    );
  });

  it("replaces the same parts of a long list as the change itself", () => {
    const path = fc.nat(1_099).map(String);
    const update = fc.record({ path, done: fc.constant(3) });
    const step = fc.oneof(
      fc.array(update, { minLength: 1, maxLength: 40 }).map(reporting),
      fc.integer({ min: 1, max: 40 }).map(growing),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 5 }), (steps) => {
        const end = reporting([{ path: "", status: "FINISHED" }]);
        let writer = createTree(branch("root", ...Array.from({ length: 1_100 }, () => leaf("a", 5))));
        let copy = writer;
        for (const [index, make] of [...steps, end].entries()) {
          const edit = editAt(NOW, index + 2);
          const after = make(writer, edit);
          const { task } = applyRows(copy, changeOfTree(writer, after).rows, edit.stamp);
          expect(exactTree(task)).toEqual(exactTree(after));
          expect(sharedParts(copy, task)).toEqual(sharedParts(writer, after));
          [writer, copy] = [after, task];
        }
      }),
      { numRuns: 20 },
    );
  });

  it("continues from a tree that was read back", () => {
    fc.assert(
      fc.property(scenarios({ updatesMax: 1 }), fc.nat(40), (scenario, stop) => {
        const steps = play(scenario);
        const histories = treesAndTheirRows(steps);
        const at = stop % histories.length;
        const rest = changesOf(steps).slice(at + 1);

        const copies = applyAll(rest, treeOf(EPOCH, histories[at]!.rows));

        expect(copies.map(({ after }) => readable(after))).toEqual(rest.map(({ after }) => readable(after)));
      }),
      { numRuns: 100 },
    );
  });

  it("fails with an assertion if its rows are not in order, or do not fit the tree", () => {
    const tree = createTree(SPEC);
    const rows = changeOfTree(tree, withUpdates(tree, { status: "RUNNING" }, { status: "FINISHED" })).rows;
    const apply =
      (...changed: readonly TaskRow[]) =>
      () =>
        applyRows(tree, changed, Stamp.of(EPOCH, 9));

    expect(apply(...rows.toReversed())).toThrow("not in the order of their tasks");
    expect(apply({ ...rows[1]!, path: "1" })).toThrow("a row of kind LEAF for a task of kind INTERMEDIATE");
    expect(apply({ ...rows[1]!, path: "1.0.0" })).toThrow("a leaf has no sub-tasks");
    expect(apply({ ...rows[1]!, path: "7" })).toThrow("a new sub-task has another place than the last");
    expect(apply({ ...rows[1]!, path: "7.0" })).toThrow("a new task has no row");
  });
});

/** A change of a tree, with the rows that its entry has; `before` is undefined if it was stored. */
interface ChangeOfTree {
  readonly before: Task | undefined;
  readonly after: Task;
  readonly rows: readonly TaskRow[];
  /** 0 if it was stored. */
  readonly growth: number;
  readonly revision: number;
}

function changesOf(steps: readonly Step[]): ChangeOfTree[] {
  let last: { tree: Task; attempt: number } | undefined;
  return steps.flatMap(({ actual, job }) => {
    if (actual.outcome !== "changed" || job?.kind !== "userTask") return [];
    const before = last?.attempt === job.attempt ? last.tree : undefined;
    last = { tree: job.task, attempt: job.attempt };
    const stored = { rows: allRows(job.task), growth: 0 };
    const change = before ? changeOfTree(before, job.task) : stored;
    return [{ before, after: job.task, ...change, revision: actual.revision }];
  });
}

function reporting(updates: readonly TaskUpdate[]) {
  return (tree: Task, edit: Edit): Task =>
    updates.reduce((task, update) => updateTask(task, update, edit), tree);
}

function growing(count: number) {
  const specs = Array.from({ length: count }, () => leaf("more", 1));
  return (tree: Task, edit: Edit): Task => addTasks(tree, "", specs, edit);
}

/** Applies the rows of the changes, as JSON, to a copy of the tree. */
function applyAll(changes: readonly ChangeOfTree[], start?: Task) {
  let copy = start;
  return changes.map(({ before, rows, revision }) => {
    const base = before && copy;
    const read = JSON.parse(JSON.stringify(rows)) as TaskRow[];
    const { task, growth } = applyRows(base, read, Stamp.of(EPOCH, revision));
    copy = task;
    return { before: base, after: task, growth };
  });
}

/** The growth of an update. */
function growthOf({ before, growth }: Pick<ChangeOfTree, "before" | "growth">) {
  return before && growth;
}

function unstamped(root: Task): unknown {
  return preOrder(root).map(({ task, path }) => ({ ...flatTask(task), ownStamp: 0, path }));
}

/** Every tree of a job's history, with the rows that a journal would hold. */
function treesAndTheirRows(steps: readonly Step[]): { tree: Task; rows: VersionedRow[] }[] {
  const latest = new Map<string, VersionedRow>();
  let before: Task | undefined;
  let attempt = 0;
  return steps.flatMap(({ actual, job }) => {
    if (actual.outcome !== "changed" || job?.kind !== "userTask") return [];
    const isStored = job.attempt > attempt;
    if (isStored) latest.clear();
    const rows = isStored || !before ? allRows(job.task) : changeOfTree(before, job.task).rows;
    for (const row of rows) latest.set(row.path, { row, revision: actual.revision });
    [before, attempt] = [job.task, job.attempt];
    return [{ tree: job.task, rows: [...latest.values()] }];
  });
}
