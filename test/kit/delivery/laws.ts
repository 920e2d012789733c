import { expect } from "vitest";
import type { TaskEvent } from "../../../src/hub/task-event.js";
import { epochOf, type Position } from "../../../src/protocol/position.js";
import type { JobFilter, TaskStore } from "../../../src/store/task-store.js";
import type { ModelWatcher } from "./model-watcher.js";
import { jobViewOf, type JobView } from "./job-view.js";
import type { Jobs, StoreHistory } from "../store/store-history.js";

/** A watched store and its recorded history. */
export interface ObservedStore {
  readonly store: TaskStore;
  readonly history: Pick<StoreHistory, "revision" | "at" | "unchangedSince">;
  readonly filter: JobFilter;
}

/**
 * The laws of delivery, one check each, applied to one event in the turn of its delivery. `before` and `after`
 * are the watcher before and after the event.
 */
export function expectLawful(
  watched: ObservedStore,
  before: ModelWatcher,
  event: TaskEvent,
  after: ModelWatcher,
): void {
  expectInOrder(before.position, event);
  expectCatchUpGoesOn(before.position, event);
  expectExact(watched, event, after);
  expectNothingMissedSoFar(watched, event, after);
  expectToldAgainstWhatWasHeld(before, event);
  expectLossIsTrue(watched, before, event);
}

/** The jobs that a watcher holds after receiving everything. */
export function expectedJobs({ history, filter }: ObservedStore): Map<string, JobView> {
  return shown(history.at(history.revision, filter));
}

/** Law 7: every catch-up ends. */
export function expectDrained(event: TaskEvent | undefined): void {
  expect(event, "Law 7: every catch-up ends").toBeUndefined();
}

/** Law 6: positions go up, and the epoch changes only at a Reset. The generation of a position is not a part of the law. */
function expectInOrder(last: Position | undefined, { kind, position }: TaskEvent): void {
  if (kind === "Reset") return expect(position.revision, "Law 6: a Reset is at revision 0").toBe(0);
  expect(epochOf(position.epoch), "Law 6: epoch").toBe(epochOf(last!.epoch));
  const least = kind === "CaughtUp" ? last!.revision : last!.revision + 1;
  expect(position.revision, `Law 6: ${kind} goes up`).toBeGreaterThanOrEqual(least);
}

/** Law 7: every catch-up ends with CaughtUp and keeps one base until then. */
function expectCatchUpGoesOn(last: Position | undefined, { kind, position }: TaskEvent): void {
  if (kind === "Reset") return expect(position.catchUp?.base, "Law 8: a Reset's base").toBe(0);
  if (kind === "CaughtUp") return expect(position.catchUp, "Law 8: CaughtUp ends it").toBeUndefined();
  if (!last?.catchUp) return;
  const now = position.catchUp;
  const { base, began, seen = began } = last.catchUp;
  expect(now?.base, "Law 8: a catch-up keeps its base").toBe(base);
  // Before its first event, it may begin again, as after a failover.
  if (last.revision > base) expect(now?.began, "Law 8: a catch-up keeps its start").toBe(began);
  expect(now?.seen ?? now?.began, "Law 8: what was seen is not forgotten").toBeGreaterThanOrEqual(seen);
}

/** Law 7: at CaughtUp and at every event of a live watcher, exactly the state at its position. */
function expectExact(
  { history, filter }: ObservedStore,
  { kind, position }: TaskEvent,
  after: ModelWatcher,
): void {
  if (position.catchUp) return;
  const expected = shown(history.at(position.revision, filter));
  expect(after.held, `Law 7: held at ${kind} ${position.revision}`).toEqual(expected);
}

/** Law 7: after an event at p, every job whose latest change is at p or before is as the store has it. */
function expectNothingMissedSoFar(
  { history, filter }: ObservedStore,
  { position }: TaskEvent,
  after: ModelWatcher,
): void {
  const current = shown(history.at(history.revision, filter));
  for (const key of history.unchangedSince(position.revision, filter)) {
    expect(after.held.get(key), `Law 7: ${key} up to ${position.revision}`).toEqual(current.get(key));
  }
}

/** Law 8: TaskStored and TaskUpdated are relative to what this watcher held, and to nothing older. */
function expectToldAgainstWhatWasHeld({ exactAt }: ModelWatcher, event: TaskEvent): void {
  if (event.kind !== "TaskStored" && event.kind !== "TaskUpdated") return;
  const { position, userTask } = event;
  const since =
    event.kind === "TaskUpdated" ? event.since : (position.catchUp?.base ?? position.revision - 1);
  const isStored = userTask.storedStamp.revision > since;
  expect(event.kind, `Law 8: stored at ${userTask.storedStamp.revision}, based on ${since}`).toBe(
    isStored ? "TaskStored" : "TaskUpdated",
  );
  expect(since, "Law 8: the base is what the watcher held").toBeGreaterThanOrEqual(exactAt);
  expect(since, "Law 8: the base is what the watcher held").toBe(
    position.catchUp?.base ?? position.revision - 1,
  );
}

/** Law 9: a loss is reported if there was one, and only then. */
function expectLossIsTrue({ store }: ObservedStore, { position }: ModelWatcher, event: TaskEvent): void {
  if (event.kind !== "Reset") return;
  if (event.cause === "INITIAL") return expect(position?.revision ?? 0, "Law 9: nothing was held").toBe(0);
  expect(event.cause, "Law 9: one epoch").toBe("HISTORY_GONE");
  const { revision, catchUp } = position!;
  const remembered = catchUp?.base === 0 ? Math.max(revision, catchUp.began) : revision;
  expect(store.tombstoneHorizon, "Law 9: removals were forgotten").toBeGreaterThan(remembered);
}

function shown(jobs: Jobs): Map<string, JobView> {
  return new Map([...jobs].map(([key, job]) => [key, jobViewOf(job)]));
}
