import { beforeAll, describe, expect, it } from "vitest";
import { formatPosition, parsePosition, type Position } from "../../src/protocol/position.js";
import { branch, leaf } from "../kit/store/edits.js";
import { ALICE, ANY_ATTEMPT, BOB, CAROL, reportOf, storeRequestOf } from "../kit/store/requests.js";
import { WIRE_TRANSPORTS } from "../kit/wire/connection.js";
import type { WireEvent, WireUpdated } from "../kit/wire/event.js";
import type { WireHistory } from "../kit/wire/history.js";
import { allViolations, violationsOf, type Promised } from "../kit/wire/laws.js";
import type { TranscriptEntry, Transcript } from "../kit/wire/transcript.js";
import { WireWatcher } from "../kit/wire/watcher.js";
import { RecordedServer } from "../kit/wire/recorded-server.js";

/** Indexes in the lawful transcript. */
const SNAPSHOT_END = 4;
const LIVE = 5;
const RESUMED = 8;
const REMOVED = 14;
const STRAY = 16;
const LAST = 21;

const ENTRIES = (
  "connected INITIAL TaskStored TaskStored CaughtUp TaskUpdated TaskUpdated disconnected " +
  "connected TaskUpdated TaskStored TaskUpdated CaughtUp TaskUpdated TaskRemoved disconnected " +
  "connected EPOCH_CHANGED TaskStored TaskStored CaughtUp TaskUpdated quiet"
).split(" ");

const ELSEWHERE = "elsewhere_01";

/** A transcript that passes all checks. Each planted fault must be found by the check of its promise. */
let lawful: { readonly transcript: Transcript; readonly history: WireHistory };

beforeAll(async () => {
  lawful = await recordLawful();
});

describe("the check of a promise", () => {
  it("passes the transcript of a real server", () => {
    const { transcript, history } = lawful;
    expect(transcript.map(wordOf)).toEqual(ENTRIES);
    expect(allViolations(transcript, history)).toEqual([]);
  });

  it.each<[string, Promised, Fault]>([
    ["an event that is dropped while live", "L7 no gap", without(LIVE)],
    ["an event that is dropped within a catch-up", "L7 no gap", without(RESUMED + 2)],
    ["an event that is repeated", "L6 no repeat", repeated(LIVE)],
    ["an event that is repeated within a catch-up", "L6 no repeat", repeated(RESUMED + 1)],
    ["two events that are swapped", "L6 in order", moved(LIVE, LIVE + 1)],
    ["two events that are swapped within a catch-up", "L6 in order", moved(RESUMED + 1, RESUMED + 2)],
    ["an event that comes late", "L6 in order", moved(RESUMED + 5, RESUMED + 6)],
    ["a last event that never comes", "L10 last state", without(LAST)],
    [
      "an event of another epoch",
      "L6 in order",
      atPosition(LIVE, (index) => ({ ...index, epoch: ELSEWHERE })),
    ],
    ["a state of another epoch, without a Reset", "L6 in order", without(STRAY + 1)],
    ["an unreported loss", "L9 loss is reported", without(STRAY + 1)],
    ["a Reset with a wrong cause", "L9 loss is reported", withFields(STRAY + 1, { cause: "HISTORY_GONE" })],
    ["a first Reset with a wrong cause", "L9 loss is reported", withFields(1, { cause: "EPOCH_CHANGED" })],
    ["a Reset in the middle", "L9 loss is reported", resetAt(LIVE)],
    ["a needless Reset for a watcher that resumes", "L8 resumable", resetAt(RESUMED + 1)],
    ["a snapshot without CaughtUp", "L8 resumable", without(SNAPSHOT_END)],
    ["a catch-up without CaughtUp", "L8 resumable", without(RESUMED + 4)],
    ["a last catch-up that does not end", "L8 resumable", endingAt(LAST - 2)],
    ["a catch-up against an old base", "L8 resumable", atPosition(RESUMED + 1, basedOn(2))],
    ["a base that changes within a catch-up", "L8 resumable", atPosition(RESUMED + 2, basedOn(2))],
    ["an update of a job that is not held", "L8 resumable", without(2)],
    ["an update that is delivered as a store", "L8 resumable", withFields(LIVE, { kind: "TaskStored" })],
    ["a changed task that is left out", "L10 merged right", changed(LIVE, ([root]) => [root!])],
    ["a parent that is left out", "L10 merged right", changed(RESUMED + 1, (tasks) => tasks.slice(1))],
    ["an unchanged task that is delivered", "L10 merged right", changed(LIVE, (_, all) => all)],
    ["a version that is too high", "L10 merged right", ofJob(LIVE, { version: 9 })],
    ["an attempt that is too high", "L10 merged right", ofJob(LIVE, { attempt: 2 })],
    ["a job at another revision", "L10 merged right", ofJob(LIVE, { revision: 9 })],
    ["another instant", "L10 merged right", withFields(LIVE, { at: "2020-01-01T00:00:00.000Z" })],
    ["another reason", "L10 merged right", withFields(REMOVED, { reason: "PURGED" })],
    ["a child before its parent in `changed`", "parents first", changed(LIVE, ([a, b]) => [b!, a!])],
    ["a child before its parent in `tasks`", "parents first", reversedTasks(LIVE)],
    ["a live event for a watcher with an interval", "L10 in batches", withInterval(0)],
  ])("finds %s", (_, promised, plant) => {
    const { transcript, history } = lawful;
    expect(violationsOf(promised, plant(transcript), history)).not.toEqual([]);
    expect(violationsOf(promised, transcript, history)).toEqual([]);
  });

  it("finds a job that is delivered in a state older than the store had", () => {
    const { transcript, history } = lawful;
    const { catchUp } = parsePosition(eventAt(transcript, RESUMED + 1).position);
    const stale = formatPosition({ epoch: history.epoch, revision: 5, catchUp: catchUp! });
    const planted = withFields(RESUMED + 1, { position: stale })(transcript);
    expect(violationsOf("L10 merged right", planted, history)).toContainEqual(
      expect.objectContaining({ what: "older than what was at 6 already" }),
    );
  });

  it("finds an unreported loss of forgotten removals", async () => {
    const { transcript, history } = await recordForgotten();
    expect(transcript.map(wordOf)).toContain("HISTORY_GONE");
    expect(allViolations(transcript, history)).toEqual([]);
    const reset = transcript.findIndex((entry) => wordOf(entry) === "HISTORY_GONE");
    expect(violationsOf("L9 loss is reported", without(reset)(transcript), history)).not.toEqual([]);
  });
});

/** Breaks a lawful transcript. */
type Fault = (transcript: Transcript) => Transcript;

async function recordLawful(): Promise<typeof lawful> {
  await using world = await RecordedServer.open();
  const { store } = world;
  const spec = branch("root", leaf("a", 10), leaf("b", 10));
  await store.store(storeRequestOf(ALICE, { spec }));
  await store.store(storeRequestOf(BOB));
  using watcher = new WireWatcher(world, { transport: WIRE_TRANSPORTS[0] });
  await watcher.connect();
  await world.caughtUp(watcher);
  await store.update(ALICE, reportOf({ path: "0", done: 1 }));
  await world.caughtUp(watcher);
  await store.update(ALICE, reportOf({ path: "1", done: 1 }));
  await world.caughtUp(watcher);
  watcher.disconnect();
  await store.update(ALICE, reportOf({ path: "0", done: 5 }));
  await store.update(ALICE, reportOf({ path: "1", done: 5 }));
  await store.store(storeRequestOf(CAROL));
  await store.update(BOB, reportOf({ done: 1 }));
  await watcher.reconnect();
  await world.caughtUp(watcher);
  await store.update(CAROL, reportOf({ done: 1 }));
  await world.caughtUp(watcher);
  await store.remove(BOB, ANY_ATTEMPT);
  await world.caughtUp(watcher);
  await watcher.reconnectFrom(`${ELSEWHERE}.5`);
  await world.caughtUp(watcher);
  await store.update(ALICE, reportOf({ path: "0", done: 7 }));
  await world.caughtUp(watcher);
  watcher.quiet();
  return { transcript: watcher.transcript, history: world.history };
}

/** Records a watcher that missed removals which were then forgotten. */
async function recordForgotten(): Promise<typeof lawful> {
  await using world = await RecordedServer.open({ removalsKeptMax: "1" });
  const { store } = world;
  for (const key of [ALICE, BOB, CAROL]) await store.store(storeRequestOf(key));
  using watcher = new WireWatcher(world, { transport: WIRE_TRANSPORTS[0] });
  await watcher.connect();
  await world.caughtUp(watcher);
  watcher.disconnect();
  for (const key of [ALICE, BOB]) await store.remove(key, ANY_ATTEMPT);
  await watcher.reconnect();
  await world.caughtUp(watcher);
  watcher.quiet();
  return { transcript: watcher.transcript, history: world.history };
}

/** The cause of a Reset, the kind of another event, or the name of another entry. */
function wordOf(entry: TranscriptEntry): string {
  if (entry.entry !== "received") return entry.entry;
  return entry.event.kind === "Reset" ? entry.event.cause : entry.event.kind;
}

function without(index: number): Fault {
  return (transcript) => spliced(transcript, index, 1);
}

function repeated(index: number): Fault {
  return (transcript) => spliced(transcript, index, 0, transcript[index]!);
}

/** Swaps two entries. */
function moved(index: number, later: number): Fault {
  return (transcript) => transcript.with(index, transcript[later]!).with(later, transcript[index]!);
}

/** Ends the transcript at an entry. */
function endingAt(index: number): Fault {
  return (transcript) => [...transcript.slice(0, index), transcript.at(-1)!];
}

function resetAt(index: number): Fault {
  return (transcript) => {
    const next = eventAt(transcript, index);
    const { epoch, revision } = parsePosition(next.position);
    const position = formatPosition({ epoch, revision: 0, catchUp: { base: 0, began: revision } });
    const event: WireEvent = { kind: "Reset", cause: "HISTORY_GONE", position, at: next.at };
    return spliced(transcript, index, 0, { entry: "received", event, storeRevision: revision });
  };
}

function atPosition(index: number, change: (position: Position) => Position): Fault {
  return (transcript) => {
    const position = change(parsePosition(eventAt(transcript, index).position));
    return withFields(index, { position: formatPosition(position) })(transcript);
  };
}

function basedOn(base: number): (position: Position) => Position {
  return (position) => ({ ...position, catchUp: { ...position.catchUp!, base } });
}

function ofJob(index: number, fields: object): Fault {
  return (transcript) => {
    const { userTask } = updateAt(transcript, index);
    return withFields(index, { userTask: { ...userTask, ...fields } })(transcript);
  };
}

type Tasks = WireUpdated["changed"];

function changed(index: number, change: (tasks: Tasks, all: Tasks) => Tasks): Fault {
  return (transcript) => {
    const event = updateAt(transcript, index);
    return withFields(index, { changed: change(event.changed, event.userTask.tasks) })(transcript);
  };
}

function reversedTasks(index: number): Fault {
  return (transcript) =>
    ofJob(index, { tasks: updateAt(transcript, index).userTask.tasks.toReversed() })(transcript);
}

function withFields(index: number, fields: object): Fault {
  return (transcript) => {
    // Safe for a fault: the checks must handle events that no correct server sends.
    const event = { ...eventAt(transcript, index), ...fields } as WireEvent;
    return transcript.with(index, { ...transcript[index], event } as TranscriptEntry);
  };
}

function withInterval(index: number): Fault {
  return (transcript) =>
    transcript.with(index, { ...transcript[index], minIntervalMs: 50 } as TranscriptEntry);
}

function eventAt(transcript: Transcript, index: number): WireEvent {
  const entry = transcript[index];
  if (entry?.entry !== "received") throw new TypeError(`no event at ${index}`);
  return entry.event;
}

function updateAt(transcript: Transcript, index: number): WireUpdated {
  const event = eventAt(transcript, index);
  if (event.kind !== "TaskUpdated") throw new TypeError(`no update at ${index}`);
  return event;
}

/** Splices entries, and adjusts the indexes that `connected` entries hold. */
function spliced(
  transcript: Transcript,
  at: number,
  removed: number,
  ...added: readonly TranscriptEntry[]
): Transcript {
  const shift = added.length - removed;
  const shifted = transcript.map((entry): TranscriptEntry => {
    if (entry.entry !== "connected" || entry.holding.kind !== "asAfter") return entry;
    const { place } = entry.holding;
    return { ...entry, holding: { kind: "asAfter", place: place > at ? place + shift : place } };
  });
  return shifted.toSpliced(at, removed, ...added);
}
