import { describe, expect, it } from "vitest";
import { ratioOf, taskCount, treeRate } from "../../../src/web/jobs/job-facts.js";
import { createWatchedTask, progressOf } from "../../kit/delivery/watched-jobs.js";

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
