import { describe, expect, it } from "vitest";
import {
  formatCursor,
  parseCursor,
  readPage,
  type PageArguments,
} from "../../../src/graphql/operations/page.js";
import { DEFAULT_LIMITS } from "../../../src/protocol/limits.js";
import { TidemarkError } from "../../../src/protocol/tidemark-error.js";
import { JobTable } from "../../../src/store/job-table.js";
import { MemoryBudget } from "../../../src/store/memory-budget.js";
import { storeJob } from "../../../src/tasks/job-changes.js";
import { parseDatabaseName, parseJobId, parseUsername } from "../../../src/tasks/names.js";
import type { UserTask } from "../../../src/tasks/user-task.js";
import { NEVER_SET, editAt, leaf } from "../../kit/store/edits.js";

const limits = { ...DEFAULT_LIMITS, pageSizeMax: 5, pageSizeDefault: 3 };

/** Jobs stored at the revisions 10, 20, … 90. */
const jobs = tableOf(10, 20, 30, 40, 50, 60, 70, 80, 90);

describe("a page", () => {
  it("begins with the newest job, and is as long as the default when no size is given", () => {
    expect(pageOf({})).toEqual({ stores: [90, 80, 70], hasPreviousPage: false, hasNextPage: true });
  });

  it("treats null as omitted", () => {
    expect(pageOf({ first: null, after: null, last: null, before: null })).toEqual(pageOf({}));
  });

  it("has the newest n for first: n", () => {
    expect(pageOf({ first: 2 })).toEqual({ stores: [90, 80], hasPreviousPage: false, hasNextPage: true });
  });

  it("continues after the cursor for first: n", () => {
    expect(pageOf({ first: 2, after: "80" })).toEqual({
      stores: [70, 60],
      hasPreviousPage: true,
      hasNextPage: true,
    });
  });

  it("is the last page when exactly n remain for first: n", () => {
    expect(pageOf({ first: 2, after: "30" })).toEqual({
      stores: [20, 10],
      hasPreviousPage: true,
      hasNextPage: false,
    });
  });

  it("is empty after the last job, with a previous page", () => {
    expect(pageOf({ first: 2, after: "10" })).toEqual({
      stores: [],
      hasPreviousPage: true,
      hasNextPage: false,
    });
  });

  it("has the oldest n, newest first, for last: n", () => {
    expect(pageOf({ last: 2 })).toEqual({ stores: [20, 10], hasPreviousPage: true, hasNextPage: false });
  });

  it("continues before the cursor for last: n", () => {
    expect(pageOf({ last: 2, before: "20" })).toEqual({
      stores: [40, 30],
      hasPreviousPage: true,
      hasNextPage: true,
    });
  });

  it("is the first page when exactly n remain for last: n", () => {
    expect(pageOf({ last: 2, before: "70" })).toEqual({
      stores: [90, 80],
      hasPreviousPage: false,
      hasNextPage: true,
    });
  });

  it("is empty before the first job, with a next page", () => {
    expect(pageOf({ last: 2, before: "90" })).toEqual({
      stores: [],
      hasPreviousPage: false,
      hasNextPage: true,
    });
  });

  it.each([
    [
      { first: 2, after: "80", before: "40" },
      { stores: [70, 60], hasPreviousPage: true, hasNextPage: true },
    ],
    [
      { first: 3, after: "80", before: "40" },
      { stores: [70, 60, 50], hasPreviousPage: true, hasNextPage: false },
    ],
    [
      { last: 2, after: "80", before: "40" },
      { stores: [60, 50], hasPreviousPage: true, hasNextPage: true },
    ],
    [
      { last: 3, after: "80", before: "40" },
      { stores: [70, 60, 50], hasPreviousPage: false, hasNextPage: true },
    ],
    [
      { first: 2, after: "40", before: "80" },
      { stores: [], hasPreviousPage: true, hasNextPage: false },
    ],
  ])("follows Relay between two cursors: %j", (args, expected) => {
    expect(pageOf(args)).toEqual(expected);
  });

  it("continues from the cursor of a removed job", () => {
    expect(pageOf({ first: 2, after: "55" }).stores).toEqual([50, 40]);
    expect(pageOf({ last: 2, before: "55" }).stores).toEqual([70, 60]);
  });

  it.each([
    [{ first: 0 }, { hasPreviousPage: false, hasNextPage: true }],
    [{ last: 0 }, { hasPreviousPage: true, hasNextPage: false }],
    [
      { first: 0, after: "90" },
      { hasPreviousPage: true, hasNextPage: true },
    ],
    [
      { first: 0, after: "10" },
      { hasPreviousPage: true, hasNextPage: false },
    ],
    [
      { last: 0, before: "10" },
      { hasPreviousPage: true, hasNextPage: true },
    ],
    [
      { last: 0, before: "90" },
      { hasPreviousPage: false, hasNextPage: true },
    ],
    [
      { first: 0, after: "80", before: "70" },
      { hasPreviousPage: true, hasNextPage: false },
    ],
  ])("is empty for a size of 0, and tells what is beside it: %j", (args, beside) => {
    expect(pageOf(args)).toEqual({ stores: [], ...beside });
  });

  it("is empty for a size of 0 in an empty list, without other pages", () => {
    expect(pageOf({ first: 0 }, tableOf())).toEqual(pageOf({ first: 2 }, tableOf()));
    expect(pageOf({ last: 0 }, tableOf())).toEqual(pageOf({ last: 2 }, tableOf()));
  });

  it("treats an empty cursor as omitted", () => {
    expect(pageOf({ first: 2, after: "", before: "" })).toEqual(pageOf({ first: 2 }));
    expect(pageOf({ last: 2, after: "", before: "" })).toEqual(pageOf({ last: 2 }));
    expect(pageOf({ after: "" })).toEqual(pageOf({}));
  });

  it("may be as long as the limit", () => {
    expect(pageOf({ first: 5 }).stores).toEqual([90, 80, 70, 60, 50]);
    expect(pageOf({ last: 5 }).stores).toEqual([50, 40, 30, 20, 10]);
  });

  it("is empty for an empty list, without other pages", () => {
    expect(pageOf({ first: 2, after: "80" }, tableOf())).toEqual({
      stores: [],
      hasPreviousPage: false,
      hasNextPage: false,
    });
  });
});

describe("an invalid page", () => {
  it.each([
    [{ first: 6 }, "first is 6; the limit is 5 (pageSizeMax)."],
    [{ last: 6 }, "last is 6; the limit is 5 (pageSizeMax)."],
  ])("is rejected with the name of the setting when it is too long: %j", (args, message) => {
    expect(errorOf(args)).toMatchObject({
      extensions: { code: "LIMIT_EXCEEDED", limit: "pageSizeMax" },
      message,
    });
  });

  it.each([
    [{ first: -1 }, "Invalid first -1: expected a whole number from 0 to 5"],
    [{ last: -1 }, "Invalid last -1: expected a whole number from 0 to 5"],
    [{ first: 0, last: 0 }, "first and last can't be combined"],
    [{ first: 1, after: " " }, 'Invalid after " ": expected a cursor'],
    [{ first: 1, last: 1 }, "first and last can't be combined"],
    [{ after: "0" }, 'Invalid after "'],
    [{ after: "-1" }, 'Invalid after "'],
    [{ after: "1.5" }, 'Invalid after "'],
    [{ after: "1e3" }, 'Invalid after "'],
    [{ after: " 1" }, 'Invalid after "'],
    [{ after: "9007199254740992" }, 'Invalid after "'],
    [{ after: "AAAAAAAAAAAA.7" }, 'Invalid after "'],
    [{ before: "x" }, 'Invalid before "x": expected a cursor'],
    [{ last: 1, after: "x" }, 'Invalid after "'],
  ])("is rejected: %j", (args, message) => {
    expect(errorOf(args)).toMatchObject({
      code: "BAD_USER_INPUT",
      message: expect.stringContaining(message),
    });
  });

  it("is rejected before anything is read", () => {
    expect(() => readPage({ first: -1 }, limits, unreadable)).toThrow(TidemarkError);
  });
});

describe("a cursor", () => {
  it.each([1, 42, Number.MAX_SAFE_INTEGER])(
    "parses to the revision %d that it was formatted from",
    (revision) => {
      expect(parseCursor("after", formatCursor(revision))).toBe(revision);
    },
  );
});

/** The page, with each job as the revision of its store. */
function pageOf(args: PageArguments, table = jobs) {
  const { userTasks, ...page } = readPage(args, limits, (window) => table.page({}, window));
  return { stores: userTasks.map(({ storedStamp }) => storedStamp.revision), ...page };
}

function unreadable(): never {
  throw new Error("read before the arguments were checked");
}

function errorOf(args: PageArguments): TidemarkError {
  try {
    pageOf(args);
  } catch (error) {
    if (error instanceof TidemarkError) return error;
    throw error;
  }
  throw new Error("the page was not rejected");
}

function tableOf(...revisions: readonly number[]): JobTable {
  const memory = new MemoryBudget(limits).open(parseDatabaseName("neo4j", limits));
  const table = new JobTable({ removalsKeptMax: 1, lostAfterLeases: 3, clock: NEVER_SET, memory });
  for (const revision of revisions) table.apply(jobStoredAt(revision), 1_000);
  return table;
}

function jobStoredAt(revision: number): UserTask {
  const request = {
    database: parseDatabaseName("neo4j", limits),
    username: parseUsername("alice", limits),
    jobId: parseJobId(`job-${revision}`, limits),
    spec: leaf("PageRank"),
    onConflict: "OVERWRITE",
    memory: null,
    leaseMs: 60_000,
    requestId: null,
  } as const;
  return storeJob(undefined, request, editAt(0, revision));
}
