import { randomUUID } from "node:crypto";
import type { JournalEntry } from "../journal/journal.js";
import type { Limits } from "../protocol/limits.js";
import type { Edit } from "../tasks/edit.js";
import { removeJob } from "../tasks/job-changes.js";
import type { JobKey } from "../tasks/names.js";
import { Stamp } from "../tasks/stamp.js";
import type { JobState, Removal, RemovalReason, UserTask } from "../tasks/user-task.js";
import { entryOf } from "./journal-form.js";
import type { JobTable } from "./job-table.js";

/** A change that was made and is not durable yet. */
export interface Draft {
  readonly before: JobState;
  readonly after: UserTask | Removal;
  readonly entry: JournalEntry;
}

/**
 * Changes that go into one append, each made from what those before it led to. What they lead to can be read
 * here, and nowhere else until the journal has them.
 */
export class Batch {
  readonly drafts: Draft[] = [];
  readonly #table: JobTable;
  readonly #revision: number;
  readonly #now: number;
  readonly #limits: Limits;
  readonly #drafted = new Map<string, { state: UserTask | Removal; revision: number }>();
  #jobCount: number;

  /** @param revision the newest one of the table; `now` is the instant of all changes of the batch. */
  constructor(table: JobTable, revision: number, now: number, limits: Limits) {
    this.#table = table;
    this.#revision = revision;
    this.#now = now;
    this.#limits = limits;
    this.#jobCount = table.count({});
  }

  /** Jobs that there will be. */
  get jobCount(): number {
    return this.#jobCount;
  }

  get(key: JobKey): JobState {
    return this.#drafted.get(textOf(key))?.state ?? this.#table.get(key);
  }

  /** Makes one change of one job. A reducer that gives back what it was given changes nothing. */
  change<T extends JobState>(key: JobKey, reduce: (before: JobState, edit: Edit) => T): T {
    const before = this.get(key);
    const after = reduce(before, { now: this.#now, stamp: new Stamp(), limits: this.#limits });
    if (after && after !== before) this.#draft(before, after);
    return after;
  }

  /** Removes every job, each by a change of its own. Returns how many. */
  purge(): number {
    return this.removeAll(this.#jobs(), "PURGED", () => true);
  }

  /** Removes those of `keys` that are chosen, each by a change of its own. Returns how many. */
  removeAll(
    keys: readonly JobKey[],
    reason: RemovalReason,
    isChosen: (userTask: UserTask, now: number) => boolean,
  ): number {
    const chosen = keys.filter((key) => {
      const state = this.get(key);
      return state?.kind === "userTask" && isChosen(state, this.#now);
    });
    for (const key of chosen) {
      this.change(key, (before, edit) => removeJob(before, { attempt: null }, reason, edit));
    }
    return chosen.length;
  }

  #jobs(): UserTask[] {
    const kept = this.#table.query({}).filter((userTask) => !this.#drafted.has(textOf(userTask)));
    const drafted = [...this.#drafted.values()].map(({ state }) => state);
    return [...kept, ...drafted.filter((state) => state.kind === "userTask")];
  }

  #draft(before: JobState, after: UserTask | Removal): void {
    const text = textOf(after);
    const madeFrom = this.#drafted.get(text)?.revision ?? before?.stamp.revision ?? 0;
    this.drafts.push({ before, after, entry: entryOf(before, after, madeFrom, randomUUID()) });
    this.#drafted.set(text, { state: after, revision: this.#revision + this.drafts.length });
    this.#jobCount += Number(after.kind === "userTask") - Number(before?.kind === "userTask");
  }
}

/** Names have no control characters, so no two keys have one text. */
function textOf({ username, jobId }: JobKey): string {
  return `${username}\u0000${jobId}`;
}
