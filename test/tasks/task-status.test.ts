import { describe, expect, it } from "vitest";
import { hasEnded, TASK_STATUSES, transition, TRANSITIONS } from "../../src/tasks/task-status.js";
import { errorWithCode } from "./sample-trees.js";

describe("the table of transitions", () => {
  it.each([
    ["PENDING", "begin", "RUNNING"],
    ["PENDING", "cancel", "CANCELED"],
    ["RUNNING", "finish", "FINISHED"],
    ["RUNNING", "cancel", "CANCELED"],
    ["RUNNING", "fail", "FAILED"],
  ] as const)("leads from %s by %s to %s", (status, action, next) => {
    expect(transition({ description: "load", status }, action)).toBe(next);
  });

  it.each([
    ["PENDING", "finish", "finished"],
    ["PENDING", "fail", "failed"],
    ["RUNNING", "begin", "started"],
    ["FINISHED", "begin", "started"],
    ["FINISHED", "finish", "finished"],
    ["FINISHED", "cancel", "canceled"],
    ["FINISHED", "fail", "failed"],
    ["CANCELED", "begin", "started"],
    ["CANCELED", "finish", "finished"],
    ["CANCELED", "cancel", "canceled"],
    ["CANCELED", "fail", "failed"],
    ["FAILED", "begin", "started"],
    ["FAILED", "finish", "finished"],
    ["FAILED", "cancel", "canceled"],
    ["FAILED", "fail", "failed"],
  ] as const)("leads from %s by %s nowhere", (status, action, participle) => {
    const act = () => transition({ description: "load", status }, action);

    expect(act).toThrow(errorWithCode("ILLEGAL_TRANSITION"));
    expect(act).toThrow(`Task "load" is ${status} and cannot be ${participle}.`);
  });

  it("has a cell for each action on each status, and no other", () => {
    const actions = ["begin", "finish", "cancel", "fail"];

    expect(Object.keys(TRANSITIONS)).toEqual([...TASK_STATUSES]);
    expect(Object.values(TRANSITIONS).map((row) => Object.keys(row))).toEqual(
      TASK_STATUSES.map(() => actions),
    );
  });
});

describe("a status", () => {
  it("is one of five, in the order of a task's life", () => {
    expect(TASK_STATUSES).toEqual(["PENDING", "RUNNING", "FINISHED", "CANCELED", "FAILED"]);
  });

  it.each([
    ["PENDING", false],
    ["RUNNING", false],
    ["FINISHED", true],
    ["CANCELED", true],
    ["FAILED", true],
  ] as const)("%s has ended: %s", (status, ended) => {
    expect(hasEnded(status)).toBe(ended);
  });
});
