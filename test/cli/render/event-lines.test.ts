import { describe, expect, it } from "vitest";
import type { WatchEvent, WatchedJob, WatchedTask } from "../../../src/client/index.js";
import { EventLines } from "../../../src/cli/render/event-lines.js";
import { FINISHED, HOSTILE, jobOf, watchedLeaf, watchedParent, PENDING } from "../watched-jobs.js";

/** The lines for the events, without time and job. */
function textsOf(events: readonly WatchEvent[]): string[] {
  const lines = new EventLines();
  return events
    .flatMap((event) => lines.linesOf(event))
    .map((line) => line.replace(/^\S+ {2}alice\/import-1 {2}/, ""));
}

function updated(job: WatchedJob, ...changed: readonly WatchedTask[]): WatchEvent {
  return { kind: "TaskUpdated", job, changed: [job.task, ...changed] };
}

function reading(done: number, fields: Partial<WatchedTask> = {}): WatchedJob {
  return jobOf(
    watchedParent("Import", [watchedLeaf("read", done, 1_000, fields), watchedLeaf("write", 0, 0, PENDING)]),
  );
}

const STORED: WatchEvent = { kind: "TaskStored", job: reading(0, PENDING) };

describe("The lines for events", () => {
  it("begin with the time, the user and the job", () => {
    expect(new EventLines().linesOf(STORED)).toEqual([
      "2026-06-01T12:00:00.000Z  alice/import-1  RUNNING  0%  0/1,000  Import",
    ]);
  });

  it("report each tenth of the work, and nothing in between", () => {
    const jobs = [0, 1, 99, 100, 150, 420, 499].map((done) => reading(done));

    expect(textsOf([STORED, ...jobs.map((job) => updated(job))]).slice(1)).toEqual([
      "10%  100/1,000",
      "42%  420/1,000",
    ]);
  });

  it("report the begin and end of tasks, and the reason of a failure", () => {
    const running = reading(0);
    const failed = reading(3, { status: "FAILED", message: "the disk is full" });
    const ended = {
      ...failed,
      task: { ...failed.task, status: "FAILED", endedAt: FINISHED.endedAt } as const,
    };

    expect(
      textsOf([
        STORED,
        updated(running, running.task.subTasks[0]!),
        updated(failed, failed.task.subTasks[0]!),
        updated(ended),
      ]).slice(1),
    ).toEqual([
      "read RUNNING",
      "read FAILED: the disk is full",
      "FAILED: read: the disk is full  0.3%  3/1,000  in 40s",
    ]);
  });

  it("report health changes and cancel requests", () => {
    const silent = { ...reading(0), health: "SILENT" } as const;
    const requested = { ...silent, cancelRequest: { at: "2026", by: "bob", reason: "wrong data" } };

    expect(textsOf([STORED, updated(silent), updated(requested), updated(requested)]).slice(1)).toEqual([
      "health SILENT",
      "cancel requested by bob: wrong data",
    ]);
  });

  it("report iterations only if they fail", () => {
    const rank = (status: "RUNNING" | "FAILED"): WatchedJob =>
      jobOf(
        watchedParent("Import", [
          watchedParent("iterate", [watchedLeaf("step", 1, 2, { status, message: "no" })], {
            kind: "ITERATIVE",
          }),
        ]),
      );
    const before: WatchEvent = {
      kind: "TaskStored",
      job: jobOf(
        watchedParent("Import", [
          watchedParent("iterate", [watchedLeaf("step", 1, 2, PENDING)], { kind: "ITERATIVE" }),
        ]),
      ),
    };
    const steps = (job: WatchedJob): WatchEvent => updated(job, job.task.subTasks[0]!.subTasks[0]!);

    expect(textsOf([before, steps(rank("RUNNING")), steps(rank("FAILED"))]).slice(1)).toEqual([
      "iterate / step FAILED: no",
    ]);
  });

  it("report after a Reset only changed and missing jobs", () => {
    const other: WatchEvent = {
      kind: "TaskStored",
      job: jobOf(watchedLeaf("Other", 1, 2), { jobId: "other" }),
    };
    const lines = new EventLines();
    const events: WatchEvent[] = [
      STORED,
      other,
      { kind: "CaughtUp" },
      { kind: "Reset", cause: "EPOCH_CHANGED" },
      STORED,
      { kind: "CaughtUp" },
    ];

    expect(events.flatMap((event) => lines.linesOf(event)).slice(2)).toEqual([
      "2026-06-01T12:00:00.000Z  alice/other  gone",
    ]);
  });

  it("report why a job was removed, and a new attempt as a new job", () => {
    const again = { ...reading(0, PENDING), attempt: 2 };

    expect(
      textsOf([
        STORED,
        { kind: "TaskStored", job: again },
        { kind: "TaskRemoved", job: again, reason: "PURGED" },
      ]).slice(1),
    ).toEqual(["RUNNING  0%  0/1,000  Import  attempt 2", "removed (PURGED)"]);
  });

  it("sanitize names and reasons", () => {
    const job = jobOf(
      watchedParent(HOSTILE, [watchedLeaf(HOSTILE, 1, 2, { status: "FAILED", message: HOSTILE })]),
    );
    const before: WatchEvent = {
      kind: "TaskStored",
      job: jobOf(watchedParent(HOSTILE, [watchedLeaf(HOSTILE, 1, 2)])),
    };

    expect(textsOf([before, updated(job, job.task.subTasks[0]!)])).toEqual([
      "RUNNING  50%  1/2  a�[2J�31m�evil� FINISHED 100% �",
      "a�[2J�31m�evil� FINISHED 100% � FAILED: a�[2J�31m�evil� FINISHED 100% �",
    ]);
  });
});
