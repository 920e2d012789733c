import { describe, expect, it } from "vitest";
import { createTask, createTasks, ROOT_INSERTION_POINT, type TaskSpec } from "../../src/tasks/task-spec.js";
import type { ParentTask } from "../../src/tasks/task.js";
import { preOrder } from "../../src/tasks/traverse.js";
import { branch, editAt, iterative, leaf } from "../kit/store/edits.js";
import { at, iterativeAt, createTree, errorWithCode, levelsOf, withUpdates } from "./sample-trees.js";

/** A tree of one task per level, with `levels` levels. */
function chain(levels: number, bottom: TaskSpec = leaf("bottom")): TaskSpec {
  return Array.from({ length: levels - 1 }).reduce<TaskSpec>((spec) => branch("level", spec), bottom);
}

function leaves(count: number): TaskSpec[] {
  return Array.from({ length: count }, () => leaf("a"));
}

describe("createTask", () => {
  it("creates all tasks PENDING and without progress", () => {
    const root = createTree(branch("root", leaf("a", 10), branch("b", leaf("c"))));

    expect(preOrder(root).map(({ task }) => task)).toEqual(
      preOrder(root).map(() =>
        expect.objectContaining({
          status: "PENDING",
          startedAt: null,
          endedAt: null,
          message: null,
          done: 0,
          isExcluded: false,
        }),
      ),
    );
  });

  it("creates leaves, intermediate and iterative tasks", () => {
    const root = createTree(
      branch("root", leaf("a"), branch("b", leaf("c")), iterative("d", "OPEN", null, leaf("e"))),
    );

    expect(["", "0", "1", "2"].map((path) => at(root, path).kind)).toEqual([
      "INTERMEDIATE",
      "LEAF",
      "INTERMEDIATE",
      "ITERATIVE",
    ]);
  });

  it("sums volumes up to the root", () => {
    const root = createTree(branch("root", leaf("a", 10), branch("b", leaf("c", 5), leaf("d"), leaf("e"))));

    expect(root).toMatchObject({ done: 0, knownVolume: 15, unknownCount: 2, taskCount: 6 });
  });

  it("treats null as absent", () => {
    const root = createTree({
      description: "a",
      volume: null,
      subTasks: null,
      iterations: null,
      maxConcurrency: null,
    });

    expect(root).toMatchObject({ kind: "LEAF", volume: null, maxConcurrency: null });
  });

  it("NFC-normalizes descriptions", () => {
    expect(createTree(leaf("Zoe\u0308")).description).toBe("Zo\u00eb");
  });

  it("gives all tasks one stamp", () => {
    const edit = editAt(0, 4);

    expect(
      new Set(preOrder(createTask(branch("root", leaf("a"), leaf("b")), edit)).map(({ task }) => task.stamp)),
    ).toEqual(new Set([edit.stamp]));
  });
});

describe("the iterations of a new task", () => {
  it.each(["FIXED", "DYNAMIC"] as const)("are unrolled at once in %s: max times the list", (mode) => {
    const root = createTree(iterative("rounds", mode, 3, leaf("a", 2), leaf("b", 3)));

    expect(preOrder(root).map(({ task }) => task.description)).toEqual([
      "rounds",
      "a",
      "b",
      "a",
      "b",
      "a",
      "b",
    ]);
    expect(iterativeAt(root, "")).toMatchObject({ mode, maxIterations: 3, knownVolume: 15, taskCount: 7 });
  });

  it("are absent at first for OPEN, which has no max", () => {
    const root = iterativeAt(createTree(iterative("rounds", "OPEN", null, leaf("a", 2))), "");

    expect(root.subTasks.length).toBe(0);
    expect(root).toMatchObject({
      maxIterations: null,
      knownVolume: 0,
      unknownCount: 1,
    });
  });

  it("are unrolled inside iterations", () => {
    const root = createTree(iterative("outer", "FIXED", 2, iterative("inner", "FIXED", 3, leaf("a", 1))));

    expect(root).toMatchObject({ taskCount: 9, knownVolume: 6 });
  });

  it("share one object until they differ, so that a thousand cost as much as one", () => {
    const { subTasks } = createTree(
      iterative("rounds", "FIXED", 1_000, branch("round", leaf("a"))),
    ) as ParentTask;

    expect(new Set(subTasks.toArray()).size).toBe(1);
  });
});

describe("an invalid spec", () => {
  it.each<[string, TaskSpec]>([
    ["an empty description", leaf("")],
    ["a description of 257 bytes", leaf("a".repeat(257))],
    ["a control character in a description", leaf("a\nb")],
    ["sub-tasks and iterations", { ...branch("a", leaf("b")), ...iterative("a", "FIXED", 1, leaf("b")) }],
    ["an empty list of sub-tasks", branch("a")],
    [
      "an empty list of sub-tasks beside iterations",
      { ...iterative("a", "FIXED", 1, leaf("b")), subTasks: [] },
    ],
    ["an empty list of tasks to repeat", iterative("a", "FIXED", 2)],
    ["an empty list of tasks to repeat, OPEN", iterative("a", "OPEN", null)],
    ["a volume for a task with sub-tasks", { ...branch("a", leaf("b")), volume: 1 }],
    ["a volume of 0 for a task with sub-tasks", { ...branch("a", leaf("b")), volume: 0 }],
    ["a volume for a task that repeats", { ...iterative("a", "FIXED", 2, leaf("b")), volume: 1 }],
    ["a volume of 0 for a task that repeats", { ...iterative("a", "FIXED", 2, leaf("b")), volume: 0 }],
    ["a negative volume", leaf("a", -1)],
    ["half a unit of volume", leaf("a", 1.5)],
    ["a volume above 2^53 - 1", leaf("a", 2 ** 53)],
    ["a volume that is no number", leaf("a", Number.NaN)],
    ["no max for FIXED", iterative("a", "FIXED", null, leaf("b"))],
    ["no max for DYNAMIC", iterative("a", "DYNAMIC", null, leaf("b"))],
    ["a max of 0", iterative("a", "FIXED", 0, leaf("b"))],
    ["a negative max", iterative("a", "DYNAMIC", -1, leaf("b"))],
    ["half an iteration", iterative("a", "FIXED", 1.5, leaf("b"))],
    ["a max for OPEN", iterative("a", "OPEN", 3, leaf("b"))],
    ["a concurrency of 0", { ...leaf("a"), maxConcurrency: 0 }],
    ["a negative concurrency", { ...leaf("a"), maxConcurrency: -1 }],
    ["half a concurrency", { ...leaf("a"), maxConcurrency: 0.5 }],
  ])("is rejected with BAD_USER_INPUT for %s", (_, spec) => {
    expect(() => createTree(spec)).toThrow(errorWithCode("BAD_USER_INPUT"));
  });

  it("is rejected with a short message, however long the description is", () => {
    const long = { ...branch("a".repeat(1_000_000)), volume: 1 };

    expect(() => createTree(long)).toThrow(
      expect.objectContaining({ code: "BAD_USER_INPUT", message: expect.stringMatching(/^.{0,1000}$/) }),
    );
  });

  it("is rejected wherever in the tree the fault is", () => {
    const fault = branch("root", leaf("a"), iterative("b", "OPEN", null, branch("c", leaf("d", -1))));

    expect(() => createTree(fault)).toThrow('Invalid volume -1 of task "d"');
  });
});

describe("a tree", () => {
  it("has at most 10,000 tasks, including the root", () => {
    expect(createTree(branch("root", ...leaves(9_999))).taskCount).toBe(10_000);
    expect(() => createTree(branch("root", ...leaves(10_000)))).toThrow(errorWithCode("LIMIT_EXCEEDED"));
  });

  it("has at most 10,000 tasks with its iterations unrolled", () => {
    expect(createTree(iterative("rounds", "FIXED", 3_333, ...leaves(3))).taskCount).toBe(10_000);
    expect(() => createTree(iterative("rounds", "FIXED", 3_334, ...leaves(3)))).toThrow(
      errorWithCode("LIMIT_EXCEEDED"),
    );
  });

  it("has at most 10,000 tasks with iterations inside iterations unrolled", () => {
    const inner = (max: number) => iterative("inner", "FIXED", max, leaf("a"));

    expect(createTree(iterative("outer", "FIXED", 99, inner(100))).taskCount).toBe(10_000);
    expect(() => createTree(iterative("outer", "FIXED", 100, inner(100)))).toThrow(
      errorWithCode("LIMIT_EXCEEDED"),
    );
  });

  it("is rejected before it is unrolled, however many iterations it has", () => {
    expect(() => createTree(iterative("rounds", "FIXED", Number.MAX_SAFE_INTEGER, leaf("a")))).toThrow(
      errorWithCode("LIMIT_EXCEEDED"),
    );
  });

  it("reserves room for the first of its OPEN iterations", () => {
    const open = iterative("rounds", "OPEN", null, ...leaves(5_000));
    const root = createTree(branch("root", branch("closed", ...leaves(4_997)), open));

    expect(root.taskCount).toBe(10_000);
    expect(withUpdates(root, { path: "1", iteration: 1 }).taskCount).toBe(10_000);
  });

  it("is accepted or rejected regardless of the order of its tasks (law 16)", () => {
    const open = iterative("rounds", "OPEN", null, ...leaves(5_000));
    const closed = branch("closed", ...leaves(6_000));

    expect(outcomeOf(branch("root", closed, open))).toBe(outcomeOf(branch("root", open, closed)));
  });

  it("counts OPEN iterations that have not begun towards its bound (law 16)", () => {
    const open = iterative("outer", "OPEN", null, iterative("inner", "FIXED", 5_000, leaf("a")));

    expect(() => createTree(branch("root", open, open, open, open))).toThrow(errorWithCode("LIMIT_EXCEEDED"));
  });

  it("has at most 32 levels", () => {
    expect(levelsOf(createTree(chain(32)))).toBe(32);
    expect(() => createTree(chain(33))).toThrow(errorWithCode("LIMIT_EXCEEDED"));
  });

  it("has at most 32 levels, including the tasks of later iterations", () => {
    expect(levelsOf(createTree(chain(31, iterative("rounds", "OPEN", null, leaf("a")))))).toBe(32);
    expect(() => createTree(chain(32, iterative("rounds", "OPEN", null, leaf("a"))))).toThrow(
      errorWithCode("LIMIT_EXCEEDED"),
    );
  });

  it("is rejected without a stack overflow when it has a million levels", () => {
    expect(() => createTree(chain(1_000_000))).toThrow(errorWithCode("LIMIT_EXCEEDED"));
  });

  it.each([
    ["tasksPerTreeMax", branch("root", leaf("a"), leaf("b"))],
    ["levelsPerTreeMax", branch("root", branch("a", leaf("b")))],
  ])("is bounded by a setting, %s, which the error names", (limit, spec) => {
    const edit = editAt(0, 1, { [limit]: 2 });

    expect(() => createTask(spec, edit)).toThrow(
      expect.objectContaining({ extensions: { code: "LIMIT_EXCEEDED", limit } }),
    );
  });

  it("has volumes that sum to at most 2^53 - 1", () => {
    const { MAX_SAFE_INTEGER } = Number;

    expect(createTree(branch("root", leaf("a", MAX_SAFE_INTEGER - 1), leaf("b", 1))).knownVolume).toBe(
      MAX_SAFE_INTEGER,
    );
    expect(() => createTree(branch("root", leaf("a", MAX_SAFE_INTEGER), leaf("b", 1)))).toThrow(
      errorWithCode("LIMIT_EXCEEDED"),
    );
    expect(() => createTree(iterative("rounds", "FIXED", 2, leaf("a", MAX_SAFE_INTEGER)))).toThrow(
      errorWithCode("LIMIT_EXCEEDED"),
    );
  });
});

describe("the concurrency of a task", () => {
  it("is inherited by tasks below that have none of their own", () => {
    const root = createTree({ ...branch("root", leaf("a"), branch("b", leaf("c"))), maxConcurrency: 4 });

    expect(preOrder(root).map(({ task }) => task.maxConcurrency)).toEqual([4, 4, 4, 4]);
  });

  it("is overridden by a task below for itself and its own tasks", () => {
    const own = { ...branch("b", leaf("c")), maxConcurrency: 2 };
    const root = createTree({ ...branch("root", leaf("a"), own), maxConcurrency: 4 });

    expect(preOrder(root).map(({ task }) => task.maxConcurrency)).toEqual([4, 4, 2, 2]);
  });

  it("does not affect parents or siblings", () => {
    const own = { ...branch("b", leaf("c")), maxConcurrency: 2 };
    const root = createTree(branch("root", leaf("a"), own));

    expect(preOrder(root).map(({ task }) => task.maxConcurrency)).toEqual([null, null, 2, 2]);
  });

  it("is inherited by iterations", () => {
    const root = createTree({ ...iterative("rounds", "FIXED", 2, leaf("a")), maxConcurrency: 3 });

    expect(preOrder(root).map(({ task }) => task.maxConcurrency)).toEqual([3, 3, 3]);
  });
});

describe("createTasks", () => {
  const point = { level: 31, taskCount: 9_990, maxConcurrency: 5 };

  it("counts the tasks that the tree already has", () => {
    expect(createTasks(leaves(10), point, editAt(0, 1))).toHaveLength(10);
    expect(() => createTasks(leaves(11), point, editAt(0, 1))).toThrow(errorWithCode("LIMIT_EXCEEDED"));
  });

  it("counts levels from that of the parent", () => {
    expect(createTasks([chain(2)], point, editAt(0, 1))).toHaveLength(1);
    expect(() => createTasks([chain(3)], point, editAt(0, 1))).toThrow(errorWithCode("LIMIT_EXCEEDED"));
  });

  it("inherits the concurrency of the insertion point", () => {
    expect(createTasks([leaf("a")], point, editAt(0, 1))[0]?.maxConcurrency).toBe(5);
    expect(createTasks([leaf("a")], ROOT_INSERTION_POINT, editAt(0, 1))[0]?.maxConcurrency).toBeNull();
  });
});

function outcomeOf(spec: TaskSpec): string {
  try {
    return `${createTree(spec).taskCount} tasks`;
  } catch (error) {
    return (error as { code: string }).code;
  }
}
