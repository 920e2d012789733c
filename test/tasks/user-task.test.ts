import { describe, expect, it } from "vitest";
import { expiresAt } from "../../src/tasks/user-task.js";
import { leaf } from "../kit/edits.js";
import { heartbeat, LEASE_MS, report, stored } from "./jobs.js";

const RETENTION_MS = 86_400_000;

describe("the time when a job will be forgotten", () => {
  it("is not set while it runs", () => {
    expect(expiresAt(report(stored(), 10, [{ path: "", status: "RUNNING" }]), RETENTION_MS)).toBeNull();
  });

  it("is not set while it is SILENT: it may still go on", () => {
    expect(expiresAt({ ...stored(), health: "SILENT" }, RETENTION_MS)).toBeNull();
  });

  it.each(["FINISHED", "CANCELED", "FAILED"] as const)("is a retention after it was %s", (status) => {
    expect(expiresAt(report(stored(), 10, [{ path: "", status }]), RETENTION_MS)).toBe(10 + RETENTION_MS);
  });

  it("is a retention after its last report when it is LOST", () => {
    const reported = heartbeat(stored({ spec: leaf("a") }), LEASE_MS);

    expect(expiresAt({ ...reported, health: "LOST" }, RETENTION_MS)).toBe(LEASE_MS + RETENTION_MS);
  });

  it("counts from the end, not from a report after it, when it has ended", () => {
    const ended = report(stored(), 10, [{ path: "", status: "FINISHED" }]);

    expect(expiresAt({ ...ended, health: "LOST", reportedAt: 500 }, RETENTION_MS)).toBe(10 + RETENTION_MS);
  });

  it("is set when the root has ended, whatever has ended below it", () => {
    expect(expiresAt(report(stored(), 10, [{ path: "0", status: "FAILED" }]), RETENTION_MS)).toBeNull();
  });
});
