import { describe, expect, it } from "vitest";
import { elapsedText } from "../../src/tasks/elapsed-text.js";
import { barText, percentText, progressOf } from "../../src/tasks/progress.js";
import { createTask } from "../../src/tasks/task-spec.js";
import { updateTask } from "../../src/tasks/task-update.js";
import type { Task } from "../../src/tasks/task.js";
import { preOrder } from "../../src/tasks/traverse.js";
import { branch, editAt, iterative, leaf } from "../kit/store/edits.js";

const START = 1_700_000_000_000;
const LATER = START + 42_000;

/** The reference case of GDS (`ListProgressDetailProcTest`), whose output Tidemark must match. */
describe("root{iterative fixed 2 x leaf(2), leaf(3)}, the first leaf done in 42 s and the second half done", () => {
  const stored = createTask(
    branch("root", iterative("iterative", "FIXED", 2, leaf("leafIterative", 2)), leaf("leaf", 3)),
    editAt(START, 1),
  );
  const begun = updateTask(stored, { path: "0.0", done: 2 }, editAt(START, 2));
  const ended = updateTask(begun, { path: "0.0", status: "FINISHED" }, editAt(LATER, 3));
  const root = updateTask(ended, { path: "0.1", done: 1 }, editAt(LATER, 4));
  const rows = preOrder(root).map(({ task }) => task);

  it("has the progress texts of gds.listProgress", () => {
    expect(rows.map((task) => percentText(progressOf(task)))).toEqual(["42.86%", "75%", "100%", "50%", "0%"]);
  });

  it("has the bars of gds.listProgress", () => {
    expect(rows.map((task) => barText(progressOf(task), 10))).toEqual([
      "[####~~~~~~]",
      "[#######~~~]",
      "[##########]",
      "[#####~~~~~]",
      "[~~~~~~~~~~]",
    ]);
  });

  it("has the statuses of gds.listProgress", () => {
    expect(rows.map((task) => task.status)).toEqual(["RUNNING", "RUNNING", "FINISHED", "RUNNING", "PENDING"]);
  });

  it("has the start times of gds.listProgress", () => {
    expect(rows.map((task) => task.startedAt)).toEqual([START, START, START, LATER, null]);
  });

  it("has the elapsed times of gds.listProgress", () => {
    expect(rows.slice(0, 4).map((task) => elapsedText(elapsedMs(task, LATER)))).toEqual([
      "42 seconds",
      "42 seconds",
      "42 seconds",
      "0 seconds",
    ]);
  });
});

describe("leaves of 100 and of an unknown volume, 50 done", () => {
  const stored = createTask(branch("root", leaf("a", 100), leaf("b")), editAt(START, 1));
  const root = updateTask(stored, { path: "0", done: 50 }, editAt(START, 2));

  it("show 50 of an unknown volume, as in GDS", () => {
    expect(progressOf(root)).toMatchObject({ done: 50, volume: null });
    expect([percentText(progressOf(root)), barText(progressOf(root), 10)]).toEqual(["n/a", "[~~~~n/a~~~]"]);
  });
});

/** The elapsed text of a task that has begun. */
function elapsedMs(task: Task, now: number): number {
  return (task.endedAt ?? now) - task.startedAt!;
}
