import { expect, it } from "vitest";
import { JobCounts } from "../../../src/web/jobs/job-counts.js";
import { createWatchedJob, createWatchedTask } from "../../kit/delivery/watched-jobs.js";

it("JobCounts follows changes, and counts a lost job by its status too", () => {
  const counts = new JobCounts();
  const running = createWatchedJob({ username: "b" });
  const lost = createWatchedJob({ username: "b", health: "LOST" });
  const failed = createWatchedJob({ username: "a", task: createWatchedTask({ status: "FAILED" }) });

  counts.change(undefined, running);
  counts.change(running, lost);
  counts.change(undefined, failed);
  const before = [
    counts.total,
    counts.countOf("RUNNING"),
    counts.countOf("LOST"),
    counts.countOf("FAILED"),
    counts.users(),
  ];
  counts.change(lost, undefined);

  expect(before).toEqual([2, 1, 1, 1, ["a", "b"]]);
  expect([counts.total, counts.countOf("RUNNING"), counts.countOf("LOST"), counts.users()]).toEqual([
    1,
    0,
    0,
    ["a"],
  ]);
});
