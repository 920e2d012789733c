import { describe, expect, it } from "vitest";
import { WatchMirror, type ReceivedEvent } from "../../../src/client/watch/watch-mirror.js";
import { removedEvent, storedEvent, updatedEvent } from "./received-events.js";

describe("A mirror", () => {
  it.each([
    ["of a job that it does not hold", [updatedEvent("other", "")]],
    ["of a task that is no next child", [storedEvent("j", "", "0"), updatedEvent("j", "2")]],
    ["of a task below one that is not there", [storedEvent("j", "", "0"), updatedEvent("j", "1.0")]],
    ["of a tree without its root", [storedEvent("j", "0")]],
  ])("says that it has lost track when it is told %s", (_, events) => {
    const mirror = new WatchMirror();

    expect(() => events.map((event) => mirror.apply(event))).toThrow(/The server told of/);
  });

  it("puts a tree that grows in order", () => {
    const mirror = new WatchMirror();
    mirror.apply(storedEvent("j", "", "0"));
    mirror.apply(updatedEvent("j", "", "1", "1.0", "2"));
    const root = mirror.jobs.find("u", "j")!.task;

    expect(root.subTasks.map(({ path }) => path)).toEqual(["0", "1", "2"]);
    expect(root.subTasks[1]!.subTasks.map(({ path }) => path)).toEqual(["1.0"]);
  });

  it("keeps the position of an event of a kind that it does not know", () => {
    const mirror = new WatchMirror();
    // As a newer server might tell it.
    const event = { kind: "TaskPraised", position: "epochOfTests.2" } as unknown as ReceivedEvent;

    expect(mirror.apply(event)).toBeUndefined();
    expect(mirror.position).toBe("epochOfTests.2");
  });

  it("a removal of what it never held is nothing", () => {
    expect(new WatchMirror().apply(removedEvent("j"))).toBeUndefined();
  });
});
