import { describe, expect, it } from "vitest";
import { addTasksToJob, removeJob, applyReport, requestCancel } from "../../src/tasks/job-changes.js";
import { branch, editAt, leaf } from "../kit/store/edits.js";
import {
  grown,
  heartbeat,
  SAMPLE_JOB_KEY,
  LEASE_MS,
  logged,
  removed,
  report,
  stored,
  storedAgain,
  storeRequest,
} from "./sample-jobs.js";
import { errorWithCode } from "./sample-trees.js";

const START = { path: "0", done: 1 };
const END = { path: "", status: "FINISHED" } as const;
const QUARTER = LEASE_MS / 4;

/** Distinct request ids. */
function requestIds(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `request ${index}`);
}

describe("storeJob", () => {
  it("creates a job as attempt 1, version 1", () => {
    expect(stored()).toMatchObject({ attempt: 1, version: 1, outcome: "CREATED", health: "OK" });
  });

  it("counts as a report", () => {
    expect(storedAgain(stored())).toMatchObject({ storedAt: 1_000, reportedAt: 1_000, changedAt: 1_000 });
  });

  it("keeps the names, the memory and the lease", () => {
    const memory = { minBytes: 5, maxBytes: 5 };

    expect(stored({ memory, leaseMs: 5_000 })).toMatchObject({
      ...SAMPLE_JOB_KEY,
      database: "neo4j",
      memory,
      leaseMs: 5_000,
    });
  });

  it("stamps the latest change and the latest store; a report stamps only the former", () => {
    const job = report(stored(), 10, [START]);

    expect([job.stamp.revision, job.storedStamp.revision]).toEqual([2, 1]);
  });

  it("rejects a memory range whose minimum exceeds its maximum with BAD_USER_INPUT", () => {
    expect(() => stored({ memory: { minBytes: 6, maxBytes: 5 } })).toThrow(errorWithCode("BAD_USER_INPUT"));
  });

  it("rejects an invalid tree", () => {
    expect(() => stored({ spec: branch("root") })).toThrow(errorWithCode("BAD_USER_INPUT"));
  });
});

describe("storing a job again (law 2)", () => {
  it("overwrites the tree by design, and increments attempt and version", () => {
    const again = storedAgain(report(stored(), 10, [START]), { spec: leaf("other") });

    expect(again).toMatchObject({ attempt: 2, version: 3, outcome: "OVERWRITTEN" });
    expect(again.task).toMatchObject({ description: "other", status: "PENDING", done: 0 });
  });

  it("clears the log, cancel request and request ids of the previous attempt", () => {
    const before = requestCancel(
      logged(stored(), 10, { message: "hello" }),
      SAMPLE_JOB_KEY,
      { attempt: 1, by: "bob", reason: null },
      editAt(11, 3),
    );

    expect(storedAgain(before)).toMatchObject({ log: [], cancelRequest: null, requestIds: [], health: "OK" });
  });

  it("continues attempt and version after a removal that is remembered", () => {
    expect(storedAgain(removed(stored()))).toMatchObject({ attempt: 2, version: 3, outcome: "CREATED" });
  });

  it("fails with ALREADY_EXISTS for REJECT while the job has not ended", () => {
    expect(() => storedAgain(stored(), { onConflict: "REJECT" })).toThrow(errorWithCode("ALREADY_EXISTS"));
    expect(() => storedAgain(report(stored(), 10, [START]), { onConflict: "REJECT" })).toThrow(
      errorWithCode("ALREADY_EXISTS"),
    );
  });

  it.each(["FINISHED", "CANCELED", "FAILED"] as const)("overwrites a job that is %s for REJECT", (status) => {
    const ended = report(stored(), 10, [{ path: "", status }]);

    expect(storedAgain(ended, { onConflict: "REJECT" })).toMatchObject({
      attempt: 2,
      outcome: "OVERWRITTEN",
    });
  });

  it("stores a job that is absent or removed for REJECT", () => {
    expect(stored({ onConflict: "REJECT" }).attempt).toBe(1);
    expect(storedAgain(removed(stored()), { onConflict: "REJECT" }).attempt).toBe(2);
  });

  it("changes nothing for the same requestId while the job has the tree that it stored", () => {
    const before = report(stored({ requestId: "r" }), 10, [START]);

    expect(storedAgain(before, { requestId: "r" })).toBe(before);
  });

  it("changes nothing for the same requestId even for REJECT", () => {
    const before = stored({ requestId: "r", onConflict: "REJECT" });

    expect(storedAgain(before, { requestId: "r", onConflict: "REJECT" })).toBe(before);
  });

  it.each([
    ["another requestId", "q"],
    ["no requestId", null],
  ])("stores again for %s", (_, requestId) => {
    expect(storedAgain(stored({ requestId: "r" }), { requestId }).attempt).toBe(2);
  });

  it("stores again for the same requestId once the tree is replaced or removed", () => {
    const another = storedAgain(stored({ requestId: "r" }), { requestId: "q" });

    expect(storedAgain(another, { requestId: "r" }).attempt).toBe(3);
    expect(storedAgain(removed(stored({ requestId: "r" })), { requestId: "r" }).attempt).toBe(2);
  });

  it("stores twice without a requestId", () => {
    expect(storedAgain(stored({ requestId: null }), { requestId: null }).attempt).toBe(2);
  });
});

describe("a report", () => {
  it("applies its updates in order", () => {
    const job = report(stored(), 10, [
      START,
      { path: "0", status: "FINISHED" },
      { path: "1", add: 2 },
      { path: "1", add: 2 },
    ]);

    expect(job.task).toMatchObject({ done: 14, status: "RUNNING" });
  });

  it("makes one change of all its updates: one version, one stamp (law 4)", () => {
    const job = report(stored(), 10, [START, { path: "1", done: 1 }], {
      log: [{ level: "INFO", path: "", message: "x" }],
    });

    expect(job.version).toBe(2);
    expect(new Set([job.stamp, job.task.stamp])).toHaveLength(1);
  });

  it("changes nothing when one update is rejected (law 5)", () => {
    const before = stored();

    expect(() => report(before, 10, [START, { path: "9", done: 1 }])).toThrow(errorWithCode("NOT_FOUND"));
    expect(before).toEqual(stored());
  });

  it("changes nothing when a log line is rejected (law 5)", () => {
    const log = [{ level: "INFO" as const, path: "9", message: "x" }];

    expect(() => report(stored(), 10, [START], { log })).toThrow(errorWithCode("NOT_FOUND"));
  });

  it("renews the lease and restores health", () => {
    const silent = { ...stored(), health: "LOST" as const };

    expect(report(silent, 10, [START])).toMatchObject({ reportedAt: 10, changedAt: 10, health: "OK" });
  });

  it("does not change the status when it restores health", () => {
    expect(heartbeat({ ...stored(), health: "SILENT" }, 10).task.status).toBe("PENDING");
  });

  it.each([
    ["a job that never was", undefined],
    ["a job that was removed", removed(stored())],
  ])("is rejected with NOT_FOUND on %s", (_, before) => {
    expect(() => report(before, 10, [START])).toThrow(errorWithCode("NOT_FOUND"));
    expect(() => heartbeat(before, 10)).toThrow(errorWithCode("NOT_FOUND"));
  });

  it("is accepted after a cancel request", () => {
    const requested = requestCancel(
      stored(),
      SAMPLE_JOB_KEY,
      { attempt: null, by: "bob", reason: null },
      editAt(5, 2),
    );

    expect(report(requested, 10, [START, END]).task.status).toBe("FINISHED");
  });
});

describe("the attempt that a change is for (law 2)", () => {
  const second = storedAgain(stored());
  const edit = editAt(9, 9);

  it.each([1, 3, 0])("is rejected with STALE_ATTEMPT if it is not the job's: %d of 2", (attempt) => {
    const cancel = { attempt, by: "bob", reason: null };

    expect(() => report(second, 10, [START], { attempt })).toThrow(errorWithCode("STALE_ATTEMPT"));
    expect(() => heartbeat(second, 10, { attempt })).toThrow(errorWithCode("STALE_ATTEMPT"));
    expect(() =>
      addTasksToJob(second, SAMPLE_JOB_KEY, { attempt, path: "", specs: [leaf("c")], requestId: null }, edit),
    ).toThrow(errorWithCode("STALE_ATTEMPT"));
    expect(() => requestCancel(second, SAMPLE_JOB_KEY, cancel, edit)).toThrow(errorWithCode("STALE_ATTEMPT"));
    expect(() => removeJob(second, { attempt }, "REMOVED", edit)).toThrow(errorWithCode("STALE_ATTEMPT"));
  });

  it.each([2, null])("is accepted if it is the job's, or null: %s", (attempt) => {
    expect(report(second, 10, [START], { attempt }).version).toBe(3);
    expect(removed(second, attempt).kind).toBe("removal");
  });

  it("is rejected with STALE_ATTEMPT when it is from before a removal", () => {
    expect(() => report(storedAgain(removed(stored())), 10, [START], { attempt: 1 })).toThrow(
      errorWithCode("STALE_ATTEMPT"),
    );
  });
});

describe("a report with a requestId", () => {
  const add = { path: "0", add: 1 };

  it("changes nothing when it is repeated", () => {
    const once = report(stored(), 10, [add], { requestId: "r" });

    expect(report(once, 11, [add], { requestId: "r" })).toBe(once);
  });

  it("changes nothing when it is repeated after the end", () => {
    const ended = report(report(stored(), 10, [add], { requestId: "r" }), 11, [END]);

    expect(report(ended, 12, [add], { requestId: "r" })).toBe(ended);
  });

  it("differs from one with another id or with none", () => {
    const once = report(stored(), 10, [add], { requestId: "r" });

    expect(report(once, 11, [add], { requestId: "q" }).task.done).toBe(2);
    expect(report(once, 11, [add]).task.done).toBe(2);
  });

  it("is remembered among the newest 64 of its attempt", () => {
    const ids = requestIds(65);
    const job = ids.reduce(
      (before, requestId) => report(before, 10, [add], { requestId }),
      stored({ spec: branch("root", leaf("a")) }),
    );

    expect(job.requestIds).toEqual(ids.slice(1));
    expect(report(job, 11, [add], { requestId: ids[1]! })).toBe(job);
    expect(report(job, 11, [add], { requestId: ids[0]! }).task.done).toBe(66);
  });

  it("is forgotten with its attempt", () => {
    const again = storedAgain(report(stored(), 10, [add], { requestId: "r" }));

    expect(report(again, 11, [add], { requestId: "r" }).task.done).toBe(1);
  });

  it("is not remembered when it was rejected", () => {
    const before = stored();

    expect(() => report(before, 10, [{ path: "9", add: 1 }], { requestId: "r" })).toThrow(
      errorWithCode("NOT_FOUND"),
    );
    expect(report(before, 11, [add], { requestId: "r" }).task.done).toBe(1);
  });

  it("may have the requestId of the store", () => {
    expect(report(stored({ requestId: "r" }), 10, [add], { requestId: "r" }).task.done).toBe(1);
  });

  it("is rejected with STALE_ATTEMPT after another store, even when it is repeated", () => {
    const again = storedAgain(report(stored(), 10, [add], { attempt: 1, requestId: "r" }));

    expect(() => report(again, 11, [add], { attempt: 1, requestId: "r" })).toThrow(
      errorWithCode("STALE_ATTEMPT"),
    );
  });

  it("shares the remembered request ids with requests that add tasks", () => {
    const once = grown(stored(), 10, [leaf("c")], "r");

    expect(grown(once, 11, [leaf("c")], "r")).toBe(once);
    expect(report(once, 11, [add], { requestId: "r" })).toBe(once);
  });

  it("shares the remembered request ids with tasks that were added before the end", () => {
    const ended = report(grown(stored(), 10, [leaf("c")], "r"), 11, [END]);

    expect(grown(ended, 12, [leaf("c")], "r")).toBe(ended);
  });
});

describe("a heartbeat", () => {
  it("changes nothing before a quarter of the lease has passed", () => {
    const before = stored();

    expect(heartbeat(before, QUARTER - 1)).toBe(before);
  });

  it("is a change once a quarter of the lease has passed", () => {
    expect(heartbeat(stored(), QUARTER)).toMatchObject({
      reportedAt: QUARTER,
      changedAt: QUARTER,
      version: 2,
    });
  });

  it("counts the quarter from the report that was committed last", () => {
    const first = heartbeat(stored(), QUARTER);

    expect(heartbeat(first, 2 * QUARTER - 1)).toBe(first);
    expect(heartbeat(first, 2 * QUARTER).reportedAt).toBe(2 * QUARTER);
  });

  it("counts a quarter of the job's own lease", () => {
    const before = stored({ leaseMs: 1_000 });

    expect(heartbeat(before, 249)).toBe(before);
    expect(heartbeat(before, 250).version).toBe(2);
  });

  it.each(["SILENT", "LOST"] as const)("is a change at once when it restores health from %s", (health) => {
    expect(heartbeat({ ...stored(), health }, 1)).toMatchObject({ health: "OK", reportedAt: 1, version: 2 });
  });

  it("keeps the same tree object", () => {
    const before = stored();

    expect(heartbeat(before, LEASE_MS).task).toBe(before.task);
  });

  it("is the same as a report without changes", () => {
    const before = report(stored(), 10, [START]);

    expect(report(before, 11, [START])).toBe(before);
    expect(report(before, 10 + QUARTER, [START])).toMatchObject({ version: 3, reportedAt: 10 + QUARTER });
  });

  it("changes nothing after the end: there is no lease to renew", () => {
    const ended = report(stored(), 10, [END]);

    expect(heartbeat(ended, LEASE_MS)).toBe(ended);
    expect(report(ended, LEASE_MS, [END])).toBe(ended);
  });
});

describe("the log of a job", () => {
  it("has the lines of its reports, oldest first, with their instant", () => {
    const job = logged(
      logged(stored(), 10, { message: "one" }, { message: "two", level: "ERROR", path: "1" }),
      20,
      { message: "three" },
    );

    expect(job.log).toEqual([
      { at: 10, level: "INFO", path: "", message: "one" },
      { at: 10, level: "ERROR", path: "1", message: "two" },
      { at: 20, level: "INFO", path: "", message: "three" },
    ]);
  });

  it("changes the job but not its tree", () => {
    const before = stored();
    const after = logged(before, 10, { message: "one" });

    expect([after.version, after.reportedAt]).toEqual([2, 10]);
    expect(after.task).toBe(before.task);
  });

  it("keeps the newest 200 lines", () => {
    const lines = Array.from({ length: 150 }, (_, index) => ({ message: `line ${index}` }));
    const job = logged(logged(stored(), 10, ...lines), 20, ...lines);

    expect(job.log).toHaveLength(200);
    expect([job.log[0]?.message, job.log[0]?.at, job.log.at(-1)?.message]).toEqual([
      "line 100",
      10,
      "line 149",
    ]);
  });

  it("may name a task that the same report created", () => {
    const open = stored({
      spec: { description: "rounds", iterations: { mode: "OPEN", tasks: [leaf("a")] } },
    });
    const log = [{ level: "INFO" as const, path: "0", message: "here" }];

    expect(report(open, 10, [{ path: "", iteration: 1 }], { log }).log).toHaveLength(1);
  });

  it("rejects an unknown path and a message that is too long", () => {
    expect(() => logged(stored(), 10, { path: "7" })).toThrow(errorWithCode("NOT_FOUND"));
    expect(() => logged(stored(), 10, { message: "a".repeat(4_097) })).toThrow(
      errorWithCode("BAD_USER_INPUT"),
    );
  });
});

describe("addTasksToJob", () => {
  it("changes the job and counts as a report", () => {
    const before = { ...stored(), health: "SILENT" as const };

    expect(grown(before, 10, [leaf("c", 5)])).toMatchObject({ version: 2, reportedAt: 10, health: "OK" });
    expect(grown(before, 10, [leaf("c", 5)]).task).toMatchObject({ knownVolume: 25, taskCount: 4 });
  });

  it("rejects an unknown job with NOT_FOUND", () => {
    expect(() => grown(undefined, 10, [leaf("c")])).toThrow(errorWithCode("NOT_FOUND"));
  });

  it("rejects a job that has ended with ILLEGAL_TRANSITION", () => {
    expect(() => grown(report(stored(), 10, [END]), 11, [leaf("c")])).toThrow(
      errorWithCode("ILLEGAL_TRANSITION"),
    );
  });
});

describe("a cancel request", () => {
  const request = { attempt: null, by: "bob", reason: "too slow" };

  it("records the caller, the time and the reason", () => {
    const job = requestCancel(stored(), SAMPLE_JOB_KEY, request, editAt(7, 2));

    expect(job).toMatchObject({
      cancelRequest: { at: 7, by: "bob", reason: "too slow" },
      version: 2,
      changedAt: 7,
    });
  });

  it("changes neither the tree nor the lease, because only the worker reports", () => {
    const before = stored();
    const job = requestCancel(before, SAMPLE_JOB_KEY, request, editAt(7, 2));

    expect(job.task).toBe(before.task);
    expect(job.reportedAt).toBe(0);
  });

  it.each([null, ""])("may have no reason: %j", (reason) => {
    const job = requestCancel(stored(), SAMPLE_JOB_KEY, { ...request, reason }, editAt(7, 2));

    expect(job.cancelRequest?.reason).toBeNull();
  });

  it("is ignored when the job has one", () => {
    const first = requestCancel(stored(), SAMPLE_JOB_KEY, request, editAt(7, 2));

    expect(requestCancel(first, SAMPLE_JOB_KEY, { ...request, by: "eve" }, editAt(8, 3))).toBe(first);
  });

  it.each(["FINISHED", "CANCELED", "FAILED"] as const)(
    "is rejected with ILLEGAL_TRANSITION for a job that is %s",
    (status) => {
      const ended = report(stored(), 10, [{ path: "", status }]);

      expect(() => requestCancel(ended, SAMPLE_JOB_KEY, request, editAt(11, 3))).toThrow(
        errorWithCode("ILLEGAL_TRANSITION"),
      );
    },
  );

  it("is rejected with ILLEGAL_TRANSITION after the end, even when the job has one", () => {
    const requested = requestCancel(stored(), SAMPLE_JOB_KEY, request, editAt(7, 2));

    expect(() => requestCancel(report(requested, 10, [END]), SAMPLE_JOB_KEY, request, editAt(11, 3))).toThrow(
      errorWithCode("ILLEGAL_TRANSITION"),
    );
  });

  it("is rejected with NOT_FOUND for a removed job", () => {
    expect(() => requestCancel(removed(stored()), SAMPLE_JOB_KEY, request, editAt(7, 2))).toThrow(
      errorWithCode("NOT_FOUND"),
    );
  });

  it("is rejected with BAD_USER_INPUT when the reason has more than 4,096 bytes", () => {
    const long = { ...request, reason: "a".repeat(4_097) };

    expect(() => requestCancel(stored(), SAMPLE_JOB_KEY, long, editAt(7, 2))).toThrow(
      errorWithCode("BAD_USER_INPUT"),
    );
  });
});

describe("removeJob", () => {
  it("leaves a removal with attempt, version and reason", () => {
    expect(removeJob(stored(), { attempt: 1 }, "EXPIRED", editAt(7, 2))).toMatchObject({
      ...SAMPLE_JOB_KEY,
      kind: "removal",
      attempt: 1,
      version: 2,
      reason: "EXPIRED",
      removedAt: 7,
      stamp: { revision: 2 },
    });
  });

  it("changes nothing for a job that is absent or already removed", () => {
    const removal = removed(stored());

    expect(removeJob(undefined, { attempt: null }, "REMOVED", editAt(7, 2))).toBeUndefined();
    expect(removeJob(removal, { attempt: null }, "REMOVED", editAt(8, 3))).toBe(removal);
  });

  it("removes a job that runs and a job that has ended", () => {
    expect(removed(report(stored(), 10, [START])).version).toBe(3);
    expect(removed(report(stored(), 10, [END])).version).toBe(3);
  });
});

describe("an error", () => {
  it("states the problem, the value and the remedy", () => {
    expect(() =>
      applyReport(
        undefined,
        SAMPLE_JOB_KEY,
        { attempt: null, updates: [], log: [], requestId: null },
        editAt(0, 1),
      ),
    ).toThrow('User "alice" has no job "job" in this database. Store it first.');
    expect(() => heartbeat(stored(), 1, { attempt: 7 })).toThrow(
      'Job "job" is at attempt 1, but the request is for attempt 7. There is no such attempt yet. ',
    );
    expect(() => heartbeat(storedAgain(stored()), 1, { attempt: 1 })).toThrow(
      'Job "job" is at attempt 2, but the request is for attempt 1. Another worker has stored the job since. ',
    );
    expect(() => storedAgain(stored(), storeRequest({ onConflict: "REJECT" }))).toThrow(
      "attempt 1 is PENDING",
    );
  });
});
