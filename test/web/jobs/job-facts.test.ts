import { describe, expect, it } from "vitest";
import { jobElapsedMs, ratioOf, taskCount, treeRate } from "../../../src/web/jobs/job-facts.js";
import {
  createWatchedJob,
  createWatchedTask,
  WATCHED_NOW,
  progressOf,
  secondsAgo,
} from "../../kit/delivery/watched-jobs.js";

describe("The facts of a job", () => {
  it("include the ratio of its progress, if the volume is known", () => {
    expect([progressOf(3, 12), progressOf(3, null)].map(ratioOf)).toEqual([0.25, null]);
  });

  it("include the total rate of its running leaves", () => {
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

  it("include the number of its tasks", () => {
    expect(
      taskCount(
        createWatchedTask({
          subTasks: [createWatchedTask({ subTasks: [createWatchedTask()] }), createWatchedTask()],
        }),
      ),
    ).toBe(4);
  });
});

describe("The elapsed time of a job", () => {
  it("increases while it runs", () => {
    expect(jobElapsedMs(createWatchedJob(), WATCHED_NOW)).toBe(60_000);
  });

  it("reaches at least to its latest change when the viewer's clock is behind", () => {
    expect(jobElapsedMs(createWatchedJob(), WATCHED_NOW - 3_600_000)).toBe(55_000);
  });

  it.each(["SILENT", "LOST"] as const)("ends at the latest report of a job that is %s", (health) => {
    expect(jobElapsedMs(createWatchedJob({ health, reportedAt: secondsAgo(40) }), WATCHED_NOW)).toBe(20_000);
  });

  it("ends with the job", () => {
    const task = createWatchedTask({ status: "FINISHED", endedAt: secondsAgo(50) });

    expect(jobElapsedMs(createWatchedJob({ task }), WATCHED_NOW)).toBe(10_000);
  });

  it("of a task that was left running ends with the job", () => {
    const left = createWatchedTask();

    expect(
      jobElapsedMs(
        createWatchedJob({ endedAt: secondsAgo(10), reportedAt: secondsAgo(10) }),
        WATCHED_NOW,
        left,
      ),
    ).toBe(50_000);
  });

  it("is unknown before the job starts", () => {
    expect(
      jobElapsedMs(
        createWatchedJob({ task: createWatchedTask({ status: "PENDING", startedAt: null }) }),
        WATCHED_NOW,
      ),
    ).toBeNull();
  });
});
