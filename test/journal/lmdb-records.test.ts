import { describe, expect, it } from "vitest";
import { jobKeyOf, seal, sealJob, unseal, unsealJob } from "../../src/journal/lmdb-records.js";
import type { StoredJob } from "../../src/journal/journal.js";
import { entryOf } from "../../src/store/journal-form.js";
import { storedJob } from "../../src/journal/kept-job.js";
import type { LeafRow, WrittenRow } from "../../src/tasks/task-rows.js";
import { leaf } from "../kit/edits.js";
import { KEY, report, stored } from "../tasks/jobs.js";

const RECORD = jobKeyOf("alice\u0000job");

describe("the record of a job", () => {
  it("has the pace of its leaves", () => {
    const job = paced();
    expect(paceIn(job)).toMatchObject({ spanMs: 10_000, gapMs: 10_000 });
    expect(unsealJob(RECORD, sealJob(RECORD, job).bytes)).toEqual(job);
  });

  it("that was written before leaves had a pace is read as if nothing were known of it", () => {
    const { bytes } = sealJob(RECORD, paced());
    const written = unseal(RECORD, bytes) as { tasks: unknown[][] };
    const older = {
      ...written,
      tasks: written.tasks.map((fields) => fields.filter((field) => !Array.isArray(field))),
    };
    const read = unsealJob(RECORD, seal(RECORD, older).bytes);
    expect(paceIn(read)).toBeNull();
    expect(read).toEqual(withoutPace(paced()));
  });
});

/** A job of one leaf that has reported, at revision 7. */
function paced(): StoredJob {
  const begun = report(stored({ spec: leaf("work", 100) }), 0, [{ path: "", status: "RUNNING" }]);
  const job = report(begun, 10_000, [{ path: "", done: 10 }]);
  const { change } = entryOf(undefined, job, 0, "commit");
  return storedJob(KEY, change as Extract<typeof change, { kind: "stored" }>, 7);
}

function paceIn({ tasks }: StoredJob): LeafRow["pace"] {
  return (tasks[0]!.row as LeafRow).pace;
}

function withoutPace(job: StoredJob): StoredJob {
  const tasks = job.tasks.map(
    ({ row, revision }) => ({ row: { ...row, pace: null }, revision }) as WrittenRow,
  );
  return { ...job, tasks };
}
