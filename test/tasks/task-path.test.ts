import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resolvePath, childPath, taskAt } from "../../src/tasks/task-path.js";
import { preOrder } from "../../src/tasks/traverse.js";
import { branch, leaf } from "../kit/store/edits.js";
import { createTree, errorWithCode } from "./sample-trees.js";

const ROOT = createTree(branch("root", leaf("a"), branch("b", leaf("c"), leaf("d"), branch("e", leaf("f")))));

describe("the path of a task", () => {
  it.each([
    ["", [], "root"],
    ["0", [0], "a"],
    ["1", [1], "b"],
    ["1.0", [1, 0], "c"],
    ["1.2", [1, 2], "e"],
    ["1.2.0", [1, 2, 0], "f"],
  ])("%j stands for the child indexes %j", (text, path, description) => {
    expect(resolvePath(ROOT, text)).toEqual(path);
    expect(taskAt(ROOT, path)?.description).toBe(description);
  });

  it("counts children from 0 at every level", () => {
    const wide = createTree(branch("root", ...Array.from({ length: 1_200 }, () => leaf("a"))));

    expect(resolvePath(wide, "1199")).toEqual([1_199]);
    expect(() => resolvePath(wide, "1200")).toThrow(errorWithCode("NOT_FOUND"));
  });

  it.each([
    "2",
    "0.0",
    "1.3",
    "1.2.0.0",
    "999999999",
    "9999999999999999999",
    "1e0",
    "01",
    "1.",
    ".1",
    "1..2",
    "-0",
    "+1",
  ])("is rejected with NOT_FOUND when no task has it: %j", (text) => {
    expect(() => resolvePath(ROOT, text)).toThrow(errorWithCode("NOT_FOUND"));
  });

  it.each([" 1", "1 ", "1\n", "0x1", "1,0", "1/0", "root", "__proto__", "length", "٣"])(
    "is rejected with NOT_FOUND when it is malformed: %j",
    (text) => {
      expect(() => resolvePath(ROOT, text)).toThrow(errorWithCode("NOT_FOUND"));
    },
  );

  it("is rejected with a short NOT_FOUND when it is too long", () => {
    expect(() => resolvePath(ROOT, "1.".repeat(500_000) + "1")).toThrow(
      expect.objectContaining({ code: "NOT_FOUND", message: expect.stringMatching(/^.{0,1200}$/s) }),
    );
  });

  it("is named in the error when no task has it", () => {
    expect(() => resolvePath(ROOT, "1.7")).toThrow('The tree has no task at path "1.7"');
  });

  it("resolves to a task or fails with NOT_FOUND, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("0", "1", "2", ".", "x"), maxLength: 8 }), (text) => {
        expect(outcomeOf(text)).toMatch(/^(?:a task|NOT_FOUND)$/);
      }),
    );
  });
});

describe("the path of a sub-task", () => {
  it.each([
    ["", 0, "0"],
    ["0", 2, "0.2"],
    ["0.2", 1, "0.2.1"],
  ])("appends to %j the index %d: %s", (path, index, text) => {
    expect(childPath(path, index)).toBe(text);
  });

  it("leads to it from the root, for every task of the tree", () => {
    const found = preOrder(ROOT).map(({ path }) => taskAt(ROOT, resolvePath(ROOT, path)));

    expect(found).toEqual(preOrder(ROOT).map(({ task }) => task));
  });
});

function outcomeOf(text: string): string {
  try {
    return taskAt(ROOT, resolvePath(ROOT, text)) ? "a task" : "nothing";
  } catch (error) {
    return (error as { code: string }).code;
  }
}
