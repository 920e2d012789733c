import type { TaskStoreListener } from "../../../src/store/task-store-listener.js";
import type { TaskStore } from "../../../src/store/task-store.js";
import type { Removal, UserTask } from "../../../src/tasks/user-task.js";

/** What a listener was told: what there is now, and what there was. */
export type RecordedCall =
  | { readonly kind: "added"; readonly userTask: UserTask; readonly replaced: UserTask | undefined }
  | { readonly kind: "updated"; readonly userTask: UserTask; readonly before: UserTask }
  | { readonly kind: "removed"; readonly userTask: UserTask; readonly removal: Removal };

/** Remembers all that it is told, and calls `onTold` each time. */
export class RecordingListener implements TaskStoreListener {
  readonly calls: RecordedCall[] = [];
  readonly #onTold: (told: RecordedCall) => void;

  constructor(onTold: (told: RecordedCall) => void = () => {}) {
    this.#onTold = onTold;
  }

  get revisions(): number[] {
    return this.calls.map(revisionOf);
  }

  /** As `added alice`. */
  get words(): string[] {
    return this.calls.map(({ kind, userTask }) => `${kind} ${userTask.username}`);
  }

  onTaskAdded(userTask: UserTask, replaced: UserTask | undefined): void {
    this.#hear({ kind: "added", userTask, replaced });
  }

  onTaskUpdated(userTask: UserTask, before: UserTask): void {
    this.#hear({ kind: "updated", userTask, before });
  }

  onTaskRemoved(userTask: UserTask, removal: Removal): void {
    this.#hear({ kind: "removed", userTask, removal });
  }

  #hear(told: RecordedCall): void {
    this.calls.push(told);
    this.#onTold(told);
  }
}

/** So many new listeners of `store`, in the order in which they are told. */
export function addListeners(store: Pick<TaskStore, "addListener">, count: number): RecordingListener[] {
  const listeners = Array.from({ length: count }, () => new RecordingListener());
  for (const listener of listeners) store.addListener(listener);
  return listeners;
}

/** Of the change that was told. */
export function revisionOf(told: RecordedCall): number {
  return (told.kind === "removed" ? told.removal : told.userTask).stamp.revision;
}
