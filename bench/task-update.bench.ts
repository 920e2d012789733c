import { bench, run, summary } from "mitata";
import { DEFAULT_LIMITS } from "../src/protocol/limits.js";
import type { Edit } from "../src/tasks/edit.js";
import { Stamp } from "../src/tasks/stamp.js";
import { createTask, type TaskSpec } from "../src/tasks/task-spec.js";
import { updateTask } from "../src/tasks/task-update.js";

/**
 * The cost of a report of one leaf by the shape of its tree: deriving a new tree with one more unit done from the previous
 * one. Journal, hub and sockets are not included.
 *
 * Run with `npx tsx bench/task-update.bench.ts`. CPU time, minimum of 14 interleaved rounds (Node 20.20, AMD EPYC, two
 * cores shared with much other work, so compare the ratios):
 *
 *     10 wide                0.55 µs    1
 *     1,000 wide             0.63 µs    1.1
 *     10,000 wide            0.72 µs    1.3
 *     10,000 in 32 levels      11 µs   19
 *
 * The number of siblings hardly matters: of the list of sub-tasks (`TaskList`) three nodes of 32 are copied. With 32
 * levels, 31 parents with about 320 sub-tasks each are copied.
 */

function leaves(count: number): TaskSpec[] {
  return Array.from({ length: count }, (_, index) => ({ description: `leaf ${index}`, volume: 1_000 }));
}

function wide(taskCount: number): TaskSpec {
  return { description: "root", subTasks: leaves(taskCount - 1) };
}

/** 32 levels with the tasks spread evenly. The benchmark updates the deepest leaf. */
function deep(taskCount: number): TaskSpec {
  const leavesPerLevel = Math.floor((taskCount - 31) / 31);
  return Array.from({ length: 30 }).reduce<TaskSpec>(
    (below, _, level) => ({ description: `level ${level}`, subTasks: [below, ...leaves(leavesPerLevel)] }),
    { description: "bottom", subTasks: leaves(taskCount - 31 - 30 * leavesPerLevel) },
  );
}

function benchOneLeaf(name: string, spec: TaskSpec, path: string): void {
  const edit: Edit = {
    now: 0,
    elapsedMs: () => 0,
    stamp: Stamp.of("epochOfBench", 1),
    limits: DEFAULT_LIMITS,
  };
  let root = createTask(spec, edit);
  bench(`${name} (${root.taskCount} tasks)`, () => {
    root = updateTask(root, { path, add: 1 }, edit);
    return root;
  }).gc("once");
}

summary(() => {
  benchOneLeaf("10 wide", wide(10), "5");
  benchOneLeaf("1,000 wide", wide(1_000), "500");
  benchOneLeaf("10,000 wide", wide(10_000), "5000");
  benchOneLeaf("10,000 in 32 levels", deep(10_000), Array.from({ length: 31 }, () => "0").join("."));
});

await run();
