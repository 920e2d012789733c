import { describe, expect, it } from "vitest";
import { ExpandedTasks, visibleTasks } from "../../../src/web/job/visible-tasks.js";
import { NO_VALUE, taskElapsedText } from "../../../src/web/jobs/job-texts.js";
import { ELAPSED_CASES } from "../../kit/delivery/elapsed-cases.js";
import { WATCHED_NOW } from "../../kit/delivery/watched-jobs.js";

describe("The elapsed time on the dashboard", () => {
  it.each(ELAPSED_CASES)("of $title is $elapsed", ({ job, row = 0, skew = 0, elapsed = NO_VALUE }) => {
    const rows = visibleTasks(job.task, new ExpandedTasks());

    expect(taskElapsedText(job, rows[row]!, WATCHED_NOW + skew * 1_000)).toBe(elapsed);
  });
});
