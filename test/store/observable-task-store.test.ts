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
  it("receive an added job that replaces no other", () => {
    const { store, listener } = listenedTo();
    store.tell(undefined, STORED);
    expect(listener.calls).toEqual([{ kind: "added", userTask: STORED, replaced: undefined }]);
  });

  it("receive an added job with the one it replaced, and no removal", () => {
    const { store, listener } = listenedTo();
    store.tell(UPDATED, STORED_AGAIN);
    expect(listener.calls).toEqual([{ kind: "added", userTask: STORED_AGAIN, replaced: UPDATED }]);
  });

  it("receive a job added after a removal as one that replaces no other", () => {
    const { store, listener } = listenedTo();
    const stored = storeJob(REMOVAL, storeRequestOf(ALICE), editAt(4, 5));
    store.tell(REMOVAL, stored);
    expect(listener.calls).toEqual([{ kind: "added", userTask: stored, replaced: undefined }]);
  });

  it("receive an updated job and its previous state", () => {
    const { store, listener } = listenedTo();
    store.tell(STORED, UPDATED);
    expect(listener.calls).toEqual([{ kind: "updated", userTask: UPDATED, before: STORED }]);
  });

  it("receive a removed job and the reason", () => {
    const { store, listener } = listenedTo();
    store.tell(STORED_AGAIN, REMOVAL);
    expect(listener.calls).toEqual([{ kind: "removed", userTask: STORED_AGAIN, removal: REMOVAL }]);
  });

  it("receive a change once even if they were added twice", () => {
    const { store, listener } = listenedTo();
    store.addListener(listener);
    store.tell(undefined, STORED);
    expect(listener.calls).toHaveLength(1);
  });

  it("receive nothing once they are removed, even if they were added twice", () => {
    const { store, listener } = listenedTo();
    store.addListener(listener);
    store.removeListener(listener);
    store.tell(undefined, STORED);
    expect(listener.calls).toEqual([]);
  });

  it("can be removed twice, or without having been added", () => {
    const { store, listener } = listenedTo();
    store.removeListener(listener);
    store.removeListener(listener);
    store.removeListener(new RecordingListener());
    store.tell(undefined, STORED);
    expect(listener.calls).toEqual([]);
  });

  it("are notified in the order in which they were added", () => {
    const received: string[] = [];
    const store = new TellingStore(new RecordingLog());
    store.addListener(new RecordingListener(() => received.push("first")));
    store.addListener(new RecordingListener(() => received.push("second")));
    store.tell(undefined, STORED);
    expect(received).toEqual(["first", "second"]);
  });

  it("receive only later changes if they are added during a notification", () => {
    const store = new TellingStore(new RecordingLog());
    const late = new RecordingListener();
    store.addListener(new RecordingListener(() => store.addListener(late)));
    store.tell(undefined, STORED);
    expect(late.calls).toEqual([]);
    store.tell(STORED, UPDATED);
    expect(late.revisions).toEqual([2]);
  });

  it("all receive a change even if one of them is removed during the notification", () => {
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

  it("receive a change even if an earlier listener throws, which is logged with the revision", () => {
    const { store, listener, log } = listenedTo();
    const failure = new Error("listener failed");
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

/** Exposes `notifyListeners` to the tests. */
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
