import { Ansis } from "ansis";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { WatchedJob } from "../../../src/client/index.js";
import { frameLines, type Frame } from "../../../src/cli/render/frame.js";
import { ClockOffset } from "../../../src/format/clock-offset.js";
import { widthOf } from "../../../src/cli/render/width.js";
import { FINISHED, HOSTILE, jobOf, watchedLeaf, CLI_NOW, watchedParent, PENDING } from "../watched-jobs.js";

const PLAIN = new Ansis(0);

const IMPORT = jobOf(
  watchedParent("Import", [
    watchedLeaf("parse", 40, 40, FINISHED),
    watchedLeaf("read", 420, 1_000, { rate: 1_234, message: "people.csv" }),
    watchedLeaf("write", 0, 500, PENDING),
  ]),
  {
    attempt: 2,
    eta: {
      earliest: "2026-06-01T12:03:00.000Z",
      likely: "2026-06-01T12:04:00.000Z",
      latest: "2026-06-01T12:06:00.000Z",
    },
  },
);
const RANK = jobOf(
  watchedParent("PageRank", [
    watchedLeaf("load", 30, null, FINISHED),
    watchedParent(
      "iterate",
      [watchedLeaf("step", 9, 9, FINISHED), watchedLeaf("step", 4, 9), watchedLeaf("step", 0, null, PENDING)],
      {
        kind: "ITERATIVE",
        currentIteration: 1,
        maxIterations: 50,
      },
    ),
  ]),
  { jobId: "rank" },
);
const DONE = jobOf(watchedLeaf("Checksum", 900, 900, FINISHED), { jobId: "sum", username: "bob" });
const BROKEN = jobOf(
  watchedParent("Export", [watchedLeaf("write", 3, 9, { status: "FAILED", message: "the disk is full" })], {
    status: "FAILED",
    endedAt: "2026-06-01T12:00:10.000Z",
  }),
  { jobId: "export" },
);
const JOBS = [DONE, IMPORT, BROKEN, RANK];

function linesOf(
  jobs: readonly WatchedJob[],
  columns: number,
  rows: number,
  fields: Partial<Frame> = {},
): string[] {
  const frame: Frame = {
    title: "demo",
    status: { kind: "live" },
    isLast: false,
    jobs,
    hints: [],
    now: CLI_NOW,
    clock: new ClockOffset(),
    columns,
    rows,
    ...fields,
  };
  return frameLines(frame, PLAIN);
}

describe("A frame of the watched jobs", () => {
  it("shows running jobs as trees, then ended jobs as lines", () => {
    expect(linesOf(JOBS, 100, 20).join("\n")).toMatchInlineSnapshot(`
      "demo  live  2 RUNNING, 1 FINISHED, 1 FAILED
      ● alice/import-1  Import  [#####~~~~~~~~~~~~~~~]  29.87%  460/1,540  2–5m left  1m 00s  attempt 2
      ├─ ✔ parse                [####################]    100%  40/40  40s
      ├─ ● read                 [########~~~~~~~~~~~~]     42%  420/1,000  1m 00s  1,234/s  people.csv
      └─ ○ write                [~~~~~~~~~~~~~~~~~~~~]      0%  0/500
      ● alice/rank  PageRank    [~~~~~~~~~n/a~~~~~~~~]     n/a  43/?  1m 00s
      ├─ ✔ load                 [~~~~~~~~~n/a~~~~~~~~]     n/a  30/?  40s
      └─ ● iterate              [~~~~~~~~~n/a~~~~~~~~]     n/a  13/18+  1/50 iterations  1m 00s
         └─ ● step              [########~~~~~~~~~~~~]  44.44%  4/9  1m 00s
      ✔ bob/sum  Checksum       [####################]    100%  900/900  40s
      ✖ alice/export  Export    [######~~~~~~~~~~~~~~]  33.33%  FAILED  10s  write: the disk is full"
    `);
  });

  it("shows long names in full on a wide terminal", () => {
    const job = jobOf(
      watchedParent("Import", [watchedLeaf("n".repeat(100), 420, 1_000, { message: "m".repeat(80) })]),
    );

    expect(linesOf([job], 360, 20).join("\n")).toMatchInlineSnapshot(`
      "demo  live  1 RUNNING
      ● alice/import-1  Import                                                                                   [########~~~~~~~~~~~~]     42%  420/1,000  1m 00s
      └─ ● nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn  [########~~~~~~~~~~~~]     42%  420/1,000  1m 00s  mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm"
    `);
  });

  it("shows no bars in 40 columns, and the facts that fit", () => {
    expect(linesOf(JOBS, 40, 20).join("\n")).toMatchInlineSnapshot(`
      "demo  live  2 RUNNING, 1 FINISHED, 1 FA…
      ● alice/import-1  …  29.87%  460/1,540
      ├─ ✔ parse             100%  40/40  40s
      ├─ ● read               42%  420/1,000
      └─ ○ write               0%  0/500
      ● alice/rank  Page…     n/a  43/?
      ├─ ✔ load               n/a  30/?  40s
      └─ ● iterate            n/a  13/18+
         └─ ● step         44.44%  4/9  1m 00s
      ✔ bob/sum  Checksum    100%  900/900
      ✖ alice/export  Ex…  33.33%  FAILED  10s"
    `);
  });

  it("ends with hints where there is room, wrapped so that an address is whole", () => {
    const hints = ["http://127.0.0.1:4000/?database=demo"];

    expect(linesOf([], 20, 9, { hints })).toEqual([
      "demo  live  no jobs",
      "http://127.0.0.1:400",
      "0/?database=demo",
    ]);
    expect(linesOf(JOBS, 100, 5, { hints })).toEqual(linesOf(JOBS, 100, 5));
  });

  it("shows only names in 15 columns", () => {
    expect(linesOf([IMPORT], 15, 20).join("\n")).toMatchInlineSnapshot(`
      "demo  live  1 …
      ● alice/import…
      ├─ ✔ parse
      ├─ ● read
      └─ ○ write"
    `);
  });

  it("shows running tasks and counts the others if not all tasks fit", () => {
    expect(linesOf(JOBS, 72, 9).join("\n")).toMatchInlineSnapshot(`
      "demo  live  2 RUNNING, 1 FINISHED, 1 FAILED
      ● alice/import-1  Import  [##~~~~~~~~]  29.87%  460/1,540  2–5m left
      ├─ ● read                 [####~~~~~~]     42%  420/1,000  1m 00s
      └─ … 1 PENDING, 1 FINISHED
      ● alice/rank  PageRank    [~~~~n/a~~~]     n/a  43/?  1m 00s
      ├─ ● iterate              [~~~~n/a~~~]     n/a  13/18+  1/50 iterations
      … 2 more tasks
      ✔ bob/sum  Checksum       [##########]    100%  900/900  40s
      ✖ alice/export  Export    [###~~~~~~~]  33.33%  FAILED  10s  write: the…"
    `);
  });

  it("shows one line per job if nothing else fits, and counts hidden jobs", () => {
    expect(linesOf(JOBS, 72, 4).join("\n")).toMatchInlineSnapshot(`
      "demo  live  2 RUNNING, 1 FINISHED, 1 FAILED
      ● alice/import-1  Import  [##~~~~~~~~]  29.87%  460/1,540  2–5m left
      ● alice/rank  PageRank    [~~~~n/a~~~]     n/a  43/?  1m 00s
      … 2 more jobs: 1 FINISHED, 1 FAILED"
    `);
  });

  it("gives a large tree the lines that small trees do not need, and counts hidden tasks", () => {
    const many = watchedParent(
      "Many",
      Array.from({ length: 100 }, (_, index) => watchedLeaf(`part ${index}`, 1, 2)),
    );

    expect(linesOf([jobOf(many, { jobId: "many" }), RANK], 72, 9).join("\n")).toMatchInlineSnapshot(`
      "demo  live  2 RUNNING
      ● alice/many  Many      [#####~~~~~]     50%  100/200  1m 00s
      ├─ ● part 0             [#####~~~~~]     50%  1/2  1m 00s
      ├─ ● part 1             [#####~~~~~]     50%  1/2  1m 00s
      … 98 more tasks
      ● alice/rank  PageRank  [~~~~n/a~~~]     n/a  43/?  1m 00s
      ├─ ✔ load               [~~~~n/a~~~]     n/a  30/?  40s
      └─ ● iterate            [~~~~n/a~~~]     n/a  13/18+  1/50 iterations
         └─ ● step            [####~~~~~~]  44.44%  4/9  1m 00s"
    `);
  });

  it("sanitizes names, reasons and cancel requests", () => {
    const evil = jobOf(watchedParent(HOSTILE, [watchedLeaf(HOSTILE, 1, 2, { message: HOSTILE })]), {
      username: HOSTILE,
      jobId: HOSTILE,
      cancelRequest: { at: "", by: HOSTILE, reason: HOSTILE },
    });

    expect(linesOf([evil], 200, 9, { title: HOSTILE }).join("\n")).toMatchInlineSnapshot(`
      "a�[2J�31m�evil� FINISHED 100% �  live  1 RUNNING
      ● a�[2J�31m�evil� FINISHED 100% �/a�[2J�31m�evil� FINISHED 100% �  a�[2J�31m�evil� FINISHED 100% �  [##########~~~~~~~~~~]     50%  cancel requested by a�[2J�31m�evil� FINISHED 100% �  1/2  1m 00s
      └─ ● a�[2J�31m�evil� FINISHED 100% �                                                                [##########~~~~~~~~~~]     50%  1/2  1m 00s  a�[2J�31m�evil� FINISHED 100% �"
    `);
  });

  it("measures wide characters as the terminal does", () => {
    const job = jobOf(watchedParent("輸入", [watchedLeaf("讀取資料", 1, 2), watchedLeaf("é👩‍👩‍👧", 1, 2)]), {
      jobId: "日本",
    });

    expect(linesOf([job], 60, 9).join("\n")).toMatchInlineSnapshot(`
      "demo  live  1 RUNNING
      ● alice/日本  輸入  [#####~~~~~]     50%  2/4  1m 00s
      ├─ ● 讀取資料       [#####~~~~~]     50%  1/2  1m 00s
      └─ ● é👩‍👩‍👧            [#####~~~~~]     50%  1/2  1m 00s"
    `);
  });

  it("shows warnings about a job", () => {
    const quiet = jobOf(watchedLeaf("read", 1, 2), { health: "SILENT" });
    const requested = jobOf(watchedLeaf("read", 1, 2), {
      jobId: "asked",
      cancelRequest: { at: "", by: "bob", reason: null },
    });

    expect(linesOf([quiet, requested], 100, 9).join("\n")).toMatchInlineSnapshot(`
      "demo  live  1 RUNNING, 1 SILENT
      ● alice/import-1  read  [##########~~~~~~~~~~]     50%  SILENT for 1m 00s  1/2  0s
      ● alice/asked  read     [##########~~~~~~~~~~]     50%  cancel requested by bob  1/2  1m 00s"
    `);
  });

  it("shows warnings before counts, also on narrow terminals", () => {
    const job = jobOf(watchedLeaf("Import people", 50, 1_000), { health: "SILENT" });
    const requested = { ...job, cancelRequest: { at: "", by: "bob", reason: null } };

    expect([80, 50, 40, 30].map((columns) => linesOf([job], columns, 9)[1])).toMatchInlineSnapshot(`
      [
        "● alice/import-1  Import people  [~~~~~~~~~~]      5%  SILENT for 1m 00s  0s",
        "● alice/import-1  Import…      5%  SILENT  0s",
        "● alice/import-1  …      5%  SILENT  0s",
        "● alice/impo…      5%  SILENT",
      ]
    `);
    expect([50, 40, 30].map((columns) => linesOf([requested], columns, 9)[1])).toMatchInlineSnapshot(`
      [
        "● alice/import-1  Import…      5%  SILENT  cancel…",
        "● alice/import-1  …      5%  SILENT  ca…",
        "● alice/impo…      5%  SILENT",
      ]
    `);
  });

  it("shows the state of the connection, and stops the clocks while it is stale", () => {
    const since = new Date(CLI_NOW);
    const stale = { kind: "stale", since, cause: new Error("closed") } as const;
    const later = linesOf([IMPORT], 100, 9, { status: stale, now: CLI_NOW + 3_600_000 });

    expect(later[0]).toMatch(/^demo {2}stale since \d\d:\d\d:\d\d {2}\(closed\) {2}1 RUNNING$/);
    expect(later.slice(1)).toEqual(linesOf([IMPORT], 100, 9).slice(1));
    expect(linesOf([], 100, 9, { status: { kind: "connecting" } })).toEqual(["demo  connecting"]);
    expect(linesOf([], 100, 9)).toEqual(["demo  live  no jobs"]);
  });

  it.each([-3_600_000, 3_600_000])("follows the server's clock if its own differs by %s ms", (skewMs) => {
    const clock = new ClockOffset();
    clock.observe(CLI_NOW, CLI_NOW + skewMs, true);
    const since = new Date(CLI_NOW + skewMs);
    const now = CLI_NOW + skewMs;
    const stale = { status: { kind: "stale", since }, now: now + 60_000 } as const;

    expect(linesOf([IMPORT], 100, 9, { clock, now })).toEqual(linesOf([IMPORT], 100, 9));
    expect(linesOf([IMPORT], 100, 9, { clock, ...stale }).slice(1)).toEqual(
      linesOf([IMPORT], 100, 9).slice(1),
    );
  });

  it("never exceeds the screen, and has a colour for each status", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 30 }), (columns, rows) => {
        const lines = linesOf(JOBS, columns, rows, { hints: ["x".repeat(300)] });

        expect(lines.length).toBeLessThanOrEqual(rows);
        expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(columns);
      }),
    );
    const frame: Frame = {
      title: "demo",
      status: { kind: "live" },
      isLast: false,
      jobs: JOBS,
      hints: ["hint"],
      now: CLI_NOW,
      clock: new ClockOffset(),
      columns: 100,
      rows: 20,
    };
    const coloured = frameLines(frame, new Ansis(3));

    expect(coloured.map((line) => PLAIN.strip(line))).toEqual(linesOf(JOBS, 100, 20, { hints: ["hint"] }));
    expect(coloured.join("")).toContain("\u001b[31m✖\u001b[39m");
  });
});
