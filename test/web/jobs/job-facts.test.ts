import { describe, expect, it } from "vitest";
import { elapsedMs, ratioOf, taskCount, treeRate } from "../../../src/web/jobs/job-facts.js";
import { aJob, aTask, NOW, progressOf, secondsAgo } from "../../kit/watched-jobs.js";

describe("What is worked out of a job", () => {
  it("is how far it has come, where that is known", () => {
    expect([progressOf(3, 12), progressOf(3, null)].map(ratioOf)).toEqual([0.25, null]);
  });

  it("is the rate of all that runs", () => {
    const ended = aTask({ status: "FINISHED", rate: null });
    const tree = aTask({ subTasks: [aTask({ rate: 2 }), aTask({ rate: 0.5 }), aTask(), ended] });

    expect(treeRate(aTask({ subTasks: [tree, ended] }))).toBe(2.5);
    expect(treeRate(aTask({ subTasks: [aTask(), ended] }))).toBeNull();
  });

  it("is how many tasks it has", () => {
    expect(taskCount(aTask({ subTasks: [aTask({ subTasks: [aTask()] }), aTask()] }))).toBe(4);
  });
});

describe("The clock of a job", () => {
  it("goes on while it runs", () => {
    expect(elapsedMs(aJob(), NOW)).toBe(60_000);
  });

  it("is not behind what the server has told, when the viewer's clock is", () => {
    expect(elapsedMs(aJob(), NOW - 3_600_000)).toBe(55_000);
  });

  it.each(["SILENT", "LOST"] as const)("stands still at the latest report of one that is %s", (health) => {
    expect(elapsedMs(aJob({ health, reportedAt: secondsAgo(40) }), NOW)).toBe(20_000);
  });

  it("stands still at the end", () => {
    const task = aTask({ status: "FINISHED", endedAt: secondsAgo(50) });

    expect(elapsedMs(aJob({ task }), NOW)).toBe(10_000);
  });

  it("of a task that was left running stands still at the end of the job", () => {
    const left = aTask();

    expect(elapsedMs(aJob({ endedAt: secondsAgo(10), reportedAt: secondsAgo(10) }), NOW, left)).toBe(50_000);
  });

  it("has not begun before the job", () => {
    expect(elapsedMs(aJob({ task: aTask({ status: "PENDING", startedAt: null }) }), NOW)).toBeNull();
  });
});
