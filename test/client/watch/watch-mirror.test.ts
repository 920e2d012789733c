import { describe, expect, it } from "vitest";
import { WatchMirror, type ReceivedEvent } from "../../../src/client/watch/watch-mirror.js";
import { OutOfSyncError } from "../../../src/client/watch/watched-tree.js";
import { removedEvent, storedEvent, updatedEvent } from "./received-events.js";

describe("A mirror", () => {
  it.each([
    ["an unknown job", [updatedEvent("other", "")]],
    ["a task that is not the next child", [storedEvent("j", "", "0"), updatedEvent("j", "2")]],
    ["a task below an unknown one", [storedEvent("j", "", "0"), updatedEvent("j", "1.0")]],
    ["a tree without its root", [storedEvent("j", "0")]],
  ])("rejects an event about %s", (_, events) => {
    const mirror = new WatchMirror();

    expect(() => events.map((event) => mirror.apply(event))).toThrow(OutOfSyncError);
  });

  it("keeps the order of a growing tree", () => {
    const mirror = new WatchMirror();
    mirror.apply(storedEvent("j", "", "0"));
    mirror.apply(updatedEvent("j", "", "1", "1.0", "2"));
    const root = mirror.jobs.find("u", "j")!.task;

    expect(root.subTasks.map(({ path }) => path)).toEqual(["0", "1", "2"]);
    expect(root.subTasks[1]!.subTasks.map(({ path }) => path)).toEqual(["1.0"]);
  });

  it("advances its position for an event of an unknown kind, as a newer server may send", () => {
    const mirror = new WatchMirror();
    const event = { kind: "TaskPraised", position: "epochOfTests.2" } as unknown as ReceivedEvent;

    expect(mirror.apply(event)).toBeUndefined();
    expect(mirror.position).toBe("epochOfTests.2");
  });

  it("ignores the removal of an unknown job", () => {
    expect(new WatchMirror().apply(removedEvent("j"))).toBeUndefined();
  });
});
