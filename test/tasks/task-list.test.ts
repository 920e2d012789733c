import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Stamp } from "../../src/tasks/stamp.js";
import { createTaskList, type TaskList } from "../../src/tasks/task-list.js";
import type { Task } from "../../src/tasks/task.js";
import { EPOCH, leaf } from "../kit/store/edits.js";
import { createTree } from "./sample-trees.js";

/** Lengths around which a list needs another part or level. */
const LENGTHS = [0, 1, 31, 32, 33, 64, 65, 1_023, 1_024, 1_025, 1_056, 1_057, 2_100];

const STORED = Stamp.of(EPOCH, 1);
const CHANGED = Stamp.of(EPOCH, 2);

function taskOf(index: number, stamp: Stamp): Task {
  return { ...createTree(leaf(`leaf ${index}`)), stamp, ownStamp: stamp };
}

function tasksOf(length: number): Task[] {
  return Array.from({ length }, (_, index) => taskOf(index, STORED));
}

/** The list of `tasks`, built by appending. */
function appended(tasks: readonly Task[]): TaskList<Task> {
  return tasks.reduce((list: TaskList<Task>, task) => list.append(task, STORED), createTaskList([], STORED));
}

function newIn(after: TaskList<Task>, before: TaskList<Task> | undefined): [number, Task][] {
  const found: [number, Task][] = [];
  after.forEachNew(before, (task, index) => found.push([index, task]));
  return found;
}

function enteredIn(list: TaskList<Task>, revision: number): [number, Task][] {
  const found: [number, Task][] = [];
  list.forEach(
    ({ stamp }) => stamp.revision > revision,
    (task, index) => found.push([index, task]),
  );
  return found;
}

/** A length, and an index in a list of that length. */
const places = fc
  .integer({ min: 1, max: 2_100 })
  .chain((length) => fc.record({ length: fc.constant(length), at: fc.nat(length - 1) }));

describe.each(LENGTHS)("a list of %d tasks", (length) => {
  const tasks = tasksOf(length);

  it.each([
    ["made at once", createTaskList(tasks, STORED)],
    ["made one by one", appended(tasks)],
  ])("%s has exactly the tasks at their indexes", (_, list) => {
    expect(list.length).toBe(length);
    expect(list.toArray()).toEqual(tasks);
    expect(tasks.every((task, index) => list.at(index) === task)).toBe(true);
    expect([list.at(length), list.at(length + 40), list.at(100_000)]).toEqual(Array(3).fill(undefined));
    expect(newIn(list, undefined)).toEqual([...tasks.entries()]);
  });

  it("reports exactly the tasks that were added since the previous list", () => {
    const before = createTaskList(tasks, STORED);
    const more = Array.from({ length: 70 }, (_, index) => taskOf(length + index, CHANGED));
    const after = more.reduce((list: TaskList<Task>, task) => list.append(task, CHANGED), before);

    expect(after.toArray()).toEqual([...tasks, ...more]);
    expect(newIn(after, before)).toEqual(more.map((task, index) => [length + index, task]));
    expect(enteredIn(after, 1)).toEqual(newIn(after, before));
  });

  it("is the same list when no task is replaced", () => {
    const list = createTaskList(tasks, STORED);

    expect(list.map(0, length, (task) => task, CHANGED)).toBe(list);
  });
});

describe("a list with some tasks replaced", () => {
  it("keeps the others, and finds the new ones by the previous list and by their stamp", () => {
    fc.assert(
      fc.property(places, fc.nat(100), ({ length, at }, count) => {
        const tasks = tasksOf(length);
        const before = createTaskList(tasks, STORED);
        const after = before.map(at, at + count, ({ taskCount }) => taskOf(taskCount, CHANGED), CHANGED);
        const replaced = [...after.toArray().entries()].slice(at, at + count);

        expect(before.toArray()).toEqual(tasks);
        expect(after.toArray().filter((task, index) => task !== tasks[index])).toHaveLength(replaced.length);
        expect(newIn(after, before)).toEqual(replaced);
        expect(enteredIn(after, 1)).toEqual(replaced);
      }),
      { numRuns: 50 },
    );
  });

  it("is the same whether one task is set or all are mapped", () => {
    fc.assert(
      fc.property(places, ({ length, at }) => {
        const before = createTaskList(tasksOf(length), STORED);
        const task = taskOf(at, CHANGED);
        const after = before.with(at, task, CHANGED);

        expect(after.toArray()).toEqual(before.toArray().with(at, task));
        expect(newIn(after, before)).toEqual([[at, task]]);
        expect(after).toEqual(before.map(at, at + 1, () => task, CHANGED));
      }),
      { numRuns: 50 },
    );
  });

  it("shares all but the path to the task with the previous list", () => {
    const before = createTaskList(tasksOf(10_000), STORED);
    const after = before.map(5_000, 5_001, () => taskOf(5_000, CHANGED), CHANGED);
    let looked = 0;
    after.forEach(
      ({ stamp }) => (looked++, stamp === CHANGED),
      () => {},
    );

    expect(looked).toBeLessThanOrEqual(3 * 32);
  });
});
