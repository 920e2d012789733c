import { describe, expect, it } from "vitest";
import { LeasedJobs, type LeasedJob } from "../../src/store/leased-jobs.js";
import type { UserTask } from "../../src/tasks/user-task.js";
import { jobKey } from "../kit/journal/entries.js";
import { LEASE_MS, removed, report, stored } from "../tasks/sample-jobs.js";
import { NEVER_SET } from "../kit/store/edits.js";

const TERMS = { lostAfterLeases: 3, clock: NEVER_SET };

describe("leased jobs", () => {
  it("are returned once they are due, longest due first", () => {
    const leased = new LeasedJobs(TERMS);
    put(leased, jobOf("b", 20), jobOf("a", 10), jobOf("c", 30));
    expect(leased.nextCheckAt).toBe(10 + LEASE_MS);
    expect(namesAt(leased, 9 + LEASE_MS)).toEqual([]);
    expect(namesAt(leased, 20 + LEASE_MS)).toEqual(["a", "b"]);
  });

  it("stay until their health has declined, and may be returned twice", () => {
    const leased = new LeasedJobs(TERMS);
    put(leased, jobOf("a", 10));
    expect([namesAt(leased, 2 * LEASE_MS), namesAt(leased, 2 * LEASE_MS)]).toEqual([["a"], ["a"]]);
  });

  it("are checked at the end of their lease, not at each report", () => {
    const leased = new LeasedJobs(TERMS);
    let [entry] = put(leased, jobOf("a", 0));
    for (const now of [100, 200, 300]) {
      const next = leased.replace(entry, jobOf("a", now));
      expect(next).toBe(entry);
      entry = next;
    }
    expect(leased.nextCheckAt).toBe(LEASE_MS);
    expect(namesAt(leased, LEASE_MS)).toEqual([]);
    expect(leased.nextCheckAt).toBe(300 + LEASE_MS);
    expect(namesAt(leased, 300 + LEASE_MS)).toEqual(["a"]);
  });

  it("are checked up to a count, the others at the next call", () => {
    const leased = new LeasedJobs(TERMS);
    put(leased, jobOf("a", 10), jobOf("b", 20), jobOf("c", 30));
    expect(leased.findDeclining(LEASE_MS * 2, 2).map(({ username }) => username)).toEqual(["a", "b"]);
  });

  it("are checked earlier if the lease became shorter or the clock was set back", () => {
    const leased = new LeasedJobs(TERMS);
    const [a, b] = put(leased, jobOf("a", 1_000), jobOf("b", 1_000));
    leased.replace(a, jobOf("a", 500));
    leased.replace(b, { ...jobOf("b", 1_000), leaseMs: 10 });
    expect(leased.nextCheckAt).toBe(1_010);
    expect(namesAt(leased, 500 + LEASE_MS)).toEqual(["b", "a"]);
  });

  it("wait for the next step after the first", () => {
    const leased = new LeasedJobs(TERMS);
    const [a] = put(leased, jobOf("a", 0));
    leased.replace(a, { ...jobOf("a", 0), health: "SILENT" });
    expect(leased.nextCheckAt).toBe(3 * LEASE_MS);
  });

  it.each([
    ["has ended", report(stored(), 10, [{ path: "", status: "FINISHED" }])],
    ["is LOST", { ...stored(), health: "LOST" as const }],
    ["is gone", removed(stored())],
  ])("exclude a job that %s", (_, state) => {
    const leased = new LeasedJobs(TERMS);
    const [entry] = put(leased, jobOf("a", 0));
    expect(leased.replace(entry, state)).toBeUndefined();
    expect(leased.nextCheckAt).toBe(Infinity);
    expect(leased.replace(undefined, state)).toBeUndefined();
  });
});

/** A job that reported at this instant. */
function jobOf(username: string, reportedAt: number): UserTask {
  return { ...STORED, username: jobKey(username, "job").username, reportedAt };
}

const STORED = stored();

function put(leased: LeasedJobs, ...jobs: readonly UserTask[]): (LeasedJob | undefined)[] {
  return jobs.map((job) => leased.replace(undefined, job));
}

function namesAt(leased: LeasedJobs, now: number): string[] {
  return leased.findDeclining(now, 1_000).map(({ username }) => username);
}
