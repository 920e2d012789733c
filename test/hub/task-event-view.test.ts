import { describe, expect, it } from "vitest";
import { TaskEventView } from "../../src/hub/task-event-view.js";
import type { TaskEvent } from "../../src/hub/task-event.js";
import type { Position } from "../../src/protocol/position.js";
import type { JobFilter } from "../../src/store/task-store.js";
import { cursorOn, type CursorReader } from "../kit/delivery/cursor-reader.js";
import { eventTexts } from "../kit/delivery/event-text.js";
import { ALICE, ANY_ATTEMPT, BOB, CAROL, manyKeys, reportOf, storeRequestOf } from "../kit/store/requests.js";
import { jobKey } from "../kit/journal/entries.js";
import { openStore, type OpenedStore } from "../kit/store/task-stores.js";

describe("subscribers of one view", () => {
  it("receive the same snapshot objects when they begin together", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB);
    const [first, second] = [world.subscribe(), world.subscribe()];
    const events = pulled(first);
    expect(eventTexts(events)).toEqual([
      "Reset INITIAL 0.0.2",
      "TaskStored alice 1.0.2",
      "TaskStored bob 2.0.2",
      "CaughtUp 2",
    ]);
    expectSame(pulled(second), events);
  });

  it("receive the same event objects, one by one and merged", async () => {
    await using world = await openWorld();
    const [first, second] = [world.live(), world.live()];
    await world.store.store(storeRequestOf(ALICE));
    const stored = pulled(first);
    expect(eventTexts(stored)).toEqual(["TaskStored alice 1"]);
    expectSame(pulled(second), stored);
    await world.report(ALICE);
    await world.report(ALICE);
    const merged = pulled(first);
    expect(eventTexts(merged)).toEqual(["TaskUpdated alice since 1 3.1.3", "CaughtUp 3"]);
    expectSame(pulled(second), merged);
  });

  it("receive the same event objects however they reached their position", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB);
    const snapshot = world.live();
    await world.report(ALICE);
    await world.report(BOB);
    const resumed = world.live(at(world, 3));
    const late = world.live();
    pulled(snapshot);
    const oneByOne = world.live(at(world, 4));
    await world.storeAll(CAROL);
    const next = pulled(snapshot);
    expect(eventTexts(next)).toEqual(["TaskStored carol 5"]);
    for (const cursor of [resumed, late, oneByOne]) expectSame(pulled(cursor), next);
  });

  it("receive the same event objects at different times, while nothing changes", async () => {
    await using world = await openWorld();
    const [first, second] = [world.live(), world.live()];
    await world.storeAll(ALICE);
    const events = pulled(first);
    world.clock.advance(500);
    expect(eventTexts(events)).toEqual(["TaskStored alice 1"]);
    expectSame(pulled(second), events);
  });

  it("receive the events that others received a moment ago, then the newer ones", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE);
    const [first, second] = [world.live(), world.live()];
    await world.report(ALICE);
    const events = pulled(first);
    await world.report(ALICE);
    events.push(...pulled(first));
    expect(eventTexts(events)).toEqual(["TaskUpdated alice since 1 2", "TaskUpdated alice since 2 3"]);
    expectSame(pulled(second), events);
  });

  it("receive a removal that happened after the snapshot was cached", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB);
    const [first, second] = [world.subscribe(), world.subscribe()];
    const snapshot = pulled(first);
    await world.store.remove(ALICE, ANY_ATTEMPT);
    const events = pulled(second);
    expectSame(events.slice(0, snapshot.length), snapshot);
    expect(eventTexts(events.slice(snapshot.length))).toEqual(["TaskRemoved alice 3"]);
  });

  it("receive fresh events after a while: the instant of a Reset is that of its delivery", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE);
    pulled(world.subscribe());
    world.clock.advance(LATER_MS);
    const [reset, , caughtUp] = pulled(world.subscribe());
    expect([reset?.at, caughtUp?.at]).toEqual([world.clock.now(), world.clock.now()]);
  });

  it("receive different events at different positions", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE);
    const [early, late] = [world.live(), world.live()];
    await world.report(ALICE);
    pulled(late);
    await world.report(ALICE);
    world.clock.advance(LATER_MS);
    expect(eventTexts(pulled(early))).toEqual(["TaskUpdated alice since 1 3.1.3", "CaughtUp 3"]);
    expect(eventTexts(pulled(late))).toEqual(["TaskUpdated alice since 2 3"]);
  });

  it("receive nothing that the filter hides, and the same objects for the rest", async () => {
    await using world = await openWorld({ username: ALICE.username });
    const [first, second] = [world.live(), world.live()];
    await world.storeAll(BOB, ALICE);
    const events = pulled(first);
    expect(eventTexts(events)).toEqual(["TaskStored alice 2"]);
    expectSame(pulled(second), events);
  });

  it("receive a change after a yield, although an older CaughtUp is cached", async () => {
    const rare = jobKey("alice", "rare");
    await using world = await openWorld({ jobId: rare.jobId });
    await Promise.all([rare, ...manyKeys(1_100)].map((key) => world.store.store(storeRequestOf(key))));
    const [first, second] = [world.subscribe(), world.subscribe()];
    second.pull();
    pulled(first);
    world.clock.advance(1_000);
    expect(eventTexts(pulled(first))).toEqual(["CaughtUp 1101"]);
    await world.report(rare);
    expect(pulled(second)).toEqual([]);
    expect(eventTexts(pulled(second))).toEqual(["TaskStored alice 1102.0.1101", "CaughtUp 1102"]);
  });
});

describe("a step of a view", () => {
  it("is computed once while nothing changes, and again after a change", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE);
    const state = world.view.stateAfter(at(world, 0));
    const step = world.view.step(state);
    expect(world.view.step(state)).toBe(step);
    await world.report(ALICE);
    world.clock.advance(LATER_MS);
    expect(world.view.step(state)).not.toBe(step);
  });

  it("is not cached while it is empty", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE);
    const cursor = world.live();
    expect(pulled(cursor)).toEqual([]);
    await world.report(ALICE);
    expect(eventTexts(pulled(cursor))).toEqual(["TaskUpdated alice since 1 2"]);
  });

  it("is cached for a few positions, and equal but not identical for others", async () => {
    await using world = await openWorld();
    await world.storeAll(...manyKeys(40));
    const states = Array.from({ length: 40 }, (_, revision) => world.view.stateAfter(at(world, revision)));
    const steps = states.map((state) => world.view.step(state));
    expect(world.view.step(states.at(-1)!)).toBe(steps.at(-1));
    expect(world.view.step(states[0]!)).not.toBe(steps[0]);
    expect(world.view.step(states[0]!)).toEqual(steps[0]);
  });
});

/** Long enough for all cached steps to be stale. */
const LATER_MS = 60_000;

interface World extends OpenedStore {
  readonly view: TaskEventView;
  storeAll(...keys: readonly (typeof ALICE)[]): Promise<void>;
  report(key: typeof ALICE): Promise<unknown>;
  subscribe(after?: Position): CursorReader;
  /** A subscriber that has caught up. */
  live(after?: Position): CursorReader;
}

/** A store, and one view of it for all subscribers. */
async function openWorld(filter: JobFilter = {}): Promise<World> {
  const opened = await openStore();
  const { store, clock } = opened;
  const view = new TaskEventView(store, { filter, isMerging: false, clock });
  const subscribe = (after?: Position): CursorReader => cursorOn(view, { after, clock });
  return {
    ...opened,
    view,
    async storeAll(...keys) {
      for (const key of keys) await store.store(storeRequestOf(key));
    },
    report: (key) => store.update(key, reportOf({ add: 1 })),
    subscribe,
    live(after) {
      const cursor = subscribe(after);
      pulled(cursor);
      return cursor;
    },
  };
}

function at({ store }: World, revision: number): Position {
  return { epoch: store.position.epoch, revision };
}

function pulled(cursor: CursorReader): TaskEvent[] {
  const events: TaskEvent[] = [];
  for (let event; (event = cursor.pull());) events.push(event);
  return events;
}

/** The very same objects, in the same order. */
function expectSame(events: readonly TaskEvent[], others: readonly TaskEvent[]): void {
  expect(events).toHaveLength(others.length);
  events.forEach((event, index) => expect(event).toBe(others[index]));
}
