import { describe, expect, it } from "vitest";
import { ExpandedTasks, visibleTasks } from "../../../src/web/job/visible-tasks.js";
import { jobElapsedText, NO_VALUE, taskElapsedText } from "../../../src/web/jobs/job-texts.js";
import { ELAPSED_CASES } from "../../kit/delivery/elapsed-cases.js";
import { WATCHED_NOW } from "../../kit/delivery/watched-jobs.js";

describe("The elapsed time on the dashboard", () => {
  it.each(ELAPSED_CASES)("of $title is '$elapsed'", ({ job, subTask, skew = 0, elapsed }) => {
    const now = WATCHED_NOW + skew * 1_000;
    const row = visibleTasks(job.task, new ExpandedTasks())[subTask === undefined ? 0 : subTask + 1]!;

    expect(taskElapsedText(job, row, now)).toBe(elapsed || NO_VALUE);
    expect(subTask ?? jobElapsedText(job, now)).toBe(subTask ?? (elapsed || NO_VALUE));
  });
});
