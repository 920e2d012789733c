import { describe, expect, it } from "vitest";
import {
  jobPredicateFor,
  isUnfiltered,
  searchText,
  type ListFilter,
} from "../../../src/web/jobs/list-filter.js";
import { createWatchedJob, createWatchedTask } from "../../kit/delivery/watched-jobs.js";

const ALL: ListFilter = { user: undefined, statuses: [], search: "" };

const JOB = createWatchedJob({
  username: "Alice",
  jobId: "wiki-7",
  health: "LOST",
  task: createWatchedTask({ description: "Import Links cafe\u0301" }),
});

describe("A filter", () => {
  it.each<[Partial<ListFilter>, boolean]>([
    [{}, true],
    [{ user: "Alice" }, true],
    [{ user: "alice" }, false],
    [{ statuses: ["RUNNING"] }, false],
    [{ statuses: ["RUNNING", "LOST"] }, true],
    [{ statuses: ["LOST", "FAILED"] }, true],
    [{ statuses: ["FAILED", "SILENT"] }, false],
    [{ search: "links  ALICE" }, true],
    [{ search: "links bob" }, false],
    [{ search: "caf\u00e9" }, true],
    [{ search: "wiki", statuses: ["FINISHED"] }, false],
  ])("%o matches a lost job of Alice: %s", (filter, isListed) => {
    expect(jobPredicateFor({ ...ALL, ...filter })(JOB, searchText(JOB))).toBe(isListed);
  });

  it("is empty if the search is blank", () => {
    expect([isUnfiltered({ ...ALL, search: " " }), isUnfiltered({ ...ALL, search: "x" })]).toEqual([
      true,
      false,
    ]);
  });
});
