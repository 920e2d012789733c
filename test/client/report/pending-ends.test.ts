import { describe, expect, it } from "vitest";
import type { JobSync } from "../../../src/client/report/job-sync.js";
import { ENDS_WHILE_ABSENT_MAX, PendingEnds } from "../../../src/client/report/pending-ends.js";
import { ManualClock } from "../../kit/deterministic/manual-clock.js";

const MINUTE_MS = 60_000;

describe("The ends that wait for a server", () => {
  it("are all kept while the server answers, however long it takes", () => {
    const { ends, clock } = pendingEnds(10_000);
    for (let minute = 0; minute < 60; minute++) {
      clock.advance(MINUTE_MS);
      ends.onProgress();
    }

    expect(ends.overflow).toBeUndefined();
  });

  it("are all kept for a minute without an answer, and then the newest 1,000", () => {
    const { ends, clock, jobs } = pendingEnds(ENDS_WHILE_ABSENT_MAX + 1);
    clock.advance(MINUTE_MS);
    expect(ends.overflow).toBeUndefined();
    clock.advance(1);
    expect(ends.overflow).toBe(jobs[0]);
    ends.delete(jobs[0]!);
    expect(ends.overflow).toBeUndefined();
  });

  it("are at most 100,000", () => {
    const { ends, jobs } = pendingEnds(100_001);

    expect(ends.overflow).toBe(jobs[0]);
  });

  it("resolve one by one", async () => {
    const { ends, jobs } = pendingEnds(2);
    const first = ends.waitFor(jobs[0]!);
    ends.delete(jobs[0]!);

    await expect(first).resolves.toBeUndefined();
  });
});

function pendingEnds(count: number): { ends: PendingEnds; clock: ManualClock; jobs: JobSync[] } {
  const clock = new ManualClock();
  const ends = new PendingEnds(1, clock, () => {});
  const jobs = Array.from({ length: count }, () => ({}) as JobSync); // only their identity matters
  for (const job of jobs) ends.add(job);
  return { ends, clock, jobs };
}
