import { describe, expect, it } from "vitest";
import {
  jobRecordKey,
  encodeRecord,
  encodeJob,
  decodeRecord,
  decodeJob,
} from "../../../src/journal/lmdb/records.js";
import type { StoredJob } from "../../../src/journal/journal.js";
import { encodeChange } from "../../../src/store/journal-codec.js";
import { createStoredJob } from "../../../src/journal/stored-job.js";
import type { LeafRow, VersionedRow } from "../../../src/tasks/task-rows.js";
import { leaf } from "../../kit/store/edits.js";
import { SAMPLE_JOB_KEY, report, stored } from "../../tasks/sample-jobs.js";

const RECORD = jobRecordKey("alice\u0000job");

describe("the record of a job", () => {
  it("includes the rate estimates of its leaves", () => {
    const job = reportedJob();
    expect(rateEstimateIn(job)).toMatchObject({ spanMs: 10_000, gapMs: 10_000 });
    expect(decodeJob(RECORD, encodeJob(RECORD, job).bytes)).toEqual(job);
  });

  it("is read without rate estimates if it was written before they existed", () => {
    const { bytes } = encodeJob(RECORD, reportedJob());
    const written = decodeRecord(RECORD, bytes) as { tasks: unknown[][] };
    const older = {
      ...written,
      tasks: written.tasks.map((fields) => fields.filter((field) => !Array.isArray(field))),
    };
    const read = decodeJob(RECORD, encodeRecord(RECORD, older).bytes);
    expect(rateEstimateIn(read)).toBeNull();
    expect(read).toEqual(withoutRateEstimate(reportedJob()));
  });
});

/** A job of one leaf that has reported, at revision 7. */
function reportedJob(): StoredJob {
  const begun = report(stored({ spec: leaf("work", 100) }), 0, [{ path: "", status: "RUNNING" }]);
  const job = report(begun, 10_000, [{ path: "", done: 10 }]);
  const { change } = encodeChange(undefined, 0, job);
  return createStoredJob(SAMPLE_JOB_KEY, change as Extract<typeof change, { kind: "stored" }>, 7);
}

function rateEstimateIn({ tasks }: StoredJob): LeafRow["rateEstimate"] {
  return (tasks[0]!.row as LeafRow).rateEstimate;
}

function withoutRateEstimate(job: StoredJob): StoredJob {
  const tasks = job.tasks.map(
    ({ row, revision }) => ({ row: { ...row, rateEstimate: null }, revision }) as VersionedRow,
  );
  return { ...job, tasks };
}
