import { describe, expect, it } from "vitest";
import { CrashChecker } from "../kit/crash/checker.js";
import type { CrashInput, CrashRound } from "../kit/crash/record.js";
import { expectedAfter, NEVER_STORED, type KnownJobState } from "../kit/crash/requests.js";
import type { WireEvent, WireJob } from "../kit/wire/event.js";
import { allViolations } from "../kit/wire/laws.js";
import type { TranscriptEntry, Transcript } from "../kit/wire/transcript.js";

/**
 * Who watches the watchmen of the crash test: a life in which nothing was lost passes, and each loss that is planted
 * in it is found. That real lives pass is what the crash test itself shows.
 */

const DATABASE = "movies";
const EPOCH = "epochOfCrash";

/** Three jobs are stored; one is removed, two are reported on by batches of which the second was under way. */
const [STORE_A, STORE_B, STORE_C] = [input("store", "a", 1), input("store", "b", 2), input("store", "c", 3)];
const ANSWERED_BATCH = [input("report", "a", 4), input("report", "b", 5)] as const;
const REMOVE_C = input("remove", "c", 6);
const KEPT_BATCH = [input("report", "a", 7), input("report", "b", 8)] as const;
const STORE_C_AGAIN = input("store", "c", 9);
const NOT_KEPT = input("report", "b", 10);

const [A1, B2, C3] = [made(STORE_A, 1), made(STORE_B, 2), made(STORE_C, 3)];
const [A4, B5] = [made(ANSWERED_BATCH[0], 4, A1), made(ANSWERED_BATCH[1], 5, B2)];
const [A7, B8] = [made(KEPT_BATCH[0], 7, A4), made(KEPT_BATCH[1], 8, B5)];
const C9 = made(STORE_C_AGAIN, 9, { ...C3, version: 2 });

const ROUNDS: readonly CrashRound[] = [
  {
    requests: [asked([STORE_A], [A1]), asked([STORE_B], [B2]), asked([STORE_C], [C3])],
    removals: [],
    found: found(3, A1, B2, C3),
  },
  {
    requests: [asked(ANSWERED_BATCH, [A4, B5]), asked([REMOVE_C], [C3]), asked(KEPT_BATCH)],
    removals: [toldRemoval(6), toldRemoval(6)],
    found: found(8, A7, B8),
  },
  {
    requests: [asked([STORE_C_AGAIN], [C9]), asked([NOT_KEPT])],
    removals: [],
    found: found(9, A7, B8, C9),
  },
];

describe("the books of a crash test", () => {
  it("pass what was answered and is found, and what was under way and is there or not", () => {
    expect(complaints(ROUNDS)).toEqual([]);
  });

  it("pass a request that was under way and is not there", () => {
    expect(complaints([ROUNDS[0]!, foundInstead(found(6, A4, B5))])).toEqual([]);
  });

  it("pass the beginning of a batch that was under way", () => {
    expect(complaints([ROUNDS[0]!, foundInstead(found(7, A7, B5))])).toEqual([]);
  });

  it.each<[string, RegExp, CrashRound]>([
    ["an answered store that is lost", /found is undefined/, foundInstead(found(8, A7), 1)],
    ["an answered report that is lost", /answered was .*"revision":4/, foundInstead(found(6, A1, B5))],
    [
      "an answered report that is lost with all that came after it",
      /there was a change at 6/,
      foundInstead(found(4, A4, B2)),
    ],
    ["an answered removal that is undone", /nothing was under way/, foundInstead(found(8, A7, B8, C3))],
    [
      "a batch without its first input",
      /some are left out/,
      foundInstead(found(7, A4, { ...B8, revision: 7 })),
    ],
    ["half an input", /under way was/, foundInstead(found(8, halfOf(A7, A4), B8))],
    ["an input without its message", /under way was/, foundInstead(found(8, withoutMessage(A7), B8))],
    ["an instant that is another one", /answered was/, foundInstead(found(3, A1, B2, restarted(C3)), 0)],
    ["a batch in another order", /the revisions 8,7/, foundInstead(found(8, at(A7, 8), at(B8, 7)))],
    ["an answered batch in another order", /the revisions 5,4/, answeredInstead([at(A4, 5), at(B5, 4)])],
    ["a revision that two answers have", /revision 4 was given twice/, answeredInstead([A4, at(B5, 4)])],
    [
      "a revision that was given in an earlier round",
      /revision 2 was given twice/,
      answeredInstead([A4, at(B5, 2)]),
    ],
    ["a revision that nobody was given", /the changes 9/, foundInstead(found(9, A7, B8))],
    ["a version that skips", /under way was/, foundInstead(found(8, { ...A7, version: 9 }, B8))],
    ["an attempt that nobody began", /under way was/, foundInstead(found(8, { ...A7, attempt: 2 }, B8))],
    [
      "another epoch",
      /the epoch was/,
      foundInstead([{ ...found(8, A7, B8)[0]!, position: "another_one_.8" }]),
    ],
    ["an answer that is not what was asked for", /report.*made/, answeredInstead([halfOf(A4, A1), B5])],
    ["a removal that nobody was told of", /arrived at 0/, { ...ROUNDS[1]!, removals: [] }],
    [
      "a removal that was told at two places",
      /arrived at 6,9/,
      { ...ROUNDS[1]!, removals: [toldRemoval(6), toldRemoval(9)] },
    ],
    ["a change that nobody asked for", /nothing was under way/, unasked()],
  ])("find %s", (_, complaint, round) => {
    expect(complaints([ROUNDS[0]!, round]).join("\n")).toMatch(complaint);
  });

  it("find a job that comes back as it was before it was removed", () => {
    const round = { ...ROUNDS[2]!, found: found(9, A7, B8, { ...C9, version: 1, attempt: 1 }) };

    expect(complaints([...ROUNDS.slice(0, 2), round]).join("\n")).toMatch(/answered was .*found is/);
  });
});

/** Cut off by two kills: the first while live, the second right after it was told of the last change. */
const TOLD: Transcript = [
  connected(),
  told({ kind: "Reset", cause: "INITIAL", position: `${EPOCH}.0.0.3`, at: instant(3) }),
  told({ kind: "TaskStored", outcome: "CREATED", userTask: A1, ...place(1, ".0.3") }),
  told({ kind: "TaskStored", outcome: "CREATED", userTask: B2, ...place(2, ".0.3") }),
  told({ kind: "TaskStored", outcome: "CREATED", userTask: C3, ...place(3, ".0.3") }),
  told({ kind: "CaughtUp", ...place(3) }),
  told({ kind: "TaskUpdated", userTask: A4, changed: A4.tasks, ...place(4) }),
  connected(6, 4),
  told({ kind: "TaskRemoved", username: "alice", jobId: "c", reason: "REMOVED", ...place(6, ".4.8") }),
  told({ kind: "TaskUpdated", userTask: A7, changed: A7.tasks, ...place(7, ".4.8") }),
  told({ kind: "TaskUpdated", userTask: B8, changed: B8.tasks, ...place(8, ".4.8") }),
  told({ kind: "CaughtUp", ...place(8) }),
  told({ kind: "TaskStored", outcome: "CREATED", userTask: C9, ...place(9) }),
  connected(12, 9),
  told({ kind: "CaughtUp", ...place(9) }),
  { entry: "quiet", revision: 9 },
];
const LIVE = 6;
const BACK = 8;
const LAST_TOLD = 12;

describe("what subscribers were told, against the books", () => {
  it("passes when all of it is there after the kill", () => {
    expect(broken(TOLD)).toEqual([]);
  });

  const vanished = made(input("report", "a", 99), 5, A4);
  it.each<[string, string, Transcript]>([
    [
      "an event of a change that is not there",
      "L10 merged right",
      replaced(LAST_TOLD, told({ kind: "TaskUpdated", userTask: A7, changed: A7.tasks, ...place(10) })),
    ],
    [
      "an event of a change whose revision is given again to another one",
      "L10 merged right",
      replaced(LIVE, told({ kind: "TaskUpdated", userTask: vanished, changed: vanished.tasks, ...place(5) })),
    ],
    [
      "an event of other content than the change has that is there",
      "L10 merged right",
      replaced(
        LIVE,
        told({ kind: "TaskUpdated", userTask: at(vanished, 4), changed: vanished.tasks, ...place(4) }),
      ),
    ],
    ["an event that never comes", "L7 no gap", TOLD.toSpliced(BACK + 1, 1)],
    [
      "a Reset after a kill",
      "L8 resumable",
      TOLD.toSpliced(
        BACK,
        0,
        told({ kind: "Reset", cause: "HISTORY_GONE", position: `${EPOCH}.0.0.8`, at: instant(8) }),
      ),
    ],
    [
      "an epoch that changes",
      "L6 in order",
      replaced(BACK, told({ kind: "CaughtUp", position: "another_one_.8", at: instant(8) })),
    ],
    ["a catch-up after a kill that does not end", "L8 resumable", TOLD.toSpliced(14, 1, TOLD[BACK]!)],
  ])("shows %s", (_, promised, transcript) => {
    expect(broken(transcript)).toContain(promised);
  });
});

function complaints(rounds: readonly CrashRound[]): string[] {
  const ledger = new CrashChecker();
  return rounds.flatMap((round) => ledger.checkRound(round));
}

/** The promises that were broken, when all else was as it should be. */
function broken(transcript: Transcript): string[] {
  const ledger = new CrashChecker();
  for (const round of ROUNDS) ledger.checkRound(round);
  return allViolations(transcript, ledger.history(DATABASE, [TOLD])).map(({ promised }) => promised);
}

function input(kind: CrashInput["kind"], jobId: string, mark: number): CrashInput {
  return { kind, mark, database: DATABASE, username: "alice", jobId };
}

/** What an honest server makes of it. */
function made(of: CrashInput, revision: number, before?: WireJob): WireJob {
  const standing: KnownJobState = before ? { ...before, job: before } : NEVER_STORED;
  // Safe: what is missing is put in here.
  const job = expectedAfter(of, standing) as WireJob;
  const startedAt = of.kind === "store" ? null : instant(4);
  return { ...job, revision, tasks: job.tasks.map((task) => ({ ...task, startedAt, endedAt: null })) };
}

function asked(inputs: readonly CrashInput[], answer?: readonly WireJob[]): CrashRound["requests"][number] {
  return { writer: 0, inputs, answer };
}

function found(revision: number, ...jobs: readonly WireJob[]): CrashRound["found"] {
  return [{ database: DATABASE, position: `${EPOCH}.${revision}`, jobs }];
}

function toldRemoval(revision: number): CrashRound["removals"][number] {
  return { database: DATABASE, username: "alice", jobId: "c", revision };
}

/** The second round, or another one, with something else found after it. */
function foundInstead(instead: CrashRound["found"], round = 1): CrashRound {
  return { ...ROUNDS[round]!, found: instead };
}

/** The second round, with another answer to its first request. */
function answeredInstead(answer: readonly WireJob[]): CrashRound {
  return { ...ROUNDS[1]!, requests: [asked(ANSWERED_BATCH, answer), ...ROUNDS[1]!.requests.slice(1)] };
}

/** The second round, where nobody asked for what was under way. */
function unasked(): CrashRound {
  return { ...ROUNDS[1]!, requests: ROUNDS[1]!.requests.slice(0, 2) };
}

/** With the last task as it was. */
function halfOf(job: WireJob, before: WireJob): WireJob {
  return { ...job, tasks: [...job.tasks.slice(0, -1), before.tasks.at(-1)!] };
}

function withoutMessage(job: WireJob): WireJob {
  return { ...job, tasks: job.tasks.map((task) => ({ ...task, message: null })) };
}

function restarted(job: WireJob): WireJob {
  return { ...job, tasks: job.tasks.map((task) => ({ ...task, startedAt: instant(9) })) };
}

function at(job: WireJob, revision: number): WireJob {
  return { ...job, revision };
}

/** With nothing; or with what it held after an entry, at the revision of that. */
function connected(entry?: number, revision?: number): TranscriptEntry {
  const question = { transport: "WebSocket", filter: {}, minIntervalMs: 0, storeRevision: 9 };
  if (entry === undefined)
    return { entry: "connected", ...question, after: null, holding: { kind: "nothing" } };
  const after = `${EPOCH}.${revision}`;
  return { entry: "connected", ...question, after, holding: { kind: "asAfter", place: entry } };
}

function told(event: WireEvent): TranscriptEntry {
  return { entry: "received", event, storeRevision: 9 };
}

function replaced(where: number, entry: TranscriptEntry): Transcript {
  return TOLD.with(where, entry);
}

function place(revision: number, catchUp = ""): { readonly position: string; readonly at: string } {
  return { position: `${EPOCH}.${revision}${catchUp}`, at: instant(revision) };
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
