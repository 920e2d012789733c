import { Ansis } from "ansis";
import { describe, expect, it } from "vitest";
import { jobDetails } from "../../../src/cli/render/job-details.js";
import { jobTable } from "../../../src/cli/render/job-table.js";
import { FINISHED, HOSTILE, jobOf, watchedLeaf, CLI_NOW, watchedParent, PENDING } from "../watched-jobs.js";

const PLAIN = new Ansis(0);
const JOBS = [
  jobOf(watchedLeaf("Import people", 420, 1_500), {
    health: "SILENT",
    eta: { earliest: "2026-06-01T12:03:00.000Z", likely: "", latest: "2026-06-01T12:06:00.000Z" },
  }),
  jobOf(watchedLeaf("輸入", 9, null, FINISHED), { jobId: "日本", username: "bob" }),
  jobOf(watchedLeaf(HOSTILE, 0, 9, PENDING), { jobId: HOSTILE }),
];

describe("The table of jobs", () => {
  it("shows all columns in full without a terminal", () => {
    expect(jobTable(JOBS, CLI_NOW, Infinity, PLAIN).join("\n")).toMatchInlineSnapshot(`
      "USER   JOB                              STATUS    DONE  COUNT      AGE     LEFT  DESCRIPTION
      alice  import-1                         SILENT    28%   420/1,500  1m 00s  2–5m  Import people
      bob    日本                             FINISHED  n/a   9/?        1m 00s        輸入
      alice  a�[2J�31m�evil� FINISHED 100% �  PENDING   0%    0/9        1m 00s        a�[2J�31m�evil� FINISHED 100% �"
    `);
  });

  it("leaves out columns that do not fit in 40 columns", () => {
    expect(jobTable(JOBS, CLI_NOW, 40, PLAIN).join("\n")).toMatchInlineSnapshot(`
      "USER   JOB               STATUS    DONE
      alice  import-1          SILENT    28%
      bob    日本              FINISHED  n/a
      alice  a�[2J�31m�evil�…  PENDING   0%"
    `);
  });
});

describe("The details of a job", () => {
  const job = jobOf(
    watchedParent(
      "Import",
      [
        watchedLeaf("read", 1_000, 1_000, FINISHED),
        watchedParent("iterate", [watchedLeaf("step", 1, 2, FINISHED), watchedLeaf("step", 0, 2, PENDING)], {
          kind: "ITERATIVE",
          currentIteration: 1,
        }),
        watchedLeaf("write", 3, null, { status: "FAILED", message: `the disk is full\n${HOSTILE}` }),
      ],
      { status: "FAILED", endedAt: "2026-06-01T12:00:50.000Z" },
    ),
    {
      attempt: 2,
      expiresAt: "2026-06-08T12:00:50.000Z",
      memory: { minBytes: 1_500_000, maxBytes: 3_000_000_000 },
      cancelRequest: { at: "2026-06-01T12:00:45.000Z", by: "bob", reason: "wrong data" },
    },
  );

  it("show the whole tree, the reason of a failure, the cancel request, memory and the log", () => {
    const log = [
      { at: "2026-06-01T12:00:01.000Z", level: "INFO", path: "0", message: "people.csv" },
      { at: "2026-06-01T12:00:02.000Z", level: "WARNING", path: "", message: HOSTILE },
    ];

    expect(jobDetails(job, log, CLI_NOW, { columns: 120, style: PLAIN }).join("\n")).toMatchInlineSnapshot(`
      "alice/import-1 in demo
        Status    FAILED, attempt 2
        Done      1,004 of an unknown total (1,004 known so far)
        Reason    write: the disk is full a�[2J�31m�evil� FINISHED 100% �
        Cancel    requested by bob at 2026-06-01T12:00:45.000Z: wrong data
        Stored    2026-06-01T12:00:00.000Z (60s ago)
        Reported  2026-06-01T12:00:00.000Z (60s ago)
        Ended     2026-06-01T12:00:50.000Z (10s ago)
        Memory    1.4 MiB to 2.8 GiB
        Expires   2026-06-08T12:00:50.000Z

      ✖ Import      [~~~~~~~~~n/a~~~~~~~~]     n/a  FAILED  50s  attempt 2  write: the disk is full a�[2J�31m�evil� FINISHED …
      ├─ ✔ read     [####################]    100%  1,000/1,000  40s
      ├─ ● iterate  [#####~~~~~~~~~~~~~~~]     25%  1/4  1 iteration  50s
      │  ├─ ✔ step  [##########~~~~~~~~~~]     50%  1/2  40s
      │  └─ ○ step  [~~~~~~~~~~~~~~~~~~~~]      0%  0/2
      └─ ✖ write    [~~~~~~~~~n/a~~~~~~~~]     n/a  FAILED  50s  the disk is full a�[2J�31m�evil� FINISHED 100% �

      Log
        2026-06-01T12:00:01.000Z  INFO     read: people.csv
        2026-06-01T12:00:02.000Z  WARNING  a�[2J�31m�evil� FINISHED 100% �"
    `);
  });
});
