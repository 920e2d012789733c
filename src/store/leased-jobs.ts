import { healthDeclinesAt, type LeaseTerms } from "../tasks/health.js";
import type { Removal, UserTask } from "../tasks/user-task.js";
import { Heap, type HeapItem } from "../util/heap.js";

/**
 * The jobs of a database whose health may decline, ordered by their next check, so that due jobs are found without a
 * scan.
 *
 * A report extends the lease of its job but does not move the job in the heap. The check reschedules the job according
 * to its latest report. A job therefore costs one check per lease, however often it reports.
 */
export class LeasedJobs {
  readonly #terms: LeaseTerms;
  readonly #jobs = new Heap<LeasedJob>(isBefore);

  constructor(terms: LeaseTerms) {
    this.#terms = terms;
  }

  /**
   * Replaces the entry of a job, and returns the new one; undefined if its health can't decline.
   * @param before the entry that this method returned for the previous state.
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

  /** The monotonic time of the next check; Infinity without jobs. Never later than the first decline. */
  get nextCheckAt(): number {
    return this.#jobs.first?.checkAt ?? Infinity;
  }

  /** Checks up to `count` jobs, and returns those whose health declines by the monotonic time `now`, in order. */
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
  /** A monotonic time. */
  checkAt: number;
}

/** Orders by check, then by store. */
function isBefore(a: LeasedJob, b: LeasedJob): boolean {
  if (a.checkAt !== b.checkAt) return a.checkAt < b.checkAt;
  return a.userTask.storedStamp.revision < b.userTask.storedStamp.revision;
}

function isSameLease(before: UserTask, after: UserTask): boolean {
  return before.storedStamp === after.storedStamp && before.health === after.health;
}
