import { bench, run, summary } from "mitata";
import { DEFAULT_LIMITS } from "../src/protocol/limits.js";
import type { Edit } from "../src/tasks/edit.js";
import { Stamp } from "../src/tasks/stamp.js";
import { createTask, type TaskSpec } from "../src/tasks/task-spec.js";
import { updateTask } from "../src/tasks/task-update.js";

/**
 * What one report of one leaf costs by the shape of its tree: a new tree with one unit more done, made from
 * the one before it. Journal, hub and sockets are not in it.
 *
 * Run with `npx tsx bench/task-update.bench.ts`. CPU time, the least of 14 rounds, the shapes in turn (Node 20.20, AMD
 * EPYC, two cores shared with much other work; the ratios say more than the times):
 *
 *     10 wide                0.55 µs    1
 *     1,000 wide             0.63 µs    1.1
 *     10,000 wide            0.72 µs    1.3
 *     10,000 in 32 levels      11 µs   19
 *
 * So how many tasks stand beside each other hardly matters: of the list of sub-tasks (`TaskList`) three places of 32
 * are copied. In 32 levels 31 such parents are made anew, each over some 320.
 */

function leaves(count: number): TaskSpec[] {
  return Array.from({ length: count }, (_, index) => ({ description: `leaf ${index}`, volume: 1_000 }));
}

function wide(taskCount: number): TaskSpec {
  return { description: "root", subTasks: leaves(taskCount - 1) };
}

/** 32 levels, the tasks spread over them evenly; the leaf reported on is the deepest. */
function deep(taskCount: number): TaskSpec {
  const leavesALevel = Math.floor((taskCount - 31) / 31);
  return Array.from({ length: 30 }).reduce<TaskSpec>(
    (below, _, level) => ({ description: `level ${level}`, subTasks: [below, ...leaves(leavesALevel)] }),
    { description: "bottom", subTasks: leaves(taskCount - 31 - 30 * leavesALevel) },
  );
}

function benchOneLeaf(name: string, spec: TaskSpec, path: string): void {
  const edit: Edit = { now: 0, stamp: Stamp.of("epochOfBench", 1), limits: DEFAULT_LIMITS };
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
