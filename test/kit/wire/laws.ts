import { isDeepStrictEqual } from "node:util";
import type { Position } from "../../../src/protocol/position.js";
import { versionKey } from "./client.js";
import { isChange, subjectOf, wireKey, type WireTask } from "./event.js";
import type { WireHistory } from "./history.js";
import { replay, type Delivery, type Session } from "./replay.js";
import type { Transcript } from "./transcript.js";

/**
 * The laws of delivery as questions to a transcript: was what this watcher was told lawful, seeing what the
 * store was at each revision? One check for each promise. A check looks at one connection, and gives a sentence
 * for each place at which the promise was broken.
 */
const PROMISES = {
  "L6 in order": eachMoment(inOrder),
  "L6 no repeat": noRepeat,
  "L7 no gap": eachMoment(noGap),
  "L8 resumable": resumable,
  "L9 loss is said": lossIsSaid,
  "L10 merged right": eachMoment(mergedRight),
  "L10 in batches": eachMoment(inBatches),
  "L10 last state": lastStateArrives,
  "parents first": eachMoment(parentsFirst),
} satisfies Record<string, Check>;

export type Promised = keyof typeof PROMISES;

export interface Violation {
  readonly promised: Promised;
  /** Where in the transcript. */
  readonly place: number;
  readonly what: string;
}

/** Where one promise was broken. */
export function violationsOf(promised: Promised, transcript: Transcript, history: WireHistory): Violation[] {
  return replay(transcript).flatMap((session) =>
    PROMISES[promised](session, history).map(([place, what]) => ({ promised, place, what })),
  );
}

/** Where any was. */
export function allViolations(transcript: Transcript, history: WireHistory): Violation[] {
  // Safe: these are its keys.
  const promises = Object.keys(PROMISES) as Promised[];
  return promises.flatMap((promised) => violationsOf(promised, transcript, history));
}

type Check = (session: Session, history: WireHistory) => Found[];
type MomentCheck = (moment: Delivery, session: Session, history: WireHistory) => Complaint[];
type Found = readonly [place: number, what: string];
/** A sentence where something is wrong. */
type Complaint = string | false | undefined;

function eachMoment(check: MomentCheck): Check {
  return (session, history) =>
    session.deliveries.flatMap((moment) => found(moment.place, check(moment, session, history)));
}

function found(place: number, complaints: readonly Complaint[]): Found[] {
  return complaints.flatMap((complaint) => (complaint ? [[place, complaint] as const] : []));
}

/** Between two Resets positions go up, and the epoch changes only at a Reset. */
function inOrder({ event, position, last }: Delivery): Complaint[] {
  if (event.kind === "Reset") return [position.revision !== 0 && "a Reset is at revision 0"];
  if (!last) return ["a Reset comes first"];
  const least = event.kind === "CaughtUp" ? last.revision : last.revision + 1;
  return [
    position.epoch !== last.epoch && `the epoch goes from ${last.epoch} to ${position.epoch} without a Reset`,
    position.revision < least && `${event.kind} at ${position.revision} comes after ${last.revision}`,
  ];
}

/** Between two Resets no change comes twice, by its position or by its version. */
function noRepeat({ deliveries }: Session): Found[] {
  let told = new Set<number>();
  return deliveries.flatMap(({ place, event, position: { revision }, before }) => {
    if (event.kind === "Reset") told = new Set();
    if (!isChange(event)) return [];
    const isTold = told.has(revision);
    told.add(revision);
    const job = event.kind === "TaskRemoved" ? undefined : event.userTask;
    const isVersionTold = job && before.deliveredVersions.get(wireKey(job)) === versionKey(job);
    return found(place, [
      isTold && `the change at ${revision} was told before`,
      isVersionTold && `${wireKey(job)} was told at ${versionKey(job)} before`,
    ]);
  });
}

/**
 * At CaughtUp, and at every event of one that is not catching up, what was told is what the store has; while it
 * catches up, all that had its latest change at the event's revision or before is as it is in the store.
 */
function noGap(moment: Delivery, session: Session, history: WireHistory): Complaint[] {
  return moment.position.catchUp ? notMissedSoFar(moment, session, history) : exact(moment, session, history);
}

function exact({ event, position, client }: Delivery, session: Session, history: WireHistory): Complaint[] {
  const { revision } = position;
  if (revision > history.revision) return [`revision ${revision} has never been`];
  const expected = history.at(revision, session.connected.filter);
  const differing = [...new Set([...expected.keys(), ...client.held.keys()])].filter(
    (key) => !isDeepStrictEqual(client.held.get(key), expected.get(key)),
  );
  return [differing.length > 0 && `at ${event.kind} ${revision} it does not hold ${differing} as it was`];
}

function notMissedSoFar(moment: Delivery, { connected }: Session, history: WireHistory): Complaint[] {
  const { revision } = moment.position;
  const expected = history.at(revision, connected.filter);
  return history
    .keys(connected.filter)
    .filter((key) => history.changesOf(key, revision, moment.madeAtMost).length === 0)
    .filter((key) => !isDeepStrictEqual(moment.client.held.get(key), expected.get(key)))
    .map((key) => `catching up at ${revision}, ${key} is not as it has been since before`);
}

/**
 * `after` brings what changed since: no Reset unless there was a loss, told against what the watcher held, in a
 * catch-up that ends with CaughtUp.
 */
function resumable(session: Session, history: WireHistory): Found[] {
  const { place, after, deliveries, quietAt } = session;
  const first = deliveries[0];
  const isResetInVain = first?.event.kind === "Reset" && after && !lossAt(first.position, after, history);
  const isUnended = quietAt !== undefined && deliveries.at(-1)?.position.catchUp;
  return [
    ...found(place, [
      isResetInVain && "began with a Reset though nothing was lost",
      isUnended && "its catch-up has not ended",
    ]),
    ...deliveries.flatMap((moment) => found(moment.place, catchesUp(moment, moment === first))),
    ...deliveries.flatMap((moment) => found(moment.place, toldAgainstWhatWasHeld(moment, history))),
  ];
}

/** A catch-up keeps its base until CaughtUp ends it. */
function catchesUp({ event, position, last }: Delivery, isFirst: boolean): Complaint[] {
  const { kind } = event;
  if (kind === "CaughtUp") return [position.catchUp && "CaughtUp ends no catch-up"];
  if (kind === "Reset") return [position.catchUp?.base !== 0 && "a Reset is told to one who holds nothing"];
  const goesOn = last?.catchUp && !isDeepStrictEqual(position.catchUp, last.catchUp);
  return [
    goesOn && "its catch-up goes over into something else without CaughtUp",
    isFirst && !position.catchUp && "it is live before it has caught up",
  ];
}

function toldAgainstWhatWasHeld({ event, position, before }: Delivery, history: WireHistory): Complaint[] {
  if (event.kind !== "TaskStored" && event.kind !== "TaskUpdated") return [];
  const since = baseOf(position);
  const key = wireKey(event.userTask);
  const isStored = history.storedAt(key, position.revision) > since;
  return [
    event.kind !== (isStored ? "TaskStored" : "TaskUpdated") &&
      `${event.kind} is not how it is since ${since}`,
    event.kind === "TaskUpdated" && !before.held.has(key) && `${key} was updated and never stored`,
    since < before.exactAt && `told against ${since}, though all up to ${before.exactAt} was held`,
  ];
}

/** Loss is said where there was one, with its cause, and only there. */
function lossIsSaid(session: Session, history: WireHistory): Found[] {
  return session.deliveries.flatMap((moment, at) =>
    found(moment.place, [
      ...causeIsTrue(moment, at === 0, history),
      at === 0 && beginsUnsaid(moment, session, history),
    ]),
  );
}

/**
 * What is told first is a Reset where all was lost before it could be told. What was forgotten meanwhile may be
 * said a moment later: what is told until then is what was.
 */
function beginsUnsaid(
  { event, position, madeAtMost }: Delivery,
  { after }: Session,
  history: WireHistory,
): Complaint {
  if (event.kind === "Reset") return undefined;
  if (!after) return "did not begin with Reset INITIAL";
  const madeAtLeast = Math.max(furthestOf(position), furthestOf(after));
  const loss = lossKnownAt(Math.min(madeAtLeast, madeAtMost), after, history);
  return loss && `did not begin with Reset ${loss}`;
}

function causeIsTrue(
  { event, position, last }: Delivery,
  isFirst: boolean,
  history: WireHistory,
): Complaint[] {
  if (event.kind !== "Reset") return [];
  const cause = last ? lossAt(position, last, history) : "INITIAL";
  return [
    event.cause !== cause && `Reset ${event.cause}, but ${cause ?? "nothing"} was so`,
    event.cause === "INITIAL" && !isFirst && "Reset INITIAL in the middle",
  ];
}

/** What was lost for one who stood at `from`, when a Reset at `reset` was made; a Reset says when that was. */
function lossAt(reset: Position, from: Position, history: WireHistory): string | undefined {
  return lossKnownAt(reset.catchUp?.began ?? 0, from, history);
}

function lossKnownAt(storeRevision: number, from: Position, history: WireHistory): string | undefined {
  if (from.epoch !== history.epoch) return "EPOCH_CHANGED";
  const { revision, catchUp } = from;
  const isFuture = furthestOf(from) > storeRevision;
  const remembered = catchUp?.base === 0 ? Math.max(revision, catchUp.began) : revision;
  return isFuture || history.tombstoneHorizonAt(storeRevision) > remembered ? "HISTORY_GONE" : undefined;
}

/** The store has been at this revision, or the position is from the future. */
function furthestOf({ revision, catchUp }: Position): number {
  return Math.max(revision, catchUp?.began ?? 0);
}

/** What is told of a job is one state that it had, whole; merged, it is not older than when the catch-up began. */
function mergedRight(moment: Delivery, _: Session, history: WireHistory): Complaint[] {
  const { event, position } = moment;
  const subject = subjectOf(event);
  if (!subject) return [];
  const key = wireKey(subject);
  const change = history.change(position.revision);
  if (!change || wireKey(change) !== key) return [`nothing happened to ${key} at ${position.revision}`];
  const newest = history.latestChange(key, position.catchUp?.began ?? 0);
  return [
    event.at !== change.at && `it happened at ${change.at}, not at ${event.at}`,
    position.catchUp && position.revision < newest && `older than what was at ${newest} already`,
    ...jobIsRight(moment, history),
    event.kind === "TaskRemoved" && change.kind !== "removed" && `${key} was not removed`,
    event.kind === "TaskRemoved" &&
      change.kind === "removed" &&
      event.reason !== change.reason &&
      "wrong reason",
  ];
}

function jobIsRight({ event, position, client }: Delivery, history: WireHistory): Complaint[] {
  if (event.kind !== "TaskStored" && event.kind !== "TaskUpdated") return [];
  const { userTask } = event;
  const { revision } = position;
  const key = wireKey(userTask);
  const change = history.change(revision);
  const expected = history.at(revision, {}).get(key);
  const isWhole = change?.kind !== "removed" && isDeepStrictEqual(userTask, change?.job);
  const inVain = event.kind === "TaskUpdated" ? changedInVain(event.changed, key, position, history) : [];
  return [
    userTask.version !== history.versionAt(key, revision) &&
      `version ${userTask.version} is not its number of changes`,
    userTask.attempt !== history.attemptAt(key, revision) &&
      `attempt ${userTask.attempt} is not how often it was stored`,
    !isWhole && `the job is not as it was at ${revision}`,
    !isDeepStrictEqual(client.held.get(key), expected) &&
      `with \`changed\` the tree is not as it was at ${revision}`,
    inVain.length > 0 && `${inVain} in \`changed\` have not changed`,
  ];
}

function changedInVain(
  changed: readonly WireTask[],
  key: string,
  position: Position,
  history: WireHistory,
): string[] {
  const paths = history.changedPaths(key, baseOf(position), position.revision);
  return changed.filter(({ path }) => !paths.has(path)).map(({ path }) => JSON.stringify(path));
}

/** What a change is told against: the revision that the watcher held. */
function baseOf({ revision, catchUp }: Position): number {
  return catchUp?.base ?? revision - 1;
}

/** Who asked for an interval is told everything in catch-ups. */
function inBatches({ event, position }: Delivery, { connected }: Session): Complaint[] {
  if (connected.minIntervalMs === 0 || event.kind === "CaughtUp") return [];
  return [!position.catchUp && `${event.kind} in no catch-up`];
}

/** When nobody writes any more, every watcher that is there holds everything. */
function lastStateArrives(
  { connected, place, client, deliveries, quietAt }: Session,
  history: WireHistory,
): Found[] {
  if (quietAt === undefined) return [];
  const { held } = deliveries.at(-1)?.client ?? client;
  const isHeld = isDeepStrictEqual(held, history.at(quietAt, connected.filter));
  return found(deliveries.at(-1)?.place ?? place, [
    !isHeld && `it never came to hold the state at ${quietAt}`,
  ]);
}

/** A task comes after the one that it is part of. */
function parentsFirst({ event }: Delivery): Complaint[] {
  if (event.kind !== "TaskStored" && event.kind !== "TaskUpdated") return [];
  const { tasks } = event.userTask;
  const changed = event.kind === "TaskUpdated" ? event.changed : [];
  return [
    !isSorted(tasks) && "`tasks` are not in pre-order",
    !isSorted(changed) && "`changed` has a child before its parent",
  ];
}

function isSorted(tasks: readonly WireTask[]): boolean {
  return tasks.every((task, at) => at === 0 || isBefore(indexesOf(tasks[at - 1]!), indexesOf(task)));
}

function indexesOf({ path }: WireTask): number[] {
  return path === "" ? [] : path.split(".").map(Number);
}

/** In pre-order. */
function isBefore(one: readonly number[], other: readonly number[]): boolean {
  const at = one.findIndex((index, level) => index !== other[level]);
  return at === -1 ? one.length < other.length : one[at]! < (other[at] ?? -1);
}
