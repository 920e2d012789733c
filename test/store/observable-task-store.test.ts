import { describe, expect, it } from "vitest";
import { ObservableTaskStore } from "../../src/store/observable-task-store.js";
import { removeJob, applyReport, storeJob } from "../../src/tasks/job-changes.js";
import type { JobState, Removal, UserTask } from "../../src/tasks/user-task.js";
import { editAt } from "../kit/store/edits.js";
import { RecordingListener } from "../kit/store/recording-listener.js";
import { RecordingLog } from "../kit/server/recording-log.js";
import { ALICE, ANY_ATTEMPT, reportOf, storeRequestOf } from "../kit/store/requests.js";

const STORED = storeJob(undefined, storeRequestOf(ALICE), editAt(0, 1));
const UPDATED = applyReport(STORED, ALICE, reportOf({ done: 1 }), editAt(1, 2));
const STORED_AGAIN = storeJob(UPDATED, storeRequestOf(ALICE), editAt(2, 3));
const REMOVAL = removeJob(STORED_AGAIN, ANY_ATTEMPT, "REMOVED", editAt(3, 4)) as Removal;

describe("the listeners of a task store", () => {
  it("hear that a job was added, and that it replaced none", () => {
    const { store, listener } = listenedTo();
    store.tell(undefined, STORED);
    expect(listener.calls).toEqual([{ kind: "added", userTask: STORED, replaced: undefined }]);
  });

  it("hear that a job was added, and which one it replaced; of no removal", () => {
    const { store, listener } = listenedTo();
    store.tell(UPDATED, STORED_AGAIN);
    expect(listener.calls).toEqual([{ kind: "added", userTask: STORED_AGAIN, replaced: UPDATED }]);
  });

  it("hear that a job was added where one had been removed, and that it replaced none", () => {
    const { store, listener } = listenedTo();
    const stored = storeJob(REMOVAL, storeRequestOf(ALICE), editAt(4, 5));
    store.tell(REMOVAL, stored);
    expect(listener.calls).toEqual([{ kind: "added", userTask: stored, replaced: undefined }]);
  });

  it("hear that a job was updated, and what it was before", () => {
    const { store, listener } = listenedTo();
    store.tell(STORED, UPDATED);
    expect(listener.calls).toEqual([{ kind: "updated", userTask: UPDATED, before: STORED }]);
  });

  it("hear that a job was removed, what it was, and why it is gone", () => {
    const { store, listener } = listenedTo();
    store.tell(STORED_AGAIN, REMOVAL);
    expect(listener.calls).toEqual([{ kind: "removed", userTask: STORED_AGAIN, removal: REMOVAL }]);
  });

  it("hear a change once, though they were added twice", () => {
    const { store, listener } = listenedTo();
    store.addListener(listener);
    store.tell(undefined, STORED);
    expect(listener.calls).toHaveLength(1);
  });

  it("hear nothing once they are removed, though they were added twice", () => {
    const { store, listener } = listenedTo();
    store.addListener(listener);
    store.removeListener(listener);
    store.tell(undefined, STORED);
    expect(listener.calls).toEqual([]);
  });

  it("can be removed twice, and without having been added", () => {
    const { store, listener } = listenedTo();
    store.removeListener(listener);
    store.removeListener(listener);
    store.removeListener(new RecordingListener());
    store.tell(undefined, STORED);
    expect(listener.calls).toEqual([]);
  });

  it("are told in the order in which they were added", () => {
    const heard: string[] = [];
    const store = new TellingStore(new RecordingLog());
    store.addListener(new RecordingListener(() => heard.push("first")));
    store.addListener(new RecordingListener(() => heard.push("second")));
    store.tell(undefined, STORED);
    expect(heard).toEqual(["first", "second"]);
  });

  it("hear nothing of a change in the telling of which they were added, and all of the next", () => {
    const store = new TellingStore(new RecordingLog());
    const late = new RecordingListener();
    store.addListener(new RecordingListener(() => store.addListener(late)));
    store.tell(undefined, STORED);
    expect(late.calls).toEqual([]);
    store.tell(STORED, UPDATED);
    expect(late.revisions).toEqual([2]);
  });

  it("all hear a change in the telling of which one of them is removed", () => {
    const store = new TellingStore(new RecordingLog());
    const second = new RecordingListener();
    const first = new RecordingListener(() => {
      store.removeListener(first);
      store.removeListener(second);
    });
    const third = new RecordingListener();
    store.addListener(first);
    store.addListener(second);
    store.addListener(third);
    store.tell(undefined, STORED);
    store.tell(STORED, UPDATED);
    expect([first.revisions, second.revisions, third.revisions]).toEqual([[1], [1], [1, 2]]);
  });

  it("hear a change though one before them throws, which is logged with the revision", () => {
    const { store, listener, log } = listenedTo();
    const failure = new Error("told to fail");
    store.removeListener(listener);
    store.addListener(throwing(failure));
    store.addListener(listener);
    store.tell(undefined, STORED);
    store.tell(STORED, UPDATED);
    expect(listener.revisions).toEqual([1, 2]);
    expect(log.lines).toMatchObject([
      { level: "error", fields: { err: failure, revision: 1 } },
      { level: "error", fields: { err: failure, revision: 2 } },
    ]);
  });
});

/** Lets a test say what has changed. */
class TellingStore extends ObservableTaskStore {
  tell(before: JobState, after: UserTask | Removal): void {
    this.notifyListeners(before, after);
  }
}

function listenedTo(): { store: TellingStore; listener: RecordingListener; log: RecordingLog } {
  const log = new RecordingLog();
  const store = new TellingStore(log);
  const listener = new RecordingListener();
  store.addListener(listener);
  return { store, listener, log };
}

function throwing(error: Error): RecordingListener {
  return new RecordingListener(() => {
    throw error;
  });
}
