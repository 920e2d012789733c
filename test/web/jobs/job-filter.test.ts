import { describe, expect, it } from "vitest";
import { filterBy, isOpen, searchText, type JobFilter } from "../../../src/web/jobs/job-filter.js";
import { aJob, aTask } from "../../kit/watched-jobs.js";

const ALL: JobFilter = { user: undefined, standings: [], search: "" };

const JOB = aJob({
  username: "Alice",
  jobId: "wiki-7",
  health: "LOST",
  task: aTask({ description: "Import Links cafe\u0301" }),
});

describe("A filter", () => {
  it.each<[Partial<JobFilter>, boolean]>([
    [{}, true],
    [{ user: "Alice" }, true],
    [{ user: "alice" }, false],
    [{ standings: ["RUNNING"] }, true],
    [{ standings: ["LOST", "FAILED"] }, true],
    [{ standings: ["FAILED", "SILENT"] }, false],
    [{ search: "links  ALICE" }, true],
    [{ search: "links bob" }, false],
    [{ search: "caf\u00e9" }, true],
    [{ search: "wiki", standings: ["FINISHED"] }, false],
  ])("%o lets a lost job of Alice through: %s", (filter, isListed) => {
    expect(filterBy({ ...ALL, ...filter })(JOB, searchText(JOB))).toBe(isListed);
  });

  it("is open while nothing is asked for", () => {
    expect([isOpen({ ...ALL, search: " " }), isOpen({ ...ALL, search: "x" })]).toEqual([true, false]);
  });
});
