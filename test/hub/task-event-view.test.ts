import { describe, expect, it } from "vitest";
import { TaskEventView } from "../../src/hub/task-event-view.js";
import type { TaskEvent } from "../../src/hub/task-event.js";
import type { Position } from "../../src/protocol/position.js";
import type { JobFilter } from "../../src/store/task-store.js";
import { cursorOn, type CursorReader } from "../kit/delivery/cursor-reader.js";
import { eventTexts } from "../kit/delivery/event-text.js";
import { ALICE, ANY_ATTEMPT, BOB, CAROL, manyKeys, reportOf, storeRequestOf } from "../kit/store/requests.js";
import { openStore, type OpenedStore } from "../kit/store/task-stores.js";

describe("those who watch in one way", () => {
  it("are told the very same snapshot when they begin together", async () => {
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

  it("are told the very same changes, one by one and merged", async () => {
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

  it("are told the very same whichever way they came to where they stand", async () => {
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

  it("are told the same though one comes to it later, while nothing changes", async () => {
    await using world = await openWorld();
    const [first, second] = [world.live(), world.live()];
    await world.storeAll(ALICE);
    const told = pulled(first);
    world.clock.advance(500);
    expect(eventTexts(told)).toEqual(["TaskStored alice 1"]);
    expectSame(pulled(second), told);
  });

  it("are told what others were told a moment ago, then what has happened meanwhile", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE);
    const [first, second] = [world.live(), world.live()];
    await world.report(ALICE);
    const told = pulled(first);
    await world.report(ALICE);
    told.push(...pulled(first));
    expect(eventTexts(told)).toEqual(["TaskUpdated alice since 1 2", "TaskUpdated alice since 2 3"]);
    expectSame(pulled(second), told);
  });

  it("are told of what went after it was told to others", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE, BOB);
    const [first, second] = [world.subscribe(), world.subscribe()];
    const snapshot = pulled(first);
    await world.store.remove(ALICE, ANY_ATTEMPT);
    const told = pulled(second);
    expectSame(told.slice(0, snapshot.length), snapshot);
    expect(eventTexts(told.slice(snapshot.length))).toEqual(["TaskRemoved alice 3"]);
  });

  it("are not told what was told long ago: the instant of a Reset is that at which it is told", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE);
    pulled(world.subscribe());
    world.clock.advance(LATER_MS);
    const [reset, , caughtUp] = pulled(world.subscribe());
    expect([reset?.at, caughtUp?.at]).toEqual([world.clock.now(), world.clock.now()]);
  });

  it("are each told what is right for them when they stand at different places", async () => {
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

  it("are told nothing of what the filter hides, and of the rest the same", async () => {
    await using world = await openWorld({ username: ALICE.username });
    const [first, second] = [world.live(), world.live()];
    await world.storeAll(BOB, ALICE);
    const told = pulled(first);
    expect(eventTexts(told)).toEqual(["TaskStored alice 2"]);
    expectSame(pulled(second), told);
  });
});

describe("what comes after a place", () => {
  it("is made once while nothing changes, and anew when something has", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE);
    const place = world.view.stateAfter(at(world, 0));
    const step = world.view.step(place);
    expect(world.view.step(place)).toBe(step);
    await world.report(ALICE);
    world.clock.advance(LATER_MS);
    expect(world.view.step(place)).not.toBe(step);
  });

  it("is what is there now, though nothing was there before", async () => {
    await using world = await openWorld();
    await world.storeAll(ALICE);
    const cursor = world.live();
    expect(pulled(cursor)).toEqual([]);
    await world.report(ALICE);
    expect(eventTexts(pulled(cursor))).toEqual(["TaskUpdated alice since 1 2"]);
  });

  it("is remembered for a few places: others are told as right, though not the same", async () => {
    await using world = await openWorld();
    await world.storeAll(...manyKeys(40));
    const places = Array.from({ length: 40 }, (_, revision) => world.view.stateAfter(at(world, revision)));
    const steps = places.map((place) => world.view.step(place));
    expect(world.view.step(places.at(-1)!)).toBe(steps.at(-1));
    expect(world.view.step(places[0]!)).not.toBe(steps[0]);
    expect(world.view.step(places[0]!)).toEqual(steps[0]);
  });
});

/** Long enough for what was told before to be told to nobody else. */
const LATER_MS = 60_000;

interface World extends OpenedStore {
  readonly view: TaskEventView;
  storeAll(...keys: readonly (typeof ALICE)[]): Promise<void>;
  report(key: typeof ALICE): Promise<unknown>;
  subscribe(after?: Position): CursorReader;
  /** One that was told all there is. */
  live(after?: Position): CursorReader;
}

/** A store, and one view of it for all who watch. */
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
