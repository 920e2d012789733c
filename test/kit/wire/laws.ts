import { isDeepStrictEqual } from "node:util";
import type { CatchUp, Position } from "../../../src/protocol/position.js";
import { versionKey } from "./client.js";
import { isChange, subjectOf, wireKey, type WireTask } from "./event.js";
import type { WireHistory } from "./history.js";
import { replay, type Delivery, type Session } from "./replay.js";
import type { Transcript } from "./transcript.js";

/**
 * The laws of delivery as checks of a transcript against the store's history, one check for each promise. A
 * check examines one connection and returns a sentence for each violation.
 */
const PROMISES = {
  "L6 in order": eachMoment(inOrder),
  "L6 no repeat": noRepeat,
  "L7 no gap": eachMoment(noGap),
  "L8 resumable": resumable,
  "L9 loss is reported": lossIsReported,
  "L10 merged right": eachMoment(mergedRight),
  "L10 in batches": eachMoment(inBatches),
  "L10 last state": lastStateArrives,
  "parents first": eachMoment(parentsFirst),
} satisfies Record<string, Check>;

export type Promised = keyof typeof PROMISES;

export interface Violation {
  readonly promised: Promised;
  /** Index in the transcript. */
  readonly place: number;
  readonly what: string;
}

/** The violations of one promise. */
export function violationsOf(promised: Promised, transcript: Transcript, history: WireHistory): Violation[] {
  return replay(transcript).flatMap((session) =>
    PROMISES[promised](session, history).map(([place, what]) => ({ promised, place, what })),
  );
}

/** The violations of all promises. */
export function allViolations(transcript: Transcript, history: WireHistory): Violation[] {
  // Safe: these are its keys.
  const promises = Object.keys(PROMISES) as Promised[];
  return promises.flatMap((promised) => violationsOf(promised, transcript, history));
}

type Check = (session: Session, history: WireHistory) => Found[];
type MomentCheck = (moment: Delivery, session: Session, history: WireHistory) => Complaint[];
type Found = readonly [place: number, what: string];
/** A sentence about a violation. */
type Complaint = string | false | undefined;

function eachMoment(check: MomentCheck): Check {
  return (session, history) =>
    session.deliveries.flatMap((moment) => found(moment.place, check(moment, session, history)));
}

function found(place: number, complaints: readonly Complaint[]): Found[] {
  return complaints.flatMap((complaint) => (complaint ? [[place, complaint] as const] : []));
}

/** Between two Resets positions increase, and the epoch changes only at a Reset. */
function inOrder({ event, position, last }: Delivery): Complaint[] {
  if (event.kind === "Reset") return [position.revision !== 0 && "a Reset is at revision 0"];
  if (!last) return ["a Reset comes first"];
  const least = event.kind === "CaughtUp" ? last.revision : last.revision + 1;
  return [
    position.epoch !== last.epoch && `the epoch goes from ${last.epoch} to ${position.epoch} without a Reset`,
    position.revision < least && `${event.kind} at ${position.revision} comes after ${last.revision}`,
  ];
}

/** Between two Resets no change arrives twice, by position or by version. */
function noRepeat({ deliveries }: Session): Found[] {
  let delivered = new Set<number>();
  return deliveries.flatMap(({ place, event, position: { revision }, before }) => {
    if (event.kind === "Reset") delivered = new Set();
    if (!isChange(event)) return [];
    const isDelivered = delivered.has(revision);
    delivered.add(revision);
    const job = event.kind === "TaskRemoved" ? undefined : event.userTask;
    const isVersionDelivered = job && before.deliveredVersions.get(wireKey(job)) === versionKey(job);
    return found(place, [
      isDelivered && `the change at ${revision} was delivered before`,
      isVersionDelivered && `${wireKey(job)} was delivered at ${versionKey(job)} before`,
    ]);
  });
}

/**
 * At CaughtUp, and at every event outside a catch-up, the watcher holds the store's state. During a catch-up,
 * every job whose latest change is at or before the event's revision is as in the store.
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
 * A resume with `after` delivers the changes since: no Reset unless history was lost, relative to what the
 * watcher held, in a catch-up that ends with CaughtUp.
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

/** A catch-up keeps its base until its CaughtUp. */
function catchesUp({ event, position, last }: Delivery, isFirst: boolean): Complaint[] {
  const { kind } = event;
  if (kind === "CaughtUp") return [position.catchUp && "CaughtUp ends no catch-up"];
  if (kind === "Reset") return [position.catchUp?.base !== 0 && "a Reset with a base other than 0"];
  const goesOn = last?.catchUp && !continues(position.catchUp, last.catchUp);
  return [
    goesOn && "its catch-up goes over into something else without CaughtUp",
    isFirst && !position.catchUp && "it is live before it has caught up",
  ];
}

function continues(now: CatchUp | undefined, { base, began, seen = began }: CatchUp): boolean {
  return now?.base === base && now.began === began && (now.seen ?? began) >= seen;
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
    since < before.exactAt && `based on ${since}, although everything up to ${before.exactAt} was held`,
  ];
}

/** A loss is reported with its cause if there was one, and only then. */
function lossIsReported(session: Session, history: WireHistory): Found[] {
  return session.deliveries.flatMap((moment, at) =>
    found(moment.place, [
      ...causeIsTrue(moment, at === 0, history),
      at === 0 && beginsUnsaid(moment, session, history),
    ]),
  );
}

/**
 * If everything was lost before the first event, that event is a Reset. A loss in the meantime may be reported
 * a moment later; events until then show states that existed.
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

/**
 * The loss of a watcher at `from` when a Reset at `reset` was made; the position of a Reset shows when that
 * was.
 */
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

/** The newest store revision that a position implies. */
function furthestOf({ revision, catchUp }: Position): number {
  return Math.max(revision, catchUp?.seen ?? catchUp?.began ?? 0);
}

/**
 * An event about a job shows one complete state of it; a merged one is not older than the start of the
 * catch-up.
 */
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

/** The base of a change: the revision that the watcher held. */
function baseOf({ revision, catchUp }: Position): number {
  return catchUp?.base ?? revision - 1;
}

/** With a minimal interval, every change arrives in catch-ups. */
function inBatches({ event, position }: Delivery, { connected }: Session): Complaint[] {
  if (connected.minIntervalMs === 0 || event.kind === "CaughtUp") return [];
  return [!position.catchUp && `${event.kind} in no catch-up`];
}

/** Once all writes have ended, every connected watcher holds the last state. */
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

/** A task comes after its parent. */
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
