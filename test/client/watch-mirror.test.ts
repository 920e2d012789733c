import { describe, expect, it } from "vitest";
import type { MirroredJobFragment, MirroredTaskFragment } from "../../src/client/generated/graphql.js";
import { WatchMirror, type ToldEvent } from "../../src/client/watch-mirror.js";

const POSITION = "epochOfTests.1";

describe("A mirror", () => {
  it.each([
    ["of a job that it does not hold", [updated("other", "")]],
    ["of a task that is no next child", [stored("", "0"), updated("j", "2")]],
    ["of a task below one that is not there", [stored("", "0"), updated("j", "1.0")]],
    ["of a tree without its root", [stored("0")]],
  ])("says that it has lost track when it is told %s", (_, events) => {
    const mirror = new WatchMirror();

    expect(() => events.map((event) => mirror.apply(event))).toThrow(/The server told of/);
  });

  it("puts a tree that grows in order", () => {
    const mirror = new WatchMirror();
    mirror.apply(stored("", "0"));
    mirror.apply(updated("j", "", "1", "1.0", "2"));
    const root = mirror.jobs.find("u", "j")!.task;

    expect(root.subTasks.map(({ path }) => path)).toEqual(["0", "1", "2"]);
    expect(root.subTasks[1]!.subTasks.map(({ path }) => path)).toEqual(["1.0"]);
  });

  it("keeps the position of an event of a kind that it does not know", () => {
    const mirror = new WatchMirror();
    // As a newer server might tell it.
    const event = { kind: "TaskPraised", position: "epochOfTests.2" } as unknown as ToldEvent;

    expect(mirror.apply(event)).toBeUndefined();
    expect(mirror.position).toBe("epochOfTests.2");
  });

  it("a removal of what it never held is nothing", () => {
    const event = {
      kind: "TaskRemoved",
      position: POSITION,
      username: "u",
      jobId: "j",
      reason: "REMOVED",
    } as const;

    expect(new WatchMirror().apply(event)).toBeUndefined();
  });
});

function stored(...paths: readonly string[]): ToldEvent {
  const userTask = { ...job("j"), tasks: paths.map(task) };
  return { kind: "TaskStored", position: POSITION, at: INSTANT, userTask };
}

function updated(jobId: string, ...paths: readonly string[]): ToldEvent {
  return {
    kind: "TaskUpdated",
    position: POSITION,
    at: INSTANT,
    userTask: job(jobId),
    changed: paths.map(task),
  };
}

const INSTANT = "2024-06-01T00:00:00.000Z";

function job(jobId: string): MirroredJobFragment {
  return {
    id: jobId,
    database: "d",
    username: "u",
    jobId,
    attempt: 1,
    version: 1,
    storedAt: INSTANT,
    reportedAt: INSTANT,
    endedAt: null,
    health: "OK",
    eta: null,
    cancelRequest: null,
  };
}

function task(path: string): MirroredTaskFragment {
  return {
    path,
    description: path,
    kind: "INTERMEDIATE",
    status: "PENDING",
    message: null,
    startedAt: null,
    endedAt: null,
    currentIteration: null,
    maxIterations: null,
    rate: null,
    progress: { done: 0, volume: null, knownVolume: 0, percent: "n/a" },
  };
}
