import { describe, expect, it } from "vitest";
import { Stamp } from "../../src/tasks/stamp.js";
import { createTask } from "../../src/tasks/task-spec.js";
import { updateTask } from "../../src/tasks/task-update.js";
import { preOrder } from "../../src/tasks/traverse.js";
import { AssertionError } from "../../src/util/assert.js";
import { branch, EPOCH, leaf, unnumberedEditAt } from "../kit/store/edits.js";

describe("a stamp", () => {
  it("can't be read before the journal has numbered the change", () => {
    const stamp = new Stamp();

    expect(() => stamp.revision).toThrow(AssertionError);
    expect(() => stamp.epoch).toThrow(AssertionError);
  });

  it("has the epoch and the revision that it was set to", () => {
    const stamp = new Stamp();
    stamp.set(EPOCH, 7);

    expect([stamp.epoch, stamp.revision]).toEqual([EPOCH, 7]);
  });

  it("can be at revision 0", () => {
    expect(Stamp.of(EPOCH, 0).revision).toBe(0);
  });

  it("is set once", () => {
    const stamp = Stamp.of(EPOCH, 7);

    expect(() => stamp.set(EPOCH, 8)).toThrow("stamped twice: 7, then 8");
    expect(stamp.revision).toBe(7);
  });

  it("is shared by all tasks of one change, so that setting it numbers them all", () => {
    const edit = unnumberedEditAt(0);
    const root = createTask(branch("root", leaf("a"), branch("b", leaf("c"))), edit);
    edit.stamp.set(EPOCH, 3);

    expect(preOrder(root).map(({ task }) => task.stamp.revision)).toEqual([3, 3, 3, 3]);
  });

  it("is not read by reducers, so a change may follow one that is not numbered yet", () => {
    const first = unnumberedEditAt(0);
    const second = unnumberedEditAt(1);
    const root = createTask(branch("root", leaf("a"), leaf("b")), first);
    const next = updateTask(root, { path: "0", status: "FINISHED" }, second);
    first.stamp.set(EPOCH, 1);
    second.stamp.set(EPOCH, 2);

    expect(preOrder(next).map(({ task }) => task.stamp.revision)).toEqual([2, 2, 1]);
  });
});
