import { retentionMsOf, type Retention } from "../tasks/retention.js";
import { endOf, type Removal, type UserTask } from "../tasks/user-task.js";
import { Heap, type HeapItem } from "../util/heap.js";

/**
 * The ended jobs of a database in the order of their ends, so that expiry and eviction need no scan. A LOST job counts
 * as ended at its last report.
 *
 * The order is kept in heaps, because a clock may be set back and a journal loads jobs in any order. FAILED jobs have
 * their own heap, because they have their own retention: within each heap, the job that ended first expires first.
 */
export class EndedJobs {
  readonly #failed = new Heap<EndedJob>(isBefore);
  readonly #others = new Heap<EndedJob>(isBefore);

  /**
   * Replaces the entry of a job, and returns the new one; undefined if the job has not ended.
   * @param before the entry that this method returned for the previous state.
   * @param storedRevision the revision of the job's latest store; ignored for a removal.
   */
  replace(
    before: EndedJob | undefined,
    state: UserTask | Removal,
    storedRevision: number,
  ): EndedJob | undefined {
    if (before) this.#heapOf(before.userTask).remove(before);
    const endedAt = state.kind === "userTask" ? endOf(state) : null;
    if (state.kind !== "userTask" || endedAt === null) return undefined;
    const after: EndedJob = { userTask: state, endedAt, storedRevision, heapIndex: 0 };
    this.#heapOf(state).add(after);
    return after;
  }

  /** Earliest end first; among equal ends, the oldest store first. Do not hold it across a change. */
  oldestFirst(): Generator<EndedJob, undefined> {
    return mergedEnds(this.#failed.ascending(), this.#others.ascending());
  }

  /** The jobs that expire by the monotonic time `now`, in the same order. Do not hold it across a change. */
  expired(retention: Retention, now: number, monotonicAt: MonotonicAt): Generator<EndedJob, undefined> {
    const isDue = (job: EndedJob): boolean => expiryOf(job, retention, monotonicAt) <= now;
    return mergedEnds(takeWhile(this.#failed.ascending(), isDue), takeWhile(this.#others.ascending(), isDue));
  }

  /** The monotonic time at which the next job expires; Infinity if no job has ended. */
  nextExpiresAt(retention: Retention, monotonicAt: MonotonicAt): number {
    const firsts = [this.#failed.first, this.#others.first];
    return Math.min(...firsts.map((first) => (first ? expiryOf(first, retention, monotonicAt) : Infinity)));
  }

  #heapOf({ task }: UserTask): Heap<EndedJob> {
    return task.status === "FAILED" ? this.#failed : this.#others;
  }
}

export interface EndedJob extends HeapItem {
  readonly userTask: UserTask;
  readonly endedAt: number;
  readonly storedRevision: number;
}

/** The monotonic time at which the time of day was `time`. */
type MonotonicAt = (time: number) => number;

function expiryOf({ userTask, endedAt }: EndedJob, retention: Retention, monotonicAt: MonotonicAt): number {
  return monotonicAt(endedAt) + retentionMsOf(userTask, retention);
}

/** Orders by end, then by store revision, which is unique. */
function isBefore(a: EndedJob, b: EndedJob): boolean {
  return a.endedAt === b.endedAt ? a.storedRevision < b.storedRevision : a.endedAt < b.endedAt;
}

function* takeWhile<T>(items: Iterable<T>, predicate: (item: T) => boolean): Generator<T, undefined> {
  for (const item of items) {
    if (!predicate(item)) return undefined;
    yield item;
  }
  return undefined;
}

/** Merges two sequences of ended jobs, each oldest end first. */
export function* mergedEnds(
  left: Iterator<EndedJob, undefined>,
  right: Iterator<EndedJob, undefined>,
): Generator<EndedJob, undefined> {
  let [a, b] = [left.next().value, right.next().value];
  while (a || b) {
    if (a && (!b || isBefore(a, b))) {
      yield a;
      a = left.next().value;
    } else {
      yield b!;
      b = right.next().value;
    }
  }
  return undefined;
}
