import type { TaskStoreListener } from "../../../src/store/task-store-listener.js";
import type { TaskStore } from "../../../src/store/task-store.js";
import type { Removal, UserTask } from "../../../src/tasks/user-task.js";

/** The arguments of a listener call: the new state and the previous one. */
export type RecordedCall =
  | { readonly kind: "added"; readonly userTask: UserTask; readonly replaced: UserTask | undefined }
  | { readonly kind: "updated"; readonly userTask: UserTask; readonly before: UserTask }
  | { readonly kind: "removed"; readonly userTask: UserTask; readonly removal: Removal };

/** Records every call and then calls `onCall`. */
export class RecordingListener implements TaskStoreListener {
  readonly calls: RecordedCall[] = [];
  readonly #onCall: (call: RecordedCall) => void;

  constructor(onCall: (call: RecordedCall) => void = () => {}) {
    this.#onCall = onCall;
  }

  get revisions(): number[] {
    return this.calls.map(revisionOf);
  }

  /** For example `added alice`. */
  get words(): string[] {
    return this.calls.map(({ kind, userTask }) => `${kind} ${userTask.username}`);
  }

  onTaskAdded(userTask: UserTask, replaced: UserTask | undefined): void {
    this.#record({ kind: "added", userTask, replaced });
  }

  onTaskUpdated(userTask: UserTask, before: UserTask): void {
    this.#record({ kind: "updated", userTask, before });
  }

  onTaskRemoved(userTask: UserTask, removal: Removal): void {
    this.#record({ kind: "removed", userTask, removal });
  }

  #record(call: RecordedCall): void {
    this.calls.push(call);
    this.#onCall(call);
  }
}

/** Adds `count` listeners to `store`; returns them in the order in which they are called. */
export function addListeners(store: Pick<TaskStore, "addListener">, count: number): RecordingListener[] {
  const listeners = Array.from({ length: count }, () => new RecordingListener());
  for (const listener of listeners) store.addListener(listener);
  return listeners;
}

/** The revision of the change. */
export function revisionOf(call: RecordedCall): number {
  return (call.kind === "removed" ? call.removal : call.userTask).stamp.revision;
}
