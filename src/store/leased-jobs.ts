import { healthDeclinesAt, type LeaseTerms } from "../tasks/health.js";
import type { Removal, UserTask } from "../tasks/user-task.js";
import { Heap, type HeapItem } from "../util/heap.js";

/**
 * The jobs of a database whose health may decline, in an order by which those that are due are found without
 * looking through all.
 *
 * A report moves the end of its lease and nothing here: a job is looked at when its lease would have ended, and
 * only then put where it belongs by what it has reported since. So a job that reports costs one look a lease,
 * however often it does.
 */
export class LeasedJobs {
  readonly #terms: LeaseTerms;
  readonly #jobs = new Heap<LeasedJob>(isBefore);

  constructor(terms: LeaseTerms) {
    this.#terms = terms;
  }

  /**
   * Puts what `state` says about a job in the place of what was known of it.
   * @param before what this gave back for the job's state before
   */
  replace(before: LeasedJob | undefined, state: UserTask | Removal): LeasedJob | undefined {
    const dueAt = state.kind === "userTask" ? healthDeclinesAt(state, this.#terms) : Infinity;
    if (state.kind !== "userTask" || dueAt === Infinity) {
      if (before) this.#jobs.remove(before);
      return undefined;
    }
    if (before && dueAt >= before.checkAt && isSameLease(before.userTask, state)) {
      before.userTask = state;
      return before;
    }
    if (before) this.#jobs.remove(before);
    const after: LeasedJob = { userTask: state, checkAt: dueAt, heapIndex: 0 };
    this.#jobs.add(after);
    return after;
  }

  /** When one must be looked at, milliseconds since 1970, at the latest when it is due; Infinity when there is none. */
  get nextCheckAt(): number {
    return this.#jobs.first?.checkAt ?? Infinity;
  }

  /** Looks at up to `count` jobs, and gives those of them whose health declines by the instant `now`, in order. */
  findDeclining(now: number, count: number): UserTask[] {
    const due: LeasedJob[] = [];
    for (let left = count; left > 0 && this.nextCheckAt <= now; left--) {
      const job = this.#jobs.first!;
      this.#jobs.remove(job);
      job.checkAt = healthDeclinesAt(job.userTask, this.#terms);
      if (job.checkAt <= now) due.push(job);
      else this.#jobs.add(job);
    }
    for (const job of due) this.#jobs.add(job);
    return due.toSorted((a, b) => (isBefore(a, b) ? -1 : 1)).map(({ userTask }) => userTask);
  }
}

export interface LeasedJob extends HeapItem {
  userTask: UserTask;
  checkAt: number;
}

/** Of several at one instant the oldest store comes first. */
function isBefore(a: LeasedJob, b: LeasedJob): boolean {
  if (a.checkAt !== b.checkAt) return a.checkAt < b.checkAt;
  return a.userTask.storedStamp.revision < b.userTask.storedStamp.revision;
}

function isSameLease(before: UserTask, after: UserTask): boolean {
  return before.storedStamp === after.storedStamp && before.health === after.health;
}
