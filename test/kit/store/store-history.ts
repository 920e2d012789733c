import type { TaskStoreListener } from "../../../src/store/task-store-listener.js";
import { matches, type JobFilter } from "../../../src/store/task-store.js";
import type { JobKey } from "../../../src/tasks/names.js";
import type { Removal, UserTask } from "../../../src/tasks/user-task.js";

/**
 * A store at each of its revisions, recorded by a listener from the start. The correctness of listener calls
 * is law 12, which has its own tests.
 */
export class StoreHistory implements TaskStoreListener {
  readonly #states: Jobs[] = [new Map()];
  /** The key that each revision changed, from revision 1. */
  readonly #changedKeys: string[] = [];

  get revision(): number {
    return this.#states.length - 1;
  }

  /** The jobs at `revision` that pass the filter, by `keyText`. */
  at(revision: number, filter: JobFilter): Jobs {
    const jobs = this.#states[revision] ?? new Map<string, UserTask>();
    return new Map([...jobs].filter(([, job]) => matches(filter, job)));
  }

  /** Keys that pass the filter and whose latest change until `now` is at or before `revision`. */
  unchangedSince(revision: number, filter: JobFilter, now = this.revision): string[] {
    const latest = new Map(this.#changedKeys.slice(0, now).map((text, at) => [text, at + 1]));
    return [...latest].flatMap(([text, at]) => (at <= revision && isThrough(text, filter) ? [text] : []));
  }

  onTaskAdded(userTask: UserTask): void {
    this.#put(userTask);
  }

  onTaskUpdated(userTask: UserTask): void {
    this.#put(userTask);
  }

  onTaskRemoved(userTask: UserTask, removal: Removal): void {
    const jobs = new Map(this.#states.at(-1));
    jobs.delete(keyText(userTask));
    this.#add(removal, jobs);
  }

  #put(userTask: UserTask): void {
    this.#add(userTask, new Map(this.#states.at(-1)).set(keyText(userTask), userTask));
  }

  #add(state: UserTask | Removal, jobs: Jobs): void {
    this.#states.push(jobs);
    this.#changedKeys.push(keyText(state));
  }
}

export type Jobs = ReadonlyMap<string, UserTask>;

export function keyText({ username, jobId }: JobKey): string {
  return JSON.stringify([username, jobId]);
}

function isThrough(text: string, { username, jobId }: JobFilter): boolean {
  const [user, job] = JSON.parse(text) as [string, string];
  return (username ?? user) === user && (jobId ?? job) === job;
}
