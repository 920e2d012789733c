import { describe, expect, it } from "vitest";
import { EndedJobs, type EndedJob } from "../../src/store/ended-jobs.js";
import type { TaskStatus } from "../../src/tasks/task-status.js";
import type { UserTask } from "../../src/tasks/user-task.js";
import { jobKey } from "../kit/journal/entries.js";
import { retentionOf } from "../kit/store/task-stores.js";
import { report, stored } from "../tasks/sample-jobs.js";

describe("ended jobs", () => {
  it("are ordered by their ends, even if the clock was set back", () => {
    const ended = new EndedJobs();
    put(ended, endedAt("b", 20), endedAt("c", 30, "FAILED"), endedAt("a", 10), endedAt("d", 25));
    expect(namesIn(ended.oldestFirst())).toEqual(["a", "b", "d", "c"]);
  });

  it("are ordered by their stores if they ended at the same instant", () => {
    const ended = new EndedJobs();
    put(ended, endedAt("a", 10), endedAt("b", 10, "FAILED"), endedAt("c", 10));
    expect(namesIn(ended.oldestFirst())).toEqual(["a", "b", "c"]);
  });

  it("exclude jobs that have not ended", () => {
    const ended = new EndedJobs();
    expect(put(ended, stored())).toEqual([undefined]);
    expect(namesIn(ended.oldestFirst())).toEqual([]);
  });

  it("include a LOST job at its last report, until it reports again", () => {
    const ended = new EndedJobs();
    const lost: UserTask = {
      ...stored(),
      username: jobKey("a", "job").username,
      health: "LOST",
      reportedAt: 15,
    };
    put(ended, endedAt("b", 10), endedAt("c", 20));
    const entry = ended.replace(undefined, lost, 9);
    expect(namesIn(ended.oldestFirst())).toEqual(["b", "a", "c"]);
    expect(ended.replace(entry, { ...lost, health: "OK" }, 9)).toBeUndefined();
    expect(namesIn(ended.oldestFirst())).toEqual(["b", "c"]);
  });

  it("include a job once, in its latest state, however often it changes after its end", () => {
    const ended = new EndedJobs();
    const [entry] = put(ended, endedAt("a", 10));
    const said = { ...endedAt("a", 10), version: 7 };
    ended.replace(entry, said, 1);
    expect([...ended.oldestFirst()].map(({ userTask }) => userTask)).toEqual([said]);
  });

  it("move a job that is stored again and ends with another status", () => {
    const ended = new EndedJobs();
    const [entry] = put(ended, endedAt("a", 10), endedAt("b", 20));
    const again = ended.replace(entry, stored(), 3);
    expect(namesIn(ended.oldestFirst())).toEqual(["b"]);
    ended.replace(again, endedAt("a", 30, "FAILED"), 3);
    expect(namesIn(ended.oldestFirst())).toEqual(["b", "a"]);
  });

  it("expire when their retention is over, which differs for FAILED jobs", () => {
    const ended = new EndedJobs();
    put(ended, endedAt("a", 10), endedAt("b", 20), endedAt("c", 0, "FAILED"), endedAt("d", 30, "FAILED"));
    const due = (now: number) => namesIn(ended.expired(retentionOf(100, 200), now, same));
    expect(due(109)).toEqual([]);
    expect(due(110)).toEqual(["a"]);
    expect(due(200)).toEqual(["c", "a", "b"]);
    expect(due(229)).toEqual(["c", "a", "b"]);
    expect(due(230)).toEqual(["c", "a", "b", "d"]);
  });

  it("give the time of the next expiry, or Infinity if no job has ended", () => {
    const ended = new EndedJobs();
    expect(ended.nextExpiresAt(retentionOf(0), same)).toBe(Infinity);
    put(ended, endedAt("a", 10, "FAILED"));
    expect(ended.nextExpiresAt(retentionOf(100, 200), same)).toBe(210);
    put(ended, endedAt("b", 50));
    expect(ended.nextExpiresAt(retentionOf(100, 200), same)).toBe(150);
    expect(ended.nextExpiresAt(retentionOf(100, 0), same)).toBe(10);
  });
});

/** A job that ended at this instant. */
function endedAt(username: string, at: number, status: TaskStatus = "FINISHED"): UserTask {
  return { ...report(stored(), at, [{ path: "", status }]), username: jobKey(username, "job").username };
}

/** Adds jobs that were stored at the revisions 1, 2, 3 … */
function put(ended: EndedJobs, ...jobs: readonly UserTask[]): (EndedJob | undefined)[] {
  return jobs.map((job, at) => ended.replace(undefined, job, at + 1));
}

function namesIn(jobs: Iterable<EndedJob>): string[] {
  return [...jobs].map(({ userTask }) => userTask.username);
}

function same(time: number): number {
  return time;
}
