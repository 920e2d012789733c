import { describe, expect, it } from "vitest";
import { jobElapsedMs, ratioOf, taskCount, treeRate } from "../../../src/web/jobs/job-facts.js";
import {
  createWatchedJob,
  createWatchedTask,
  WATCHED_NOW,
  progressOf,
  secondsAgo,
} from "../../kit/delivery/watched-jobs.js";

describe("What is worked out of a job", () => {
  it("is how far it has come, where that is known", () => {
    expect([progressOf(3, 12), progressOf(3, null)].map(ratioOf)).toEqual([0.25, null]);
  });

  it("is the rate of all that runs", () => {
    const ended = createWatchedTask({ status: "FINISHED", rate: null });
    const tree = createWatchedTask({
      subTasks: [
        createWatchedTask({ rate: 2 }),
        createWatchedTask({ rate: 0.5 }),
        createWatchedTask(),
        ended,
      ],
    });

    expect(treeRate(createWatchedTask({ subTasks: [tree, ended] }))).toBe(2.5);
    expect(treeRate(createWatchedTask({ subTasks: [createWatchedTask(), ended] }))).toBeNull();
  });

  it("is how many tasks it has", () => {
    expect(
      taskCount(
        createWatchedTask({
          subTasks: [createWatchedTask({ subTasks: [createWatchedTask()] }), createWatchedTask()],
        }),
      ),
    ).toBe(4);
  });
});

describe("The clock of a job", () => {
  it("goes on while it runs", () => {
    expect(jobElapsedMs(createWatchedJob(), WATCHED_NOW)).toBe(60_000);
  });

  it("is not behind what the server has told, when the viewer's clock is", () => {
    expect(jobElapsedMs(createWatchedJob(), WATCHED_NOW - 3_600_000)).toBe(55_000);
  });

  it.each(["SILENT", "LOST"] as const)("stands still at the latest report of one that is %s", (health) => {
    expect(jobElapsedMs(createWatchedJob({ health, reportedAt: secondsAgo(40) }), WATCHED_NOW)).toBe(20_000);
  });

  it("stands still at the end", () => {
    const task = createWatchedTask({ status: "FINISHED", endedAt: secondsAgo(50) });

    expect(jobElapsedMs(createWatchedJob({ task }), WATCHED_NOW)).toBe(10_000);
  });

  it("of a task that was left running stands still at the end of the job", () => {
    const left = createWatchedTask();

    expect(
      jobElapsedMs(
        createWatchedJob({ endedAt: secondsAgo(10), reportedAt: secondsAgo(10) }),
        WATCHED_NOW,
        left,
      ),
    ).toBe(50_000);
  });

  it("has not begun before the job", () => {
    expect(
      jobElapsedMs(
        createWatchedJob({ task: createWatchedTask({ status: "PENDING", startedAt: null }) }),
        WATCHED_NOW,
      ),
    ).toBeNull();
  });
});
