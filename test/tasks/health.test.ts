import { describe, expect, it } from "vitest";
import { healthDeclinesAt } from "../../src/tasks/health.js";
import { updateHealth, requestCancel } from "../../src/tasks/job-changes.js";
import { TASK_STATUSES } from "../../src/tasks/task-status.js";
import type { JobState, UserTask } from "../../src/tasks/user-task.js";
import { NEVER_SET, editAt } from "../kit/store/edits.js";
import { heartbeat, SAMPLE_JOB_KEY, LEASE_MS, removed, report, stored } from "./sample-jobs.js";

const TERMS = { lostAfterLeases: 3, clock: NEVER_SET };

describe("the health of a job", () => {
  it("is SILENT after a lease without a report, and LOST after three", () => {
    const silent = judged(stored(), LEASE_MS);
    const lost = judged(silent, 3 * LEASE_MS);
    expect([silent, lost].map(({ health }) => health)).toEqual(["SILENT", "LOST"]);
  });

  it("does not change before its lease is over: the job stays the same object", () => {
    const job = stored();
    const silent = judged(job, LEASE_MS);
    expect(judged(job, LEASE_MS - 1)).toBe(job);
    expect(judged(silent, 3 * LEASE_MS - 1)).toBe(silent);
  });

  it("stays SILENT for at least one lease, however late it is checked", () => {
    const silent = judged(stored(), 100 * LEASE_MS);
    expect(silent.health).toBe("SILENT");
    expect(judged(silent, 101 * LEASE_MS - 1)).toBe(silent);
    expect(judged(silent, 101 * LEASE_MS).health).toBe("LOST");
  });

  it("declines without a change of the tree", () => {
    const before = report(stored(), 10, [{ path: "0", done: 1 }]);
    const after = judged(before, 10 + LEASE_MS);
    const { health, version, stamp, changedAt, ...rest } = after;
    expect(before).toMatchObject(rest);
    expect({ health, version, changedAt }).toEqual({
      health: "SILENT",
      version: 3,
      changedAt: 10 + LEASE_MS,
    });
    expect(stamp.revision).toBe(7);
    expect(after.task).toBe(before.task);
  });

  it("stays LOST until the next report, which makes it OK", () => {
    const lost = judged(judged(stored(), LEASE_MS), 3 * LEASE_MS);
    expect(judged(lost, 1_000 * LEASE_MS)).toBe(lost);
    expect(heartbeat(lost, 1_000 * LEASE_MS).health).toBe("OK");
  });

  it("counts from the latest report that was committed, not from a request to cancel", () => {
    const job = report(stored(), 1_000, [{ path: "0", done: 1 }]);
    const requested = requestCancel(
      job,
      SAMPLE_JOB_KEY,
      { attempt: null, by: "bob", reason: null },
      editAt(5_000, 3),
    );
    expect(healthDeclinesAt(requested, TERMS)).toBe(1_000 + LEASE_MS);
  });

  it("depends on the lease of the job", () => {
    const job = stored({ leaseMs: 1_000 });
    expect(healthDeclinesAt(job, TERMS)).toBe(1_000);
    expect(healthDeclinesAt({ ...job, health: "SILENT" }, { ...TERMS, lostAfterLeases: 5 })).toBe(5_000);
  });

  it("counts from the start of leases when the report was earlier", () => {
    const terms = { ...TERMS, clock: { ...NEVER_SET, interruptedAt: 7_000 } };
    expect(healthDeclinesAt(stored(), terms)).toBe(7_000 + LEASE_MS);
    expect(healthDeclinesAt({ ...stored(), health: "SILENT" }, terms)).toBe(7_000 + 3 * LEASE_MS);
    expect(healthDeclinesAt({ ...stored(), reportedAt: 8_000 }, terms)).toBe(8_000 + LEASE_MS);
  });

  it.each(TASK_STATUSES.slice(2))("never declines once the job is %s", (status) => {
    const ended = report(stored(), 10, [{ path: "", status }]);
    expect(healthDeclinesAt(ended, TERMS)).toBe(Infinity);
    expect(judged(ended, 1_000 * LEASE_MS)).toBe(ended);
  });

  it("does not apply to jobs that are absent or removed", () => {
    const gone = removed(stored());
    expect(updateHealth(gone, TERMS, editAt(1_000 * LEASE_MS, 7))).toBe(gone);
    expect(updateHealth(undefined, TERMS, editAt(1_000 * LEASE_MS, 7))).toBeUndefined();
  });
});

function judged(job: JobState, now: number): UserTask {
  return updateHealth(job, TERMS, editAt(now, 7)) as UserTask;
}
