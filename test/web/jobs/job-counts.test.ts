import { expect, it } from "vitest";
import { JobCounts } from "../../../src/web/jobs/job-counts.js";
import { aJob, aTask } from "../../kit/watched-jobs.js";

it("The counts of jobs follow what changes, a lost one in its status too", () => {
  const counts = new JobCounts();
  const running = aJob({ username: "b" });
  const lost = aJob({ username: "b", health: "LOST" });
  const failed = aJob({ username: "a", task: aTask({ status: "FAILED" }) });

  counts.change(undefined, running);
  counts.change(running, lost);
  counts.change(undefined, failed);
  const before = [counts.total, counts.of("RUNNING"), counts.of("LOST"), counts.of("FAILED"), counts.users()];
  counts.change(lost, undefined);

  expect(before).toEqual([2, 1, 1, 1, ["a", "b"]]);
  expect([counts.total, counts.of("RUNNING"), counts.of("LOST"), counts.users()]).toEqual([1, 0, 0, ["a"]]);
});
