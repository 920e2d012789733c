import { describe, expect, it } from "vitest";
import { CrashChecker } from "../kit/crash/checker.js";
import type { CrashInput, CrashRound } from "../kit/crash/record.js";
import { expectedAfter, NEVER_STORED, type KnownJobState } from "../kit/crash/requests.js";
import type { WireEvent, WireJob } from "../kit/wire/event.js";
import { allViolations } from "../kit/wire/laws.js";
import type { TranscriptEntry, Transcript } from "../kit/wire/transcript.js";

/**
 * Tests the checker of the crash test: a record without loss passes, and each planted loss is found. The crash test
 * itself shows that real records pass.
 */

const DATABASE = "movies";
const EPOCH = "epochOfCrash";

/** Three jobs are stored. One is removed, and two get reports in batches, the second of which was in progress at the kill. */
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
    requests: [request([STORE_A], [A1]), request([STORE_B], [B2]), request([STORE_C], [C3])],
    removals: [],
    found: found(3, A1, B2, C3),
  },
  {
    requests: [request(ANSWERED_BATCH, [A4, B5]), request([REMOVE_C], [C3]), request(KEPT_BATCH)],
    removals: [removalAt(6), removalAt(6)],
    found: found(8, A7, B8),
  },
  {
    requests: [request([STORE_C_AGAIN], [C9]), request([NOT_KEPT])],
    removals: [],
    found: found(9, A7, B8, C9),
  },
];

describe("the crash checker", () => {
  it("passes a record without loss", () => {
    expect(complaints(ROUNDS)).toEqual([]);
  });

  it("passes a request in progress that is missing", () => {
    expect(complaints([ROUNDS[0]!, foundInstead(found(6, A4, B5))])).toEqual([]);
  });

  it("passes the beginning of a batch in progress", () => {
    expect(complaints([ROUNDS[0]!, foundInstead(found(7, A7, B5))])).toEqual([]);
  });

  it.each<[string, RegExp, CrashRound]>([
    ["an answered store that is lost", /found is undefined/, foundInstead(found(8, A7), 1)],
    ["an answered report that is lost", /answered was .*"revision":4/, foundInstead(found(6, A1, B5))],
    [
      "an answered report that is lost with all later changes",
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
    ["another instant", /answered was/, foundInstead(found(3, A1, B2, restarted(C3)), 0)],
    ["a batch in another order", /the revisions 8,7/, foundInstead(found(8, at(A7, 8), at(B8, 7)))],
    ["an answered batch in another order", /the revisions 5,4/, answeredInstead([at(A4, 5), at(B5, 4)])],
    ["a revision that two answers have", /revision 4 was given twice/, answeredInstead([A4, at(B5, 4)])],
    [
      "a revision that was given in an earlier round",
      /revision 2 was given twice/,
      answeredInstead([A4, at(B5, 2)]),
    ],
    ["a revision without an answer", /the changes 9/, foundInstead(found(9, A7, B8))],
    ["a version that skips", /under way was/, foundInstead(found(8, { ...A7, version: 9 }, B8))],
    ["an attempt that was never begun", /under way was/, foundInstead(found(8, { ...A7, attempt: 2 }, B8))],
    [
      "another epoch",
      /the epoch was/,
      foundInstead([{ ...found(8, A7, B8)[0]!, position: "another_one_.8" }]),
    ],
    ["an answer that does not match its request", /report.*made/, answeredInstead([halfOf(A4, A1), B5])],
    ["a removal that was never delivered", /arrived at 0/, { ...ROUNDS[1]!, removals: [] }],
    [
      "a removal that was delivered at two revisions",
      /arrived at 6,9/,
      { ...ROUNDS[1]!, removals: [removalAt(6), removalAt(9)] },
    ],
    ["a change without a request", /nothing was under way/, unrequested()],
  ])("finds %s", (_, complaint, round) => {
    expect(complaints([ROUNDS[0]!, round]).join("\n")).toMatch(complaint);
  });

  it("finds a job that returns in its state before the removal", () => {
    const round = { ...ROUNDS[2]!, found: found(9, A7, B8, { ...C9, version: 1, attempt: 1 }) };

    expect(complaints([...ROUNDS.slice(0, 2), round]).join("\n")).toMatch(/answered was .*found is/);
  });
});

/** A watcher cut off by two kills: the first while live, the second right after the last change. */
const TRANSCRIPT: Transcript = [
  connected(),
  received({ kind: "Reset", cause: "INITIAL", position: `${EPOCH}.0.0.3`, at: instant(3) }),
  received({ kind: "TaskStored", outcome: "CREATED", userTask: A1, ...stampAt(1, ".0.3") }),
  received({ kind: "TaskStored", outcome: "CREATED", userTask: B2, ...stampAt(2, ".0.3") }),
  received({ kind: "TaskStored", outcome: "CREATED", userTask: C3, ...stampAt(3, ".0.3") }),
  received({ kind: "CaughtUp", ...stampAt(3) }),
  received({ kind: "TaskUpdated", userTask: A4, changed: A4.tasks, ...stampAt(4) }),
  connected(6, 4),
  received({ kind: "TaskRemoved", username: "alice", jobId: "c", reason: "REMOVED", ...stampAt(6, ".4.8") }),
  received({ kind: "TaskUpdated", userTask: A7, changed: A7.tasks, ...stampAt(7, ".4.8") }),
  received({ kind: "TaskUpdated", userTask: B8, changed: B8.tasks, ...stampAt(8, ".4.8") }),
  received({ kind: "CaughtUp", ...stampAt(8) }),
  received({ kind: "TaskStored", outcome: "CREATED", userTask: C9, ...stampAt(9) }),
  connected(12, 9),
  received({ kind: "CaughtUp", ...stampAt(9) }),
  { entry: "quiet", revision: 9 },
];
const LIVE = 6;
const BACK = 8;
const LAST_CHANGE = 12;

describe("the record of a watcher, checked against the history", () => {
  it("passes if all delivered changes survive the kill", () => {
    expect(broken(TRANSCRIPT)).toEqual([]);
  });

  const vanished = made(input("report", "a", 99), 5, A4);
  it.each<[string, string, Transcript]>([
    [
      "an event of a missing change",
      "L10 merged right",
      replaced(
        LAST_CHANGE,
        received({ kind: "TaskUpdated", userTask: A7, changed: A7.tasks, ...stampAt(10) }),
      ),
    ],
    [
      "an event of a change whose revision was reused",
      "L10 merged right",
      replaced(
        LIVE,
        received({ kind: "TaskUpdated", userTask: vanished, changed: vanished.tasks, ...stampAt(5) }),
      ),
    ],
    [
      "an event whose content differs from the change",
      "L10 merged right",
      replaced(
        LIVE,
        received({ kind: "TaskUpdated", userTask: at(vanished, 4), changed: vanished.tasks, ...stampAt(4) }),
      ),
    ],
    ["an event that never comes", "L7 no gap", TRANSCRIPT.toSpliced(BACK + 1, 1)],
    [
      "a Reset after a kill",
      "L8 resumable",
      TRANSCRIPT.toSpliced(
        BACK,
        0,
        received({ kind: "Reset", cause: "HISTORY_GONE", position: `${EPOCH}.0.0.8`, at: instant(8) }),
      ),
    ],
    [
      "an epoch that changes",
      "L6 in order",
      replaced(BACK, received({ kind: "CaughtUp", position: "another_one_.8", at: instant(8) })),
    ],
    [
      "a catch-up after a kill that does not end",
      "L8 resumable",
      TRANSCRIPT.toSpliced(14, 1, TRANSCRIPT[BACK]!),
    ],
  ])("shows %s", (_, promised, transcript) => {
    expect(broken(transcript)).toContain(promised);
  });
});

function complaints(rounds: readonly CrashRound[]): string[] {
  const checker = new CrashChecker();
  return rounds.flatMap((round) => checker.checkRound(round));
}

/** The promises that the transcript breaks, given correct rounds. */
function broken(transcript: Transcript): string[] {
  const checker = new CrashChecker();
  for (const round of ROUNDS) checker.checkRound(round);
  return allViolations(transcript, checker.history(DATABASE, [TRANSCRIPT])).map(({ promised }) => promised);
}

function input(kind: CrashInput["kind"], jobId: string, mark: number): CrashInput {
  return { kind, mark, database: DATABASE, username: "alice", jobId };
}

/** The job that a correct server makes of an input. */
function made(of: CrashInput, revision: number, before?: WireJob): WireJob {
  const state: KnownJobState = before ? { ...before, job: before } : NEVER_STORED;
  // Safe: the missing fields are added below.
  const job = expectedAfter(of, state) as WireJob;
  const startedAt = of.kind === "store" ? null : instant(4);
  return { ...job, revision, tasks: job.tasks.map((task) => ({ ...task, startedAt, endedAt: null })) };
}

function request(inputs: readonly CrashInput[], answer?: readonly WireJob[]): CrashRound["requests"][number] {
  return { writer: 0, inputs, answer };
}

function found(revision: number, ...jobs: readonly WireJob[]): CrashRound["found"] {
  return [{ database: DATABASE, position: `${EPOCH}.${revision}`, jobs }];
}

function removalAt(revision: number): CrashRound["removals"][number] {
  return { database: DATABASE, username: "alice", jobId: "c", revision };
}

/** The second round, or another one, with another state after the kill. */
function foundInstead(instead: CrashRound["found"], round = 1): CrashRound {
  return { ...ROUNDS[round]!, found: instead };
}

/** The second round, with another answer to its first request. */
function answeredInstead(answer: readonly WireJob[]): CrashRound {
  return { ...ROUNDS[1]!, requests: [request(ANSWERED_BATCH, answer), ...ROUNDS[1]!.requests.slice(1)] };
}

/** The second round without the request in progress. */
function unrequested(): CrashRound {
  return { ...ROUNDS[1]!, requests: ROUNDS[1]!.requests.slice(0, 2) };
}

/** The job with its last task from `before`. */
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

/** Connects without a copy, or resumes with the copy after an entry, at its revision. */
function connected(entry?: number, revision?: number): TranscriptEntry {
  const subscription = { transport: "WebSocket", filter: {}, minIntervalMs: 0, storeRevision: 9 };
  if (entry === undefined)
    return { entry: "connected", ...subscription, after: null, holding: { kind: "nothing" } };
  const after = `${EPOCH}.${revision}`;
  return { entry: "connected", ...subscription, after, holding: { kind: "asAfter", place: entry } };
}

function received(event: WireEvent): TranscriptEntry {
  return { entry: "received", event, storeRevision: 9 };
}

function replaced(where: number, entry: TranscriptEntry): Transcript {
  return TRANSCRIPT.with(where, entry);
}

function stampAt(revision: number, catchUp = ""): { readonly position: string; readonly at: string } {
  return { position: `${EPOCH}.${revision}${catchUp}`, at: instant(revision) };
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
