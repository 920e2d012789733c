import { describe, expect, it } from "vitest";
import { endOf } from "../../src/tasks/user-task.js";
import { leaf } from "../kit/store/edits.js";
import { heartbeat, LEASE_MS, report, stored } from "./sample-jobs.js";

describe("the end of a job", () => {
  it("is not set while it runs", () => {
    expect(endOf(report(stored(), 10, [{ path: "", status: "RUNNING" }]))).toBeNull();
  });

  it("is not set while it is SILENT", () => {
    expect(endOf({ ...stored(), health: "SILENT" })).toBeNull();
  });

  it.each(["FINISHED", "CANCELED", "FAILED"] as const)("is the time at which it was %s", (status) => {
    expect(endOf(report(stored(), 10, [{ path: "", status }]))).toBe(10);
  });

  it("is its last report when it is LOST", () => {
    const reported = heartbeat(stored({ spec: leaf("a") }), LEASE_MS);

    expect(endOf({ ...reported, health: "LOST" })).toBe(LEASE_MS);
  });

  it("is not moved by a later report", () => {
    const ended = report(stored(), 10, [{ path: "", status: "FINISHED" }]);

    expect(endOf({ ...ended, health: "LOST", reportedAt: 500 })).toBe(10);
  });

  it("is set only when the root has ended", () => {
    expect(endOf(report(stored(), 10, [{ path: "0", status: "FAILED" }]))).toBeNull();
  });
});
