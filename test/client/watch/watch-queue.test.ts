import { expect, it } from "vitest";
import { WatchMirror, type ReceivedEvent } from "../../../src/client/watch/watch-mirror.js";
import { WatchQueue } from "../../../src/client/watch/watch-queue.js";
import { removedEvent, storedEvent, updatedEvent } from "./received-events.js";

const RESET: ReceivedEvent = { kind: "Reset", cause: "HISTORY_GONE", position: "epochOfTests.0.0.9" };
const CAUGHT_UP: ReceivedEvent = { kind: "CaughtUp", position: "epochOfTests.9" };

it("a job that came and went meanwhile is not told of", () => {
  const world = new World(storedEvent("j", ""), removedEvent("j"));

  expect(world.told()).toEqual([]);
});

it("of a job that was told of, its end is told, and not what came before that", () => {
  const world = new World(storedEvent("j", ""));
  world.told();
  world.happens(updatedEvent("j", ""), removedEvent("j"));

  expect(world.told()).toEqual(["TaskRemoved j"]);
});

it("a job that was removed and stored again is stored", () => {
  const world = new World(storedEvent("j", ""));
  world.told();
  world.happens(removedEvent("j"), storedEvent("j", ""), updatedEvent("j", ""));

  expect(world.told()).toEqual(["TaskStored j"]);
});

it("jobs are told in the order of their latest change", () => {
  const world = new World(storedEvent("a", ""), storedEvent("b", ""), updatedEvent("a", ""));

  expect(world.told()).toEqual(["TaskStored b", "TaskStored a"]);
});

it("changes of one tree are told together, parents first", () => {
  const world = new World(storedEvent("j", "", ...children(11)));
  world.told();
  world.happens(updatedEvent("j", "", "10"), updatedEvent("j", "", "2"));

  expect(world.told()).toEqual(["TaskUpdated j: ,2,10"]);
});

it("after a Reset nothing of what was before it is told, nor that it is gone", () => {
  const world = new World(storedEvent("j", ""));
  world.told();
  world.happens(updatedEvent("j", ""), RESET, storedEvent("j", ""), removedEvent("j"));

  expect(world.told()).toEqual(["Reset"]);
});

it("CaughtUp is told when all is, once, and not in the middle of a catch-up", () => {
  const world = new World(CAUGHT_UP, storedEvent("a", ""), CAUGHT_UP);
  const first = world.told();
  world.happens(CAUGHT_UP, { ...storedEvent("a", ""), position: "epochOfTests.10.9.12" });

  expect(first).toEqual(["TaskStored a", "CaughtUp"]);
  expect(world.told()).toEqual(["TaskStored a"]);
  world.happens(CAUGHT_UP);
  expect(world.told()).toEqual(["CaughtUp"]);
});

it("who comes late is told the state", () => {
  const mirror = new WatchMirror();
  mirror.apply(storedEvent("j", ""));
  mirror.apply(CAUGHT_UP);

  expect(allOf(new WatchQueue(mirror, true))).toEqual(["Reset", "TaskStored j", "CaughtUp"]);
});

/** A queue from the first event on. */
class World {
  readonly #mirror = new WatchMirror();
  readonly #queue = new WatchQueue(this.#mirror, false);

  constructor(...events: readonly ReceivedEvent[]) {
    this.happens(...events);
  }

  happens(...events: readonly ReceivedEvent[]): void {
    for (const event of events) this.#queue.add(this.#mirror.apply(event)!);
  }

  told(): string[] {
    return allOf(this.#queue);
  }
}

/** All that there is to tell, in words. */
function allOf(queue: WatchQueue): string[] {
  const told: string[] = [];
  for (let event = queue.shift(); event; event = queue.shift()) {
    const job = "job" in event ? ` ${event.job.jobId}` : "";
    const paths = event.kind === "TaskUpdated" ? `: ${event.changed.map(({ path }) => path)}` : "";
    told.push(`${event.kind}${job}${paths}`);
  }
  return told;
}

function children(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index));
}
