import { expect, it } from "vitest";
import { WatchMirror, type ReceivedEvent } from "../../../src/client/watch/watch-mirror.js";
import { WatchQueue } from "../../../src/client/watch/watch-queue.js";
import { removedEvent, storedEvent, updatedEvent } from "./received-events.js";

const RESET: ReceivedEvent = { kind: "Reset", cause: "HISTORY_GONE", position: "epochOfTests.0.0.9" };
const CAUGHT_UP: ReceivedEvent = { kind: "CaughtUp", position: "epochOfTests.9" };

it("drops a job that was stored and removed before delivery", () => {
  const world = new World(storedEvent("j", ""), removedEvent("j"));

  expect(world.delivered()).toEqual([]);
});

it("replaces the updates of a known job by its removal", () => {
  const world = new World(storedEvent("j", ""));
  world.delivered();
  world.happens(updatedEvent("j", ""), removedEvent("j"));

  expect(world.delivered()).toEqual(["TaskRemoved j"]);
});

it("replaces a removal by a later store", () => {
  const world = new World(storedEvent("j", ""));
  world.delivered();
  world.happens(removedEvent("j"), storedEvent("j", ""), updatedEvent("j", ""));

  expect(world.delivered()).toEqual(["TaskStored j"]);
});

it("orders jobs by their latest change", () => {
  const world = new World(storedEvent("a", ""), storedEvent("b", ""), updatedEvent("a", ""));

  expect(world.delivered()).toEqual(["TaskStored b", "TaskStored a"]);
});

it("merges the updates of one tree, parents first", () => {
  const world = new World(storedEvent("j", "", ...children(11)));
  world.delivered();
  world.happens(updatedEvent("j", "", "10"), updatedEvent("j", "", "2"));

  expect(world.delivered()).toEqual(["TaskUpdated j: ,2,10"]);
});

it("drops everything before a Reset, and removals of earlier jobs after it", () => {
  const world = new World(storedEvent("j", ""));
  world.delivered();
  world.happens(updatedEvent("j", ""), RESET, storedEvent("j", ""), removedEvent("j"));

  expect(world.delivered()).toEqual(["Reset"]);
});

it("delivers CaughtUp once, after all other events, and not in the middle of a catch-up", () => {
  const world = new World(CAUGHT_UP, storedEvent("a", ""), CAUGHT_UP);
  const first = world.delivered();
  world.happens(CAUGHT_UP, { ...storedEvent("a", ""), position: "epochOfTests.10.9.12" });

  expect(first).toEqual(["TaskStored a", "CaughtUp"]);
  expect(world.delivered()).toEqual(["TaskStored a"]);
  world.happens(CAUGHT_UP);
  expect(world.delivered()).toEqual(["CaughtUp"]);
});

it("starts with the mirror's state", () => {
  const mirror = new WatchMirror();
  mirror.apply(storedEvent("j", ""));
  mirror.apply(CAUGHT_UP);

  expect(allOf(new WatchQueue(mirror, true))).toEqual(["Reset", "TaskStored j", "CaughtUp"]);
});

/** A queue that receives events from the first one on. */
class World {
  readonly #mirror = new WatchMirror();
  readonly #queue = new WatchQueue(this.#mirror, false);

  constructor(...events: readonly ReceivedEvent[]) {
    this.happens(...events);
  }

  happens(...events: readonly ReceivedEvent[]): void {
    for (const event of events) this.#queue.add(this.#mirror.apply(event)!);
  }

  delivered(): string[] {
    return allOf(this.#queue);
  }
}

/** Takes all events, as text. */
function allOf(queue: WatchQueue): string[] {
  const taken: string[] = [];
  for (let event = queue.shift(); event; event = queue.shift()) {
    const job = "job" in event ? ` ${event.job.jobId}` : "";
    const paths = event.kind === "TaskUpdated" ? `: ${event.changed.map(({ path }) => path)}` : "";
    taken.push(`${event.kind}${job}${paths}`);
  }
  return taken;
}

function children(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index));
}
